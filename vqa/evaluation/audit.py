"""The metrics that papers print of one test set, as each of them computes it, and the epochs that protocols keep."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vqa.evaluation.metrics import evaluate, fit_logistic5, pearson

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Audited:
    """plcc_raw: without a mapping; plcc_4, plcc_5: after VQEG's logistics; rmse_z: of scores brought to the mean and
    std of the MOS; rmse_fit: after the 4-parameter logistic. NaN where undefined.
    """

    srocc: float
    plcc_raw: float
    plcc_4: float
    plcc_5: float
    rmse_z: float
    rmse_fit: float


AUDITED = tuple(each.name for each in fields(Audited))


def audited(scores: ArrayLike, mos: ArrayLike) -> Audited:
    """Of one run on one test set; never raises on degenerate predictions."""
    o, s = np.asarray(scores, float), np.asarray(mos, float)
    known = evaluate(o, s)
    if np.isnan(known.srocc):
        return Audited(*[float("nan")] * len(AUDITED))
    fit = fit_logistic5(o, s)
    rescaled = (o - o.mean()) / o.std() * s.std() + s.mean()
    return Audited(
        srocc=known.srocc,
        plcc_raw=known.plcc_raw,
        plcc_4=known.plcc,
        plcc_5=fit.sign * pearson(fit.map(o), s),
        rmse_z=float(np.sqrt(np.mean((rescaled - s) ** 2))),
        rmse_fit=known.rmse,
    )


PROTOCOLS = ("validated", "last epoch", "best epoch on test", "each metric's own best on test")


def kept(reached: Array, srocc: Array, protocol: str, validated: int, smaller: bool = False) -> float:
    """What a protocol reports of one run. reached, srocc: by epoch, (epochs,); validated: the place of the epoch that
    validation chose; smaller: whether less of the metric is better. NaN where nothing is defined.
    """
    if protocol == "validated":
        return float(reached[validated])
    if protocol == "last epoch":
        return float(reached[-1])
    if protocol == "best epoch on test":
        return float(reached[np.nanargmax(srocc)]) if np.isfinite(srocc).any() else float("nan")
    if not np.isfinite(reached).any():
        return float("nan")
    return float(np.nanmin(reached) if smaller else np.nanmax(reached))
