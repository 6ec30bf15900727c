"""The fit of the logistics: as good as scipy's, and the same bits whatever lies in memory."""

import numpy as np
import pytest
from scipy import optimize

from vqa.evaluation import metrics
from vqa.evaluation.fitting import least_squares
from vqa.evaluation.metrics import fit_logistic, fit_logistic5, logistic, logistic5


def rated(rng, n: int, steepness: float, noise: float):
    """MOS and the scores of a model that bends them."""
    mos = rng.uniform(1, 5, n)
    return 1 / (1 + np.exp(-(mos - 3) * steepness)) + noise * rng.normal(size=n), mos


@pytest.mark.parametrize("steepness", [0.3, 1, 3])
@pytest.mark.parametrize("n", [40, 240])
def test_no_fit_is_worse_than_that_of_scipy_with_all_its_patience(n, steepness):
    rng = np.random.default_rng(n)
    for noise in (0.02, 0.1, 0.3):
        scores, mos = rated(rng, n, steepness, noise)
        z = (scores - scores.mean()) / scores.std()
        best = optimize.least_squares(
            lambda b, z=z, mos=mos: logistic(z, *b) - mos,
            [mos.max(), mos.min(), 0, 0.25], method="trf", xtol=1e-12, ftol=1e-12, gtol=1e-12, max_nfev=5000,
        )  # fmt: skip
        error = np.sum((fit_logistic(scores, mos).map(scores) - mos) ** 2)
        assert error <= 2 * best.cost * (1 + 2e-5)


def test_five_parameters_fit_as_well_as_those_of_minpack_on_average():
    """On noisy scores both end in one of many optima."""
    rng = np.random.default_rng(5)
    apart = []
    for n in (40, 117, 240):
        for noise in [0.1, 0.3, 0.5, 0.8, 1.5] * 3:
            scores = rng.normal(size=n)
            mos = 60 + 15 * (scores + noise * rng.normal(size=n))
            z, start = (scores - scores.mean()) / scores.std(), [np.ptp(mos), 1, 0, 0, mos.mean()]
            theirs = optimize.least_squares(
                lambda b, z=z, mos=mos: logistic5(z, *b) - mos, start, method="lm", max_nfev=2000
            )
            ours = np.sum((fit_logistic5(scores, mos).map(scores) - mos) ** 2)
            apart.append((ours - 2 * theirs.cost) / np.sum((mos - mos.mean()) ** 2))
    assert np.mean(apart) < 2e-4
    assert np.mean(np.array(apart) > 0.01) < 0.05


@pytest.mark.parametrize(
    ("curve", "slopes", "parameters"),
    [(logistic, metrics._slopes, (4.5, 1.2, 0.4, 0.7)), (logistic5, metrics._slopes5, (3.0, 1.5, 0.3, 0.2, 2.0))],
)
def test_slopes_are_those_of_the_curve(curve, slopes, parameters):
    z = np.linspace(-2, 2, 9)
    expected = optimize.approx_fprime(np.array(parameters), lambda b: curve(z, *b), 1e-7)
    np.testing.assert_allclose(slopes(z, *parameters), expected, atol=1e-5)


def test_the_same_numbers_have_the_same_fit_whatever_lies_in_memory():
    """On noise, where curves degenerate. scipy's MINPACK fails this for some 4 of the 100."""
    rng = np.random.default_rng(11)
    drawn = [(rng.normal(size=n) * 20, rng.normal(size=n) * 20) for n in (5, 6, 10, 20, 47) for _ in range(20)]
    found: list[bytes] = []
    for again in range(3):
        litter = []
        for scores, mos in drawn:
            litter += [np.full(rng.integers(1, 200), rng.normal()) for _ in range(rng.integers(1, 6))]
            if again % 2:
                litter.clear()
            found.append(fit_logistic(scores.copy(), mos.copy()).map(scores).tobytes())
    assert found[: len(drawn)] == found[len(drawn) : 2 * len(drawn)] == found[2 * len(drawn) :]


def test_parameters_that_do_nothing_stay_where_they_are():
    x = np.arange(5.0)
    found, error = least_squares(lambda b: 2 * x - b[0] * x, lambda b: np.stack([-x, np.zeros(5)], axis=1), [0.0, 7.0])
    assert error == pytest.approx(0, abs=1e-18)
    np.testing.assert_allclose(found, [2, 7])


def test_an_error_that_is_not_finite_is_no_fit():
    _, error = least_squares(lambda b: np.full(3, np.nan), lambda b: np.ones((3, 1)), [1.0])
    assert np.isnan(error)
