"""Cells of one dataset, ranked, each pair tested, and groups that the tests cannot tell apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vqa.evaluation.statistics import holm


@dataclass(frozen=True)
class Leaderboard:
    """order: the cells by falling mean, those without one last; p: Holm-adjusted over all pairs, by rank, symmetric,
    NaN on the diagonal and where a pair has no test; letters: the groups of each rank, `ab`, or `a.aa` past 26 groups.
    """

    order: list[int]
    p: NDArray[np.float64]
    letters: list[str]


def leaderboard(means: ArrayLike, test: Callable[[int, int], float], alpha: float) -> Leaderboard:
    """Rank cells by `means`, higher is better. test: two-sided p of one cell against another, NaN where undefined.

    One family: all pairs. A pair without a test counts as not told apart.
    """
    values = np.asarray(means, float)
    order = [int(cell) for cell in np.argsort(-values, kind="stable")]
    pairs = list(combinations(range(len(order)), 2))
    p = np.full((len(order), len(order)), np.nan)
    found = holm(np.array([test(order[a], order[b]) for a, b in pairs]))
    for (a, b), adjusted in zip(pairs, found, strict=True):
        p[a, b] = p[b, a] = adjusted
    return Leaderboard(order, p, _letters(groups(p < alpha), len(order)))


def groups(differs: NDArray[np.bool_]) -> list[range]:
    """Maximal sets of consecutive ranks without a pair that differs; differs: (ranks, ranks), symmetric.

    Cells that share a group are never told apart. Two that share none may yet not be, where one between them differs
    from either: the matrix tells.
    """
    found: list[range] = []
    for first in range(len(differs)):
        end = first + 1
        while end < len(differs) and not differs[first:end, end].any():
            end += 1
        if not found or end > found[-1].stop:
            found.append(range(first, end))
    return found


def _letters(found: Sequence[range], ranks: int) -> list[str]:
    names = [_letter(number) for number in range(len(found))]
    between = "" if len(found) <= 26 else "."
    return [between.join(n for n, group in zip(names, found, strict=True) if rank in group) for rank in range(ranks)]


def _letter(number: int) -> str:
    """a to z, then aa, ab, ..."""
    more, last = divmod(number, 26)
    return (_letter(more - 1) if more else "") + chr(ord("a") + last)
