"""Everything the results stage reads of a study, each file once."""

from functools import cached_property
from pathlib import Path
from typing import Any, cast

import pandas as pd

from vqa.config import Mode, Study
from vqa.features.identity import bucket_of
from vqa.features.index import read_receipt
from vqa.manifest import Video, read_manifest
from vqa.results import videos
from vqa.results.comparisons import read_statistics
from vqa.results.contents import Contents
from vqa.results.crossing import Crossing
from vqa.results.evaluation import read_metrics
from vqa.results.test_sets import by_dataset, dataset_of, test_scores
from vqa.study.grid import Grid, RunId, train_order
from vqa.study.layout import ALL, Layout
from vqa.study.runs import read_run, require_own_runs

_HEADER = ("width", "height", "fps", "frames")


class StudyData:
    """Lazy access to the outputs of a finished study."""

    def __init__(self, study: Study):
        self.study = study
        self.grid = Grid(study)
        self.layout = Layout.of(study)
        self.contents = Contents(study)
        self.results = study.results
        self.crossing = Crossing(study)
        self._runs: dict[RunId, dict[str, Any]] = {}

    @cached_property
    def metrics(self) -> pd.DataFrame:
        return read_metrics(self.results / "metrics.csv")

    @cached_property
    def statistics(self) -> pd.DataFrame:
        return read_statistics(self.results / "statistics.csv")

    @cached_property
    def videos(self) -> pd.DataFrame:
        return videos.read(self.results / "videos.csv")

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        return videos.read(self.results / "sensitivity.csv")

    @cached_property
    def _cells(self) -> dict[tuple[str, str, str], pd.DataFrame]:
        groups: Any = self.metrics.groupby(["dataset", "experiment", "mode"])
        return dict(iter(groups))

    def cell(self, dataset: str, experiment: str, mode: str) -> pd.DataFrame:
        """The metrics of one cell, a row a seed."""
        return self._cells[dataset, experiment, mode]

    @cached_property
    def tested(self) -> dict[str, list[str]]:
        """A dataset that is trained on -> itself, or each of its test sets where they have names."""
        return by_dataset(self.metrics)

    def tested_on(self, experiment: str | None = None) -> list[str]:
        """What an experiment, or any, is tested on."""
        own = self.study.datasets if experiment is None else self.study.datasets_of(experiment)
        return [tested for dataset in own for tested in self.tested.get(dataset, ())]

    @cached_property
    def _comparisons(self) -> dict[tuple[str, str, str, str], dict[Any, Any]]:
        chosen = self.statistics[self.statistics["metric"] == "srocc"]
        return {
            (row["family"], row["dataset"], row["experiment"], row["mode"]): row for row in chosen.to_dict("records")
        }

    def comparison(self, family: str, dataset: str, experiment: str, mode: str) -> dict[Any, Any] | None:
        """The statistics on SROCC of a condition; None for a baseline."""
        return self._comparisons.get((family, dataset, experiment, mode))

    def required_comparison(self, family: str, dataset: str, experiment: str, mode: str) -> dict[Any, Any]:
        return self._comparisons[family, dataset, experiment, mode]

    def runs_of(self, dataset: str, experiment: str, mode: str) -> list[RunId]:
        """The runs behind a cell, one a seed."""
        order = train_order(cast(Mode, mode))
        return [RunId(dataset_of(dataset), experiment, order, seed) for seed in self.study.seeds_of(experiment)]

    def run(self, run: RunId) -> dict[str, Any]:
        """run.json of a run."""
        if run not in self._runs:
            self._runs[run] = read_run(self.layout.run_folder(run))
        return self._runs[run]

    def history(self, run: RunId) -> pd.DataFrame:
        return pd.read_csv(self.layout.run_folder(run) / "history.csv")

    def audit(self, run: RunId) -> pd.DataFrame:
        """What every epoch of a run reached on its test sets."""
        return pd.read_csv(self.layout.run_folder(run) / "audit.csv")

    def test_scores(self, run: RunId, tested: str, test_order: str) -> pd.DataFrame:
        return test_scores(self.layout.run_folder(run), tested, test_order)

    def manifest(self, dataset: str) -> list[Video]:
        return read_manifest(self.layout.manifest(dataset))

    def probes(self, dataset: str) -> pd.DataFrame:
        """What the headers say; of a dataset without videos, what its labels do."""
        if dataset not in self.grid.decoded:
            known = [{key: getattr(video, key) for key in _HEADER} for video in self.manifest(dataset)]
            return pd.DataFrame(known, dtype=float)
        return pd.read_csv(self.layout.probe(dataset), dtype={"video_id": str, "error": str})

    @cached_property
    def receipts(self) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
        """(dataset, backbone slug) -> all receipts of its buckets, joined."""
        joined = {}
        for dataset, slug in self.grid.features:
            parts = [read_receipt(path) for path in self.receipt_files(dataset, slug)]
            joined[dataset, slug] = {
                key: {name: value for part in parts for name, value in part[key].items()}
                for key in ("shards", "excluded")
            }
        return joined

    def receipt_files(self, dataset: str, slug: str) -> list[Path]:
        """Those of the study's own buckets: an earlier study may have had more. One for imported features."""
        if self.grid.backbone_of(slug).imported:
            return [self.layout.receipt(dataset, slug, ALL)]
        total = self.study.datasets[dataset].buckets
        numbers = {bucket_of(video.video_id, total) for video in self.manifest(dataset)}
        return [self.layout.receipt(dataset, slug, number) for number in sorted(numbers)]

    def excluded(self, dataset: str) -> dict[str, str]:
        """video_id -> why it is left out: asked for in the config, or found bad."""
        wanted = dict.fromkeys(self.study.datasets[dataset].exclude, "excluded in the config")
        found: dict[str, str] = {}
        for (name, _), receipt in self.receipts.items():
            if name == dataset:
                found |= receipt["excluded"]
        return wanted | found


def finished(study: Study) -> StudyData:
    """Raises `UserError` where a run is not the study's: on a shared store another study may have made it since."""
    data = StudyData(study)
    require_own_runs(data.grid, data.grid.runs)
    return data
