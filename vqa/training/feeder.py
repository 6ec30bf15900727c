"""Batches of a run: which frames of a video the head sees, in which order.

Frames are projected in natural order and only then put into the order the head sees, so that
features are read as they lie and shuffling costs nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqa.config import Run
from vqa.features.joined import Joined
from vqa.features.mapping import Mapped
from vqa.protocol.sampling import Order, frame_sequence, rate_of, stream
from vqa.temporal.pooling import rates_of
from vqa.training.items import Item
from vqa.training.store import Store, Streamed, send

_POOL = 16  # batches whose videos are sorted together: more pad less, fewer draw more freely


@dataclass(frozen=True)
class Batch:
    """frames: (N, D) chosen frames of all videos one after another, in natural order;
    position: (B, T) row of `frames` that the head sees at each step; lengths, labels: (B,);
    rates: (B,) frames that it sees a second.
    """

    frames: Tensor
    position: Tensor
    lengths: Tensor
    labels: Tensor
    rates: Tensor


class Feeder:
    """Makes batches of one run: which frames of a video, in which order.

    A batch is valid until the next one is made. store: where features come from; by default their files.
    """

    def __init__(self, run: Run, seed: int, order: Order, device: torch.device, store: Store | None = None):
        self.run, self.seed, self.order, self.device = run, seed, order, device
        self._store = store or Streamed(device)
        self._dtype: torch.dtype = getattr(torch, run.precision)

    def sequence(self, item: Item, training: bool, epoch: int, order: Order | None = None) -> NDArray[np.int64]:
        redraw = epoch if training and self.run.redraw == "epoch" else None
        k = self.run.sampler if training or self.run.sample_test else 0
        return frame_sequence(item.video_id, len(item.features), k, order or self.order, self.seed, redraw)

    def batch(self, items: Sequence[Item], training: bool = False, epoch: int = 0, order: Order | None = None) -> Batch:
        sequences = [self.sequence(item, training, epoch, order) for item in items]
        lengths = [len(sequence) for sequence in sequences]
        position = np.zeros((len(items), max(lengths)), np.int64)
        chosen, row = [], 0
        for number, (item, sequence) in enumerate(zip(items, sequences, strict=True)):
            ranks = np.argsort(sequence, kind="stable")
            chosen.append((item, sequence[ranks]))
            position[number, ranks] = np.arange(row, row + len(sequence))
            row += len(sequence)
        labels = torch.tensor([item.label for item in items], dtype=torch.float32)
        rates = rates_of([rate_of(item.rate, sequence) for item, sequence in zip(items, sequences, strict=True)])
        small = torch.from_numpy(position), torch.tensor(lengths), labels, rates
        return Batch(self._store.frames(chosen, self._dtype), *(send(tensor, self.device) for tensor in small))

    def epoch_batches(self, items: Sequence[Item], epoch: int) -> Iterator[Batch]:
        """The training set once, in an order drawn from the run's seed. While a batch is trained, the next is read."""
        drawn = [[items[i] for i in batch] for batch in self._draw([len(item.features) for item in items], epoch)]
        for chosen, following in zip(drawn, [*drawn[1:], []], strict=True):
            batch = self.batch(chosen, training=True, epoch=epoch)
            for item in following:
                if isinstance(item.features, Mapped | Joined):
                    item.features.fetch()
            yield batch

    def _draw(self, lengths: Sequence[int], epoch: int) -> list[NDArray[np.int64]]:
        """Which videos share a batch: of all the videos, drawn, or of some batches' worth of them by length."""
        rng, size = stream(self.seed, "batches", epoch), self.run.batch_size
        order = rng.permutation(len(lengths))
        if self.run.batches == "random":
            return _cut(order, size)
        pools = (pool[np.argsort(np.take(lengths, pool), kind="stable")] for pool in _cut(order, size * _POOL))
        batches = [batch for pool in pools for batch in _cut(pool, size)]
        return [batches[i] for i in rng.permutation(len(batches))]


def _cut(numbers: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [numbers[first : first + size] for first in range(0, len(numbers), size)]
