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
from typing import IO, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqa.backbones import create
from vqa.backbones.extractor import Extractor
from vqa.config import BackboneSettings, Extraction
from vqa.features.clips import Batch, Clip, Failed, batches
from vqa.manifest import Video
from vqa.system.errors import UserError

Item = TypeVar("Item")
_QUEUE = 3


@dataclass
class Features:
    """The pooled rows of one video, spooled to disk: T rows of D float32 values."""

    spool: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    dim: int = 0
    starts: list[int] = field(default_factory=list)

    def append(self, rows: NDArray[np.float32], starts: list[int]) -> None:
        self.dim = rows.shape[1]
        self.starts += starts
        self.spool.write(np.ascontiguousarray(rows, np.float32).data)

    def chunks(self, rows: int = 1024) -> Iterator[NDArray[np.float32]]:
        self.spool.seek(0)
        while data := self.spool.read(rows * self.dim * 4):
            yield np.frombuffer(data, np.float32).reshape(-1, self.dim)


def stored(features: Features, video: Video, storage: str) -> Iterator[NDArray[Any]]:
    """The rows as a shard of type `storage` holds them; raises `UserError` where they are not finite."""
    for rows in features.chunks():
        with np.errstate(over="ignore"):
            kept = rows.astype(storage)
        if not np.isfinite(rows).all():
            raise UserError(f"{video.path}: its features are not finite; set extraction.precision: float32")
        if not np.isfinite(kept).all():
            raise UserError(
                f"{video.path}: its features, up to {np.abs(rows).max():.3g}, do not fit {storage}; "
                "set extraction.storage: float32"
            )
        yield kept


def stream(
    videos: Iterable[Video], extractor: Extractor, decoder: str, memory_mb: int
) -> Iterator[tuple[Clip, Features] | Failed]:
    """Extract each video in turn; one that cannot be decoded comes as `Failed`.

    The features of a video are valid until the next one is asked for.
    """
    launch = launcher(extractor)
    features = Features()
    found = prefetch((each for video in videos for each in batches(video, extractor, decoder, memory_mb)), _QUEUE)
    launched = ((each.starts, launch(each.items)) if isinstance(each, Batch) else each for each in found)
    for each in one_behind(launched):
        if isinstance(each, tuple):
            starts, rows = each
            features.append(rows.cpu().numpy(), starts)
            continue
        yield each if isinstance(each, Failed) else (each, features)
        features.spool.close()
        features = Features()


def one_behind(items: Iterable[Item]) -> Iterator[Item]:
    """Each item once the next one has been made: a GPU always has work when a result is fetched."""
    items = iter(items)
    for previous in items:
        for item in items:
            yield previous
            previous = item
        yield previous


def prefetch(source: Iterator[Item], depth: int) -> Iterator[Item]:
    """Run `source` in a thread, at most `depth` items ahead; its exceptions surface here."""
    items: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(maxsize=depth)
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


def launcher(extractor: Extractor) -> Callable[[NDArray[np.uint8]], Tensor]:
    """The extractor as a function of a uint8 batch. On a GPU it returns before the result is there:
    the next batch is copied, on a stream of its own, while this one is computed.
    """
    apply: Callable[[Tensor], Tensor] = extractor
    device = extractor.mean.device
    if device.type != "cuda":
        return lambda items: apply(torch.from_numpy(items))
    cuda: Any = torch.cuda  # its streams have no types
    copies = cuda.Stream(device)

    def launch(items: NDArray[np.uint8]) -> Tensor:
        computing = cuda.current_stream(device)
        with cuda.stream(copies):
            batch = torch.from_numpy(items).pin_memory().to(device, non_blocking=True)
        computing.wait_stream(copies)
        batch.record_stream(computing)  # its memory is not reused before it was read
        return apply(batch)

    return launch


def load_extractor(
    name: str, weights: Path, settings: BackboneSettings, extraction: Extraction, device: str
) -> Extractor:
    """The extractor, optimised, on the torch device `device`."""
    torch.set_num_threads(extraction.threads)
    # float32 means float32: CUDA's convolutions would round their input to TF32's 10 bits.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    extractor = create(name, weights, settings.cube_input, settings.node)
    return extractor.optimise(resolve_precision(extraction.precision, device)).to(device)


def resolve_precision(precision: str, device: str) -> torch.dtype:
    """auto: bfloat16 where the hardware multiplies it natively, else float16 on CUDA, else float32."""
    if precision != "auto":
        named: torch.dtype = getattr(torch, precision)
        return named
    if device == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32
