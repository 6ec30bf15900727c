"""Scores of videos by a head, a few videos at a time."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqa.protocol.sampling import Order
from vqa.system.errors import UserError
from vqa.temporal.model import TemporalModel
from vqa.training.feeder import Batch, Feeder
from vqa.training.items import Item

EVALUATION_BATCH = 16


def predict_batch(head: TemporalModel, batch: Batch) -> Tensor:
    """Scores (B,) of a batch: frames are projected once, in natural order, then put into the order that is seen.

    Raises `UserError` for a user's head that gives another shape: the loss would spread it over the labels.
    """
    rows = head.project(batch.frames).index_select(0, batch.position.flatten())
    scores = head.score(rows.view(*batch.position.shape, -1), batch.lengths, batch.rates)
    if scores.shape != batch.lengths.shape:
        raise UserError(
            f"the head gives scores of shape {tuple(scores.shape)} for {len(batch.lengths)} videos; "
            "`vqa check-model` says what it must hold to"
        )
    return scores


@torch.no_grad()  # not inference_mode: the feeder's buffer serves training too
def predict(
    head: TemporalModel, feeder: Feeder, items: Sequence[Item], order: Order | None = None
) -> NDArray[np.float64]:
    """Scores of `items`, shape (len(items),), in label units."""
    head.eval()
    scores = []
    for first in range(0, len(items), EVALUATION_BATCH):
        batch = feeder.batch(items[first : first + EVALUATION_BATCH], order=order)
        scores.append(predict_batch(head, batch))
    return torch.cat(scores).cpu().numpy().astype(np.float64)
