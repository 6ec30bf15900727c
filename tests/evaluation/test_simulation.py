"""Words against truths: studies are simulated whose difference is known, and every wrong word is counted.

The light version runs with the others; `make test-simulation` runs the 2,000 studies a truth, or STUDIES.
"""

import os
import re
from collections import Counter
from functools import cache
from itertools import product

import numpy as np
import pytest
from scipy import stats

from tests.conftest import REPO
from vqa.evaluation import power
from vqa.evaluation.simulation import Population, _srocc, error_size, expected_srocc, simulate, with_spread
from vqa.evaluation.statistics import compare, holm, paired_ttest, verdict
from vqa.results.resampling import Resampling

ALPHA, MARGIN, SEEDS = 0.05, 0.02, 10
STUDIES = int(os.environ.get("STUDIES") or 2000)
FULL = pytest.param(STUDIES, marks=pytest.mark.simulation)
each_size = pytest.mark.parametrize("studies", [120, FULL])
TRUTHS = {"none": 0.0, "inside": -0.01, "outside": -MARGIN}
SPREADS = {"small": 0.006, "middle": 0.012, "large": 0.03}


@cache
def population(spread: float, training: float = 0.05) -> Population:
    return with_spread(Population(training=training), spread, np.random.default_rng(0))


def judge(values: np.ndarray, truth: Population) -> list[tuple[str, float]]:
    """The word and the difference of each condition of a study, shape (seeds, 1 + conditions); one family."""
    found = [compare(column, values[:, 0], truth.n_train, truth.n_test, MARGIN, ALPHA) for column in values.T[1:]]
    differs, within = (holm(np.array([getattr(each, p) for each in found])) for p in ("p_corrected", "p_tost"))
    words = [verdict(each.n_splits, *p, ALPHA) for each, *p in zip(found, differs, within, strict=True)]
    return [(word, each.difference) for word, each in zip(words, found, strict=True)]


def wrong(word: str, found: float, truth: float) -> bool:
    """`different` and `negligible` claim a difference, of the sign found; `equivalent` and `negligible` claim less
    than the margin. A difference of just the margin is not within it.
    """
    claims_difference, claims_within = word in ("different", "negligible"), word in ("equivalent", "negligible")
    return (claims_difference and truth * found <= 0) or (claims_within and abs(truth) >= MARGIN)


def at_most(rate: float, studies: int) -> float:
    """What a rate may reach by chance in so many studies: three standard errors more."""
    return rate + 3 * np.sqrt(rate * (1 - rate) / studies)


@pytest.mark.parametrize(
    "spread,studies", [("middle", 120), *(pytest.param(s, STUDIES, marks=pytest.mark.simulation) for s in SPREADS)]
)
@pytest.mark.parametrize("truth", TRUTHS)
def test_wrong_words_are_rarer_than_alpha(truth, spread, studies):
    chosen = population(SPREADS[spread])
    values = simulate(chosen, [TRUTHS[truth]], SEEDS, studies, np.random.default_rng(1))
    told = [judge(study, chosen)[0] for study in values]
    rate = np.mean([wrong(word, found, TRUTHS[truth]) for word, found in told])
    print(truth, spread, f"wrong {rate:.4f}", dict(Counter(word for word, _ in told)))
    assert rate <= at_most(ALPHA, studies)
    if studies >= 2000:
        assert rate <= ALPHA


@pytest.mark.parametrize("studies", [30, FULL])
def test_a_family_of_three_keeps_the_rate_of_any_wrong_word(studies):
    chosen = population(0.012)
    for truths in ([0.0, 0.0, 0.0], [-MARGIN] * 3, [0.0, -MARGIN, -0.01]):
        values = simulate(chosen, truths, SEEDS, studies, np.random.default_rng(2))
        families = [judge(study, chosen) for study in values]
        rate = np.mean([any(wrong(*told, t) for told, t in zip(one, truths, strict=True)) for one in families])
        print(truths, f"any wrong {rate:.4f}")
        assert rate <= at_most(ALPHA, studies)


def given_tests(kind: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Test videos of each seed, 20 of 100. kind: how many are the same for all seeds, the others drawn; or of which
    of several test sets each seed has all videos but one.
    """
    if isinstance(kind, int):
        return np.array([[*range(kind), *rng.choice(np.arange(kind, 100), 20 - kind, False)] for _ in range(SEEDS)])
    sets = [rng.choice(100, 20, replace=False) for _ in range(max(kind) + 1)]
    return np.array([[rng.choice(np.setdiff1d(np.arange(100), sets[k])), *sets[k][1:]] for k in kind])


KINDS = (0, 5, 10, 15, 19, (0,) * 9 + (1,), (0, 0, 0, 1, 1, 2, 2, 3, 3, 3))
LIGHT = [("none", kind, 120) for kind in (5, 19, *KINDS[5:])]


@pytest.mark.parametrize(
    "truth,kind,studies",
    [*LIGHT, *(pytest.param(*each, STUDIES, marks=pytest.mark.simulation) for each in product(TRUTHS, KINDS))],
)
def test_given_test_sets_that_overlap_are_wrong_no_more_than_alpha(truth, kind, studies):
    """What a video does to the difference, all seeds that test on it share; each training adds its own noise."""
    rng = np.random.default_rng(3)
    methods = ("files", "random") if (truth, kind) == ("none", 19) else ("files",)
    wrongly = dict.fromkeys(methods, 0)
    for _ in range(studies):
        tests = given_tests(kind, rng)
        difference = TRUTHS[truth] + rng.normal(0, 0.05, 100)[tests].mean(axis=1) + rng.normal(0, 0.003, SEEDS)
        splits = [(frozenset([f"v{i}"]), frozenset(map(str, test))) for i, test in enumerate(tests)]
        for method in methods:
            common = Resampling(splits, [60] * SEEDS, [20] * SEEDS, method).common
            found = compare(difference, np.zeros(SEEDS), 60, 20, MARGIN, ALPHA, common)
            word = verdict(found.n_splits, found.p_corrected, found.p_tost, ALPHA)
            wrongly[method] += wrong(word, found.difference, TRUTHS[truth])
    print(truth, kind, {method: f"wrong {count / studies:.4f}" for method, count in wrongly.items()})
    assert wrongly["files"] <= studies * (ALPHA if studies >= 2000 else at_most(ALPHA, studies))
    if "random" in methods:
        assert wrongly["random"] > studies / 3


@each_size
def test_the_papers_plain_test_is_wrong_too_often(studies):
    chosen = population(0.012)
    values = simulate(chosen, [0.0], SEEDS, studies, np.random.default_rng(3))
    rate = np.mean([paired_ttest(study[:, 1], study[:, 0]).p < ALPHA for study in values])
    print(f"plain test, no difference: rejects {rate:.4f}")
    assert rate > 0.1


@each_size
def test_where_the_choice_of_training_videos_rules_the_corrected_test_is_wrong_too_often(studies):
    """Its limit, told in the documentation: training sets share three fifths of their videos, and a part of
    the difference that depends on them hardly varies within a study.
    """
    chosen = population(0.03, training=0.4)
    values = simulate(chosen, [0.0], SEEDS, studies, np.random.default_rng(4))
    rate = np.mean([judge(study, chosen)[0][0] in ("different", "negligible") for study in values])
    print(f"training sets rule, no difference: rejects {rate:.4f}")
    assert 0.03 < rate < 0.3


@pytest.mark.parametrize("delta", [0.0, -0.02])
def test_the_difference_is_as_asked(delta):
    chosen = Population(videos=100)
    values = simulate(chosen, [delta], 5, 1500, np.random.default_rng(5)).mean(axis=1)
    baseline, difference = values[:, 0], values[:, 1] - values[:, 0]
    for found, truth in ((baseline, chosen.srocc), (difference, delta)):
        assert abs(found.mean() - truth) < 4 * found.std() / np.sqrt(len(found))


def test_simulated_correlations_equal_scipy_and_the_expected_one():
    rng = np.random.default_rng(6)
    scores, mos = rng.normal(size=(3, 4, 30)), rng.normal(size=(4, 30))
    for index in np.ndindex(3, 4):
        expected = stats.spearmanr(scores[index], mos[index[1]]).statistic
        assert _srocc(scores, mos)[index] == pytest.approx(expected)
    chosen = Population(videos=50, training=0.0)
    draws = rng.normal(size=(20_000, 10))
    found = _srocc(draws + 0.7 * rng.normal(size=draws.shape), draws)
    assert found.mean() == pytest.approx(expected_srocc(chosen, 0.7), abs=4 * found.std() / np.sqrt(len(found)))
    assert expected_srocc(chosen, error_size(chosen, 0.63)) == pytest.approx(0.63)
    with pytest.raises(ValueError, match="no error"):
        error_size(chosen, 1.1)


def test_the_spread_is_as_asked():
    chosen = population(0.012)
    values = simulate(chosen, [0.0], SEEDS, 400, np.random.default_rng(7))
    variance = (values[..., 1] - values[..., 0]).var(axis=1, ddof=1).mean()
    assert np.sqrt(variance) == pytest.approx(0.012, rel=0.08)


def test_power_grows_with_seeds_and_falls_with_spread():
    rng = np.random.default_rng(8)
    few, many = (power.power(seeds, 0.012, 300, population(0.012), rng) for seeds in (5, 20))
    wide = power.power(20, 0.03, 300, population(0.03), rng)
    assert few.equivalent[1] < many.equivalent[1] > wide.equivalent[1]
    assert few.detectable > many.detectable < wide.detectable
    assert many.differs == tuple(sorted(many.differs))  # larger differences are found more often


def test_the_power_page_is_current():
    """Its words and rows, and a few of its numbers, drawn again with fewer studies."""
    page = (REPO / "workflow/documentation/power.md").read_text()
    none = [power.Power(n, s, (0,) * 3, (0,) * 3, 0) for n in power.SEEDS for s in power.SPREADS]
    blank = power.text(none, [power.Errors(0, 0, 0, 0)] * len(power.TRAINING))
    assert frame(page) == frame(blank), "run `make power`"
    cells = dict(zip(keys(page), rows(page), strict=True))
    again = power.power(10, 0.01, 400, population(0.01), np.random.default_rng(9))
    assert set(cells) == {(part, str(n), f"{s:g}") for part in (0, 1) for n in power.SEEDS for s in power.SPREADS}
    equal, apart = cells[0, "10", "0.01"], cells[1, "10", "0.01"]
    for printed, found in zip((*equal[2:5], *apart[2:5]), (*again.equivalent, *again.differs), strict=True):
        assert float(printed.rstrip("%")) / 100 == pytest.approx(found, abs=0.12)
    assert float(apart[5]) == pytest.approx(again.detectable, rel=0.15)


def rows(page: str) -> list[list[str]]:
    table = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [row for row in table if row[0].isdigit() and len(row) > 4]


def keys(page: str) -> list[tuple[int, str, str]]:
    found = [(row[0], row[1]) for row in rows(page)]
    return [(int(i >= len(found) // 2), *key) for i, key in enumerate(found)]


def frame(page: str) -> list[str]:
    """The page without its numbers."""
    return ["a row" if re.match(r"\| \d", line) else line for line in page.splitlines()]
