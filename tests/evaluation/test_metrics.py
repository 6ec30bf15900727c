import numpy as np
import pytest
from scipy import stats

from vqa.evaluation.metrics import evaluate, fit_logistic, logistic, pearson, ranks, srocc


@pytest.mark.parametrize("seed", range(20))
def test_rank_and_linear_correlations_equal_scipy(seed):
    rng = np.random.default_rng(seed)
    mos = rng.uniform(1, 5, 50).round(1)
    scores = (mos + rng.normal(0, 1, 50)).round(1)
    found = evaluate(scores, mos)
    assert found.srocc == pytest.approx(stats.spearmanr(scores, mos).statistic)
    assert found.krocc == pytest.approx(stats.kendalltau(scores, mos).statistic)
    assert found.plcc_raw == pytest.approx(stats.pearsonr(scores, mos).statistic)


def test_logistic_recovers_the_curve_that_made_the_data():
    scores = np.linspace(-3, 3, 200)
    truth = logistic(scores, 4.5, 1.2, 0.4, 0.7)
    fit = fit_logistic(scores, truth)
    assert fit.status == "logistic"
    np.testing.assert_allclose(fit.map(scores), truth, atol=1e-6)
    assert evaluate(scores, truth).rmse < 1e-6


@pytest.mark.parametrize("scale,shift", [(1e-6, 0), (1e6, 1e9), (100, -50)])
def test_fit_does_not_depend_on_the_units_of_the_scores(scale, shift):
    rng = np.random.default_rng(0)
    mos = rng.uniform(0, 100, 80)
    scores = mos / 100 + rng.normal(0, 0.1, 80)
    plain, scaled = evaluate(scores, mos), evaluate(scores * scale + shift, mos)
    assert scaled.plcc == pytest.approx(plain.plcc, abs=1e-4)
    assert scaled.rmse == pytest.approx(plain.rmse, rel=1e-3)


def test_near_linear_predictions_always_fit_and_never_worse_than_a_line():
    rng = np.random.default_rng(1)
    for n in (41, 117, 240):
        for _ in range(15):
            mos = rng.uniform(0, 100, n)
            found = evaluate(mos + rng.normal(0, 30, n), mos)
            assert found.plcc >= found.plcc_raw - 1e-6


@pytest.mark.parametrize(
    "scores,status",
    [
        ([0.5] * 10, "constant"),
        ([0.1] * 10, "constant"),  # their mean is not 0.1, and their std not 0
        ([0.0] * 9 + [1e-200], "constant"),  # their std is 0
        ([np.nan, *range(9)], "non-finite"),
        ([np.inf, *range(9)], "non-finite"),
    ],
)
def test_degenerate_predictions_are_flagged_not_raised(scores, status):
    found = evaluate(np.array(scores, float), np.arange(10.0))
    assert found.fit_status == status and found.n_test == 10
    assert np.isnan([found.srocc, found.plcc, found.krocc, found.rmse, found.plcc_raw]).all()


@pytest.mark.parametrize("mos,status", [([0.1] * 10, "constant"), ([np.nan, *range(9)], "non-finite")])
def test_degenerate_labels_are_flagged_too(mos, status):
    assert evaluate(np.arange(10.0), np.array(mos, float)).fit_status == status


def test_scores_and_labels_one_apart_are_no_constants():
    assert evaluate(np.linspace(0, 1, 10), np.linspace(2, 3, 10)).srocc == 1


@pytest.mark.parametrize("seed", range(3))
def test_ranks_equal_scipy(seed):
    values = np.random.default_rng(seed).integers(0, 9, 20) / 8
    assert ranks(values).tolist() == stats.rankdata(values).tolist()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_correlations_of_what_is_not_finite_are_undefined(bad):
    values = np.array([0.1, bad, 0.3, 0.2])
    for correlation in (srocc, pearson):
        assert np.isnan(correlation(values, np.arange(4.0))) and np.isnan(correlation(np.arange(4.0), values))


def test_the_logistic_saturates_at_its_asymptotes():
    """Far out, where exp would overflow: t2 at the low end, t1 at the high one, without a warning."""
    far = np.array([-1e6, 1e6])
    with np.errstate(all="raise"):
        np.testing.assert_allclose(logistic(far, 4.5, 1.2, 0.0, 0.01), [1.2, 4.5])
        np.testing.assert_allclose(logistic(far, 4.5, 1.2, 0.0, -0.01), [4.5, 1.2])


@pytest.mark.parametrize("seed", range(8))
def test_plcc_keeps_the_sign_that_a_falling_map_takes_away(seed):
    rng = np.random.default_rng(seed)
    mos = rng.uniform(1, 5, 40)
    found = evaluate(rng.normal(0, 0.4, 40) - mos, mos)
    assert found.srocc < -0.8 and found.plcc == pytest.approx(found.plcc_raw, abs=0.05) and found.plcc < 0
    assert found.rmse < mos.std()  # of the map, which does fall


def test_a_falling_line_keeps_its_sign_too():
    """Three videos: four parameters always find curve_fit short of data."""
    scores, mos = np.array([1.0, 2.0, 3.5]), np.array([3.0, 2.5, 1.0])
    found = evaluate(scores, mos)
    assert found.fit_status == "linear" and fit_logistic(scores, mos).sign == -1
    assert found.plcc == pytest.approx(stats.pearsonr(scores, mos).statistic) and found.plcc < -0.9


def test_a_logistic_that_ends_flat_gives_way_to_the_line():
    """From the paper's start values least squares finds a step at 8 here, worse than the line."""
    scores, mos = np.array([7.0, 8.0, 1.0, 0.0]), np.array([4.0, 4.0, 7.0, 8.0])
    found, line = evaluate(scores, mos), stats.linregress(scores, mos)
    assert found.fit_status == "linear" and found.plcc == pytest.approx(line.rvalue)
    assert found.rmse == pytest.approx(np.sqrt(np.mean((line.slope * scores + line.intercept - mos) ** 2)))
    np.testing.assert_allclose(fit_logistic(scores, mos).map(np.array([2.5])), line.slope * 2.5 + line.intercept)


def test_two_videos_are_too_few():
    assert evaluate(np.array([1.0, 2.0]), np.array([1.0, 3.0])).fit_status == "too-few"


def test_srocc_of_a_constant_is_undefined():
    assert np.isnan(srocc(np.ones(5), np.arange(5)))


def test_the_five_parameter_logistic_is_that_of_scipy_from_the_same_start():
    from scipy.optimize import curve_fit

    from vqa.evaluation.metrics import fit_logistic5

    def plain(o, b1, b2, b3, b4, b5):
        return b1 * (0.5 - 1 / (1 + np.exp(b2 * (o - b3)))) + b4 * o + b5

    rng = np.random.default_rng(5)
    for _ in range(20):
        scores = rng.normal(size=80)
        mos = plain(scores, *rng.uniform([20, 1, -0.5, 0, 40], [60, 3, 0.5, 5, 60])) + rng.normal(0, 2, 80)
        z = (scores - scores.mean()) / scores.std()
        expected, _ = curve_fit(plain, z, mos, p0=[np.ptp(mos), 1, 0, 0, mos.mean()], maxfev=100_000)
        fit = fit_logistic5(scores, mos)
        assert fit.status == "logistic" and fit.sign == 1
        errors = [np.sum((mapped - mos) ** 2) for mapped in (fit.map(scores), plain(z, *expected))]
        assert errors[0] <= errors[1] * (1 + 5e-4)  # one creeps along a valley, scipy to a height of 96,670
        assert np.allclose(fit.map(scores), plain(z, *expected), atol=0.05)
