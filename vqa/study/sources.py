"""What a study reads from outside: videos, labels, checkpoints; and the buckets that videos are extracted in.

The main process plans: it alone lists the datasets, stats their videos and compares them with what the extractions
read (`vqa.features.sources`). It writes each bucket's task, and a plan of the sizes. A submitted job parses the
Snakefile too, but needs no more than these.
"""

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

from vqa import datasets
from vqa.backbones.registry import check_settings
from vqa.config import Study
from vqa.datasets import Listing
from vqa.features import pairing
from vqa.features.identity import bucket_of
from vqa.features.sources import Task, read_seen, write_task
from vqa.manifest import Video
from vqa.study.grid import Grid, Variant, datasets_by_network
from vqa.study.layout import ALL, Layout
from vqa.study.orphans import write_claim
from vqa.study.parts import check_parts, check_strangers
from vqa.study.stamps import Stamps
from vqa.system.errors import RunError, UserError
from vqa.system.files import digest, write_if_changed


class Sources:
    """The videos of each dataset, listed once, and what identifies them."""

    def __init__(self, study: Study, layout: Layout, grid: Grid):
        self.study, self.layout, self.grid = study, layout, grid
        self.listing = cache(self._list)
        self.tasks = cache(self._tasks)
        self._deal = cache(self._dealt)
        self.buckets = cache(self._buckets)
        self._probed = cache(lambda dataset: _frame_sizes(layout.probe(dataset)))
        self._stamps = Stamps(layout.hashes)

    def _list(self, dataset: str) -> Listing:
        on_disk = dataset in self.grid.decoded
        return datasets.read(dataset, self.study.datasets[dataset], self.study.store, on_disk)

    def _dealt(self, dataset: str) -> dict[int, list[Video]]:
        count = self.study.datasets[dataset].buckets
        parts: dict[int, list[Video]] = {}
        for video in self.listing(dataset).videos:
            parts.setdefault(bucket_of(video.video_id, count), []).append(video)
        return dict(sorted(parts.items()))

    def count(self, dataset: str) -> int:
        return len(self.listing(dataset).videos)

    def _buckets(self, dataset: str) -> dict[int, int]:
        """The buckets that hold videos, and how many."""
        return {bucket: len(videos) for bucket, videos in self._deal(dataset).items()}

    def bucket(self, dataset: str, bucket: int) -> list[Video]:
        return self._deal(dataset)[bucket]

    def pixels(self, dataset: str, bucket: int) -> int | None:
        """Of a bucket's largest frame, as far as the listing or an earlier probe knows."""
        probed = self._probed(dataset)
        known = [(v.width or 0) * (v.height or 0) or probed.get(v.video_id, 0) for v in self.bucket(dataset, bucket)]
        return max(known) or None

    def rows(self, dataset: str) -> list[Video]:
        """The listing in the order of the manifest, where that has these very videos: labels in another order are
        the same labels.
        """
        videos = {video.video_id: video for video in self.listing(dataset).videos}
        made = _first_column(self.layout.manifest(dataset))
        return [videos[video_id] for video_id in made] if set(made) == videos.keys() else list(videos.values())

    def metadata(self, dataset: str) -> list[Path]:
        return self.listing(dataset).metadata

    def _reads(self, dataset: str, slug: str) -> dict[int | str, tuple[list[Video], list[str]]]:
        """The videos of each job, and the files that it reads."""
        variant = self.grid.backbone_of(slug)
        if variant.imported and self.study.datasets[dataset].manifest:
            return {ALL: (self.listing(dataset).videos, [])}
        if variant.imported:
            files = pairing.source_files(variant.settings.imported[dataset])
            return {ALL: (self.listing(dataset).videos, list(map(str, files)))}
        checkpoint = str(weights(self.grid, self.layout, slug))
        return {
            bucket: (videos, [*(video.path for video in videos), checkpoint])
            for bucket, videos in self._deal(dataset).items()
        }

    def _tasks(self, dataset: str, slug: str) -> dict[int | str, Task]:
        """Each job's videos and the stamps of all it reads."""
        reads = self._reads(dataset, slug)
        wanted = {bucket: paths for bucket, (_, paths) in reads.items()}
        files = sorted(self.layout.seen(dataset, slug, 0).parent.glob("*.json"))
        known = {file.stem: read_seen(file) for file in files}
        elsewhere = {path: seen for found in known.values() for path, seen in found.items()}  # with other buckets
        stamps = self._stamps.of(
            [
                (path, known.get(str(bucket), {}).get(path) or elsewhere.get(path))
                for bucket, paths in wanted.items()
                for path in paths
            ]
        )
        return {
            bucket: Task(reads[bucket][0], {path: next(stamps) for path in paths}) for bucket, paths in wanted.items()
        }

    def identity(self, dataset: str, slug: str, bucket: int | str) -> str:
        """Changes with the content of a source of the bucket, and with nothing else."""
        return digest(self.tasks(dataset, slug)[bucket].stamps)

    def identity_of_all(self, dataset: str) -> str:
        """Of the dataset's videos."""
        extracted = [slug for name, slug in self.grid.features if name == dataset]
        slug = next(slug for slug in extracted if not self.grid.backbone_of(slug).imported)
        tasks = self.tasks(dataset, slug).values()
        return digest({video.path: task.stamps[video.path] for task in tasks for video in task.videos})

    def content(self, path: Path) -> str:
        """The SHA-256 of a small file, such as stored permutations."""
        return self._stamps.sha256(str(path))

    def write(self) -> None:
        """What jobs read in place of listing the datasets: the plan, and a task a bucket and backbone. And which shards
        the study uses, for who cleans up.
        """
        plan = {name: {"count": self.count(name), "buckets": self.buckets(name)} for name in self.study.datasets}
        write_if_changed(self.layout.plan, json.dumps(plan, indent=1, sort_keys=True) + "\n")
        for dataset, slug in self.grid.features:
            for bucket, task in self.tasks(dataset, slug).items():
                write_task(self.layout.task(dataset, slug, bucket), task)
        ids = {name: [v.video_id for v in self.listing(name).videos] for name in self.study.datasets}
        write_claim(self.layout, self.grid.slugs, ids)


def _first_column(manifest: Path) -> list[str]:
    """The video_ids of a manifest; none where there is no such file."""
    try:
        with open(manifest, newline="", encoding="utf-8") as file:
            return [row[0] for row in csv.reader(file) if row][1:]
    except (OSError, ValueError, csv.Error):
        return []


def _frame_sizes(probe: Path) -> dict[str, int]:
    """video_id -> pixels of a frame, where headers were read before."""
    try:
        with open(probe, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["width"] and row["height"]]
            return {row["video_id"]: int(row["width"]) * int(row["height"]) for row in rows}
    except (OSError, ValueError, KeyError):
        return {}


class Planned:
    """What a submitted job knows of the sources: sizes, from the plan that the main process wrote."""

    def __init__(self, layout: Layout):
        try:
            self._plan: dict[str, Any] = json.loads(layout.plan.read_text())
        except (OSError, ValueError):
            raise RunError(f"{layout.plan}: cannot be read; a job finds there what Snakemake planned") from None

    def count(self, dataset: str) -> int:
        return int(self._plan[dataset]["count"])

    def pixels(self, dataset: str, bucket: int) -> int | None:
        """A job has been given its memory already."""
        return None

    def buckets(self, dataset: str) -> dict[int, int]:
        return {int(bucket): size for bucket, size in self._plan[dataset]["buckets"].items()}


def weights(grid: Grid, layout: Layout, slug: str) -> Path:
    """The checkpoint an extraction reads: the user's own, or the one the workflow makes for the network."""
    variant, own = grid.backbone_of(slug), grid.own_backbone(slug)
    return variant.settings.weights or (layout.own_weights(own) if own else layout.weights(variant.network.slug))


def check(grid: Grid, sources: Sources) -> None:
    """Raise `UserError` where a dataset or a checkpoint that the study reads is not there, or a
    backbone cannot follow its settings.
    """
    check_backbones(grid)
    for dataset, source in grid.study.datasets.items():
        stored = source.permutations
        if stored is not None and not stored.is_file():
            raise UserError(f"datasets.{dataset}.permutations: there is no file {stored}; give VSFA's info.mat")
        sources.buckets(dataset)
        check_parts(grid.study, dataset, sources.listing(dataset).videos)
    _require_given(grid, sources)
    for run in grid.given:
        path = grid.study.experiments[run.experiment].scores(run.dataset, run.seed)
        if path and not path.is_file():
            raise UserError(f"experiments.{run.experiment}.predictions: there is no file {path}; give a CSV of scores")
    check_strangers(grid, lambda dataset: sources.listing(dataset).videos)


def check_backbones(grid: Grid) -> None:
    """Raise `UserError` for a backbone that cannot follow its settings, or a checkpoint that is not there."""
    computed = datasets_by_network(grid)
    for variant in grid.backbones:
        if variant.imported:
            _check_import(grid, variant)
            continue
        network, settings = variant.network, variant.settings
        check_settings(network.name, settings.node, settings.cube_input, settings.class_token, variant.name)
        if variant.slug not in computed:
            continue
        own = settings.weights
        if own is None and network.weights == "manual":
            raise UserError(
                f"backbones.{variant.name}.weights: is needed, this checkpoint is distributed by hand; "
                f"`vqa weights {network.name} --output FILE` says where to get it"
            )
        if own is not None and not own.is_file():
            raise UserError(f"backbones.{variant.name}.weights: there is no file {own}; give the checkpoint's path")


def _require_given(grid: Grid, sources: Sources) -> None:
    """The receipts of a dataset whose features are given."""
    for dataset, slug in grid.features:
        if grid.study.datasets[dataset].manifest is None:
            continue
        for bucket in [ALL] if grid.backbone_of(slug).imported else sources.buckets(dataset):
            receipt = sources.layout.receipt(dataset, slug, bucket)
            if not receipt.is_file():
                raise UserError(
                    f"{receipt}: is not there, and datasets.{dataset}.manifest says that features are given; "
                    "unpack the bundle again, or leave `manifest` out and give the videos"
                )


def _check_import(grid: Grid, variant: Variant) -> None:
    for dataset, given in variant.settings.imported.items():
        if grid.study.datasets[dataset].manifest:
            continue
        try:
            pairing.source_files(given)
        except UserError as error:
            raise UserError(f"backbones.{variant.name}.import.{dataset}: {error}") from None
