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
from vqa.temporal import pooling, vsfa
from vqa.temporal.gru import gru
from vqa.training import feeder, store
from vqa.training.fit import create_head, train_epoch, validate
from vqa.training.items import load_items
from vqa.training.optimiser import Adam
from vqa.training.predict import EVALUATION_BATCH

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
        self.operations += 1
        return tensor

    def aside(self, function: Callable[..., Any], counts: int) -> Callable[..., Any]:
        """The function, whose operations count as so many."""

        def call(*args: Any) -> Any:
            was, self._paused = self._paused, True
            try:
                return function(*args)
            finally:
                self._paused = was
                self.operations += 0 if was else counts

        return call

    @contextmanager
    def as_on_a_gpu(self) -> Iterator[None]:
        """A GRU is one call of cuDNN each way, a mask two operations; the CPU converts rows before they are sent."""

        class Once(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, layer: torch.nn.GRU, sequence: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
                with torch.enable_grad():
                    ctx.inputs = [sequence.detach().requires_grad_(), *weights]
                    ctx.hidden = self.aside(gru, 1)(ctx.inputs[0], layer)
                return ctx.hidden.detach()

            @staticmethod
            def backward(ctx: Any, grad: torch.Tensor) -> Any:
                return None, *self.aside(torch.autograd.grad, 1)(ctx.hidden, ctx.inputs, grad)

        with ExitStack() as patches:
            for place, name, found in (
                (vsfa, "gru", lambda sequence, layer: Once.apply(layer, sequence, *layer.parameters())),
                (pooling, "mask", self.aside(pooling.mask, 2)),
                (store, "_convert", self.aside(store._convert, 0)),
                (store, "send", self.send),
                (feeder, "send", self.send),
            ):
                patches.enter_context(patch.object(place, name, found))
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
            counter.sent += read * DIM * 4  # `Streamed` sends its buffers itself
            counter.operations += len(losses) + -(-len(items["val"]) // EVALUATION_BATCH)
        how = "streamed" if kept is None else "resident"
        results.add(f"{name}, {how}: MB sent; operations", f"{counter.sent / 1e6:.1f}; {counter.operations}")
        flops = 2 * DIM * 128 * rows * (2 * len(items["train"]) + len(items["val"]))
        # Bytes a value: gathered, converted and read; of what is streamed, written and read. Read again for a gradient.
        train, val = (18, 14) if kept else (12, 8)
        moved = DIM * rows * (train * len(items["train"]) + val * len(items["val"]))
        for card in CARDS:
            parts = counter.sent / card.bus, moved / card.memory, flops / card.float32, counter.operations * _LAUNCH
            told = " / ".join(f"{1000 * seconds:.1f}" for seconds in parts)
            results.add(f"computed for {card.name}, ms at least: bus / memory / float32 / launches", told)
    results.add(f"{name}, optimiser steps", str(len(losses)))
    shutil.rmtree(study)
