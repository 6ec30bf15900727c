"""Features that stay in their files until they are read: as many at once as memory and the system allow."""

import hashlib
import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vqa.system.errors import MEND, UserError
from vqa.system.files import reaching

HINT = f"delete it and run `{MEND}`"
_OTHER_FILES = 256  # that a process opens beside its shards
_MAPS = 32_768  # half of what Linux gives a process


class Place(NamedTuple):
    """Where a shard's features lie in its file, what they are, and their rows a second if known."""

    offset: int | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    checksum: str
    rate: float | None


class Room:
    """For features that stay mapped. Each map keeps its file open, and a process may open only so many."""

    def __init__(self, megabytes: int = 0):
        """megabytes: of features that may stay mapped; 0: all."""
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._maps = (min(files, _MAPS) if files >= 0 else _MAPS) - _OTHER_FILES
        self._bytes = megabytes * 10**6 or None

    def take(self, size: int) -> bool:
        """Whether there is room for so many bytes, which then is taken."""
        if self._maps <= 0 or (self._bytes is not None and self._bytes < size):
            return False
        self._maps -= 1
        if self._bytes is not None:
            self._bytes -= size
        return True


class Mapped:
    """The features (T, D) of one shard. `numpy.asarray` maps them, and verifies them the first time.

    Where `room` is left they stay mapped; else they are for as long as the array is in use, so that a set of shards
    larger than the memory is read from the disk again and again, and nothing of it is held.
    """

    def __init__(self, path: Path, place: Place, room: Room):
        """Raises `UserError` for a shard that cannot be mapped."""
        if place.offset is None or len(place.shape) != 2:
            raise UserError(f"{path}: is not a contiguous feature shard; {HINT}")
        self.path, self.shape = path, place.shape
        self._place, self._offset, self._room = place, place.offset, room
        self._size = place.dtype.itemsize * place.shape[0] * place.shape[1]
        self._verified = False
        self._kept: NDArray[Any] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.rows(), dtype) if copy else np.asarray(self.rows(), dtype)

    def rows(self) -> NDArray[Any]:
        """Raises `UserError` for a shard that changed or is damaged, `RunError` for one out of reach."""
        return self._map() if self._kept is None else self._kept

    def fetch(self) -> None:
        """Have the system read them in the background, if they are not mapped: soon they will be."""
        if self._kept is None:
            with suppress(OSError), open(self.path, "rb", buffering=0) as file:  # who reads them will say
                os.posix_fadvise(file.fileno(), self._offset, self._size, os.POSIX_FADV_WILLNEED)

    def _map(self) -> NDArray[Any]:
        try:
            # Copy-on-write: as shared as read-only, and torch takes it without complaint.
            with reaching(self.path):
                rows = np.memmap(self.path, self._place.dtype, "c", self._offset, self.shape)
        except (ValueError, OSError):
            raise UserError(f"{self.path}: is truncated; {HINT}") from None
        if not self._verified and hashlib.sha256(rows.data).hexdigest()[:16] != self._place.checksum:
            raise UserError(f"{self.path}: its data do not match their checksum; {HINT}")
        self._verified = True
        if self._room.take(self._size):
            self._kept = rows
        return rows
