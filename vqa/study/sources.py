"""What a study reads from outside: videos, labels, checkpoints; and the buckets that videos are extracted in."""

from functools import cache
from pathlib import Path

from vqa import datasets
from vqa.config import Study
from vqa.datasets import Listing
from vqa.features.identity import bucket_of
from vqa.manifest import Video
from vqa.study.grid import Grid
from vqa.study.layout import Layout
from vqa.study.parts import check_parts
from vqa.system.errors import UserError


class Sources:
    """The videos of each dataset, listed once."""

    def __init__(self, study: Study):
        self.study = study
        self.listing = cache(self._list)
        self.buckets = cache(self._deal)

    def _list(self, dataset: str) -> Listing:
        return datasets.read(dataset, self.study.datasets[dataset], self.study.results)

    def _deal(self, dataset: str) -> list[list[Video]]:
        """The videos of each bucket; empty buckets stay, so that their number is the config's."""
        parts: list[list[Video]] = [[] for _ in range(self.study.datasets[dataset].buckets)]
        for video in self.listing(dataset).videos:
            parts[bucket_of(video.video_id, len(parts))].append(video)
        return parts


def weights(grid: Grid, layout: Layout, slug: str) -> Path:
    """The checkpoint an extraction reads: the user's own, or the one the workflow makes."""
    return grid.settings(grid.backbone_of(slug).name).weights or layout.weights(slug)


def check(grid: Grid, sources: Sources) -> None:
    """Raise `UserError` where a dataset or a checkpoint that the study reads is not there."""
    for entry in grid.backbones:
        own = grid.settings(entry.name).weights
        if own is None and entry.weights == "manual":
            raise UserError(
                f"backbones.{entry.name}.weights: is needed, this checkpoint is distributed by hand; "
                f"`vqa weights {entry.name} --output FILE` says where to get it"
            )
        if own is not None and not own.is_file():
            raise UserError(f"backbones.{entry.name}.weights: there is no file {own}; give the checkpoint's path")
    for dataset, settings in grid.study.datasets.items():
        stored = settings.permutations
        if stored is not None and not stored.is_file():
            raise UserError(f"datasets.{dataset}.permutations: there is no file {stored}; give VSFA's info.mat")
        sources.buckets(dataset)
        check_parts(grid.study, dataset, sources.listing(dataset).videos)
