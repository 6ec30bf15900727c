"""Where the features of a run's batches come from: resident on the device, or streamed to it batch by batch."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqa.training.items import Item

log = logging.getLogger("vqa")
_SHARE = 0.6  # of the free memory that is a job's own: the rest is for activations
_BLOCK_ROWS = 32
Chosen = Sequence[tuple[Item, NDArray[np.int64]]]


class Store(Protocol):
    def frames(self, chosen: Chosen, dtype: torch.dtype) -> Tensor:
        """The chosen rows of each video, one video after another: (N, D) on the device, in the projection's type.

        Valid until the next call. chosen: videos, and rows of each in ascending order.
        """


class Streamed:
    """Features go from the shards' memory map straight into a buffer in the projection's type.

    Beside a GPU there are two, in memory that it copies from by itself: one is filled while the other is copied.
    """

    def __init__(self, device: torch.device):
        self._device = device
        self._on_gpu = device.type == "cuda"
        cuda: Any = torch.cuda  # its streams have no types
        self._copies = cuda.Stream(device) if self._on_gpu else None
        self._copied: list[Any] = [cuda.Event(), cuda.Event()] if self._on_gpu else []
        self._buffers = [torch.empty(0, 0) for _ in range(2 if self._on_gpu else 1)]

    def frames(self, chosen: Chosen, dtype: torch.dtype) -> Tensor:
        if self._on_gpu:
            self._buffers.reverse()
            self._copied.reverse()
            self._copied[0].synchronize()
        rows = self._rows(sum(len(places) for _, places in chosen), chosen[0][0].features.shape[1], dtype)
        first = 0
        for item, places in chosen:
            stored = np.asarray(item.features)
            taken = stored if len(places) == len(stored) else stored[places]
            _convert(torch.from_numpy(taken), rows[first : first + len(places)])
            first += len(places)
        return self._send(rows) if self._on_gpu else rows

    def _rows(self, rows: int, dim: int, dtype: torch.dtype) -> Tensor:
        if len(self._buffers[0]) < rows or self._buffers[0].dtype != dtype:
            self._buffers[0] = torch.empty(rows, dim, dtype=dtype, pin_memory=self._on_gpu)
        return self._buffers[0][:rows]

    def _send(self, rows: Tensor) -> Tensor:
        cuda: Any = torch.cuda
        computing = cuda.current_stream(self._device)
        with cuda.stream(self._copies):
            there = send(rows, self._device)
            self._copied[0].record()
        computing.wait_stream(self._copies)
        there.record_stream(computing)
        return there


class Resident:
    """All features of a run, as they are stored, once and for all on the device; batches are gathered there."""

    def __init__(self, items: Sequence[Item], device: torch.device):
        self._device = device
        kind = torch.from_numpy(np.asarray(items[0].features)[:0]).dtype
        rows = sum(len(item.features) for item in items)
        self._rows = torch.empty(rows, items[0].features.shape[1], dtype=kind, device=device)
        self._first: dict[str, int] = {}
        first = 0
        for item in items:
            self._first[item.video_id] = first
            self._rows[first : first + len(item.features)] = torch.from_numpy(np.asarray(item.features))
            first += len(item.features)

    def frames(self, chosen: Chosen, dtype: torch.dtype) -> Tensor:
        places = np.concatenate([places + self._first[item.video_id] for item, places in chosen])
        return self._rows.index_select(0, send(torch.from_numpy(places), self._device)).to(dtype)


def resident(items: Iterable[Sequence[Item]], device: str, sharers: int) -> Resident | None:
    """The items' features on the GPU, if this job's share of its free memory holds them. sharers: jobs of a GPU."""
    if device != "cuda":
        return None
    every = [item for members in items for item in members]
    free, total = torch.cuda.mem_get_info()
    room = _SHARE * min(free, total / sharers)
    width = np.asarray(every[0].features).itemsize * every[0].features.shape[1]
    needed = width * sum(len(item.features) for item in every)
    if needed > room:
        log.info("features of %.1f GB stream to the GPU: there is room for %.1f", needed / 1e9, room / 1e9)
        return None
    try:
        kept = Resident(every, torch.device(device))
    except torch.OutOfMemoryError:
        log.warning("features of %.1f GB do not fit the GPU, which is shared: they stream to it", needed / 1e9)
        torch.cuda.empty_cache()
        return None
    log.info("features of %.1f GB stay on the GPU", needed / 1e9)
    return kept


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """A copy on the device, which waits for nothing; all that goes there while a head is trained goes this way."""
    if device.type != "cuda":
        return tensor
    return (tensor if tensor.is_pinned() else tensor.pin_memory()).to(device, non_blocking=True)


def _convert(stored: Tensor, frames: Tensor) -> None:
    """Copy rows into the projection's precision. torch's float16 to bfloat16 is scalar code; by way
    of float32, in blocks that stay in the cache, the same values come 2.5 times as fast.
    """
    if (stored.dtype, frames.dtype) != (torch.float16, torch.bfloat16):
        frames.copy_(stored)
        return
    for source, target in zip(torch.split(stored, _BLOCK_ROWS), torch.split(frames, _BLOCK_ROWS), strict=True):
        target.copy_(source.float())
