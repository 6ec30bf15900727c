"""The decoder's side of extraction: a video as batches of frames or cubes, then what was found of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqa.backbones.extractor import Extractor
from vqa.manifest import Video
from vqa.system.errors import UserError
from vqa.system.files import sha256
from vqa.video import Decoded, Header, open_video
from vqa.video.reader import Frame

MIN_DECODED = 0.9  # of the container's frame count; fewer means a truncated file


@dataclass(frozen=True)
class Source:
    """The state of the file that was decoded."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Clip:
    """A video that decoded to its end."""

    video: Video
    header: Header
    decoded: Decoded
    decoder: str
    source: Source


@dataclass(frozen=True)
class Failed:
    """A video that could not be decoded, and why."""

    video: Video
    error: UserError


@dataclass(frozen=True)
class Batch:
    """items: uint8 frames [B, H, W, 3] or cubes [B, L, H, W, 3]; starts: first frame of each."""

    starts: list[int]
    items: NDArray[np.uint8]


def batches(video: Video, extractor: Extractor, decoder: str, memory_mb: int) -> Iterator[Batch | Clip | Failed]:
    """The batches of a video, then its `Clip`, or `Failed` in place of what does not decode."""
    try:
        yield from _decode(video, extractor, decoder, memory_mb)
    except UserError as error:
        yield Failed(video, error)


def _decode(video: Video, extractor: Extractor, decoder: str, memory_mb: int) -> Iterator[Batch | Clip]:
    path = Path(video.path)
    before = _identity(path)  # ahead of opening: a file replaced in between is noticed too
    reader = open_video(video, decoder)
    try:
        _check_size(path, reader.header, extractor.smallest)
        frames = (extractor.prepare(frame) for frame in reader.frames())
        starts: list[int] = []
        items: list[Frame] = []
        size = None
        for start, item in cubes(frames, extractor.clip_length):
            size = size or extractor.batch_size(item.shape[-3] * item.shape[-2], memory_mb)
            starts.append(start)
            items.append(item)
            if len(items) == size:
                yield Batch(starts, np.stack(items))
                starts, items = [], []
        if items:
            yield Batch(starts, np.stack(items))
        _check_complete(path, reader.header, reader.decoded)
        source = Source(*before[:2], sha256(path))
        if _identity(path) != before:
            raise UserError(f"{path}: was replaced while it was read; run again")
        yield Clip(video, reader.header, reader.decoded, f"{reader.name} {reader.version}", source)
    finally:
        reader.close()


def cubes(frames: Iterable[Frame], length: int) -> Iterator[tuple[int, Frame]]:
    """(first frame, item): single frames for length 1, else cubes (length, H, W, 3).

    A tail shorter than a cube becomes the video's last `length` frames, as the paper's sampler
    does; a video shorter than one cube repeats its last frame.
    """
    if length == 1:
        yield from enumerate(frames)
        return
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
    """(size, mtime in ns, inode); zeros for a file that is not there, which `open_video` reports."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_size, status.st_mtime_ns, status.st_ino


def _check_size(path: Path, header: Header, smallest: int) -> None:
    if min(header.width, header.height) < smallest:
        raise UserError(
            f"{path}: its frames of {header.width}x{header.height} are too small for the network, which takes "
            f"{smallest} pixels a side and more; exclude it or choose another backbone"
        )


def _check_complete(path: Path, header: Header, decoded: Decoded) -> None:
    if decoded.frames == 0:
        raise UserError(f"{path}: holds no video frames; download it again or exclude it")
    if header.frames and decoded.frames < MIN_DECODED * header.frames:
        raise UserError(
            f"{path}: only {decoded.frames} of {header.frames} frames decode, the file seems truncated; "
            "download it again or exclude it"
        )
