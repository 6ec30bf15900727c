"""The network's side of extraction: batches of a size that fits, copied in and out while others are computed."""

import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqa.backbones.extractor import Extractor
from vqa.system.errors import RunError

log = logging.getLogger("vqa")
QUEUE = 3  # batches that wait for the network
Rows = Callable[[], NDArray[np.float32]]
_SHARE = 0.8  # of a card's free memory: the rest is the libraries' own, and what fragments


class Network:
    """An extractor fed with batches of uint8 frames or cubes.

    memory_mb: of host memory; on the CPU for activations, beside a GPU for the batches that wait. gpu_mb: of the
    card's memory for activations, 0 for most of what is free. decoders: that fill batches side by side.
    """

    def __init__(self, extractor: Extractor, memory_mb: int, gpu_mb: int = 0, decoders: int = 1):
        self.extractor, self.decoders = extractor, decoders
        self.device = extractor.mean.device
        self._on_gpu = self.device.type == "cuda"
        self._memory_mb = memory_mb
        self._activations_mb = (gpu_mb or _free_mb(self.device)) if self._on_gpu else memory_mb
        self._spare: deque[Tensor] = deque()
        self._most = 0  # items that fit, once more did not
        cuda: Any = torch.cuda  # its streams have no types
        self._copies = cuda.Stream(self.device) if self._on_gpu else None

    @property
    def clip_length(self) -> int:
        return self.extractor.clip_length

    def batch_size(self, pixels: int) -> int:
        """Items whose frames have so many pixels."""
        size = self.extractor.batch_size(pixels, self._activations_mb)
        if self._on_gpu:
            each = 3 * pixels * self.clip_length * (self.decoders + QUEUE)
            size = max(1, min(size, int(self._memory_mb * 1e6 // each)))
        return size

    def room(self, item: tuple[int, ...]) -> Tensor:
        """For a batch of such items, in memory that a GPU copies from by itself. Called in a decoder's thread."""
        shape = self.batch_size(item[-3] * item[-2]), *item
        with suppress(IndexError):
            if (spare := self._spare.popleft()).shape == shape:
                return spare
        return torch.empty(shape, dtype=torch.uint8, pin_memory=self._on_gpu)

    def give_back(self, room: Tensor) -> None:
        """A batch that was computed: fresh memory is paid for page by page, but for what torch itself keeps pinned."""
        if not self._on_gpu:
            self._spare.append(room)

    def __call__(self, batch: Tensor) -> Rows:
        """Launch a batch; what is returned waits for its rows (B, D). On a GPU the next one may be launched before."""
        fetched: list[Rows] = []
        done = 0
        while done < len(batch):
            part = batch[done : done + (self._most or len(batch))]
            try:
                fetched.append(self._launch(part))
            except torch.OutOfMemoryError:
                fits = False  # the error holds what did not fit until it is dealt with
            else:
                fits, done = True, done + len(part)
            if not fits:
                self._halve(len(part))
        return fetched[0] if len(fetched) == 1 else lambda: np.concatenate([rows() for rows in fetched])

    def _halve(self, items: int) -> None:
        if items == 1:
            raise RunError("one frame does not fit the GPU's memory; is it shared? Try again, or use device cpu")
        self._most = items // 2
        log.warning("%d frames do not fit the GPU's memory: going on with %d at once", items, self._most)
        torch.cuda.empty_cache()

    def _launch(self, part: Tensor) -> Rows:
        if not self._on_gpu:
            rows = self.extractor(part)
            return lambda: rows.numpy()
        cuda: Any = torch.cuda
        computing = cuda.current_stream(self.device)
        with cuda.stream(self._copies):
            there = part.to(self.device, non_blocking=True)
        computing.wait_stream(self._copies)
        there.record_stream(computing)  # its memory is not reused before it was read
        rows = self.extractor(there)
        here = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
        here.copy_(rows, non_blocking=True)
        ready = cuda.Event()
        ready.record(computing)  # behind this batch, ahead of the next

        def fetch() -> NDArray[np.float32]:
            ready.synchronize()
            return here.numpy()

        return fetch


def _free_mb(device: torch.device) -> int:
    free, _ = torch.cuda.mem_get_info(device)
    return int(free * _SHARE / 1e6)
