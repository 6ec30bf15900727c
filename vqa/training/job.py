"""One run: its files in, `head.pt`, `history.csv`, `run.json` and `predictions.csv` out."""

import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from vqa.config import Run, identity
from vqa.config.base import PERFORMANCE
from vqa.config.heads import resolve, source
from vqa.config.versions import TRAINING_VERSION
from vqa.features.index import Entry
from vqa.manifest import Video
from vqa.protocol import predictions
from vqa.protocol.predictions import Prediction
from vqa.protocol.sampling import Order
from vqa.protocol.splits import Part
from vqa.system.devices import Device, lease, peak_memory_mb
from vqa.system.errors import RunError
from vqa.system.files import digest, sha256, write_json, write_text
from vqa.temporal import cost
from vqa.temporal.checkpoint import save_head
from vqa.temporal.model import TemporalModel
from vqa.temporal.svr import SVR
from vqa.training.audit import Audit
from vqa.training.feeder import Feeder
from vqa.training.fit import create_head, fit
from vqa.training.initial import initial_head
from vqa.training.items import Item, load_items
from vqa.training.predict import predict
from vqa.training.regress import regress
from vqa.training.resume import Checkpoint
from vqa.training.state import Epoch, Outcome
from vqa.training.store import Store, resident
from vqa.training.tune import Tuned, points, tune

log = logging.getLogger("vqa")


def train(
    run: Run,
    seed: int,
    order: Order,
    videos: Sequence[Video],
    index: dict[str, Entry],
    parts: Mapping[str, str],
    output: Path,
    made_by: dict[str, Any],
    init: Path | None = None,
    audit: bool = False,
) -> Outcome:
    """Train, predict, and write the run's files to `output`. init: head.pt to begin from; audit: see `Audit`."""
    started = time.perf_counter()
    first = initial_head(init, run, index, made_by["features"]) if init else None
    items, scale = load_items(videos, index, parts, run.label_scale, run.features_mb)
    counts = _counted(items)
    waiting = time.perf_counter()
    with lease(_device(run), run.jobs_per_gpu) as device:
        rates = {item.video_id: item.rate for members in items.values() for item in members}
        asked = [_identity(point.run, seed, order, videos, index, parts, rates, init, audit) for point in points(run)]
        checkpoints = [Checkpoint(output / f"checkpoint-{i}.pt", each) for i, each in enumerate(asked)]
        audits = [Audit(items["test"], parts, scale) if audit else None for _ in checkpoints]
        started += (fitting := time.perf_counter()) - waiting  # for a free GPU: no cost of the training
        store = resident(items.values(), device, run.jobs_per_gpu)
        tuned = tune(run, lambda p, i: _fit(p, seed, order, items, device, checkpoints[i], first, store, audits[i]))
        log.info("training took %.2f s", time.perf_counter() - fitting)
        outcome = tuned.outcome
        feeder = Feeder(tuned.run, seed, order, torch.device(device), store)
        if chosen := audits[tuned.number]:
            write_text(output / "audit.csv", chosen.ended(outcome.selected.epoch, outcome.head, feeder).to_csv())
        predicted = predictions.to_csv(_predict_parts(outcome, feeder, items, parts, scale))
    log.info("selected epoch %d, validation SROCC %.4f", outcome.selected.epoch, outcome.selected.val_srocc)
    made_by = made_by | {"seed": seed, "order": order, "videos": counts} | _describe(run, tuned, scale)
    costs = _costs(outcome.head, feeder, items["train"], device)
    seconds = time.perf_counter() - started + sum(checkpoint.earlier for checkpoint in checkpoints)
    _write(output, tuned, made_by, costs | _code(run) | {"seconds": round(seconds, 3)}, predicted)
    log.info("done in %.1f s", seconds)
    return outcome


def _write(output: Path, tuned: Tuned, made_by: dict[str, Any], measured: dict[str, Any], predicted: str) -> None:
    """A run is finished once its predictions are there."""
    save_head(output / "head.pt", tuned.outcome.head, tuned.run.head, _told_by_heads(made_by))
    write_text(output / "history.csv", history_csv(tuned.outcome.history))
    write_json(output / "run.json", made_by | measured)
    write_text(output / "predictions.csv", predicted)
    for path in output.glob("checkpoint-*.pt"):  # of a larger grid that was stopped, too
        path.unlink()


def _counted(items: Mapping[Part, Sequence[Item]]) -> dict[Part, int]:
    counts = {part: len(members) for part, members in items.items()}
    log.info("train %(train)d, val %(val)d, test %(test)d videos", counts)
    return counts


def _device(run: Run) -> Device:
    """An SVR is fitted on the CPU, and needs no GPU's lease."""
    if run.device != "cpu" and resolve(run.head).name == "svr":
        log.info("an SVR is fitted on the CPU; training.device %s is for other heads", run.device)
        return "cpu"
    return run.device


def _fit(
    run: Run,
    seed: int,
    order: Order,
    items: dict[Part, list[Item]],
    device: str,
    checkpoint: Checkpoint,
    first: TemporalModel | None,
    store: Store | None,
    audit: Audit | None,
) -> Outcome:
    """Trained epoch by epoch, or fitted at once, as the head asks."""
    head = create_head(run, seed, items["train"][0].features.shape[1])
    if isinstance(head, SVR) and first is None:
        return regress(run, seed, order, items, head)
    videos = len(items["train"])
    log.info("%d epochs of %d optimiser steps each", run.epochs, math.ceil(videos / run.batch_size))
    if run.batch_size >= videos and run.batch_size > 1 and run.epochs:
        log.warning("batch size %d >= %d training videos: one step an epoch", run.batch_size, videos)
    return fit(run, seed, order, items, device, checkpoint, first, store, audit)


def _identity(
    run: Run,
    seed: int,
    order: Order,
    videos: Sequence[Video],
    index: dict[str, Entry],
    parts: Mapping[str, str],
    rates: Mapping[str, float | None],
    init: Path | None = None,
    audit: bool = False,
) -> str:
    """Of all that the state of a training depends on."""
    data = {
        v.video_id: (index[v.video_id].checksum, parts[v.video_id], v.mos, rates[v.video_id])
        for v in videos
        if v.video_id in index
    }
    settings = identity(run, exclude=PERFORMANCE)
    versions = [TRAINING_VERSION, str(torch.__version__), source(run.head)]
    return digest(
        [settings, seed, order, data, versions, *([sha256(init)] if init else []), *(["audit"] if audit else [])]
    )


def _predict_parts(
    outcome: Outcome, feeder: Feeder, items: dict[Part, list[Item]], parts: Mapping[str, str], scale: float
) -> Iterator[Prediction]:
    """Validation in the training order, test in both. Raises `RunError` for a score that is not finite."""
    asked: tuple[tuple[Part, Order], ...] = (("val", feeder.order), ("test", "O"), ("test", "S"))
    for part, order in asked:
        scores = predict(outcome.head, feeder, items[part], order) * scale
        for item, score in zip(items[part], scores, strict=True):
            if not math.isfinite(score):
                raise RunError(
                    f"the trained head scores {item.video_id} as {score}; lower training.lr, or mend the head"
                )
            yield Prediction(item.video_id, parts[item.video_id], order, item.mos, float(score))


def _costs(head: TemporalModel, feeder: Feeder, items: Sequence[Item], device: str) -> dict[str, int]:
    """multiply_adds: of a video of the mean length of `items`; train_frames: that an epoch reads of them."""
    frames = sum(len(feeder.sequence(item, True, 1)) for item in items)
    return {
        "train_frames": frames,
        "parameters": cost.parameters(head),
        "multiply_adds": cost.multiply_adds(head, round(frames / len(items))),
        "memory_mb": peak_memory_mb(device),
    }


def history_csv(history: Sequence[Epoch]) -> str:
    lines = ["epoch,step,train_loss,val_loss,val_srocc"]
    lines += [f"{e.epoch},{e.step},{e.train_loss:.8g},{e.val_loss:.8g},{e.val_srocc:.8g}" for e in history]
    return "\n".join(lines) + "\n"


def _code(run: Run) -> dict[str, Any]:
    """Whose change makes a training another: the version, and the source of a user's own head."""
    own = source(run.head)
    return {"version": TRAINING_VERSION} | ({"source": own} if own else {})


def _told_by_heads(made_by: dict[str, Any]) -> dict[str, Any]:
    """Without the stored permutations, which run.json alone names: heads of equal trainings keep their bytes."""
    if "inputs" not in made_by:
        return made_by
    return made_by | {"inputs": {name: hashed for name, hashed in made_by["inputs"].items() if name != "permutations"}}


def _describe(run: Run, tuned: Tuned, scale: float) -> dict[str, Any]:
    selected, history = tuned.outcome.selected, tuned.outcome.history
    told = {
        "run": identity(run),
        "label_scale": scale,
        "steps_per_epoch": history[0].step,
        "optimiser_steps": history[-1].step,
        "selected_epoch": selected.epoch,
        "selected_val_srocc": selected.val_srocc,
        "torch": str(torch.__version__),
    }
    return told | ({"chosen": identity(tuned.run), "tuned": tuned.grid} if run.tune else {})
