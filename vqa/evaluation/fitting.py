"""Nonlinear least squares of a few parameters, to the same bits in every process, on any number of threads.

scipy's MINPACK (1.17.1) is not: where a curve degenerates, to a step or to a line, the same call with the same numbers
takes another step now and then. scipy's other methods add in a BLAS, whose sums change with its threads.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_FIRST, _LEAST, _MOST = 1e-3, 1e-12, 1e10  # damping, relative to the curvature along each parameter
_GAIN = 1e-9  # of the squared error, below which a step tells nothing
_IDLE = 3
_FADING = 10  # of the scale at each step: kept for good, as More does, it holds back the steps along a valley


def least_squares(
    residuals: Callable[[Array], Array], jacobian: Callable[[Array], Array], start: Sequence[float], steps: int = 1000
) -> tuple[Array, float]:
    """The parameters and their sum of squares, by Levenberg's and Marquardt's method (scaled as in More, Lecture Notes
    in Mathematics 630:105-116, 1978, but that scales fade).

    residuals: of p parameters, (n,); jacobian: its derivatives, (n, p). A fit that still creeps after `steps` is taken
    as it is. The sum is not finite where that of `start` is not.
    """
    parameters = np.asarray(start, float)
    missed = residuals(parameters)
    error, damping, idle = float(np.sum(missed**2)), _FIRST, 0
    scale = np.zeros(len(parameters))
    for _ in range(steps):
        slopes = jacobian(parameters)
        # Sums of numpy's own: a BLAS would add in another order on another number of threads.
        downhill = -np.sum(slopes * missed[:, None], axis=0)
        curvature = np.einsum("ni,nj->ij", slopes, slopes)
        scale = np.maximum(scale / _FADING, np.diag(curvature))
        found = _step(parameters, residuals, error, downhill, curvature, np.where(scale > 0, scale, 1), damping)
        if found is None:
            break
        parameters, missed, damping = found
        before, error = error, float(np.sum(missed**2))
        idle = idle + 1 if before - error <= _GAIN * error else 0
        if idle == _IDLE:
            break
        damping = max(damping / 8, _LEAST)
    return parameters, error


def _step(
    parameters: Array,
    residuals: Callable[[Array], Array],
    error: float,
    downhill: Array,
    curvature: Array,
    scale: Array,
    damping: float,
) -> tuple[Array, Array, float] | None:
    """The next parameters, their residuals, and the damping at which they are no worse; None where nothing is."""
    while damping < _MOST:
        try:
            other = parameters + np.linalg.solve(curvature + damping * np.diag(scale), downhill)
            missed = residuals(other)
            if np.sum(missed**2) <= error:
                return other, missed, damping
        except np.linalg.LinAlgError:
            pass
        damping *= 4
    return None
