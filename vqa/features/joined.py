"""Features of several backbones side by side, aligned in time as they are read: no third shard is written.

The rows are those of the backbone that has most of them in the video, of equals the first named. Beside each stands,
of every other backbone, the row whose frames hold its first frame, the last such; where none does, the nearest one,
of two as near the earlier. Widths add, in the order of the names; types are promoted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqa.features.mapping import Mapped
from vqa.features.shards import Rows, Times


@dataclass(frozen=True)
class Joined:
    """Rows [T, D1 + D2 + ...] that are gathered when they are asked for; the parts stay mapped.

    parts: features [T_i, D_i]; places: [T] each, the row of the part that stands at each place.
    """

    parts: tuple[Mapped, ...]
    places: tuple[NDArray[np.int64], ...]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.places[0]), sum(part.shape[1] for part in self.parts)

    def __len__(self) -> int:
        return len(self.places[0])

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        """The chosen rows, an array of places; [n, D]."""
        return np.concatenate(
            [np.asarray(part)[at[rows]] for part, at in zip(self.parts, self.places, strict=True)], axis=1
        )

    def fetch(self) -> None:
        """As `Mapped.fetch`."""
        for part in self.parts:
            part.fetch()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)


def join(parts: Sequence[Rows], times: Sequence[Times]) -> Rows:
    """The rows of several shards of one video, at the rate of the finest."""
    finest = max(range(len(parts)), key=lambda number: len(parts[number].features))
    starts = times[finest].start
    places = tuple(nearest(starts, time) for time in times)
    return Rows(Joined(tuple(part.features for part in parts), places), parts[finest].rate)


def nearest(starts: NDArray[np.int64], times: Times) -> NDArray[np.int64]:
    """For each first frame of `starts` the row of `times` that holds it or is nearest; ascending both."""
    before = np.maximum(np.searchsorted(times.start, starts, side="right") - 1, 0)
    after = np.minimum(before + 1, len(times.start) - 1)
    since = starts - (times.start[before] + times.frames - 1)
    until = times.start[after] - starts
    return np.where(np.maximum(until, 0) < np.maximum(since, 0), after, before)
