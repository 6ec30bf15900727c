"""Video to feature sequence, streamed: decode | network | pool | shard.

A decoder thread feeds the network through a bounded queue and runs on into the next video while
the last one is written. No clip is ever held whole, and neither is its feature sequence.
"""

import queue
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vqa.backbones import create
from vqa.backbones.extractor import Extractor
from vqa.config import BackboneSettings, Extraction
from vqa.errors import UserError
from vqa.files import sha256
from vqa.manifest import Video
from vqa.video import Decoded, Header, open_video

MIN_DECODED = 0.9  # of the container's frame count; fewer means a truncated file
_QUEUE = 3


@dataclass(frozen=True)
class Source:
    """The state of the file that was decoded."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass
class Clip:
    """A video on its way through: its header, then batches, then the counts."""

    video: Video
    header: Header | None = None
    decoded: Decoded | None = None
    decoder: str = ""
    source: Source | None = None
    error: UserError | None = None


@dataclass
class Features:
    """The pooled rows of one video, spooled to disk: T rows of D float32 values."""

    spool: Any
    dim: int = 0
    starts: list[int] = field(default_factory=list)

    def append(self, rows: np.ndarray, starts: list[int]) -> None:
        self.dim = rows.shape[1]
        self.starts += starts
        self.spool.write(np.ascontiguousarray(rows, np.float32))

    def chunks(self, rows: int = 1024) -> Iterator[np.ndarray]:
        self.spool.seek(0)
        while data := self.spool.read(rows * self.dim * 4):
            yield np.frombuffer(data, np.float32).reshape(-1, self.dim)


def cubes(frames: Iterable[np.ndarray], length: int) -> Iterator[tuple[int, np.ndarray]]:
    """(first frame, item): single frames for length 1, else cubes (length, H, W, 3).

    A tail shorter than a cube becomes the video's last `length` frames, as the paper's sampler
    does; a video shorter than one cube repeats its last frame.
    """
    if length == 1:
        yield from enumerate(frames)
        return
    window: list[np.ndarray] = []
    count = 0
    for count, frame in enumerate(frames, start=1):
        window = [*window[-(2 * length - 1) :], frame]
        if count % length == 0:
            yield count - length, np.stack(window[-length:])
    if count % length:
        last = window[-length:]
        last += [last[-1]] * (length - len(last))
        yield max(count - length, 0), np.stack(last)


def stream(
    videos: Iterable[Video], extractor: Extractor, decoder: str, memory_mb: int
) -> Iterator[tuple[Clip, Features]]:
    """Extract each video in turn; a video that cannot be decoded comes with `clip.error` set.

    The features of a video are valid until the next one is asked for.
    """
    launch = launcher(extractor)
    features = Features(tempfile.TemporaryFile())
    batches = prefetch(_batches(videos, extractor, decoder, memory_mb), _QUEUE)
    launched = ((clip, starts, None if items is None else launch(items)) for clip, starts, items in batches)
    for clip, starts, rows in one_behind(launched):
        if rows is not None:
            features.append(rows.cpu().numpy(), starts)
            continue
        yield clip, features
        features.spool.close()
        features = Features(tempfile.TemporaryFile())


def one_behind(items: Iterable[Any]) -> Iterator[Any]:
    """Each item once the next one has been made: a GPU always has work when a result is fetched."""
    items = iter(items)
    for previous in items:
        for item in items:
            yield previous
            previous = item
        yield previous


def _batches(
    videos: Iterable[Video], extractor: Extractor, decoder: str, memory_mb: int
) -> Iterator[tuple[Clip, list[int], np.ndarray | None]]:
    """Batches of each video, then (clip, [], None) at its end. Runs in the decoder's thread."""
    for video in videos:
        clip = Clip(video)
        try:
            yield from _video_batches(clip, extractor, decoder, memory_mb)
        except UserError as error:
            clip.error = error
        yield clip, [], None


def _video_batches(
    clip: Clip, extractor: Extractor, decoder: str, memory_mb: int
) -> Iterator[tuple[Clip, list[int], np.ndarray]]:
    path = Path(clip.video.path)
    before = _identity(path)  # ahead of opening: a file replaced in between is noticed too
    reader = open_video(clip.video, decoder)
    try:
        clip.header, clip.decoder = reader.header, f"{reader.name} {reader.version}"
        frames = (extractor.prepare(frame) for frame in reader.frames())
        starts: list[int] = []
        items: list[np.ndarray] = []
        size = None
        for start, item in cubes(frames, extractor.clip_length):
            size = size or extractor.batch_size(item.shape[-3] * item.shape[-2], memory_mb)
            starts.append(start)
            items.append(item)
            if len(items) == size:
                yield clip, starts, np.stack(items)
                starts, items = [], []
        if items:
            yield clip, starts, np.stack(items)
        clip.decoded = reader.decoded
        _check_complete(clip)
        clip.source = Source(*before[:2], sha256(path))
        if _identity(path) != before:
            raise UserError(f"{path}: was replaced while it was read; run again")
    finally:
        reader.close()


def _identity(path: Path) -> tuple[int, int, int]:
    """(size, mtime in ns, inode); zeros for a file that is not there, which `open_video` reports."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_size, status.st_mtime_ns, status.st_ino


def _check_complete(clip: Clip) -> None:
    decoded, container = clip.decoded.frames, clip.header.frames
    if decoded == 0:
        raise UserError(f"{clip.video.path}: holds no video frames; download it again or exclude it")
    if container and decoded < MIN_DECODED * container:
        raise UserError(
            f"{clip.video.path}: only {decoded} of {container} frames decode, the file seems truncated; "
            "download it again or exclude it"
        )


def prefetch(source: Iterator[Any], depth: int) -> Iterator[Any]:
    """Run `source` in a thread, at most `depth` items ahead; its exceptions surface here."""
    items: queue.Queue = queue.Queue(maxsize=depth)
    stopped = threading.Event()
    end = object()

    def put(item: Any) -> bool:
        while not stopped.is_set():
            try:
                items.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in source:
                if not put((item, None)):
                    return
            put((end, None))
        except BaseException as error:
            put((end, error))

    thread = threading.Thread(target=work, name="decoder", daemon=True)
    thread.start()
    try:
        while True:
            item, error = items.get()
            if error is not None:
                raise error
            if item is end:
                return
            yield item
    finally:
        stopped.set()
        thread.join()


def launcher(extractor: Extractor) -> Callable[[np.ndarray], torch.Tensor]:
    """The extractor as a function of a uint8 batch. On a GPU it returns before the result is there:
    the next batch is copied, on a stream of its own, while this one is computed.
    """
    device = extractor.mean.device
    if device.type != "cuda":
        return lambda items: extractor(torch.from_numpy(items))
    copies = torch.cuda.Stream(device)

    def launch(items: np.ndarray) -> torch.Tensor:
        computing = torch.cuda.current_stream(device)
        with torch.cuda.stream(copies):
            batch = torch.from_numpy(items).pin_memory().to(device, non_blocking=True)
        computing.wait_stream(copies)
        batch.record_stream(computing)  # its memory is not reused before it was read
        return extractor(batch)

    return launch


def load_extractor(
    name: str, weights: Path, settings: BackboneSettings, extraction: Extraction, device: str
) -> Extractor:
    """The extractor, optimised, on the torch device `device`."""
    torch.set_num_threads(extraction.threads)
    extractor = create(name, weights, settings.cube_input, settings.node)
    return extractor.optimise(resolve_precision(extraction.precision, device)).to(device)


def resolve_precision(precision: str, device: str) -> torch.dtype:
    """auto: bfloat16 where the hardware multiplies it natively, else float16 on CUDA, else float32."""
    if precision != "auto":
        return getattr(torch, precision)
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32
