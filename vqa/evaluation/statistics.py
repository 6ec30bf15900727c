"""Is one condition better than another over repeated random splits, or over trainings tested on the same videos?

All tests are paired by seed: `a` and `b` hold one metric value a seed. Random splits of one dataset overlap, which the
corrected tests allow for. Where all seeds share one test set, they do not sample videos: these are resampled.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

MIN_SEEDS = 3
MIN_TESTED = 10  # videos of one test set: on fewer, two models rank alike by chance
POWER = 0.8
Verdict = Literal["different", "negligible", "equivalent", "undecided"]


@dataclass(frozen=True)
class TTest:
    """t statistic, two-sided p, and the standard error used; NaN where undefined."""

    t: float
    p: float
    standard_error: float


@dataclass(frozen=True)
class Comparison:
    """Everything about a - b. `flag`: empty, `identical`, `nan`, `few-seeds`, `few-splits` or `few-videos`.

    n_seeds: seeds where both are finite; n_splits: how many splits, drawn apart, would tell as much of the spread
    (degrees of freedom + 1, rounded down), or trainings on one test set; 0 where that has too few videos.
    ci_low, ci_high: at level 1 - alpha; tost_low, tost_high: at 1 - 2 alpha, the interval that TOST compares with the
    margin. spread: std of the differences, one a seed. detectable: the smallest difference that the corrected t-test
    finds with 80 % power at this spread. provable: the smallest margin that TOST could have shown at a difference of 0.
    """

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
    n_splits: int
    spread: float
    tost_low: float
    tost_high: float
    detectable: float
    provable: float


def paired_ttest(a: ArrayLike, b: ArrayLike) -> TTest:
    """Student's paired t-test, as in the paper's Tables VI and VII."""
    d = _differences(a, b)
    return _ttest(d, 1 / max(len(d), 1), len(d) - 1)


def corrected_ttest(
    a: ArrayLike, b: ArrayLike, n_train: ArrayLike, n_test: ArrayLike, common: ArrayLike | None = None
) -> TTest:
    """Corrected resampled t-test (Nadeau and Bengio, Machine Learning 52:239-281, 2003), for any overlap of test sets.

    Two seeds' differences are correlated: by n_test / (n_test + n_train) where splits are drawn at random, as Nadeau
    and Bengio say, and by no less than the share of the test videos that both have in common. s^2 is then too small by
    1 - q, q the mean correlation of two seeds, and the variance of the mean difference over n seeds is
    s^2 (1/n + q / (1 - q)), with Satterthwaite's degrees of freedom, tr(CS)^2 / tr(CSCS): S the correlations, C what
    takes the mean away. Random splits have q / (1 - q) = n_test / n_train and n - 1, the test of 2003.

    n_train, n_test: one number, or one a seed, whose ratios are averaged. Validation videos are not
    counted as training videos, which makes the error larger, never smaller (by 11 % for 60/20/20 and ten seeds).
    common: the share of its test videos that a seed has in common with another, shape (seeds, seeds).
    """
    resampled = _resample(a, b, n_train, n_test, common)
    return _ttest(resampled.d, resampled.variance_factor, resampled.df)


def tost(difference: float, standard_error: float, df: float, margin: float) -> float:
    """p of two one-sided tests (Schuirmann 1987): small means |difference| < margin; NaN without a margin."""
    if not df >= 1 or not np.isfinite(standard_error) or np.isnan(margin):
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


@cache
def detectable_errors(df: float, alpha: float) -> float:
    """The difference, in standard errors, that a two-sided t-test finds with 80 % power.

    The noncentral t, integrated over the estimated error: scipy's own is NaN far out.
    """
    estimated = np.sqrt(stats.chi2.ppf((np.arange(4000) + 0.5) / 4000, df) / df)
    critical = stats.t.ppf(1 - alpha / 2, df) * estimated

    def lacking(shift: float) -> float:
        return float(np.mean(stats.norm.sf(critical - shift) + stats.norm.cdf(-critical - shift))) - POWER

    return float(optimize.brentq(lacking, 0, 2 * stats.t.ppf(1 - alpha / 2, df) + 4))


def compare(
    a: ArrayLike,
    b: ArrayLike,
    n_train: ArrayLike,
    n_test: ArrayLike,
    margin: float,
    alpha: float = 0.05,
    common: ArrayLike | None = None,
) -> Comparison:
    """All statistics of a - b. Intervals, TOST and power use the corrected standard error.

    margin: NaN where the metric has none: then no TOST. Sizes and common videos: see `corrected_ttest`.
    """
    resampled = _resample(a, b, n_train, n_test, common)
    d, df = resampled.d, resampled.df
    corrected = _ttest(d, resampled.variance_factor, df)
    return _comparison(a, b, corrected, df, min(len(d), int(df) + 1), margin, alpha)


def compare_on_one_test_set(
    a: ArrayLike, b: ArrayLike, draws: ArrayLike, n_videos: int, margin: float, alpha: float = 0.05
) -> Comparison:
    """All statistics of a - b where all seeds share one test set of `n_videos`.

    draws: a - b on resamples of the videos, the mean over seeds of each seed's own, (draws,). It is the metric of a run
    that is averaged, not that of averaged scores: an ensemble is another model than the one that is asked about.
    Seeds tell only how far trainings differ, draws how far other videos would have: the variance of the mean difference
    is the sum of both, s^2 / n and that of the draws, with Welch's and Satterthwaite's degrees of freedom. What a
    training does on one video alone counts in both, which makes the error larger, never smaller.
    """
    d = _differences(a, b)
    test, df = _on_one_test_set(d, draws, n_videos)
    found = _comparison(a, b, test, df, len(d), margin, alpha)
    return found if n_videos >= MIN_TESTED else replace(found, n_splits=0, flag=found.flag or "few-videos")


def one_test_set_ttest(a: ArrayLike, b: ArrayLike, draws: ArrayLike, n_videos: int) -> TTest:
    """The test of `compare_on_one_test_set`."""
    return _on_one_test_set(_differences(a, b), draws, n_videos)[0]


def _on_one_test_set(d: NDArray[np.float64], draws: ArrayLike, n_videos: int) -> tuple[TTest, float]:
    """The test, and its degrees of freedom."""
    values = np.asarray(draws, float)
    values = values[np.isfinite(values)]
    if len(d) < 2 or len(values) < 2:
        return TTest(np.nan, np.nan, np.nan), np.nan
    parts = (float(d.var(ddof=1)) / len(d), len(d) - 1), (float(values.var(ddof=1)), n_videos - 1)
    variance = sum(part for part, _ in parts)
    df = variance**2 / sum(part**2 / own for part, own in parts) if variance else len(d) - 1
    return _by_error(float(d.mean()), float(np.sqrt(variance)), df), df


def _comparison(
    a: ArrayLike, b: ArrayLike, test: TTest, df: float, n_splits: int, margin: float, alpha: float
) -> Comparison:
    """test: of the mean difference, with df degrees of freedom."""
    d = _differences(a, b)
    n, mean = len(d), float(d.mean()) if len(d) else np.nan
    spread = float(d.std(ddof=1)) if n > 1 else np.nan
    half, tost_half = (_quantile(level, df) * test.standard_error for level in (1 - alpha / 2, 1 - alpha))
    return Comparison(
        n_seeds=n,
        difference=mean,
        ci_low=mean - half,
        ci_high=mean + half,
        d_z=_d_z(mean, spread),
        p_paired=paired_ttest(a, b).p,
        p_corrected=test.p,
        p_wilcoxon=_wilcoxon(d),
        p_tost=tost(mean, test.standard_error, df, margin),
        flag=_flag(d, n_splits, len(np.asarray(a))),
        n_splits=n_splits,
        spread=spread,
        tost_low=mean - tost_half,
        tost_high=mean + tost_half,
        detectable=detectable_errors(df, alpha) * test.standard_error if df > 0 else np.nan,
        provable=tost_half,
    )


def verdict(n_splits: int, p_differs: float, p_within: float, alpha: float) -> Verdict:
    """One word for two questions, each Holm-adjusted over its family: does it differ (corrected t-test),
    and is the difference within the margin (TOST)?

    equivalent: within, not different; different: differs, not within; negligible: differs, yet within;
    undecided: neither, or fewer than three splits. Without a margin p_within is NaN: never within.
    """
    if n_splits < MIN_SEEDS:
        return "undecided"
    if p_differs < alpha:
        return "negligible" if p_within < alpha else "different"
    return "equivalent" if p_within < alpha else "undecided"


@dataclass(frozen=True)
class _Resampled:
    """d: a difference a seed, shape (n,); variance_factor: of their mean, in units of their variance; df: of that."""

    d: NDArray[np.float64]
    variance_factor: float
    df: float


def _resample(
    a: ArrayLike, b: ArrayLike, n_train: ArrayLike, n_test: ArrayLike, common: ArrayLike | None
) -> _Resampled:
    a, b = _paired(a, b)
    shares = np.eye(len(a)) if common is None else np.asarray(common, float)
    if shares.shape != (len(a), len(a)):
        raise ValueError(f"{len(a)} seeds need shares of shape ({len(a)}, {len(a)}), got {shares.shape}")
    known = np.flatnonzero(np.isfinite(a - b))
    d, n = (a - b)[known], len(known)
    if n < 2:
        return _Resampled(d, np.nan, 0)
    ratio = np.broadcast_to(np.asarray(n_test, float) / np.asarray(n_train, float), a.shape)[known].mean()
    correlation = np.maximum(shares[np.ix_(known, known)], ratio / (1 + ratio))
    np.fill_diagonal(correlation, 1)
    centred = correlation - correlation.mean(axis=0)
    trace = np.trace(centred)
    if trace < 1e-9:
        return _Resampled(d, np.nan, 0)
    mean = float((correlation.sum() - n) / (n * (n - 1)))
    df = round(float(trace**2 / (centred * centred.T).sum()), 9)
    return _Resampled(d, 1 / n + mean / (1 - mean), df)


def _paired(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"paired samples must be vectors of equal length, got {a.shape} and {b.shape}")
    return a, b


def _differences(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """a - b over the seeds where both are finite."""
    a, b = _paired(a, b)
    d = a - b
    return d[np.isfinite(d)]


def _ttest(d: NDArray[np.float64], variance_factor: float, df: float) -> TTest:
    if not df >= 1:
        return TTest(np.nan, np.nan, np.nan)
    return _by_error(float(d.mean()), float(d.std(ddof=1) * np.sqrt(variance_factor)), df)


def _by_error(mean: float, error: float, df: float) -> TTest:
    if error == 0:
        return TTest(0.0, 1.0, 0.0) if mean == 0 else TTest(float(np.copysign(np.inf, mean)), 0.0, 0.0)
    t = mean / error
    return TTest(t, float(2 * stats.t.sf(abs(t), df)), error)


def _quantile(level: float, df: float) -> float:
    return float(stats.t.ppf(level, df)) if df > 0 else np.nan


def _d_z(mean: float, spread: float) -> float:
    if spread == 0:
        return 0.0 if mean == 0 else float(np.copysign(np.inf, mean))
    return mean / spread


def _wilcoxon(d: NDArray[np.float64]) -> float:
    if len(d) < 2:
        return np.nan
    return float(stats.wilcoxon(d).pvalue) if np.any(d) else 1.0


def _flag(d: NDArray[np.float64], n_splits: int, n_runs: int) -> str:
    if len(d) < MIN_SEEDS:
        return "few-seeds"
    if n_splits < MIN_SEEDS:
        return "few-splits"
    if len(d) < n_runs:
        return "nan"
    return "" if np.any(d) else "identical"
