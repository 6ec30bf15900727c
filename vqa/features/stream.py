"""Video to feature sequence, streamed: decode | network | pool | shard.

A decoder thread feeds the network through a bounded queue and runs on into the next video while
the last one is written. No clip is ever held whole, and neither is its feature sequence.
"""

import queue
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqa.backbones import create
from vqa.backbones.extractor import Extractor
from vqa.config import BackboneSettings, Extraction
from vqa.features.clips import Batch, Clip, Failed, Watched, batches
from vqa.manifest import Video
from vqa.system.errors import UserError

Item = TypeVar("Item")
_QUEUE = 3


class Features:
    """The pooled rows of one video, spooled to disk: T rows of D values.

    folder: of the spool, beside the shard; the system's for temporary files by default. dtype: of the shard.
    """

    def __init__(self, folder: Path | None = None, dtype: str = "float32"):
        self.dtype = np.dtype(dtype)
        self.dim = 0
        self.starts: list[int] = []
        self.largest = 0.0  # of the rows' magnitudes, before they take the shard's type; infinite for NaN
        self._folder = Path(folder or tempfile.gettempdir())
        with self._named():
            self._folder.mkdir(parents=True, exist_ok=True)
            self.spool: IO[bytes] = tempfile.TemporaryFile(dir=self._folder)

    def append(self, rows: NDArray[np.float32], starts: list[int]) -> None:
        self.dim = rows.shape[1]
        self.starts += starts
        self.largest = max(self.largest, float(np.abs(rows).max())) if np.isfinite(rows).all() else float("inf")
        with self._named(), np.errstate(over="ignore"):
            self.spool.write(np.ascontiguousarray(rows, self.dtype).data)

    def chunks(self, rows: int = 1024) -> Iterator[NDArray[Any]]:
        with self._named():
            self.spool.seek(0)
        while data := self.spool.read(rows * self.dim * self.dtype.itemsize):
            yield np.frombuffer(bytearray(data), self.dtype).reshape(-1, self.dim)  # writable, as torch wants it

    def close(self) -> None:
        with suppress(OSError):  # what a full disk did not take is told by `append` or `chunks`
            self.spool.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """An error of the disk names the folder."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._folder)) from None


def stored(features: Features, video: Video, storage: str) -> Iterator[NDArray[Any]]:
    """The rows as a shard of type `storage` holds them; raises `UserError` where they are not finite."""
    if not np.isfinite(features.largest):
        raise UserError(f"{video.path}: its features are not finite; set extraction.precision: float32")
    if features.largest > float(np.finfo(storage).max):
        raise UserError(
            f"{video.path}: its features, up to {features.largest:.3g}, do not fit {storage}; "
            "set extraction.storage: float32"
        )
    for rows in features.chunks():
        yield rows.astype(storage, copy=False)


def stream(
    videos: Iterable[Video],
    extractor: Extractor,
    decoder: str,
    memory_mb: int,
    every: int = 1,
    spool: Callable[[], Features] = Features,
    watched: Watched = iter,
) -> Iterator[tuple[Clip, Features] | Failed]:
    """Extract each video in turn; one that cannot be decoded comes as `Failed`.

    The features of a video are valid until the next one is asked for. every: K, of every K-th frame
    or cube only. watched: looks on as a decoder gives frames.
    """
    launch = launcher(extractor)
    features = spool()
    found = prefetch(
        (each for video in videos for each in batches(video, extractor, decoder, memory_mb, every, watched)), _QUEUE
    )
    launched = ((each.starts, launch(each.items)) if isinstance(each, Batch) else each for each in found)
    for each in one_behind(launched):
        if isinstance(each, tuple):
            starts, rows = each
            features.append(rows.cpu().numpy(), starts)
            continue
        yield each if isinstance(each, Failed) else (each, features)
        features.close()
        features = spool()


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
