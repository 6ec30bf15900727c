"""The grid of a study: which cells, runs and files a config asks for. Imports no torch."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from vqa import datasets
from vqa.backbones.registry import Spec, spec
from vqa.config import BackboneSettings, DemoDataset, Experiment, Run, Study
from vqa.datasets import Listing
from vqa.errors import UserError
from vqa.extraction import bucket_of, settings_of
from vqa.files import canonical, digest, write_text
from vqa.manifest import Video
from vqa.sampling import Order
from vqa.versions import DEMO_VERSION, EVALUATION_VERSION, FEATURE_VERSION, TRAINING_VERSION


@dataclass(frozen=True)
class RunId:
    """One training: dataset x experiment x train order x seed."""

    dataset: str
    experiment: str
    order: Order
    seed: int


class Layout:
    """Where everything lies below `results/`. Arguments may be Snakemake wildcards."""

    def __init__(self, results: Path):
        self.results = results

    @property
    def study(self) -> Path:
        return self.results / "study.yaml"

    def manifest(self, dataset: str) -> Path:
        return self.results / "manifests" / f"{dataset}.csv"

    def probe(self, dataset: str) -> Path:
        return self.results / "manifests" / f"{dataset}.probe.csv"

    def weights(self, backbone: str) -> Path:
        return self.results / "weights" / f"{backbone}.pth"

    def features(self, dataset: str, backbone: str) -> Path:
        return self.results / "features" / dataset / backbone

    def receipt(self, dataset: str, backbone: str, bucket: int | str) -> Path:
        return self.features(dataset, backbone) / "receipts" / f"{bucket}.json"

    def index(self, dataset: str, backbone: str) -> Path:
        return self.features(dataset, backbone) / "index.csv"

    def run(self, dataset: str, experiment: str, order: str, seed: int | str) -> Path:
        return self.results / "runs" / dataset / experiment / order / f"seed-{seed}"


class Grid:
    """A validated study with its derived lists."""

    def __init__(self, study: Study):
        self.study = study
        self.paths = Layout(study.results)
        for name in self.backbones:
            spec(name)
        slugs = [self.slug(name) for name in self.backbones]
        if len(set(slugs)) < len(slugs):
            raise UserError("experiments: two backbones share one folder name; rename one")
        if unused := sorted(set(study.backbones) - set(self.backbones)):
            raise UserError(f"backbones.{unused[0]}: no experiment uses it; remove it or name it in one")

    def check_inputs(self) -> None:
        """Raise `UserError` where a dataset or a checkpoint that the study reads is not there."""
        for name in self.backbones:
            own = self.settings(name).weights
            if own is None and spec(name).weights == "manual":
                raise UserError(
                    f"backbones.{name}.weights: is needed, this checkpoint is distributed by hand; "
                    f"`vqa weights {name} --output FILE` says where to get it"
                )
            if own is not None and not own.is_file():
                raise UserError(f"backbones.{name}.weights: there is no file {own}; give the checkpoint's path")
        for dataset, settings in self.study.datasets.items():
            stored = settings.permutations
            if stored is not None and not stored.is_file():
                raise UserError(f"datasets.{dataset}.permutations: there is no file {stored}; give VSFA's info.mat")
            self.buckets(dataset)

    @cached_property
    def backbones(self) -> list[str]:
        return sorted({experiment.backbone for experiment in self.study.experiments.values()})

    def slug(self, backbone: str) -> str:
        return spec(backbone).slug

    def backbone_of(self, slug: str) -> Spec:
        return spec(next(name for name in self.backbones if self.slug(name) == slug))

    def settings(self, backbone: str) -> BackboneSettings:
        return self.study.backbones.get(backbone, BackboneSettings())

    def weights(self, slug: str) -> Path:
        """The checkpoint an extraction reads: the user's own, or the one the workflow makes."""
        own = self.settings(self.backbone_of(slug).name).weights
        return own or self.paths.weights(slug)

    def listing(self, dataset: str) -> Listing:
        if dataset not in self._listings:
            self._listings[dataset] = datasets.read(dataset, self.study.datasets[dataset], self.study.results)
        return self._listings[dataset]

    @cached_property
    def _listings(self) -> dict[str, Listing]:
        return {}

    @cached_property
    def _buckets(self) -> dict[str, list[list[Video]]]:
        return {}

    def buckets(self, dataset: str) -> list[list[Video]]:
        """The videos of each bucket; empty buckets stay, so that their number is the config's."""
        if dataset not in self._buckets:
            parts: list[list[Video]] = [[] for _ in range(self.study.datasets[dataset].buckets)]
            for video in self.listing(dataset).videos:
                parts[bucket_of(video.video_id, len(parts))].append(video)
            self._buckets[dataset] = parts
        return self._buckets[dataset]

    def receipts(self, dataset: str, slug: str) -> list[Path]:
        return [
            self.paths.receipt(dataset, slug, number) for number, videos in enumerate(self.buckets(dataset)) if videos
        ]

    @cached_property
    def runs(self) -> list[RunId]:
        return [
            RunId(dataset, name, order, seed)
            for dataset in self.study.datasets
            for name, experiment in self.study.experiments.items()
            for order in sorted({mode[0] for mode in experiment.modes})
            for seed in self.study.seeds
        ]

    def run_dir(self, run: RunId) -> Path:
        return self.paths.run(run.dataset, run.experiment, run.order, run.seed)

    @cached_property
    def crossed(self) -> list[RunId]:
        """Runs whose heads are also tested on the other datasets: those trained in order."""
        return [run for run in self.runs if run.experiment in self.study.cross_dataset and run.order == "O"]

    def run_settings(self, experiment: str) -> Run:
        chosen = self.study.experiments[experiment]
        return Run(
            **self.study.training.model_dump(exclude={"epochs", "lr"}),
            epochs=chosen.epochs or self.study.training.epochs,
            lr=chosen.lr or self.study.training.lr,
            sampler=chosen.sampler,
            head=chosen.head,
            batch_size=chosen.batch_size,
            split=self.study.splits.method,
        )

    def clip_length(self, experiment: str) -> int:
        """Frames a feature row stands for: 1, or 16 of a cube."""
        return spec(self.study.experiments[experiment].backbone).clip_length

    @cached_property
    def sampler_groups(self) -> list[tuple[str, str]]:
        """(Sample-K experiment, the one with every frame) of the same backbone and head."""
        return self._groups(lambda e: (e.backbone, e.head), lambda e: e.sampler == 0)

    @cached_property
    def head_groups(self) -> list[tuple[str, str]]:
        """(control head's experiment, VSFA's) of the same backbone and sampler."""
        return self._groups(lambda e: (e.backbone, e.sampler), lambda e: e.head == "vsfa")

    def _groups(self, key: Callable[[Experiment], Any], is_base: Callable[[Experiment], bool]) -> list[tuple[str, str]]:
        in_order = {name: e for name, e in self.study.experiments.items() if "OO" in e.modes}
        bases = {key(e): name for name, e in reversed(in_order.items()) if is_base(e)}
        return [(name, bases[key(e)]) for name, e in in_order.items() if key(e) in bases and not is_base(e)]

    @cached_property
    def shuffled(self) -> list[str]:
        """Experiments that compare modes: the paper's Tables II-IV and VI."""
        return [name for name, e in self.study.experiments.items() if len(e.modes) > 1]

    @cached_property
    def tables(self) -> list[str]:
        names = ["datasets", *self.shuffled]
        if self.sampler_groups:
            names += ["sampling", "ttest-samplers"]
        if all("OO" in self.study.experiments[name].modes for name in self.shuffled) and self.shuffled:
            names.append("ttest-modes")
        if self.head_groups:
            names.append("heads")
        if self.study.cross_dataset:
            names.append("cross-dataset")
        return [*names, "verdicts"]

    @cached_property
    def figures(self) -> list[str]:
        names = ["scatter", "training"]
        if self.shuffled:
            names = ["pairs", *names]
        if "ttest-modes" in self.tables:
            names = ["modes", *names]
        return [*names, "samplers", "cost"] if self.sampler_groups else names

    # What each stage's result depends on, as one sorted-JSON string for Snakemake's params.

    def demo_depends(self, dataset: str) -> str:
        settings = self.study.datasets[dataset]
        assert isinstance(settings, DemoDataset)
        keys = {"videos", "scenes", "width", "height", "seconds", "fps", "seed"}
        return canonical({"version": DEMO_VERSION, **settings.model_dump(include=keys)})

    def manifest_depends(self, dataset: str) -> str:
        settings = self.study.datasets[dataset].model_dump(mode="json", exclude={"buckets", "on_bad_video"})
        found = [(v.video_id, v.path, v.mos) for v in self.listing(dataset).videos]
        return canonical({"reader": settings, "videos": digest(found)})

    def extract_depends(self, dataset: str, slug: str, bucket: int) -> str:
        name = self.backbone_of(slug).name
        settings = self.study.datasets[dataset]
        return canonical(
            {
                **settings_of(name, self.settings(name), self.study.extraction),
                "videos": digest([video.source() for video in self.buckets(dataset)[bucket]]),
                "bucket": [bucket, settings.buckets],
                "on_bad_video": settings.on_bad_video,
            }
        )

    def index_depends(self) -> str:
        return canonical({"version": FEATURE_VERSION})

    def train_depends(self, experiment: str) -> str:
        run = self.run_settings(experiment).model_dump(mode="json", exclude={"threads", "device", "jobs_per_gpu"})
        return canonical({"version": TRAINING_VERSION, "run": run})

    def cross_depends(self) -> str:
        return canonical({"version": TRAINING_VERSION, "datasets": sorted(self.study.datasets)})

    def evaluate_depends(self) -> str:
        cells = {name: sorted(e.modes) for name, e in self.study.experiments.items()}
        return canonical(
            {
                "version": EVALUATION_VERSION,
                "cells": cells,
                "datasets": list(self.study.datasets),
                "seeds": list(self.study.seeds),
                "statistics": self.study.statistics.model_dump(),
            }
        )

    def results_depends(self) -> str:
        return f"{EVALUATION_VERSION} {self.study_json()}"

    def study_json(self) -> str:
        """The whole study; datasets and experiments keep the config's order, which tables follow."""
        return json.dumps(self.study.model_dump(mode="json", exclude_none=True), separators=(",", ":"))

    def write_study(self) -> None:
        """Write `study.yaml`: the validated study with all defaults."""
        shown = self.study.model_dump(mode="json", exclude_none=True)
        write_text(self.paths.study, yaml.safe_dump(shown, sort_keys=False))

    def missing_shards(self) -> list[Path]:
        """Shards that an existing index names but that are gone from the disk."""
        gone = []
        for dataset in self.study.datasets:
            for slug in map(self.slug, self.backbones):
                index = self.paths.index(dataset, slug)
                if index.is_file():
                    ids = [line.split(",")[0] for line in index.read_text().splitlines()[1:]]
                    there = {path.name for path in index.parent.iterdir()}
                    gone += [index.parent / f"{name}.h5" for name in ids if f"{name}.h5" not in there]
        return gone


def flags(settings: Any) -> str:
    """A settings model as command-line flags, in a fixed order: `--batch-size 16 --lr 1e-05 ...`."""
    parts = []
    for key, value in sorted(settings.model_dump(mode="json", exclude={"threads"}).items()):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        parts.append(f"--{key.replace('_', '-')} {text}")
    return " ".join(parts)
