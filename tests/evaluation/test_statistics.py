import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from vqa.evaluation.statistics import compare, corrected_ttest, holm, paired_ttest, tost, verdict


def samples(seed: int, n: int = 10, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a = rng.normal(0.8, 0.03, n)
    return a + rng.normal(shift, 0.01, n), a


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
    assert verdict(found, found.p_corrected, 0.05) == "equivalent"


def test_a_constant_difference_is_certain():
    a = np.linspace(0.7, 0.9, 10)
    found = compare(a + 0.5, a + 0.25, 60, 20, 0.02)
    assert found.p_paired < 1e-10 and verdict(found, found.p_corrected, 0.05) == "different"


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
    assert found.flag == "few-seeds" and verdict(found, found.p_corrected, 0.05) == "undecided"


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
