"""The training loop: L1 loss, Adam, an epoch chosen on validation SROCC. The test set is not read here."""

import copy
import logging
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from vqa.config import Run
from vqa.evaluation.metrics import srocc
from vqa.protocol.sampling import Order, stream
from vqa.protocol.splits import Part
from vqa.temporal import registry
from vqa.temporal.model import TemporalModel
from vqa.training.audit import Audit
from vqa.training.feeder import Batch, Feeder
from vqa.training.items import Item
from vqa.training.optimiser import Adam
from vqa.training.predict import predict, predict_batch
from vqa.training.resume import Checkpoint
from vqa.training.state import Diverged, Epoch, Outcome, Selection, State
from vqa.training.store import Store

log = logging.getLogger("vqa")


def fit(
    run: Run,
    seed: int,
    order: Order,
    items: dict[Part, list[Item]],
    device: str,
    checkpoint: Checkpoint | None = None,
    first: TemporalModel | None = None,
    store: Store | None = None,
    audit: Audit | None = None,
) -> Outcome:
    """Train for `run.epochs` and keep the epoch that validation chooses. first: to begin from; audit: looks on."""
    torch.set_num_threads(run.threads)
    if device != "cpu":
        _ask_for_the_same_bits()
    head = create_head(run, seed, items["train"][0].features.shape[1], first).to(device)
    feeder = Feeder(run, seed, order, torch.device(device), store)
    if run.epochs == 0:
        return _as_it_is(head, feeder, items["val"])
    state = State(head, Adam(head.parameters(), run.weight_decay), Selection(run.selection), audit=audit)
    if checkpoint:
        checkpoint.restore(state)
    for epoch in tqdm(range(len(state.history) + 1, run.epochs + 1), desc="train", unit="epoch", disable=None):
        if run.patience and state.selection.epochs_since >= run.patience:
            break
        torch.manual_seed(int(stream(seed, "model", epoch).integers(2**31)))  # of dropout
        batches = feeder.epoch_batches(items["train"], epoch)
        losses = train_epoch(head, state.optimiser, batches, learning_rate(run, epoch))
        train_loss = float(torch.stack(losses).sum()) / len(items["train"])
        state.history.append(validate(head, feeder, items["val"], epoch, state.steps + len(losses), train_loss))
        state.selection.offer(state.history[-1], head)
        if audit:
            audit.record(epoch, head, feeder)
        if checkpoint:
            checkpoint.write_if_due(state)
    if checkpoint and state.history:
        checkpoint.write(state)
    return _outcome(state, run)


def _ask_for_the_same_bits() -> None:
    """Of a GPU: on the CPU every operation used here is deterministic as it is."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False  # float32 means float32
    torch.use_deterministic_algorithms(True, warn_only=True)
    fills: Any = torch.utils.deterministic
    fills.fill_uninitialized_memory = False  # kernels for memory that is written anyway


def _outcome(state: State, run: Run) -> Outcome:
    if not math.isfinite(state.history[-1].train_loss):
        raise Diverged(f"the training loss became {state.history[-1].train_loss}; lower training.lr")
    if math.isnan(state.selection.epoch.val_srocc) and run.selection == "best-val-srocc":
        log.warning("validation SROCC is undefined in every epoch: the one of lowest validation loss is kept")
    return Outcome(state.selection.restore(state.head), state.history, state.selection.epoch)


def _as_it_is(head: TemporalModel, feeder: Feeder, items: list[Item]) -> Outcome:
    """The head without any training, and what it reaches on validation: epoch 0."""
    epoch = validate(head, feeder, items, 0, 0, float("nan"))
    return Outcome(head.eval(), [epoch], epoch)


def create_head(run: Run, seed: int, input_size: int, first: TemporalModel | None = None) -> TemporalModel:
    """The run's head, initialised from its seed, or a copy of `first`."""
    fresh = int(stream(seed, "head").integers(2**31))
    head = copy.deepcopy(first) if first is not None else registry.create(run.head, input_size, fresh)
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
