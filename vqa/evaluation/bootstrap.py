"""Metrics of one test set over resampled videos: what tests need where all runs share their test videos.

The videos are drawn with replacement, the same draws for every run on the same videos, so that differences are paired.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vqa.evaluation.metrics import MIN_VIDEOS, fit_logistic

DRAWS = 400  # they estimate a standard error to within 3.5 %
NAMES = ("srocc", "plcc", "krocc", "rmse")
_SEED = 0
_ROWS = 1024  # of the videos' agreement with all others, held at a time


def resampled(
    scores: ArrayLike, mos: ArrayLike, draws: int = DRAWS, metrics: Sequence[str] = NAMES
) -> dict[str, NDArray[np.float64]]:
    """The metrics of a run on each draw of its test videos, shape (draws,) each; NaN where undefined.

    scores, mos: (n,), in one order of the videos for all runs; metrics: all, or SROCC alone, which is fast. PLCC and
    RMSE keep the mapping of the whole test set.
    """
    o, s = np.asarray(scores, float), np.asarray(mos, float)
    n = len(o)
    values = {name: np.full(draws, np.nan) for name in metrics}
    if n < MIN_VIDEOS or not (np.isfinite(o).all() and np.isfinite(s).all()) or np.ptp(o) == 0 or np.ptp(s) == 0:
        return values
    fit = fit_logistic(o, s) if len(metrics) > 1 else None
    mapped = fit.map(o) if fit else o
    scores_by, truth_by = _by_value(o), _by_value(s)
    rng = np.random.default_rng(_SEED)
    drawn = rng.integers(0, n, (draws, n))
    for draw, chosen in enumerate(drawn):
        places, truth = (scores_by[chosen], truth_by[chosen]), s[chosen]
        if any(np.ptp(place) == 0 for place in places):
            continue
        values["srocc"][draw] = _pearson(*map(_ranks, places))
        if fit is None:
            continue
        values["plcc"][draw] = fit.sign * _pearson(mapped[chosen], truth)
        values["rmse"][draw] = np.sqrt(np.mean((mapped[chosen] - truth) ** 2))
    if fit:
        values["krocc"] = _kendall(scores_by, truth_by, drawn)
    return values


def _kendall(
    a: NDArray[np.unsignedinteger], b: NDArray[np.unsignedinteger], drawn: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Kendall's tau-b of each draw, NaN where one side is constant. Of two videos drawn k and l times, k l pairs agree
    or disagree alike: one product of small whole numbers, exact in float32, for all draws.
    """
    n = len(a)
    times = np.stack([np.bincount(chosen, minlength=n) for chosen in drawn], axis=1).astype(np.float32)
    agreeing = np.zeros(len(drawn))
    for start in range(0, n, _ROWS):
        rows = slice(start, start + _ROWS)
        signs = [np.sign(each[rows, None].astype(np.float32) - each[None].astype(np.float32)) for each in (a, b)]
        agreeing += np.einsum("rd,rd->d", times[rows], signs[0] * signs[1] @ times, dtype=float)
    untied = [n * n - np.array([np.square(np.bincount(each[chosen])).sum() for chosen in drawn]) for each in (a, b)]
    scale = np.sqrt(untied[0]) * np.sqrt(untied[1])
    tau: NDArray[np.float64] = np.divide(agreeing, scale, out=np.full(len(drawn), np.nan), where=scale > 0)
    return np.clip(tau, -1, 1)


def _by_value(values: NDArray[np.float64]) -> NDArray[np.unsignedinteger]:
    """The place of each value among all, equal ones together: of small integers, which sort in a fifth of the time."""
    distinct, inverse = np.unique(values, return_inverse=True)
    return inverse.astype(np.min_scalar_type(len(distinct)))


def _ranks(places: NDArray[np.unsignedinteger]) -> NDArray[np.float64]:
    """Ranks from 1, ties sharing their mean, without sorting."""
    counts = np.bincount(places)
    shared: NDArray[np.float64] = np.take(np.cumsum(counts) - (counts - 1) / 2, places)
    return shared


def _pearson(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Of values that are not constant. A BLAS would share each product among threads, at a loss."""
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a * a).sum() * (b * b).sum())
    return float(np.clip((a * b).sum() / scale, -1, 1)) if scale > 0 else float("nan")
