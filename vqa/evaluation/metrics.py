"""SROCC, KROCC, PLCC and RMSE, the latter two after VQEG's 4-parameter logistic.

scipy is imported where it is used: a training needs `srocc` only, and starts in half the time.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vqa.evaluation.fitting import least_squares

MIN_VIDEOS = 3


@dataclass(frozen=True)
class Logistic:
    """A fitted mapping from scores to MOS.

    status: `logistic`; `linear` where the logistic did not converge to a better fit than a line.
    sign: -1 where the mapping falls, which turns an inverse relation into a direct one; else 1.
    """

    status: str
    map: Callable[[np.ndarray], np.ndarray]
    sign: int = 1


@dataclass(frozen=True)
class Metrics:
    """NaN where undefined; `fit_status` then says why: constant, non-finite or too-few.

    plcc: after the mapping, with the sign that the mapping took away: negative where it falls.
    """

    n_test: int
    srocc: float
    plcc: float
    krocc: float
    rmse: float
    plcc_raw: float
    fit_status: str


_Curve = Callable[..., np.ndarray]


def logistic(o: np.ndarray, t1: float, t2: float, t3: float, t4: float) -> np.ndarray:
    """f(o) = (t1 - t2) / (1 + exp(-(o - t3) / t4)) + t2 (Fang et al., equation 1)."""
    return (t1 - t2) / (1 + np.exp(-np.clip((o - t3) / t4, -500, 500))) + t2


def _slopes(o: np.ndarray, t1: float, t2: float, t3: float, t4: float) -> np.ndarray:
    """The derivatives of `logistic` by its parameters, (n, 4)."""
    x = np.clip((o - t3) / t4, -500, 500)
    rise = 1 / (1 + np.exp(-x))
    steep = (t1 - t2) * rise * (1 - rise) / t4
    return np.stack([rise, 1 - rise, -steep, -steep * x], axis=1)


class _Line:
    """The least-squares line of MOS on standardised scores `z`, which a fitted curve must not be worse than.

    error: its sum of squares. Raises `ValueError` for constant scores.
    """

    def __init__(self, scores: np.ndarray, mos: np.ndarray):
        o, self.mos = np.asarray(scores, float), np.asarray(mos, float)
        self._mean, self._std = o.mean(), o.std()
        if not self._std > 0:
            raise ValueError("constant scores cannot be mapped")
        self.z = self.standardise(o)
        centre, offset = self.z.mean(), self.mos.mean()
        slope = np.sum((self.z - centre) * (self.mos - offset)) / np.sum((self.z - centre) ** 2)
        intercept = offset - slope * centre
        self.error = float(np.sum((slope * self.z + intercept - self.mos) ** 2))
        sign = 1 if slope >= 0 else -1
        self.mapping = Logistic("linear", lambda x: slope * (np.asarray(x) - self._mean) / self._std + intercept, sign)

    def standardise(self, scores: np.ndarray) -> np.ndarray:
        return np.asarray((np.asarray(scores) - self._mean) / self._std)

    def outdone_by(self, curve: _Curve, slopes: _Curve, start: list[float]) -> np.ndarray | None:
        """The parameters of `curve` that fit best, found from `start`; None where they fit worse than the line."""
        if len(self.mos) < len(start):
            return None
        with np.errstate(all="ignore"):
            fitted, error = least_squares(lambda b: curve(self.z, *b) - self.mos, lambda b: slopes(self.z, *b), start)
        return fitted if error <= self.error * (1 + 1e-9) else None


def fit_logistic(scores: np.ndarray, mos: np.ndarray) -> Logistic:
    """Fit the logistic from the paper's start values, on standardised scores.

    Nearly straight scores leave its ends undecided, and the fit creeps: after 1,000 steps it is taken as it is. Where
    nothing better than the least-squares line is found, the line is kept. Raises `ValueError` for constant scores.
    """
    line = _Line(scores, mos)
    fitted = line.outdone_by(logistic, _slopes, [line.mos.max(), line.mos.min(), 0.0, 0.25])
    if fitted is None:
        return line.mapping
    rises = (fitted[0] - fitted[1]) * fitted[3] >= 0
    return Logistic("logistic", lambda x: logistic(line.standardise(x), *fitted), 1 if rises else -1)


def logistic5(o: np.ndarray, b1: float, b2: float, b3: float, b4: float, b5: float) -> np.ndarray:
    """f(o) = b1 (1/2 - 1 / (1 + exp(b2 (o - b3)))) + b4 o + b5 (VQEG; Sheikh et al., TIP 15:3440-3451, 2006)."""
    return b1 * (0.5 - 1 / (1 + np.exp(np.clip(b2 * (o - b3), -500, 500)))) + b4 * o + b5


def _slopes5(o: np.ndarray, b1: float, b2: float, b3: float, b4: float, b5: float) -> np.ndarray:
    """The derivatives of `logistic5` by its parameters, (n, 5)."""
    fall = 1 / (1 + np.exp(np.clip(b2 * (o - b3), -500, 500)))
    steep = b1 * fall * (1 - fall)
    return np.stack([0.5 - fall, steep * (o - b3), -steep * b2, o, np.ones_like(o)], axis=1)


def fit_logistic5(scores: np.ndarray, mos: np.ndarray) -> Logistic:
    """Fit the 5-parameter logistic on standardised scores, as `fit_logistic` does. sign: that of the line."""
    line = _Line(scores, mos)
    sign, s = line.mapping.sign, line.mos
    fitted = line.outdone_by(logistic5, _slopes5, [sign * np.ptp(s), 1.0, 0.0, 0.0, s.mean()])
    if fitted is None:
        return line.mapping
    return Logistic("logistic", lambda x: logistic5(line.standardise(x), *fitted), sign)


def srocc(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation; NaN where either side is constant or not finite."""
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("nan")
    return pearson(ranks(a), ranks(b))


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ties sharing their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation; NaN where either side is constant or not finite."""
    if not (np.isfinite(a).all() and np.isfinite(b).all() and np.ptp(a) > 0 and np.ptp(b) > 0):
        return float("nan")  # the mean of equal numbers may be none of them
    a, b = np.asarray(a, float) - np.mean(a), np.asarray(b, float) - np.mean(b)
    scale = np.sqrt(np.sum(a * a) * np.sum(b * b))  # a BLAS would add in another order on another number of threads
    return float(np.clip(np.sum(a * b) / scale, -1, 1)) if scale > 0 else float("nan")


def evaluate(scores: np.ndarray, mos: np.ndarray) -> Metrics:
    """All metrics of one run on one test set; never raises on degenerate predictions."""
    o, s = np.asarray(scores, float), np.asarray(mos, float)
    if o.shape != s.shape or o.ndim != 1:
        raise ValueError(f"scores {o.shape} and mos {s.shape} must be vectors of equal length")
    undefined = ""
    if not (np.isfinite(o).all() and np.isfinite(s).all()):
        undefined = "non-finite"
    elif len(o) < MIN_VIDEOS:
        undefined = "too-few"
    elif np.ptp(o) == 0 or np.ptp(s) == 0 or not o.std() > 0:
        undefined = "constant"
    if undefined:
        nan = float("nan")
        return Metrics(len(o), nan, nan, nan, nan, nan, undefined)
    from scipy.stats import kendalltau

    fit = fit_logistic(o, s)
    mapped = fit.map(o)
    return Metrics(
        n_test=len(o),
        srocc=srocc(o, s),
        plcc=fit.sign * pearson(mapped, s),
        krocc=float(kendalltau(o, s).statistic),
        rmse=float(np.sqrt(np.mean((mapped - s) ** 2))),
        plcc_raw=pearson(o, s),
        fit_status=fit.status,
    )
