"""Studies whose truth is known: repeated random splits of one set of videos, conditions of known population SROCC.

A study draws videos with normal MOS. Every score is the MOS plus an error in three shares, all normal:
one that all conditions make on a video, one that a condition makes on it at every seed, and one of each training.
Splits overlap as real ones do, so that test sets share videos; `training` makes the size of a condition's
error depend on which videos it was trained on, so that training sets share something too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """srocc: expected SROCC of the baseline on a test part; shared, refit: shares of the error's variance that
    all conditions have in common, and that each training draws anew (the rest is a condition's own on a video);
    training: how far the size of a condition's error depends on which videos it was trained on, from 0; the std of
    its logarithm over training sets is training * sqrt(1 - shared), so that alike conditions are alike in this too.
    """

    videos: int = 240
    srocc: float = 0.8
    shared: float = 0.9
    refit: float = 0.03
    training: float = 0.05

    @property
    def sway(self) -> float:
        """Std of the logarithm of a condition's error over training sets."""
        return self.training * math.sqrt(1 - self.shared)

    @property
    def n_test(self) -> int:
        return (2 * self.videos + 5) // 10

    @property
    def n_train(self) -> int:
        return self.videos - 2 * self.n_test


def simulate(
    population: Population, differences: Sequence[float], seeds: int, studies: int, rng: np.random.Generator
) -> Array:
    """SROCC of the baseline and of a condition each difference from it, shape (studies, seeds, 1 + differences).

    Conditions and baseline are expected to differ by exactly `differences`.
    """
    wanted = [population.srocc + difference for difference in (0.0, *differences)]
    sizes = np.array([error_size(population, srocc) for srocc in wanted])
    return np.stack([_study(population, sizes, seeds, rng) for _ in range(studies)])


def expected_srocc(population: Population, size: float) -> float:
    """Of scores MOS + error, the error `size` times as wide as the MOS, on a test part of the population.

    Exact for normal variables: 6 / (pi (n + 1)) (asin r + (n - 2) asin(r / 2)) (Moran, Biometrika 35:203-206, 1948),
    averaged over what training does to the size.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    r = 1 / np.sqrt(1 + (size * np.exp(population.sway * nodes)) ** 2)
    n = population.n_test
    values = 6 / (np.pi * (n + 1)) * (np.arcsin(r) + (n - 2) * np.arcsin(r / 2))
    return float(values @ weights / weights.sum())


def error_size(population: Population, srocc: float) -> float:
    """The inverse of `expected_srocc`, by bisection; raises `ValueError` where there is none."""
    low, high = 0.0, 1e3
    if not expected_srocc(population, high) < srocc < expected_srocc(population, low):
        raise ValueError(f"no error gives an expected SROCC of {srocc}")
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expected_srocc(population, middle) > srocc else (low, middle)
    return (low + high) / 2


def with_spread(population: Population, spread: float, rng: np.random.Generator) -> Population:
    """The population whose equal conditions differ from seed to seed by a std of `spread`, set by the shared share.

    Refit and own errors keep their proportion. Raises `ValueError` for a spread that nothing shared cannot reach.
    """
    ratio = population.refit / (1 - population.shared)
    low, high = 0.0, 1.0
    for _ in range(12):
        shared = (low + high) / 2
        tried = _apart(population, shared, ratio)
        low, high = (shared, high) if _spread(tried, rng) > spread else (low, shared)
    if high < 0.01:
        raise ValueError(f"a spread of {spread} is more than {population.videos} videos give")
    return _apart(population, (low + high) / 2, ratio)


def _apart(population: Population, shared: float, ratio: float) -> Population:
    return Population(population.videos, population.srocc, shared, (1 - shared) * ratio, population.training)


def _spread(population: Population, rng: np.random.Generator) -> float:
    values = simulate(population, [0.0], 10, 200, rng)
    variance = (values[..., 1] - values[..., 0]).var(axis=1, ddof=1).mean()
    return float(np.sqrt(variance))


def _study(population: Population, sizes: Array, seeds: int, rng: np.random.Generator) -> Array:
    """SROCC, shape (seeds, conditions)."""
    n, n_test, n_train = population.videos, population.n_test, population.n_train
    own = max(0.0, 1 - population.shared - population.refit)
    order = rng.random((seeds, n)).argsort(axis=1)
    test, train = order[:, :n_test], order[:, n - n_train :]
    mos = rng.standard_normal(n)
    shared = np.sqrt(population.shared) * rng.standard_normal(n)
    errors = shared + np.sqrt(own) * rng.standard_normal((len(sizes), n))
    influence = rng.standard_normal((len(sizes), n)) / np.sqrt(n_train)
    wider = np.exp(population.sway * influence[:, train].sum(axis=2))  # (conditions, seeds)
    refit = np.sqrt(population.refit) * rng.standard_normal((len(sizes), seeds, n_test))
    scores = mos[test] + (sizes[:, None] * wider)[..., None] * (errors[:, test] + refit)
    return _srocc(scores, mos[test]).T


def _srocc(scores: Array, mos: Array) -> Array:
    """Spearman's correlation over the last axis of values without ties."""
    ranks, truth = (values.argsort(axis=-1).argsort(axis=-1).astype(float) for values in (scores, mos))
    n = truth.shape[-1]
    return np.asarray(1 - 6 * ((ranks - truth) ** 2).sum(axis=-1) / (n * (n * n - 1)))
