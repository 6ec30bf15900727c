"""Videos whose sensitivity to the order of frames is known, and studies in which there is none to be found."""

import numpy as np
import pytest
from scipy import stats

from tests.evaluation.test_simulation import ALPHA, FULL, SEEDS, at_most
from vqa.evaluation.sensitivity import Agreement, agreement, blind
from vqa.evaluation.statistics import holm


def draw_tests(rng: np.random.Generator, videos: int, seeds: int, share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """(runs, videos) of each test: every seed draws its own test part, so that some videos are tested often."""
    parts = [rng.permutation(videos)[: round(share * videos)] for _ in range(seeds)]
    return np.repeat(np.arange(seeds), len(parts[0])), np.concatenate(parts)


def shifts(rng: np.random.Generator, runs: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Of each test: a run's own size, twofold from run to run, times the video's, times a heavy-tailed draw."""
    size = np.exp(0.7 * rng.standard_normal(runs.max() + 1))
    return size[runs] * own * np.abs(rng.standard_t(3, len(runs)))


def families(rng: np.random.Generator, studies: int, effect: float) -> np.ndarray:
    """p of three experiments on the same splits, shape (studies, 3). effect: std of a video's log sensitivity."""
    found = []
    for _ in range(studies):
        runs, videos = draw_tests(rng, 240, SEEDS)
        own = np.exp(effect * rng.standard_normal(240))[videos]
        found.append([agreement(shifts(rng, runs, own), runs, videos, 399).p for _ in range(3)])
    return np.array(found)


@pytest.mark.parametrize("studies", [60, FULL])
def test_without_an_effect_of_the_video_false_findings_are_no_more_than_alpha(studies):
    p = families(np.random.default_rng(1), studies, 0.0)
    alone, family = np.mean(p < ALPHA), np.mean([np.any(holm(each) < ALPHA) for each in p])
    print(f"false findings: {alone:.4f} of tests, {family:.4f} of families after Holm; alpha {ALPHA}")
    assert alone <= at_most(ALPHA, p.size) and family <= at_most(ALPHA, studies)


@pytest.mark.parametrize("studies", [60, FULL])
def test_videos_twice_as_sensitive_as_others_are_found(studies):
    p = families(np.random.default_rng(2), studies, 0.7)
    found = np.mean([holm(each) < ALPHA for each in p])
    print(f"found: {found:.4f}")
    assert found > 0.9


@pytest.mark.parametrize("studies", [10, pytest.param(500, marks=pytest.mark.simulation)])
def test_noise_that_is_larger_on_some_videos_is_agreement_too(studies):
    """The limit of what an answer says: a shuffle moves each score by noise about nothing, yet runs agree on sizes."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(studies):
        runs, videos = draw_tests(rng, 240, SEEDS)
        noise = np.exp(0.7 * rng.standard_normal(240))[videos] * rng.standard_normal(len(runs))
        found.append(agreement(np.abs(noise), runs, videos, 399).p < ALPHA)
    print(f"they agree: {np.mean(found):.4f}")
    assert np.mean(found) > 0.9


def test_with_complete_blocks_it_is_friedmans_test():
    rng = np.random.default_rng(3)
    table = np.round(rng.normal(size=(12, 40)) + rng.normal(0, 0.3, 40), 1)  # runs x videos, with ties
    runs, videos = (index.ravel() for index in np.indices(table.shape))
    found = agreement(table.ravel(), runs, videos)
    rho = [stats.spearmanr(table[a], table[b]).statistic for a in range(12) for b in range(a)]
    assert found.agreement == pytest.approx(np.mean(rho), abs=1e-12) and found.pairs == 66 * 40
    assert found.p == pytest.approx(stats.friedmanchisquare(*table.T).pvalue, abs=0.02)


def test_the_agreement_is_the_mean_over_pairs_of_runs_and_their_common_videos():
    rng = np.random.default_rng(4)
    runs, videos = draw_tests(rng, 40, 6)
    values = rng.normal(size=len(runs))
    ranked = {}
    for run in range(6):
        ranks = stats.zscore(stats.rankdata(values[runs == run]))
        ranked[run] = dict(zip(videos[runs == run], ranks, strict=True))
    products = [ranked[a][v] * ranked[b][v] for a in range(6) for b in range(a) for v in ranked[a].keys() & ranked[b]]
    found = agreement(values, runs, videos, 99)
    assert found.pairs == len(products) and found.agreement == pytest.approx(np.mean(products))


def test_a_known_ranking_is_recovered():
    rng = np.random.default_rng(5)
    own = np.exp(rng.standard_normal(240))
    runs, videos = draw_tests(rng, 240, SEEDS)
    moved = shifts(rng, runs, own[videos])
    assert agreement(moved, runs, videos).p < 0.001
    tests = np.bincount(videos, minlength=240)
    mean = np.bincount(videos, moved, minlength=240)[tests > 1] / tests[tests > 1]
    assert stats.spearmanr(mean, own[tests > 1]).statistic > 0.6


def test_sizes_of_runs_alone_are_no_agreement():
    """Each run moves all its videos alike, one ten times as far as the next: no video is more sensitive."""
    rng = np.random.default_rng(6)
    runs, videos = draw_tests(rng, 100, 5, share=0.5)
    assert agreement(10.0**runs * rng.uniform(1, 2, len(runs)), runs, videos).p > ALPHA


def test_no_p_where_no_video_was_tested_twice_and_none_where_all_shifts_are_equal():
    assert np.isnan(agreement([1.0, 2.0, 3.0], [0, 0, 1], ["a", "b", "c"]).p)
    assert agreement(np.zeros(6), np.repeat([0, 1], 3), np.tile(["a", "b", "c"], 2)) == Agreement(0.0, 3, 1.0)
    with pytest.raises(ValueError, match="once"):
        agreement([1.0, 2.0], [0, 0], ["a", "a"])


def test_rounding_is_told_from_sensitivity():
    mos = np.linspace(0, 100, 50)
    assert blind(np.full(50, 1e-4), mos) and blind(np.zeros(0), mos)
    assert not blind([0.0, 0.1], mos)
