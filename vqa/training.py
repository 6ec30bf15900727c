"""One run: train a head, select an epoch on validation SROCC, predict the test set.

Frames are projected in natural order and only then put into the order the head sees, so that
features are read straight from the shards' memory map and shuffling costs nothing.
"""

import csv
import io
import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from vqa import shards
from vqa.config import Run
from vqa.devices import lease
from vqa.errors import RunError, UserError
from vqa.files import write_json, write_text
from vqa.head import VSFA, create_head, save_head
from vqa.index import Entry
from vqa.manifest import Video
from vqa.metrics import srocc
from vqa.optimiser import Adam
from vqa.sampling import Order, frame_sequence, stream
from vqa.splits import Part

log = logging.getLogger("vqa")
EVALUATION_BATCH = 16
_BLOCK_ROWS = 32


@dataclass(frozen=True)
class Item:
    """A video as the trainer sees it. features: (T, D), memory-mapped; label: scaled MOS."""

    video_id: str
    features: np.ndarray
    mos: float
    label: float


@dataclass(frozen=True)
class Batch:
    """frames: (N, D) chosen frames of all videos one after another, in natural order;
    position: (B, T) row of `frames` that the head sees at each step; lengths, labels: (B,).
    """

    frames: Tensor
    position: Tensor
    lengths: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Epoch:
    epoch: int
    step: int
    train_loss: float
    val_loss: float
    val_srocc: float


@dataclass(frozen=True)
class Outcome:
    head: VSFA
    history: list[Epoch]
    selected: Epoch
    label_scale: float


def load_items(
    videos: Sequence[Video], index: dict[str, Entry], parts: dict[str, Part], label_scale: str
) -> tuple[dict[Part, list[Item]], float]:
    """The videos of each part, sorted by id, with labels MOS / scale; returns the scale too."""
    videos = [video for video in sorted(videos, key=lambda v: v.video_id) if video.video_id in index]
    counted = videos if label_scale == "dataset" else [v for v in videos if parts[v.video_id] == "train"]
    scale = max((abs(video.mos) for video in counted), default=0.0)
    if scale == 0:
        raise UserError("all MOS are zero, or no training video is left; check the manifest")
    items: dict[Part, list[Item]] = {"train": [], "val": [], "test": []}
    maps = shards.memory_maps([index[video.video_id].shard for video in videos])
    for video, features in zip(videos, maps, strict=True):
        if features.shape != (index[video.video_id].rows, index[video.video_id].dim):
            raise UserError(f"{index[video.video_id].shard}: is not the shard that was indexed; reindex it")
        items[parts[video.video_id]].append(Item(video.video_id, features, video.mos, video.mos / scale))
    for part, members in items.items():
        if not members:
            raise UserError(f"no {part} videos are left after the split; give more videos")
    return items, scale


class Feeder:
    """Makes batches of one run: which frames of a video, in which order.

    Features go from the shards' memory map straight into one buffer in the projection's precision,
    so a batch is valid until the next one is made.
    """

    def __init__(self, run: Run, seed: int, order: Order, device: torch.device):
        self.run, self.seed, self.order, self.device = run, seed, order, device
        self._buffer = torch.empty(0, 0, dtype=getattr(torch, run.precision))

    def sequence(self, item: Item, training: bool, epoch: int, order: Order | None = None) -> np.ndarray:
        redraw = epoch if training and self.run.redraw == "epoch" else None
        k = self.run.sampler if training or self.run.sample_test else 0
        return frame_sequence(item.video_id, len(item.features), k, order or self.order, self.seed, redraw)

    def batch(self, items: Sequence[Item], training: bool = False, epoch: int = 0, order: Order | None = None) -> Batch:
        sequences = [self.sequence(item, training, epoch, order) for item in items]
        lengths = [len(sequence) for sequence in sequences]
        frames = self._rows(sum(lengths), items[0].features.shape[1])
        position = np.zeros((len(items), max(lengths)), np.int64)
        row = 0
        for number, (item, sequence) in enumerate(zip(items, sequences, strict=True)):
            ranks = np.argsort(sequence, kind="stable")
            every = len(sequence) == len(item.features)
            chosen = item.features if every else item.features[sequence[ranks]]
            _convert(torch.from_numpy(chosen), frames[row : row + len(sequence)])
            position[number, ranks] = np.arange(row, row + len(sequence))
            row += len(sequence)
        labels = torch.tensor([item.label for item in items], dtype=torch.float32)
        tensors = frames, torch.from_numpy(position), torch.tensor(lengths), labels
        return Batch(*(tensor.to(self.device, non_blocking=True) for tensor in tensors))

    def _rows(self, rows: int, dim: int) -> Tensor:
        if len(self._buffer) < rows:
            self._buffer = torch.empty(rows, dim, dtype=self._buffer.dtype)
        return self._buffer[:rows]

    def epoch_batches(self, items: Sequence[Item], epoch: int) -> Iterator[Batch]:
        """The training set once, in an order drawn from the run's seed."""
        order = stream(self.seed, "batches", epoch).permutation(len(items))
        for first in range(0, len(items), self.run.batch_size):
            chosen = [items[i] for i in order[first : first + self.run.batch_size]]
            yield self.batch(chosen, training=True, epoch=epoch)


def _convert(stored: Tensor, frames: Tensor) -> None:
    """Copy rows into the projection's precision. torch's float16 to bfloat16 is scalar code; by way
    of float32, in blocks that stay in the cache, the same values come 2.5 times as fast.
    """
    if (stored.dtype, frames.dtype) != (torch.float16, torch.bfloat16):
        frames.copy_(stored)
        return
    for source, target in zip(stored.split(_BLOCK_ROWS), frames.split(_BLOCK_ROWS), strict=True):
        target.copy_(source.float())


def predict_batch(head: VSFA, batch: Batch) -> Tensor:
    """Scores (B,) of a batch."""
    reduced = head.project(batch.frames)
    rows = reduced.index_select(0, batch.position.flatten())
    reduced = rows.view(*batch.position.shape, -1)
    return head.pool(head.frame_scores(reduced, batch.lengths), batch.lengths)


@torch.no_grad()  # not inference_mode: the feeder's buffer serves training too
def predict(head: VSFA, feeder: Feeder, items: Sequence[Item], order: Order | None = None) -> np.ndarray:
    """Scores of `items`, shape (len(items),), in label units."""
    scores = []
    for first in range(0, len(items), EVALUATION_BATCH):
        batch = feeder.batch(items[first : first + EVALUATION_BATCH], order=order)
        scores.append(predict_batch(head, batch).cpu())
    return torch.cat(scores).numpy().astype(np.float64)


def fit(run: Run, seed: int, order: Order, items: dict[Part, list[Item]], scale: float, device: str) -> Outcome:
    """Train for `run.epochs` and keep the epoch that validation chooses; the test set is not read."""
    torch.set_num_threads(run.threads)
    if device != "cpu":  # on the CPU every operation used here is deterministic as it is
        torch.use_deterministic_algorithms(True, warn_only=True)
    train, val = items["train"], items["val"]
    init = int(stream(seed, "head").integers(2**31))
    head = create_head(run.head, train[0].features.shape[1], init).to(device)
    head.projection_dtype = getattr(torch, run.precision)
    feeder = Feeder(run, seed, order, torch.device(device))
    optimiser = Adam(head.parameters(), run.weight_decay)
    val_labels = np.array([item.label for item in val])
    history: list[Epoch] = []
    selected, kept, step = None, {}, 0
    for epoch in tqdm(range(1, run.epochs + 1), desc="train", unit="epoch", disable=None):
        losses = []
        for batch in feeder.epoch_batches(train, epoch):
            optimiser.zero_grad()
            loss = F.l1_loss(predict_batch(head, batch), batch.labels)
            loss.backward()
            optimiser.step(learning_rate(run, epoch))
            losses.append(loss.detach() * len(batch.labels))
            step += 1
        scores = predict(head, feeder, val)
        train_loss = float(torch.stack(losses).sum()) / len(train)
        history.append(Epoch(epoch, step, train_loss, np.abs(scores - val_labels).mean(), srocc(scores, val_labels)))
        if _better(history[-1], selected, run.selection):
            selected = history[-1]
            kept = {key: value.detach().clone() for key, value in head.state_dict().items()}
    if not math.isfinite(history[-1].train_loss):
        raise RunError(f"the training loss became {history[-1].train_loss}; lower training.lr")
    head.load_state_dict(kept)
    return Outcome(head.eval(), history, selected, scale)


def learning_rate(run: Run, epoch: int) -> float:
    """Constant, or multiplied by `step_gamma` every `step_epochs` epochs; epochs count from 1."""
    steps = (epoch - 1) // run.step_epochs if run.schedule == "step" else 0
    return run.lr * run.step_gamma**steps


def _better(new: Epoch, best: Epoch | None, selection: str) -> bool:
    """Strictly higher validation SROCC; an undefined one never displaces a defined one."""
    if best is None or selection == "last-epoch":
        return True
    return new.val_srocc > best.val_srocc or (math.isnan(best.val_srocc) and not math.isnan(new.val_srocc))


def predictions_csv(outcome: Outcome, feeder: Feeder, items: dict[Part, list[Item]]) -> str:
    """Rows `video_id, split, test_order, mos, score` on the MOS scale: validation in the training
    order, test in both.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["video_id", "split", "test_order", "mos", "score"])
    for part, order in (("val", feeder.order), ("test", "O"), ("test", "S")):
        scores = predict(outcome.head, feeder, items[part], order) * outcome.label_scale
        for item, score in zip(items[part], scores, strict=True):
            writer.writerow([item.video_id, part, order, repr(item.mos), repr(float(score))])
    return buffer.getvalue()


def history_csv(history: Sequence[Epoch]) -> str:
    lines = ["epoch,step,train_loss,val_loss,val_srocc"]
    lines += [f"{e.epoch},{e.step},{e.train_loss:.8g},{e.val_loss:.8g},{e.val_srocc:.8g}" for e in history]
    return "\n".join(lines) + "\n"


def _describe(run: Run, outcome: Outcome, steps_per_epoch: int) -> dict:
    return {
        "run": run.model_dump(mode="json"),
        "label_scale": outcome.label_scale,
        "steps_per_epoch": steps_per_epoch,
        "optimiser_steps": outcome.history[-1].step,
        "selected_epoch": outcome.selected.epoch,
        "selected_val_srocc": outcome.selected.val_srocc,
        "torch": str(torch.__version__),
    }


def train(
    run: Run,
    seed: int,
    order: Order,
    videos: Sequence[Video],
    index: dict[str, Entry],
    parts: dict[str, Part],
    output: Path,
    made_by: dict,
) -> Outcome:
    """Run and write `head.pt`, `history.csv`, `run.json` and `predictions.csv` (last) to `output`."""
    started = time.perf_counter()
    items, scale = load_items(videos, index, parts, run.label_scale)
    counts = {part: len(members) for part, members in items.items()}
    steps = math.ceil(counts["train"] / run.batch_size)
    log.info("train %(train)d, val %(val)d, test %(test)d videos", counts)
    log.info("%d epochs of %d optimiser steps each", run.epochs, steps)
    if run.batch_size >= counts["train"] and run.batch_size > 1:
        log.warning("batch size %d >= %d training videos: one step an epoch", run.batch_size, counts["train"])
    with lease(run.device, run.jobs_per_gpu) as device:
        fitting = time.perf_counter()
        outcome = fit(run, seed, order, items, scale, device)
        log.info("%d epochs took %.2f s", run.epochs, time.perf_counter() - fitting)
        feeder = Feeder(run, seed, order, torch.device(device))
        predictions = predictions_csv(outcome, feeder, items)
    chosen = outcome.selected
    log.info("selected epoch %d, validation SROCC %.4f", chosen.epoch, chosen.val_srocc)
    made_by = made_by | {"seed": seed, "order": order, "videos": counts} | _describe(run, outcome, steps)
    save_head(output / "head.pt", outcome.head, run.head, made_by)
    write_text(output / "history.csv", history_csv(outcome.history))
    frames = sum(len(feeder.sequence(item, True, 1)) for item in items["train"])
    seconds = time.perf_counter() - started
    write_json(output / "run.json", made_by | {"train_frames": frames, "seconds": round(seconds, 3)})
    write_text(output / "predictions.csv", predictions)
    log.info("done in %.1f s", seconds)
    return outcome
