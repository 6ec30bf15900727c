"""Video to feature sequence, streamed: decode | network | pool | shard.

Decoders, a thread and a video each, feed the network through one bounded queue and run on into the next
videos while others are written. No clip is ever held whole, and neither is its feature sequence.
"""

import tempfile
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from vqa.backbones import create
from vqa.backbones.extractor import Extractor
from vqa.config import BackboneSettings, Extraction
from vqa.features.clips import Batch, Clip, Failed, Watched, batches
from vqa.features.network import QUEUE, Network, Rows
from vqa.features.prefetch import prefetch
from vqa.manifest import Video
from vqa.system.errors import RunError, UserError

Item = TypeVar("Item")
Watching = Callable[[int, int, Video], AbstractContextManager[Watched]]


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
    network: Network,
    decoder: str,
    every: int = 1,
    spool: Callable[[], Features] = Features,
    watching: Watching = lambda slot, number, video: nullcontext(iter),
) -> Iterator[tuple[Clip, Features] | Failed]:
    """Extract videos, so many at once as the network has decoders: each as it ends, `Failed` if it does not decode.

    A batch holds items of one video, so its features are the same beside any others. They are valid until the
    next video is asked for. every: K, of every K-th frame or cube only. watching: (which decoder, number of the
    video, video) to who looks on as frames are decoded.
    """
    left = deque(enumerate(videos))

    def decoded(number: int, video: Video, slot: int) -> Iterator[Batch | Clip | Failed]:
        try:
            with watching(slot, number, video) as watched:
                yield from batches(video, network, decoder, every, watched)
        except (UserError, RunError) as error:
            yield Failed(video, error)

    found = prefetch([_decoder(left, partial(decoded, slot=slot)) for slot in range(network.decoders)], QUEUE)
    launched = (item and (item[0], _launched(item[1], network)) for item in found)
    spools: defaultdict[int, Features] = defaultdict(spool)
    try:
        for number, each in one_behind(launched):
            if isinstance(each, tuple):
                starts, rows = each
                spools[number].append(rows(), starts)
                continue
            yield each if isinstance(each, Failed) else (each, spools[number])
            if number in spools:
                spools.pop(number).close()
    finally:
        for features in spools.values():
            features.close()


def _decoder(
    left: deque[tuple[int, Video]], decoded: Callable[[int, Video], Iterator[Batch | Clip | Failed]]
) -> Iterator[tuple[int, Batch | Clip | Failed]]:
    """What one thread does: the next video of those that are `left`, until none is."""
    torch.set_num_threads(1)  # of this thread: the decoders share the cores among themselves
    while left:
        try:
            number, video = left.popleft()
        except IndexError:  # another decoder was quicker
            return
        for each in decoded(number, video):
            yield number, each


def _launched(each: Batch | Clip | Failed, network: Network) -> tuple[list[int], Rows] | Clip | Failed:
    if not isinstance(each, Batch):
        return each
    rows = network(each.items)
    network.give_back(each.items)
    return each.starts, rows


def one_behind(items: Iterable[Item | None]) -> Iterator[Item]:
    """Each item once the next one has been made, or none comes: a GPU always has work when a result is fetched."""
    previous: Item | None = None
    for item in items:
        if previous is not None:
            yield previous
        previous = item
    if previous is not None:
        yield previous


def load_extractor(
    name: str, weights: Path, settings: BackboneSettings, extraction: Extraction, device: str
) -> Extractor:
    """The extractor, optimised, on the torch device `device`."""
    torch.set_num_threads(extraction.threads)
    torch.get_num_threads()  # a thread takes the number when it first asks: a decoder's would come in between
    # float32 means float32: CUDA's convolutions would round their input to TF32's 10 bits.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    extractor = create(name, weights, settings.cube_input, settings.node, settings.class_token)
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
