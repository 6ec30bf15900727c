"""The quality that a trained head gives each frame of a video, in order and shuffled as its run was tested."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vqa.config import Run, Study
from vqa.features.index import Entry, open_features, read_indexes
from vqa.protocol.sampling import Order
from vqa.results.test_sets import dataset_of, test_scores
from vqa.study.grid import Grid, RunId
from vqa.study.layout import Layout
from vqa.temporal.checkpoint import load_head
from vqa.temporal.model import FrameScores, TemporalModel
from vqa.training.feeder import Feeder
from vqa.training.items import Item

POINTS = 160  # of a curve, as many as the picture has room for


@dataclass(frozen=True)
class Curve:
    """place: of each frame in the video, rows of features, ascending; in_order, shuffled: its quality on the MOS
    scale, in the order that its head saw; rate: rows a second, where it is known.
    """

    experiment: str
    seed: int
    place: list[int]
    in_order: list[float]
    shuffled: list[float]
    rate: float | None


class Curves:
    """Of the heads that a study trained in order, where they have frame scores. Raises `UserError` where a head or
    features are gone.
    """

    def __init__(self, study: Study):
        self._study, self._grid, self._layout = study, Grid(study), Layout.of(study)
        self._tested_in, self._head, self._index = cache(self._read_tests), cache(self._load), cache(self._read_index)

    def of(self, tested: str, experiment: str, video_id: str) -> Curve | None:
        """By the first seed that tested the video; None for a head without frame scores."""
        seeds = (s for s in self._study.seeds_of(experiment) if video_id in self._tested_in(tested, experiment, s))
        seed = next(seeds)
        head, made_by = self._head(dataset_of(tested), experiment, seed)
        if not isinstance(head, FrameScores):
            return None
        rows = open_features([self._index(dataset_of(tested), experiment)[video_id]])[0]
        feeder = Feeder(Run(**made_by.get("chosen", made_by["run"])), seed, "O", torch.device("cpu"))
        item = Item(video_id, rows.features, 0.0, 0.0, rows.rate)
        place, first = frame_scores(head, feeder, item, "O")
        _, second = frame_scores(head, feeder, item, "S")
        chosen = np.unique(np.linspace(0, len(place) - 1, POINTS).round().astype(int))
        in_order, shuffled = (_plain(q[chosen] * made_by["label_scale"]) for q in (first, second))
        return Curve(experiment, seed, place[chosen].tolist(), in_order, shuffled, rows.rate)

    def _read_tests(self, tested: str, experiment: str, seed: int) -> frozenset[str]:
        folder = self._layout.run(dataset_of(tested), experiment, "O", seed)
        return frozenset(test_scores(folder, tested, "O")["video_id"])

    def _load(self, dataset: str, experiment: str, seed: int) -> tuple[TemporalModel, dict[str, Any]]:
        return load_head(self._layout.head(RunId(dataset, experiment, "O", seed)))

    def _read_index(self, dataset: str, experiment: str) -> dict[str, Entry]:
        variants = self._grid.variants_of(experiment)
        return read_indexes([self._layout.index(dataset, variant.slug) for variant in variants])


@torch.no_grad()
def frame_scores(
    head: FrameScores, feeder: Feeder, item: Item, order: Order
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(place in the video, quality in label units) of each frame that the head sees, by place."""
    batch = feeder.batch([item], order=order)
    reduced = head.project(batch.frames).index_select(0, batch.position.flatten()).unsqueeze(0)
    seen = feeder.sequence(item, False, 0, order)
    by_place = np.argsort(seen, kind="stable")
    return seen[by_place], head.frame_scores(reduced, batch.lengths)[0].numpy().astype(float)[by_place]


def _plain(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]
