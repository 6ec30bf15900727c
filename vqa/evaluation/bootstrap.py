"""Metrics of one test set over resampled videos: what tests need where all runs share their test videos.

The videos are drawn with replacement, the same draws for every run on the same videos, so that differences are paired.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vqa.evaluation.metrics import MIN_VIDEOS, fit_logistic, pearson, srocc

DRAWS = 400  # they estimate a standard error to within 3.5 %
_SEED = 0


def resampled(scores: ArrayLike, mos: ArrayLike, draws: int = DRAWS) -> dict[str, NDArray[np.float64]]:
    """SROCC, PLCC, KROCC and RMSE of a run on each draw of its test videos, shape (draws,) each; NaN where undefined.

    scores, mos: (n,), in one order of the videos for all runs. PLCC and RMSE keep the mapping of the whole test set.
    """
    from scipy.stats import kendalltau

    o, s = np.asarray(scores, float), np.asarray(mos, float)
    n = len(o)
    values = {name: np.full(draws, np.nan) for name in ("srocc", "plcc", "krocc", "rmse")}
    if n < MIN_VIDEOS or not (np.isfinite(o).all() and np.isfinite(s).all()) or np.ptp(o) == 0 or np.ptp(s) == 0:
        return values
    fit = fit_logistic(o, s)
    mapped = fit.map(o)
    rng = np.random.default_rng(_SEED)
    for draw in range(draws):
        chosen = rng.integers(0, n, n)
        truth = s[chosen]
        if np.ptp(truth) == 0 or np.ptp(o[chosen]) == 0:
            continue
        values["srocc"][draw] = srocc(o[chosen], truth)
        values["plcc"][draw] = fit.sign * pearson(mapped[chosen], truth)
        values["krocc"][draw] = kendalltau(o[chosen], truth).statistic
        values["rmse"][draw] = np.sqrt(np.mean((mapped[chosen] - truth) ** 2))
    return values
