"""HDF5 feature shards: one file a video and backbone, contiguous so that it can be memory-mapped.

`features` (T, D) float16 or float32, `start` (T,) first frame of each row, and attributes that
say what made them. A reader verifies what it relies on and names the file that fails.

The one time base: frames of the video, in display order from 0. A row stands at its first frame; seconds are frames
over `fps`, so that rows at equal steps come at fps / (clip length * every) a second.
"""

import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqa.features.mapping import HINT, Mapped, Place, Room
from vqa.protocol.sampling import rate_of
from vqa.system.errors import MEND, UserError
from vqa.system.files import atomic, reaching
from vqa.system.isolation import guarded, guarded_each

os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")  # locks fail on many NFS mounts


@dataclass(frozen=True)
class Rows:
    """features (T, D), in the file until they are read; rate: rows a second, None where the frame rate is not known."""

    features: Any  # Mapped, or what is gathered as one: `vqa.features.joined`
    rate: float | None


@dataclass(frozen=True)
class Times:
    """start: (T,) first frame of each row; frames: that a row sees."""

    start: NDArray[np.int64]
    frames: int


def write(
    path: Path,
    chunks: Iterable[NDArray[Any]],
    shape: tuple[int, int],
    dtype: str,
    start: Sequence[int] | NDArray[np.int64],
    attributes: Mapping[str, Any],
) -> str:
    """Write a shard atomically from chunks of rows ([n, D] each, T rows in all).

    Returns the checksum of the data as stored (first 16 hex digits of its SHA-256).
    """
    import h5py

    hasher = hashlib.sha256()
    with atomic(path) as part, h5py.File(part, "w") as file:
        data = file.create_dataset("features", shape=shape, dtype=dtype)
        row = 0
        for chunk in chunks:
            stored = np.ascontiguousarray(chunk, dtype=dtype)
            data[row : row + len(stored)] = stored
            hasher.update(stored.data)
            row += len(stored)
        if row != shape[0]:
            raise ValueError(f"{path}: got {row} rows, expected {shape[0]}")
        file["start"] = np.asarray(start, np.int64)
        checksum = hasher.hexdigest()[:16]
        file.attrs.update({**attributes, "checksum": checksum})
    return checksum


def attributes(path: str | Path) -> dict[str, Any]:
    """The attributes of a shard; raises `UserError` when it is missing or no shard."""
    return guarded(_attributes, path, hint=HINT)


def attributes_of(paths: Sequence[Path], names: Sequence[str] = ()) -> list[dict[str, Any] | UserError]:
    """`attributes` of each, those of `names` alone if given, or why they cannot be had: missing or damaged."""
    return list(guarded_each(_attributes, paths, names, hint=HINT))


def _attributes(path: str | Path, names: Sequence[str] = ()) -> dict[str, Any]:
    if not names:
        with _open(path) as file:
            return {name: _plain(value) for name, value in file.attrs.items()}
    with _open_id(path) as file:
        return {name: value for name in names if (value := _attribute(file, name)) is not None}


def read(path: str | Path) -> tuple[NDArray[Any], dict[str, Any]]:
    """The features (T, D) in memory, checksum verified, and the attributes."""
    mapped = memory_map(path)
    return np.array(mapped), attributes(path)


def memory_map(path: str | Path) -> NDArray[Any]:
    """The features (T, D) mapped from the file: parallel jobs share one copy in the page cache."""
    return memory_maps([Path(path)])[0]


def memory_maps(paths: Sequence[Path], checksums: Sequence[str] = ()) -> list[NDArray[Any]]:
    """`memory_map` of each; with `checksums`, raises `UserError` for a shard that holds other features."""
    return [rows.features.rows() for rows in rows_of(paths, checksums)]


def rows_of(paths: Sequence[Path], checksums: Sequence[str] = (), megabytes: int = 0) -> list[Rows]:
    """The features of each shard and their rate; of the features so many `megabytes` may stay mapped, 0 for all.

    Raises `UserError` for a shard that is missing or damaged or, with `checksums`, holds other features.
    """
    found, room = [], Room(megabytes)
    for number, (path, place) in enumerate(zip(paths, guarded_each(_place, paths, hint=HINT), strict=True)):
        if isinstance(place, UserError):
            raise place
        if checksums and place.checksum != checksums[number]:
            raise UserError(f"{path}: is not the shard that was indexed; run `{MEND}`")
        found.append(Rows(Mapped(path, place, room), place.rate))
    return found


def times_of(paths: Sequence[Path]) -> list[Times]:
    """When the rows of each shard are."""
    found = []
    for times in guarded_each(_times, paths, hint=HINT):
        if isinstance(times, UserError):
            raise times
        found.append(times)
    return found


def _times(path: str | Path) -> Times:
    with _open(path) as file:
        return Times(file["start"][:], int(file.attrs["clip_length"]))


def _place(path: str | Path) -> Place:
    from h5py import h5d

    with _open_id(path) as file:
        data, checksum = h5d.open(file, b"features"), _attribute(file, "checksum")
        if checksum is None:
            raise KeyError("checksum")
        return Place(data.get_offset(), data.shape, data.dtype, checksum, _rate(file))


def _rate(file: Any) -> float | None:
    """Rows a second, from the frame rate and the first frame of each row."""
    from h5py import Dataset, h5d

    fps = float(_attribute(file, "fps") or -1.0)
    return rate_of(fps, Dataset(h5d.open(file, b"start"))[:]) if 0 < fps < math.inf else None


def _attribute(file: Any, name: str) -> Any:
    """Of an open HDF5 file's identifier; None where it has none of that name."""
    from h5py import h5a

    if not h5a.exists(file, name.encode()):
        return None
    found = h5a.open(file, name.encode())
    value = np.empty(found.shape, found.dtype)
    found.read(value)
    text = value[()]
    return text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else _plain(text)


@contextmanager
def _open(path: str | Path) -> Iterator[Any]:
    import h5py

    with _told(path), h5py.File(path, "r") as file:
        yield file


@contextmanager
def _open_id(path: str | Path) -> Iterator[Any]:
    """The file's identifier alone: of thousands of shards, h5py's objects cost more time than the files."""
    from h5py import h5f

    with _told(path):
        file = h5f.open(os.fsencode(path), h5f.ACC_RDONLY)
        try:
            yield file
        finally:
            file.close()


@contextmanager
def _told(path: str | Path) -> Iterator[None]:
    """What may be wrong with a shard, in one line."""
    try:
        with reaching(path):
            yield
    except FileNotFoundError:
        raise UserError(f"{path}: this shard is missing; run `{MEND}`") from None
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError):
        raise UserError(f"{path}: is not a readable shard; {HINT}") from None


def _plain(value: Any) -> Any:
    """Python's own type; of an array, such as a damaged file may hold, a tuple: it compares as one value."""
    if isinstance(value, np.ndarray):
        return tuple(value.ravel().tolist())
    return value.item() if isinstance(value, np.generic) else value
