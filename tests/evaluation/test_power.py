"""Power and error rates: counted study by study, by the tests of statistics.csv and scipy's, on the same draws."""

import numpy as np
import pytest
from scipy import stats

from tests.conftest import REPO
from vqa.evaluation import power
from vqa.evaluation.simulation import Population, simulate
from vqa.evaluation.statistics import Comparison, compare, verdict

SMALL = Population(videos=100, shared=0.98, refit=0.01, training=0.4)
SEEDS, STUDIES = 6, 30


def judged(values: np.ndarray, margin: float, shift: float = 0.0) -> list[Comparison]:
    """The last condition of each study, moved by `shift`, against the first."""
    return [compare(one[:, -1] + shift, one[:, 0], SMALL.n_train, SMALL.n_test, margin) for one in values]


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_power_is_how_often_each_study_says_so():
    found = power.power(SEEDS, 0.02, STUDIES, SMALL, rng())
    values = simulate(SMALL, [0.0], SEEDS, STUDIES, rng())
    assert (found.seeds, found.spread) == (SEEDS, 0.02)
    for margin, equivalent, differs in zip(power.MARGINS, found.equivalent, found.differs, strict=True):
        words = [verdict(SEEDS, each.p_corrected, each.p_tost, 0.05) for each in judged(values, margin)]
        assert equivalent == pytest.approx(words.count("equivalent") / STUDIES)
        assert differs == pytest.approx(np.mean([each.p_corrected < 0.05 for each in judged(values, margin, margin)]))
    assert 0 < found.equivalent[2] < 1 and 0 < found.differs[2] < 1
    assert found.detectable == pytest.approx(np.mean([each.detectable for each in judged(values, 0.01)]))


@pytest.mark.parametrize("margin", [0.05, 0.1])
def test_errors_are_how_often_each_test_is_wrong(margin):
    found = power.errors(SMALL, SEEDS, margin, STUDIES, rng())
    values = simulate(SMALL, [0.0, -margin], SEEDS, STUDIES, rng())
    plain = [stats.ttest_rel(one[:, 1], one[:, 0]).pvalue for one in values]
    corrected = [each.p_corrected for each in judged(values[..., :2], margin)]
    within = [each.p_tost for each in judged(values, margin)]
    rates = [np.mean(np.array(p) < 0.05) for p in (plain, corrected, within)]
    assert [found.plain, found.corrected, found.within] == pytest.approx(rates)
    # Of a one-way analysis of variance, studies as groups, with the variance of means over all studies.
    f = stats.f_oneway(*(values[..., 1] - values[..., 0])).statistic
    shared = (f * (STUDIES - 1) / STUDIES - 1) / SEEDS
    assert found.correlation == pytest.approx(shared / (shared + 1))


def test_what_seeds_do_not_share_has_no_correlation(monkeypatch):
    """Means vary less than independent seeds would make them: an estimate below zero is told as none."""
    values = np.zeros((3, 4, 3))
    values[..., 1] = [1, -1, 1, -1]
    monkeypatch.setattr(power, "simulate", lambda *_: values)
    assert power.errors(SMALL, 4, 0.02, 3, rng()).correlation == 0


def test_wrong_words_are_counted_in_the_setting_the_page_names(monkeypatch):
    monkeypatch.setattr(power, "with_spread", lambda population, spread, rng: (population.training, spread))
    monkeypatch.setattr(power, "errors", lambda *arguments: arguments)
    page = (REPO / "workflow/documentation/power.md").read_text()
    assert "Ten seeds, spread 0.012." in page and "by just the margin, 0.02." in page
    for number, (population, *chosen, _) in enumerate(power.wrong(7)):
        assert population == (power.TRAINING[number], 0.012) and chosen == [10, 0.02, 7]
    assert number == len(power.TRAINING) - 1


def test_the_first_row_of_both_tables_is_drawn_again_to_the_digit():
    again = power.text(power.table((5,), power.SPREADS[:1]), [])
    page = (REPO / "workflow/documentation/power.md").read_text()
    numbers = [line for line in again.splitlines() if line.startswith("| 5 ")]
    assert len(numbers) == 2 and set(numbers) <= set(page.splitlines())


def test_the_table_is_by_seeds_then_spread(monkeypatch):
    monkeypatch.setattr(power, "with_spread", lambda population, spread, rng: population)
    found = power.table((6, 4), (0.03, 0.02), 3)
    assert [(each.seeds, each.spread) for each in found] == [(4, 0.02), (4, 0.03), (6, 0.02), (6, 0.03)]


def test_errors_print_as_a_row():
    mistakes = [power.Errors(0.126, 0.3014, 0.0351, 0.0607), power.Errors(0.4, 0.5, 0.1, 0.2)]
    rows = [line for line in power.text([], mistakes, 3000).splitlines() if line.startswith("| 0.")]
    assert rows == ["| 0.13 | 30.1% | 3.5% | 6.1% |", "| 0.40 | 50.0% | 10.0% | 20.0% |"]
    assert "3,000 simulated studies a cell" in power.text([], mistakes, 3000)
