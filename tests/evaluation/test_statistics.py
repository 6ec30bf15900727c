import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from vqa.evaluation.statistics import (
    Comparison,
    compare,
    corrected_ttest,
    detectable_errors,
    holm,
    paired_ttest,
    tost,
    verdict,
)


def samples(seed: int, n: int = 10, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a = rng.normal(0.8, 0.03, n)
    return a + rng.normal(shift, 0.01, n), a


def alike(names: str) -> np.ndarray:
    """What seeds have in common where each letter is a test set, wholly shared or not at all."""
    return np.array([[float(a == b) for b in names] for a in names])


def word(found: Comparison, alpha: float = 0.05) -> str:
    """The verdict of a family of one."""
    return verdict(found.n_splits, found.p_corrected, found.p_tost, alpha)


@pytest.mark.parametrize("seed", range(10))
def test_paired_ttest_equals_scipy(seed):
    a, b = samples(seed, shift=0.005)
    expected = stats.ttest_rel(a, b)
    found = paired_ttest(a, b)
    assert (found.t, found.p) == pytest.approx((expected.statistic, expected.pvalue))


def test_corrected_ttest_equals_the_formula_of_nadeau_and_bengio():
    a, b = samples(0, shift=0.01)
    d = a - b
    # Equation 9 of the paper: t = mean / sqrt((1/n + n2/n1) S^2), n - 1 degrees of freedom.
    t = d.mean() / np.sqrt((1 / 10 + 48 / 144) * d.var(ddof=1))
    found = corrected_ttest(a, b, n_train=144, n_test=48)
    assert found.t == pytest.approx(t) and found.p == pytest.approx(2 * stats.t.sf(abs(t), 9))
    assert found.p > paired_ttest(a, b).p


@pytest.mark.parametrize("seed", range(10))
def test_tost_equals_statsmodels(seed):
    a, b = samples(seed, shift=0.003)
    plain = paired_ttest(a, b)
    expected = ttost_paired(a, b, -0.02, 0.02)[0]
    assert tost((a - b).mean(), plain.standard_error, 9, 0.02) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(10))
def test_holm_equals_statsmodels_and_ignores_nan(seed):
    p = np.random.default_rng(seed).random(12) ** 2
    expected = multipletests(p, method="holm")[1]
    np.testing.assert_allclose(holm(p), expected)
    with_nan = np.insert(p, 5, np.nan)
    np.testing.assert_allclose(np.delete(holm(with_nan), 5), expected)
    assert np.isnan(holm(with_nan)[5])


def test_comparison_agrees_with_independent_formulas():
    a, b = samples(3, shift=0.01)
    d = a - b
    found = compare(a, b, n_train=60, n_test=20, margin=0.02)
    assert found.d_z == pytest.approx(d.mean() / d.std(ddof=1))
    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(a, b).pvalue)
    half = stats.t.ppf(0.975, 9) * np.sqrt((0.1 + 20 / 60) * d.var(ddof=1))
    assert (found.ci_low, found.ci_high) == pytest.approx((d.mean() - half, d.mean() + half))


def test_identical_runs_are_equivalent_and_flagged():
    a = np.linspace(0.7, 0.9, 10)
    found = compare(a, a, 60, 20, 0.02)
    assert found.flag == "identical" and found.p_paired == 1.0 and found.p_wilcoxon == 1.0
    assert word(found) == "equivalent"


def test_a_constant_difference_is_certain():
    a = np.linspace(0.7, 0.9, 10)
    found = compare(a + 0.5, a + 0.25, 60, 20, 0.02)
    assert found.p_paired < 1e-10 and word(found) == "different"


def test_nan_runs_are_left_out_in_pairs_and_flagged():
    a, b = samples(0)
    a[2], b[5] = np.nan, np.nan
    kept = [i for i in range(10) if i not in (2, 5)]
    found = compare(a, b, 60, 20, 0.02)
    assert found.flag == "nan" and found.n_seeds == 8
    assert found.p_paired == pytest.approx(stats.ttest_rel(a[kept], b[kept]).pvalue)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_runs_stay_undecided(n):
    found = compare(np.full(n, 0.9), np.full(n, 0.1), 60, 20, 0.02)
    assert found.flag == "few-seeds" and word(found) == "undecided"


def test_three_runs_of_three_splits_can_decide():
    a = np.array([0.7, 0.8, 0.9])
    found = compare(a + 0.25, a, 60, 20, 0.02)
    assert found.flag == "" and word(found) == "different"
    assert compare([*a, 0.9, 0.6], [0.5] * 5, 60, 20, 0.02, common=alike("uxyzz")).flag == ""
    assert compare(a, [0.5] * 3, 60, 20, 0.02, common=alike("xyy")).flag == "few-splits"


@pytest.mark.parametrize("seed", range(10))
def test_tost_of_a_comparison_equals_statsmodels_with_the_corrected_error(seed):
    """statsmodels' own test on samples rescaled around their mean, so that its standard error is the corrected one."""
    a, b = samples(seed, shift=0.003)
    d = a - b
    wider = d.mean() + (d - d.mean()) * np.sqrt((0.1 + 20 / 60) / 0.1)
    found = compare(a, b, n_train=60, n_test=20, margin=0.02)
    assert found.p_tost == pytest.approx(ttost_paired(wider, np.zeros(10), -0.02, 0.02)[0])
    low, high = stats.ttest_1samp(wider, 0).confidence_interval(0.9)
    assert (found.tost_low, found.tost_high) == pytest.approx((low, high))
    assert (found.p_tost < 0.05) == (max(-low, high) < 0.02)
    assert found.provable == pytest.approx((high - low) / 2)


@pytest.mark.parametrize(
    "p_differs,p_within,expected",
    [(0.2, 0.01, "equivalent"), (0.01, 0.2, "different"), (8e-6, 0.01, "negligible"), (0.2, 0.2, "undecided"),
     (0.01, np.nan, "different"), (np.nan, np.nan, "undecided")],
)  # fmt: skip
def test_two_questions_have_four_outcomes(p_differs, p_within, expected):
    assert verdict(10, p_differs, p_within, 0.05) == expected
    assert verdict(2, p_differs, p_within, 0.05) == "undecided"


def test_a_sure_difference_within_the_margin_is_negligible_not_equivalent():
    a, b = samples(0, shift=0.0)
    sure = b + 0.005 + (a - b) / 100
    found = compare(sure, b, 60, 20, 0.02)
    assert found.p_corrected < 1e-5 and found.p_tost < 1e-5 and word(found) == "negligible"


def test_a_metric_without_a_margin_has_no_tost():
    a, b = samples(1)
    assert np.isnan(compare(a, b, 60, 20, np.nan).p_tost)
    assert np.isnan(compare(a, a, 60, 20, np.nan).p_tost)


def test_ten_seeds_at_margin_002_need_a_spread_below_0017():
    """t(0.95, 9) x sqrt(1/10 + 1/3) = 1.207: at a spread of 0.017 not even a difference of 0 is within 0.02."""
    pattern = np.tile([1.0, -1.0], 5) / np.tile([1.0, -1.0], 5).std(ddof=1)
    for spread, enough in ((0.0165, True), (0.017, False)):
        found = compare(spread * pattern, np.zeros(10), 3, 1, 0.02)
        assert found.spread == pytest.approx(spread) and found.difference == pytest.approx(0)
        assert (found.p_tost < 0.05) == enough == (found.provable < 0.02)


@pytest.mark.parametrize("n,alpha", [(3, 0.05), (5, 0.05), (10, 0.05), (10, 0.01), (50, 0.05)])
def test_detectable_differences_equal_statsmodels_power(n, alpha):
    effect = TTestPower().solve_power(nobs=n, alpha=alpha, power=0.8)
    assert detectable_errors(n - 1, alpha) == pytest.approx(effect * np.sqrt(n), rel=1e-4)
    a, b = samples(0, n)
    found = compare(a, b, 60, 20, 0.02, alpha)
    assert found.detectable == pytest.approx(
        effect * np.sqrt(n) * (a - b).std(ddof=1) * np.sqrt(1 / n + 1 / 3), rel=1e-4
    )


def test_every_seeds_own_sizes_enter_the_correction():
    a, b = samples(0, shift=0.01)
    train, test = np.array([60] * 5 + [40] * 5), np.array([20] * 5 + [25] * 5)
    d = a - b
    error = d.std(ddof=1) * np.sqrt(1 / 10 + (20 / 60 + 25 / 40) / 2)
    assert corrected_ttest(a, b, train, test).standard_error == pytest.approx(error)
    a[7] = np.nan  # a failed run takes its sizes with it
    d = np.delete(a - b, 7)
    error = d.std(ddof=1) * np.sqrt(1 / 9 + (5 * 20 / 60 + 4 * 25 / 40) / 9)
    assert corrected_ttest(a, b, train, test).standard_error == pytest.approx(error)


def by_plain_loops(d: np.ndarray, correlation: np.ndarray) -> tuple[float, float]:
    """Standard error and degrees of freedom of the mean: E[s^2] and Var[s^2] of normal values so correlated.

    The centred values have the covariance T = C S C. With unit variances E[s^2] = sum_i T_ii / (n - 1), and
    Var[s^2] = 2 sum_ij T_ij^2 / (n - 1)^2; the chi-square of that mean and variance has 2 E^2 / Var degrees of freedom.
    """
    n = len(d)
    covariance = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            for k in range(n):
                for m in range(n):
                    covariance[i, j] += ((i == k) - 1 / n) * correlation[k, m] * ((m == j) - 1 / n)
    expected = sum(covariance[i, i] for i in range(n)) / (n - 1)
    varying = 2 * sum(covariance[i, j] ** 2 for i in range(n) for j in range(n)) / (n - 1) ** 2
    of_the_mean = sum(correlation[i, j] for i in range(n) for j in range(n)) / n**2
    return float(np.sqrt(d.var(ddof=1) / expected * of_the_mean)), float(2 * expected**2 / varying)


def test_test_sets_in_common_enter_as_plain_loops_say():
    a, b = samples(0, shift=0.01)
    rng = np.random.default_rng(1)
    tests = [rng.permutation(40)[:20] for _ in range(10)]
    common = np.array([[len(set(x) & set(y)) / 20 for y in tests] for x in tests])
    a[3] = np.nan  # a failed run takes its test set with it
    kept = [i for i in range(10) if i != 3]
    correlation = np.maximum(common[np.ix_(kept, kept)], 20 / (20 + 60))
    d = (a - b)[kept]
    error, df = by_plain_loops(d, correlation)
    found = compare(a, b, 60, 20, 0.02, common=common)
    assert 7 < df < 8 and error > d.std(ddof=1) * np.sqrt(1 / 9 + 1 / 3)
    assert found.p_corrected == pytest.approx(2 * stats.t.sf(abs(d.mean() / error), df))
    below = stats.t.sf((d.mean() + 0.02) / error, df)
    assert found.p_tost == pytest.approx(max(below, stats.t.cdf((d.mean() - 0.02) / error, df)))
    half = stats.t.ppf(0.975, df) * error
    assert (found.ci_low, found.ci_high) == pytest.approx((d.mean() - half, d.mean() + half))
    assert (found.n_seeds, found.n_splits, found.difference) == (9, 8, pytest.approx(d.mean()))
    assert found.p_paired == pytest.approx(stats.ttest_rel(a[kept], b[kept]).pvalue)  # the paper's test, as it is


def test_less_in_common_than_random_splits_have_is_the_test_of_nadeau_and_bengio():
    a, b = samples(0, shift=0.01)
    plain = compare(a, b, 60, 20, 0.02)
    assert compare(a, b, 60, 20, 0.02, common=np.full((10, 10), 0.24)) == plain
    assert compare(a, b, 60, 20, 0.02, common=np.zeros((10, 10))) == plain and plain.n_splits == 10
    even = compare(a, b, 60, 20, 0.02, common=np.full((10, 10), 0.95))
    d = a - b
    t = d.mean() / (d.std(ddof=1) * np.sqrt(1 / 10 + 19))  # 19 of 20 videos in common: as if n_test / n_train were 19
    assert even.p_corrected == pytest.approx(2 * stats.t.sf(abs(t), 9))


def test_seeds_of_one_test_set_tell_no_more_than_it_does():
    """Each of four test sets thrice: the spread has three degrees of freedom, and trainings of one set add noise."""
    a, b = samples(0, 12, shift=0.01)
    found = compare(a, b, 60, 20, 0.02, common=alike("wxyz" * 3))
    d = a - b
    means = d.reshape(3, 4).mean(axis=0)
    within = ((d.reshape(3, 4) - means) ** 2).sum() / 12
    between = ((means - d.mean()) ** 2).sum() / 4
    error = np.sqrt((between + within) * 4 / 3 * (1 / 4 + 1 / 3))
    assert (found.n_seeds, found.n_splits) == (12, 4)
    assert found.p_corrected == pytest.approx(2 * stats.t.sf(abs(d.mean()) / error, 3))
    one = compare(a, b, 60, 20, 0.02, common=alike("x" * 12))
    assert one.flag == "few-splits" and word(one) == "undecided" and np.isnan(one.p_corrected) and one.n_splits == 1
    with pytest.raises(ValueError, match=r"12 seeds need shares of shape \(12, 12\)"):
        compare(a, b, 60, 20, 0.02, common=[1.0])


def test_overlapping_splits_fool_the_plain_test_but_not_the_corrected_one():
    """Two equally good predictors on one pool of videos, 10 random 20 % test sets, many studies.

    The mean difference on overlapping test sets varies from study to study far more than the
    spread within a study suggests.
    """
    rng = np.random.default_rng(0)
    studies, videos, n_test = 400, 100, 20
    rejected = {"plain": 0, "corrected": 0}
    for _ in range(studies):
        loss = rng.normal(size=(2, videos))  # per-video losses of two predictors of equal risk
        tests = [rng.permutation(videos)[:n_test] for _ in range(10)]
        a, b = (np.array([loss[k, test].mean() for test in tests]) for k in (0, 1))
        rejected["plain"] += paired_ttest(a, b).p < 0.05
        rejected["corrected"] += corrected_ttest(a, b, videos - n_test, n_test).p < 0.05
    rates = {name: count / studies for name, count in rejected.items()}
    assert rates["plain"] > 0.15
    assert rates["corrected"] < 0.09
