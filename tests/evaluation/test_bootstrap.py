"""Tests where all seeds share one test set: the draws against a plain loop, the error rate against a known truth."""

import numpy as np
import pytest
from scipy import stats

from vqa.evaluation.bootstrap import DRAWS, resampled
from vqa.evaluation.metrics import fit_logistic, srocc
from vqa.evaluation.statistics import compare_on_one_test_set, paired_ttest, verdict


def test_draws_equal_a_plain_loop_over_scipys_metrics():
    rng = np.random.default_rng(1)
    mos = rng.uniform(1, 5, 40)
    scores = np.round(10 - 2 * mos + rng.normal(size=40), 1)  # falling, with ties
    found = resampled(scores, mos, draws=30)
    fit = fit_logistic(scores, mos)
    assert fit.sign == -1
    draws = np.random.default_rng(0)
    for draw in range(30):
        rows = [int(row) for row in draws.integers(0, 40, 40)]
        o, s = [scores[row] for row in rows], [mos[row] for row in rows]
        mapped = fit.map(np.array(o))
        assert found["srocc"][draw] == pytest.approx(stats.spearmanr(o, s).statistic)
        assert found["krocc"][draw] == pytest.approx(stats.kendalltau(o, s).statistic)
        assert found["plcc"][draw] == pytest.approx(-stats.pearsonr(mapped, s).statistic)
        assert found["rmse"][draw] == pytest.approx(np.sqrt(np.mean((mapped - s) ** 2)))


@pytest.mark.parametrize("scores", [[1.0, 2.0], [1.0, 1.0, 1.0, 1.0], [1.0, np.nan, 2.0, 3.0]])
def test_what_has_no_metric_has_none_on_any_draw(scores):
    found = resampled(scores, list(range(len(scores))), draws=5)
    assert all(np.isnan(values).all() and values.shape == (5,) for values in found.values())


def test_both_sources_of_noise_add_up_to_the_error():
    a, b = np.array([0.80, 0.83, 0.79, 0.84]), np.array([0.78, 0.80, 0.79, 0.79])
    draws = np.random.default_rng(0).normal(0.0, 0.02, DRAWS)
    found = compare_on_one_test_set(a, b, draws, 50, margin=0.05)
    d = a - b
    training, videos = d.var(ddof=1) / 4, draws.var(ddof=1)
    error = np.sqrt(training + videos)
    df = error**4 / (training**2 / 3 + videos**2 / 49)
    assert found.p_corrected == pytest.approx(2 * stats.t.sf(d.mean() / error, df))
    assert found.p_tost == pytest.approx(stats.t.cdf((d.mean() - 0.05) / error, df))
    assert found.ci_high - found.difference == pytest.approx(stats.t.ppf(0.975, df) * error)
    assert (found.n_seeds, found.n_splits, found.flag) == (4, 4, "")
    assert found.p_paired == paired_ttest(a, b).p and found.spread == pytest.approx(d.std(ddof=1))


@pytest.mark.parametrize("seeds,flag", [(1, "few-seeds"), (2, "few-seeds"), (3, "")])
def test_few_seeds_do_not_tell_the_noise_of_training(seeds, flag):
    a = np.linspace(0.8, 0.9, seeds)
    found = compare_on_one_test_set(a, a[::-1] - 0.1, np.full(DRAWS, 0.1) + 1e-3 * np.arange(DRAWS), 100, 0.02)
    assert found.flag == flag and np.isnan(found.p_corrected) == (seeds < 2)


@pytest.mark.parametrize("videos,splits,flag", [(9, 0, "few-videos"), (10, 3, "")])
def test_few_videos_decide_nothing(videos, splits, flag):
    found = compare_on_one_test_set([0.9, 0.8, 0.9], [0.9, 0.8, 0.89], np.linspace(0, 1e-3, DRAWS), videos, 0.05)
    assert (found.n_splits, found.flag) == (splits, flag) and found.p_tost < 0.05
    decided = verdict(found.n_splits, found.p_corrected, found.p_tost, 0.05)
    assert decided == ("equivalent" if splits else "undecided")


def test_equal_conditions_do_not_differ():
    found = compare_on_one_test_set([0.5] * 3, [0.5] * 3, np.zeros(DRAWS), 100, 0.02)
    assert (found.p_corrected, found.p_tost, found.flag) == (1.0, 0.0, "identical")


def simulated(rng: np.random.Generator, own: float, refit: float, n: int = 80, seeds: int = 3) -> tuple[float, float]:
    """p of the plain paired t-test and of the bootstrap where two conditions are equally good.

    Scores are MOS plus an error that a condition makes on a video at every seed, and one of each training.
    """
    mos = rng.normal(size=n)
    scores = [mos + own * rng.normal(size=n) + refit * rng.normal(size=(seeds, n)) for _ in range(2)]
    reached = [np.array([srocc(run, mos) for run in runs]) for runs in scores]
    drawn = [np.random.default_rng(draw).integers(0, n, n) for draw in range(60)]
    a, b = ([np.mean([srocc(run[rows], mos[rows]) for run in runs]) for rows in drawn] for runs in scores)
    return paired_ttest(*reached).p, compare_on_one_test_set(*reached, np.subtract(a, b), n, 0.02).p_corrected


def wrongly(own: float, refit: float, studies: int) -> tuple[float, float]:
    """How often equal conditions are found different at alpha 5 %, by the plain test and by ours."""
    rng = np.random.default_rng(7)
    plain, ours = np.array([simulated(rng, own, refit) for _ in range(studies)]).T
    return float((plain < 0.05).mean()), float((ours < 0.05).mean())


def test_a_conditions_luck_on_these_videos_is_not_taken_for_its_worth():
    plain, ours = wrongly(own=0.6, refit=0.1, studies=60)
    assert plain > 0.2 and ours <= 0.05 + 2.6 * (0.05 * 0.95 / 60) ** 0.5


@pytest.mark.simulation
@pytest.mark.parametrize("own,refit", [(0.6, 0.1), (0.4, 0.5), (0.0, 0.6)])
def test_equal_conditions_are_found_different_no_more_often_than_alpha_says(own, refit):
    assert wrongly(own, refit, studies=1000)[1] <= 0.05 + 2.6 * (0.05 * 0.95 / 1000) ** 0.5
