"""The decoder's side of extraction: a video as batches of frames or cubes, then what was found of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from vqa.features.network import Network
from vqa.manifest import Video
from vqa.system.errors import RunError, UserError
from vqa.system.files import sha256
from vqa.video import Decoded, Header, causes, open_video
from vqa.video.reader import MIN_DECODED, Frame, frames_per_second, incomplete
from vqa.video.source import out_of_reach, status

Watched = Callable[[Iterator[Frame | None]], Iterator[Frame | None]]


@dataclass(frozen=True)
class Source:
    """The state of the file that was decoded."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Clip:
    """A video that decoded to its end. causes: what makes its pixels differ from version 0.1's (`vqa.video.causes`)."""

    video: Video
    header: Header
    decoded: Decoded
    decoder: str
    source: Source
    causes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fps(self) -> float | None:
        return frames_per_second(self.header, self.decoded)


@dataclass(frozen=True)
class Failed:
    """A video without features, and why: bad (`UserError`), or out of reach (`RunError`), and nothing known of it."""

    video: Video
    error: UserError | RunError


@dataclass(frozen=True)
class Batch:
    """items: uint8 frames [B, H, W, 3] or cubes [B, L, H, W, 3]; starts: first frame of each."""

    starts: list[int]
    items: Tensor


def batches(
    video: Video,
    network: Network,
    decoder: str,
    every: int = 1,
    watched: Watched = iter,
) -> Iterator[Batch | Clip]:
    """The batches of a video, then its `Clip`. every: K, of every K-th frame or cube only; all frames are decoded.

    Raises `UserError` for what does not decode, `RunError` for what is out of reach.
    """
    path, extractor = Path(video.path), network.extractor
    before = _identity(path)  # ahead of opening: a file replaced in between is noticed too
    why = causes(video)
    reader = open_video(video, decoder)
    try:
        _check_size(path, reader.header, extractor.smallest)
        length = extractor.clip_length
        decoded = watched(reader.frames(every if length == 1 else 1))
        frames = (frame if frame is None else extractor.prepare(frame) for frame in decoded)
        yield from _filled(chosen(frames, length, every), network, path)
        if bad := incomplete(path, reader.header, reader.decoded, MIN_DECODED):
            raise bad
        source = Source(*before[:2], _sha256(path))
        if _identity(path) != before:
            raise RunError(f"{path}: was replaced while it was read; run again")
        yield Clip(video, reader.header, reader.decoded, f"{reader.name} {reader.version}", source, why)
    finally:
        reader.close()


def _filled(found: Iterable[tuple[int, Frame]], network: Network, path: Path) -> Iterator[Batch]:
    starts: list[int] = []
    for start, item in found:
        if not starts:
            items = network.room(item.shape)
            places = items.numpy()
        _require_alike(item, places, path)
        places[len(starts)] = item  # while it is in the cache
        starts.append(start)
        if len(starts) == len(items):
            yield Batch(starts, items)
            starts = []
    if starts:
        yield Batch(starts, items[: len(starts)])


def chosen(frames: Iterable[Frame | None], length: int, every: int) -> Iterator[tuple[int, Frame]]:
    """(first frame, item) of every `every`-th item: a frame for length 1, else a cube (length, H, W, 3).

    A cube keeps its consecutive frames, as its network was trained on them: what is left out are whole cubes.
    """
    if length == 1:
        yield from ((start, frame) for start, frame in enumerate(frames) if frame is not None)
    else:
        yield from islice(cubes((frame for frame in frames if frame is not None), length), None, None, every)


def cubes(frames: Iterable[Frame], length: int) -> Iterator[tuple[int, Frame]]:
    """(first frame, cube): all cubes (length, H, W, 3) of a video, one after another.

    A tail shorter than a cube becomes the video's last `length` frames, as the paper's sampler
    does; a video shorter than one cube repeats its last frame.
    """
    window: list[Frame] = []
    count = 0
    for count, frame in enumerate(frames, start=1):
        window = [*window[-(2 * length - 1) :], frame]
        if count % length == 0:
            yield count - length, np.stack(window[-length:])
    if count % length:
        last = window[-length:]
        last += [last[-1]] * (length - len(last))
        yield max(count - length, 0), np.stack(last)


def _identity(path: Path) -> tuple[int, int, int]:
    """(size, mtime in ns, inode); raises as `open_video`."""
    found = status(path)
    return found.st_size, found.st_mtime_ns, found.st_ino


def _sha256(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise out_of_reach(path, error) from None


def _require_alike(item: Frame, places: Frame, path: Path) -> None:
    if item.dtype != np.uint8 or item.shape != places.shape[1:]:
        shape, first = (" x ".join(map(str, each)) for each in (item.shape, places.shape[1:]))
        raise UserError(
            f"{path}: the network's `prepare` gives {item.dtype} of {shape}, where uint8 of {first} is needed; "
            "scale values in its forward"
        )


def _check_size(path: Path, header: Header, smallest: int) -> None:
    if min(header.width, header.height) < smallest:
        raise UserError(
            f"{path}: its frames of {header.width}x{header.height} are too small for the network, which takes "
            f"{smallest} pixels a side and more; exclude it or choose another backbone"
        )
