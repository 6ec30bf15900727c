"""The jobs of a study, as its rules have them: what tells that each is done, and where its log lies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vqa.datasets import demo
from vqa.study.grid import Grid, datasets_by_network
from vqa.study.layout import ALL, Layout
from vqa.study.sources import weights


@dataclass(frozen=True)
class Job:
    """stage, name: as the log and the benchmark are called; a stage of one job has no names."""

    stage: str
    name: str
    output: Path

    def file(self, folder: Path, ending: str) -> Path:
        """Its log or its benchmark, below the folder of all."""
        return folder / self.stage / f"{self.name}.{ending}" if self.name else folder / f"{self.stage}.{ending}"


def jobs(grid: Grid, layout: Layout, buckets: Mapping[str, Sequence[str]]) -> Iterator[Job]:
    """In the order in which they can run. buckets: of each dataset, those that hold videos."""
    study = grid.study
    for name in (name for name, dataset in study.datasets.items() if demo.rendered(dataset)):
        yield Job("demo-data", name, demo.table(name, study.store))
    yield from (Job("manifest", name, layout.manifest(name)) for name in study.datasets)
    yield from (Job("probe", name, layout.probe(name)) for name in grid.decoded)
    for slug in datasets_by_network(grid):
        if not grid.backbone_of(slug).settings.weights and not grid.own_backbone(slug):
            checkpoint = weights(grid, layout, slug)
            yield Job("weights", checkpoint.stem, checkpoint)
    for dataset, slug in grid.features:
        if grid.backbone_of(slug).imported:
            yield Job("import", f"{dataset}/{slug}", layout.receipt(dataset, slug, ALL))
        else:
            for bucket in buckets[dataset]:
                yield Job("extract", f"{dataset}/{slug}/{bucket}", layout.receipt(dataset, slug, bucket))
    yield from (Job("index", f"{dataset}/{slug}", layout.index(dataset, slug)) for dataset, slug in grid.features)
    for stage, runs in (("train", grid.trained), ("train-by-scene", grid.by_scene), ("predictions", grid.given)):
        for run in runs:
            yield Job(stage, run.name, layout.run_folder(run) / "predictions.csv")
    for run in grid.crossed:
        yield Job("cross", run.name, layout.cross(run.dataset, run.experiment, run.order, run.seed))
    results = layout.results
    yield Job("evaluate", "", results / "metrics.csv")
    yield Job("videos", "", results / "videos.csv")
    yield Job("shown", "", results / "shown.json")
    yield Job("tables", "", results / "tables" / "verdicts.csv")
    yield Job("figures", "", results / "figures" / f"{'training' if grid.trained else 'scatter'}.png")
    yield Job("report", "", results / "report.html")
