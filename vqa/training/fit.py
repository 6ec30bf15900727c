"""The training loop: L1 loss, Adam, an epoch chosen on validation SROCC. The test set is not read."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from vqa.config import Run
from vqa.evaluation.metrics import srocc
from vqa.protocol.sampling import Order, stream
from vqa.protocol.splits import Part
from vqa.system.errors import RunError
from vqa.temporal import registry
from vqa.temporal.model import TemporalModel
from vqa.training.feeder import Batch, Feeder
from vqa.training.items import Item
from vqa.training.optimiser import Adam
from vqa.training.predict import predict, predict_batch


@dataclass(frozen=True)
class Epoch:
    """A line of history.csv. step: optimiser steps so far; losses in label units."""

    epoch: int
    step: int
    train_loss: float
    val_loss: float
    val_srocc: float


@dataclass(frozen=True)
class Outcome:
    """The head of the selected epoch, in evaluation mode, and how it came to be."""

    head: TemporalModel
    history: list[Epoch]
    selected: Epoch


def fit(run: Run, seed: int, order: Order, items: dict[Part, list[Item]], device: str) -> Outcome:
    """Train for `run.epochs` and keep the epoch that validation chooses."""
    torch.set_num_threads(run.threads)
    if device != "cpu":  # on the CPU every operation used here is deterministic as it is
        torch.use_deterministic_algorithms(True, warn_only=True)
    head = create_head(run, seed, items["train"][0].features.shape[1]).to(device)
    feeder = Feeder(run, seed, order, torch.device(device))
    optimiser = Adam(head.parameters(), run.weight_decay)
    history: list[Epoch] = []
    selection = Selection(run.selection)
    step = 0
    for epoch in tqdm(range(1, run.epochs + 1), desc="train", unit="epoch", disable=None):
        torch.manual_seed(int(stream(seed, "model", epoch).integers(2**31)))  # of dropout
        batches = feeder.epoch_batches(items["train"], epoch)
        losses = train_epoch(head, optimiser, batches, learning_rate(run, epoch))
        step += len(losses)
        train_loss = float(torch.stack(losses).sum()) / len(items["train"])
        history.append(validate(head, feeder, items["val"], epoch, step, train_loss))
        selection.offer(history[-1], head)
    if not math.isfinite(history[-1].train_loss):
        raise RunError(f"the training loss became {history[-1].train_loss}; lower training.lr")
    return Outcome(selection.restore(head), history, selection.epoch)


def create_head(run: Run, seed: int, input_size: int) -> TemporalModel:
    """The run's head, initialised from its seed."""
    head = registry.create(run.head, input_size, int(stream(seed, "head").integers(2**31)))
    head.projection_dtype = getattr(torch, run.precision)
    return head


def train_epoch(head: TemporalModel, optimiser: Adam, batches: Iterable[Batch], lr: float) -> list[Tensor]:
    """One step a batch; returns each batch's summed loss."""
    head.train()
    losses = []
    for batch in batches:
        optimiser.zero_grad()
        loss = F.l1_loss(predict_batch(head, batch), batch.labels)
        torch.autograd.backward(loss)
        optimiser.step(lr)
        losses.append(loss.detach() * len(batch.labels))
    return losses


def validate(head: TemporalModel, feeder: Feeder, items: list[Item], epoch: int, step: int, train_loss: float) -> Epoch:
    labels = np.array([item.label for item in items])
    scores = predict(head, feeder, items)
    return Epoch(epoch, step, train_loss, float(np.abs(scores - labels).mean()), srocc(scores, labels))


def learning_rate(run: Run, epoch: int) -> float:
    """Constant, or multiplied by `step_gamma` every `step_epochs` epochs; epochs count from 1."""
    steps = (epoch - 1) // run.step_epochs if run.schedule == "step" else 0
    return run.lr * run.step_gamma**steps


class Selection:
    """Keeps the weights of the best epoch so far, or of the last.

    best-val-srocc: strictly higher validation SROCC; an undefined one never displaces a defined one.
    """

    def __init__(self, rule: str):
        self.rule = rule
        self._best: Epoch | None = None
        self._weights: dict[str, Tensor] = {}

    def offer(self, epoch: Epoch, head: TemporalModel) -> None:
        if self._better(epoch):
            self._best = epoch
            self._weights = {key: value.detach().clone() for key, value in head.state_dict().items()}

    @property
    def epoch(self) -> Epoch:
        assert self._best is not None, "no epoch was offered"
        return self._best

    def restore(self, head: TemporalModel) -> TemporalModel:
        """`head` with the selected weights, in evaluation mode."""
        head.load_state_dict(self._weights)
        return head.eval()

    def _better(self, new: Epoch) -> bool:
        best = self._best
        if best is None or self.rule == "last-epoch":
            return True
        return new.val_srocc > best.val_srocc or (math.isnan(best.val_srocc) and not math.isnan(new.val_srocc))
