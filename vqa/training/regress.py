"""Heads that are fitted instead of trained: features averaged over time, a grid chosen on validation."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor

from vqa.config import Run
from vqa.evaluation.metrics import srocc
from vqa.protocol.sampling import Order
from vqa.protocol.splits import Part
from vqa.temporal.svr import GAMMA, SVR, C
from vqa.training.feeder import Feeder
from vqa.training.items import Item
from vqa.training.predict import predict
from vqa.training.state import Epoch, Outcome


def regress(run: Run, seed: int, order: Order, items: dict[Part, list[Item]], head: SVR) -> Outcome:
    """Fit the head at each point of the grid, keep the best validation SROCC; one line of history."""
    feeder = Feeder(run.model_copy(update={"precision": "float32"}), seed, order, torch.device("cpu"))
    train, val = (averaged(feeder, items[part]) for part in ("train", "val"))
    labels, val_labels = (_labels(items[part]) for part in ("train", "val"))
    best, chosen = float("nan"), (C[0], GAMMA[0])
    for c, gamma in product(C, GAMMA):
        head.fit(train, labels, c, gamma)
        reached = srocc(predict(head, feeder, items["val"]), val_labels.numpy())
        if not best >= reached and not np.isnan(reached):
            best, chosen = reached, (c, gamma)
    head.fit(train, labels, *chosen)
    scores = predict(head, feeder, items["val"])
    fitted = predict(head, feeder, items["train"])
    train_loss, val_loss = (
        float(np.abs(s - each.numpy()).mean()) for s, each in ((fitted, labels), (scores, val_labels))
    )
    epoch = Epoch(1, 1, train_loss, val_loss, srocc(scores, val_labels.numpy()))
    if head.refit:
        head.fit(torch.cat([train, val]), torch.cat([labels, val_labels]), *chosen)
    return Outcome(head.eval(), [epoch], epoch)


def averaged(feeder: Feeder, items: Sequence[Item]) -> Tensor:
    """The mean over the frames that the sampler chooses: [N, D] float64."""
    rows = [np.asarray(item.features)[np.sort(feeder.sequence(item, training=True, epoch=0))] for item in items]
    return torch.stack([torch.from_numpy(np.asarray(each, np.float64)).mean(0) for each in rows])


def _labels(items: Sequence[Item]) -> Tensor:
    return torch.tensor([item.label for item in items], dtype=torch.float64)
