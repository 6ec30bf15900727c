"""Scores of videos by a head, a few videos at a time."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqa.protocol.sampling import Order
from vqa.temporal.model import TemporalModel
from vqa.training.feeder import Batch, Feeder
from vqa.training.items import Item

EVALUATION_BATCH = 16


def predict_batch(head: TemporalModel, batch: Batch) -> Tensor:
    """Scores (B,) of a batch: frames are projected once, in natural order, then put into the order that is seen."""
    rows = head.project(batch.frames).index_select(0, batch.position.flatten())
    return head.score(rows.view(*batch.position.shape, -1), batch.lengths, batch.rates)


@torch.no_grad()  # not inference_mode: the feeder's buffer serves training too
def predict(
    head: TemporalModel, feeder: Feeder, items: Sequence[Item], order: Order | None = None
) -> NDArray[np.float64]:
    """Scores of `items`, shape (len(items),), in label units."""
    head.eval()
    scores = []
    for first in range(0, len(items), EVALUATION_BATCH):
        batch = feeder.batch(items[first : first + EVALUATION_BATCH], order=order)
        scores.append(predict_batch(head, batch).cpu())
    return torch.cat(scores).numpy().astype(np.float64)
