"""Is one condition better than another over repeated random splits?

All tests are paired by seed: `a` and `b` hold one metric value a seed. Random splits of one
dataset overlap, so their results are not independent; the corrected test allows for that.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

MIN_SEEDS = 3


@dataclass(frozen=True)
class TTest:
    """t statistic, two-sided p, and the standard error used; NaN where undefined."""

    t: float
    p: float
    standard_error: float


@dataclass(frozen=True)
class Comparison:
    """Everything about a - b. `flag`: empty, `identical`, `nan` or `few-seeds`."""

    n_seeds: int
    difference: float
    ci_low: float
    ci_high: float
    d_z: float
    p_paired: float
    p_corrected: float
    p_wilcoxon: float
    p_tost: float
    flag: str


def paired_ttest(a: np.ndarray, b: np.ndarray) -> TTest:
    """Student's paired t-test, as in the paper's Tables VI and VII."""
    d = _differences(a, b)
    return _ttest(d, 1 / len(d)) if len(d) else TTest(np.nan, np.nan, np.nan)


def corrected_ttest(a: np.ndarray, b: np.ndarray, n_train: int, n_test: int) -> TTest:
    """Corrected resampled t-test (Nadeau and Bengio, Machine Learning 52:239-281, 2003).

    The variance of the mean difference is s^2 (1/n + n_test/n_train) in place of s^2 / n.
    """
    d = _differences(a, b)
    if not len(d):
        return TTest(np.nan, np.nan, np.nan)
    return _ttest(d, 1 / len(d) + n_test / n_train)


def tost(difference: float, standard_error: float, df: int, margin: float) -> float:
    """p of two one-sided tests (Schuirmann 1987): small means |difference| < margin."""
    if df < 1 or not np.isfinite(standard_error):
        return float("nan")
    if standard_error == 0:
        return 0.0 if abs(difference) < margin else 1.0
    below = stats.t.sf((difference + margin) / standard_error, df)
    above = stats.t.cdf((difference - margin) / standard_error, df)
    return float(max(below, above))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment over one family; NaNs stay NaN and do not count."""
    p = np.asarray(p_values, float)
    adjusted = np.full_like(p, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    running = 0.0
    for rank, position in enumerate(order):
        running = max(running, min(1.0, (len(order) - rank) * p[position]))
        adjusted[position] = running
    return adjusted


def compare(a: np.ndarray, b: np.ndarray, n_train: int, n_test: int, margin: float, level: float = 0.95) -> Comparison:
    """All statistics of a - b. Interval and TOST use the corrected standard error."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    finite = np.isfinite(a) & np.isfinite(b)
    d = (a - b)[finite]
    flag = _flag(d, bool(finite.all()))
    mean = float(d.mean()) if len(d) else float("nan")
    if len(d) < 2:
        nan = float("nan")
        return Comparison(len(d), mean, nan, nan, nan, nan, nan, nan, nan, flag)
    plain, corrected = paired_ttest(a, b), corrected_ttest(a, b, n_train, n_test)
    half = stats.t.ppf((1 + level) / 2, len(d) - 1) * corrected.standard_error
    spread = d.std(ddof=1)
    return Comparison(
        n_seeds=len(d),
        difference=mean,
        ci_low=mean - half,
        ci_high=mean + half,
        d_z=mean / spread if spread > 0 else (0.0 if mean == 0 else float(np.copysign(np.inf, mean))),
        p_paired=plain.p,
        p_corrected=corrected.p,
        p_wilcoxon=float(stats.wilcoxon(d).pvalue) if np.any(d) else 1.0,
        p_tost=tost(mean, corrected.standard_error, len(d) - 1, margin),
        flag=flag,
    )


def verdict(comparison: Comparison, p_adjusted: float, alpha: float) -> str:
    """One word.

    equivalent: TOST shows that the difference lies within the margin (p < alpha);
    different: otherwise, if the Holm-adjusted corrected t-test rejects equality (p < alpha);
    undecided: neither, or fewer than three seeds.
    """
    if comparison.n_seeds < MIN_SEEDS:
        return "undecided"
    if comparison.p_tost < alpha:
        return "equivalent"
    return "different" if p_adjusted < alpha else "undecided"


def _differences(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a - b over the seeds where both are finite."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"paired samples must be vectors of equal length, got {a.shape} and {b.shape}")
    d = a - b
    return np.asarray(d[np.isfinite(d)])


def _ttest(d: np.ndarray, variance_factor: float) -> TTest:
    n = len(d)
    if n < 2:
        return TTest(np.nan, np.nan, np.nan)
    error = float(d.std(ddof=1) * np.sqrt(variance_factor))
    if error == 0:
        mean = d.mean()
        return TTest(0.0, 1.0, 0.0) if mean == 0 else TTest(float(np.copysign(np.inf, mean)), 0.0, 0.0)
    t = float(d.mean() / error)
    return TTest(t, float(2 * stats.t.sf(abs(t), n - 1)), error)


def _flag(d: np.ndarray, all_finite: bool) -> str:
    if len(d) < MIN_SEEDS:
        return "few-seeds"
    if not all_finite:
        return "nan"
    return "identical" if not np.any(d) else ""
