"""What an epoch of training sends to a GPU and launches there, counted on the CPU by the code that would do it.

The times of two cards that follow from the counts are computed, not measured: each is the least that one limit allows.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.benchmarks.measure import Results
from tests.benchmarks.training import DIM, make_study
from vqa.config import Run
from vqa.features.index import read_index
from vqa.manifest import read_manifest
from vqa.protocol.splits import split
from vqa.temporal.gru import _Recurrence
from vqa.training import feeder, store
from vqa.training.fit import create_head, train_epoch, validate
from vqa.training.items import load_items
from vqa.training.optimiser import Adam

_NO_KERNEL = {"empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "_unsafe_view", "detach"}
_LAUNCH = 4e-6  # seconds that one takes at least, called from Python


@dataclass(frozen=True)
class Card:
    """bus, memory: bytes a second; float32: products and sums a second, without TF32."""

    name: str
    bus: float
    memory: float
    float32: float


# PCIe 5.0 and 4.0 with 16 lanes, as far as copies reach; the rest from NVIDIA's data sheets.
CARDS = (Card("H100 SXM", 50e9, 3.35e12, 67e12), Card("RTX 4090", 25e9, 1.01e12, 82.6e12))


class Counter(TorchDispatchMode):
    """operations: those that a GPU runs, one kernel each or more; sent: bytes copied to it."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.sent = 0
        self._paused = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        plain = func.is_view or func._schema.name.removeprefix("aten::") in _NO_KERNEL
        self.operations += not (plain or self._paused)
        return func(*args, **(kwargs or {}))

    def send(self, tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
        self.sent += tensor.nbytes
        return tensor

    def aside(self, function: Callable[..., Any], counts: int) -> Callable[..., Any]:
        """The function, whose operations count as so many."""

        def call(*args: Any) -> Any:
            self.operations += counts
            self._paused = True
            try:
                return function(*args)
            finally:
                self._paused = False

        return call

    @contextmanager
    def as_on_a_gpu(self) -> Iterator[None]:
        """A GRU is one call of cuDNN each way; rows are converted by the CPU before they are sent."""
        ways = {name: staticmethod(self.aside(getattr(_Recurrence, name), 1)) for name in ("forward", "backward")}
        with ExitStack() as patches:
            patches.enter_context(patch.multiple(_Recurrence, **ways))
            patches.enter_context(patch.object(store, "_convert", self.aside(store._convert, 0)))
            for module in (feeder, store):
                patches.enter_context(patch.object(module, "send", self.send))
            yield


def count(root: Path, results: Results, videos: int, rows: int) -> None:
    """An epoch of VSFA's head in batches of 16, validation included: features streamed, and resident."""
    study = make_study(root, videos, rows)
    listed = read_manifest(study / "manifest.csv")
    items, _ = load_items(listed, read_index(study / "index.csv"), split(listed, 0), "dataset")
    every = [item for members in items.values() for item in members]
    cpu = torch.device("cpu")
    name = f"epoch of {videos} x {rows} x {DIM}, batch 16, float32"
    for kept in (None, store.Resident(every, cpu)):
        run, counter = Run(lr=1e-4), Counter()
        head = create_head(run, 0, DIM)
        feeding = feeder.Feeder(run, 0, "O", cpu, kept)
        optimiser = Adam(head.parameters())
        with counter.as_on_a_gpu(), counter:
            losses = train_epoch(head, optimiser, feeding.epoch_batches(items["train"], 1), 1e-4)
            validate(head, feeding, items["val"], 1, 1, 0.0)
        if kept is None:
            read = sum(len(item.features) for part in ("train", "val") for item in items[part])
            counter.sent += read * DIM * 4  # `Streamed` sends its buffer itself
        how = "streamed" if kept is None else "resident"
        results.add(f"{name}, {how}: MB sent; operations", f"{counter.sent / 1e6:.1f}; {counter.operations}")
        flops = 2 * DIM * 128 * rows * (2 * len(items["train"]) + len(items["val"]))
        moved = DIM * rows * (len(items["train"]) * 18 + len(items["val"]) * 14)  # gathered, converted, read
        for card in CARDS:
            parts = counter.sent / card.bus, moved / card.memory, flops / card.float32, counter.operations * _LAUNCH
            told = " / ".join(f"{1000 * seconds:.1f}" for seconds in parts)
            results.add(f"computed for {card.name}, ms at least: bus / memory / float32 / launches", told)
    results.add(f"{name}, optimiser steps", str(len(losses)))
    shutil.rmtree(study)
