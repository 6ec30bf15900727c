"""Do trainings agree on which videos a shuffle moves most?

A head that is not blind to order moves every video by something, so a mean shift above zero shows nothing. Noise
is what one training does: under the null hypothesis a run moves all its test videos alike, up to chance, and which of
them it moves most tells nothing of another run. The test asks whether runs agree more than that.

It is Friedman's test for blocks (runs) that are incomplete and unequal, since every seed draws its own test part:
within each run shifts become ranks, so that no run's own size of shift counts (as in Skillings and Mack, Technometrics
23:171-177, 1981), and the statistic is the mean rank correlation of two runs over the videos that both tested
(Kendall and Smith, Annals of Mathematical Statistics 10:275-287, 1939; Friedman's with complete blocks). Its null
distribution is the within-run permutation, exact at any size and for any numbers of tests a video, where the chi-square
approximation needs many. p = (1 + as large) / (1 + draws) is never too small (Phipson and Smyth, Statistical
Applications in Genetics and Molecular Biology 9:39, 2010).

Sizes are compared, not directions: where scores scatter more on some videos than on others, whatever moves them, runs
agree too. So agreement is no proof that order, and not noise of unequal size, moves a video.

Runs are trainings on overlapping parts of one dataset: what is found holds for heads trained on it, not for others'.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vqa.evaluation import metrics

DRAWS = 1999  # the smallest p is 0.0005: still below 0.05 after Holm over 100
ROUNDING = 1e-4  # of the MOS's std: what the same sum in another order may differ by
_SEED = 0
_AT_ONCE = 2_000_000  # values permuted at a time
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """agreement: mean rank correlation of two runs over videos that both tested, 0 by chance, 1 at most; pairs: tests
    of one video by two runs that it is the mean of; p: one-sided, of agreement by chance. NaN without pairs.
    """

    agreement: float
    pairs: int
    p: float


def agreement(values: ArrayLike, runs: ArrayLike, videos: ArrayLike, draws: int = DRAWS) -> Agreement:
    """Of values (n,), one for each test of a video by a run; runs, videos: (n,) labels.

    Raises `ValueError` where a run holds a video twice.
    """
    x, (run, video) = np.asarray(values, float), (np.unique(each, return_inverse=True)[1] for each in (runs, videos))
    if len(np.unique(np.stack([run, video]), axis=1).T) < len(x):
        raise ValueError("a run tests a video once")
    tests = np.bincount(video)
    pairs = int((tests * (tests - 1)).sum()) // 2
    if not pairs:
        return Agreement(np.nan, 0, np.nan)
    blocks = [(video[run == each], _standard_ranks(x[run == each])) for each in range(run.max() + 1)]
    own = sum(float(ranks @ ranks) for _, ranks in blocks)
    found = _sum_of_squares(blocks, len(tests), 1, None)[0]
    permuted = _permuted(blocks, len(tests), draws)
    as_large = int(np.sum(permuted >= found - 1e-9 * abs(found)))
    return Agreement(float(found - own) / (2 * pairs), pairs, (1 + as_large) / (1 + draws))


def blind(shifts: ArrayLike, mos: ArrayLike) -> bool:
    """Whether no score moves by more than sums in another order do."""
    return bool(np.max(np.abs(np.asarray(shifts, float)), initial=0.0) <= ROUNDING * np.std(np.asarray(mos, float)))


def _standard_ranks(values: Array) -> Array:
    """Ranks, ties sharing their mean, with mean 0 and variance 1; zeros where all are equal."""
    centred = metrics.ranks(values)
    centred -= centred.mean()
    spread = centred.std()
    return np.asarray(centred / spread if spread else centred)


def _permuted(blocks: list[tuple[NDArray[np.intp], Array]], videos: int, draws: int) -> Array:
    rng = np.random.default_rng(_SEED)
    size = max(1, _AT_ONCE // max(videos, 1))
    parts = [min(size, draws - first) for first in range(0, draws, size)]
    return np.concatenate([_sum_of_squares(blocks, videos, part, rng) for part in parts])


def _sum_of_squares(
    blocks: list[tuple[NDArray[np.intp], Array]], videos: int, draws: int, rng: np.random.Generator | None
) -> Array:
    """Of the videos' rank sums, shape (draws,); with `rng` each run's ranks are permuted anew in each draw.

    All that varies of the agreement: the sum over pairs is half of it, less what permutation keeps.
    """
    sums = np.zeros((draws, videos))
    for video, ranks in blocks:
        rows = np.broadcast_to(ranks, (draws, len(ranks)))
        sums[:, video] += rows if rng is None else rng.permuted(rows, axis=1)
    return np.asarray((sums**2).sum(axis=1))
