"""Where everything lies: a study's own results, and what studies may share. Arguments may be Snakemake wildcards."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vqa.config import Study
from vqa.study.grid import RunId

ALL = "all"  # in place of a bucket: features are imported by one job a dataset


@dataclass(frozen=True)
class Layout:
    """results: metrics, tables, figures, report and scores across datasets of one study; store: all else."""

    results: Path
    store: Path

    @classmethod
    def of(cls, study: Study) -> "Layout":
        return cls(study.results, study.store)

    @property
    def study(self) -> Path:
        return self.results / "study.yaml"

    @property
    def plan(self) -> Path:
        """What submitted jobs know of the datasets."""
        return self.results / "plan.json"

    @property
    def hashes(self) -> Path:
        """Of files that were touched, so that they are read once."""
        return self.store / "touched.json"

    @property
    def precision(self) -> Path:
        """What extraction.precision `auto` means in this study."""
        return self.store / "features" / "precision.txt"

    def checked(self, model: str) -> Path:
        """That a user's own model holds to the rules; model: as `Grid.own_models` or `own_backbones` names it."""
        return self.store / "models" / f"{model}.checked"

    def own_weights(self, model: str) -> Path:
        """As a user's own backbone makes them; model: as `Grid.own_backbones` names it."""
        return self.store / "weights" / f"{model}.pth"

    def manifest(self, dataset: str) -> Path:
        return self.store / "manifests" / f"{dataset}.csv"

    def probe(self, dataset: str) -> Path:
        return self.store / "manifests" / f"{dataset}.probe.csv"

    def weights(self, slug: str) -> Path:
        return self.store / "weights" / f"{slug}.pth"

    def features(self, dataset: str, slug: str) -> Path:
        return self.store / "features" / dataset / slug

    def receipt(self, dataset: str, slug: str, bucket: int | str) -> Path:
        """Of a bucket; imported features have one of `ALL`."""
        return self.features(dataset, slug) / "receipts" / f"{bucket}.json"

    def task(self, dataset: str, slug: str, bucket: int | str) -> Path:
        return self.features(dataset, slug) / "tasks" / f"{bucket}.json"

    def seen(self, dataset: str, slug: str, bucket: int | str) -> Path:
        return self.features(dataset, slug) / "seen" / f"{bucket}.json"

    def index(self, dataset: str, slug: str) -> Path:
        return self.features(dataset, slug) / "index.csv"

    def run(self, dataset: str, experiment: str, order: str, seed: int | str, by_scene: bool = False) -> Path:
        folder = self.store / ("runs-by-scene" if by_scene else "runs")
        return folder / dataset / experiment / order / f"seed-{seed}"

    def cross(self, dataset: str, experiment: str, order: str, seed: int | str) -> Path:
        """Which other datasets there are is a study's own."""
        return self.results / "runs" / dataset / experiment / order / f"seed-{seed}" / "cross.csv"

    def run_folder(self, run: RunId) -> Path:
        return self.run(run.dataset, run.experiment, run.order, run.seed, run.by_scene)

    def head(self, run: RunId) -> Path:
        return self.run_folder(run) / "head.pt"


def missing_shards(layout: Layout, features: Iterable[tuple[str, str]]) -> list[Path]:
    """Shards that an existing index names but that are gone from the disk. features: as `Grid.features`."""
    gone = []
    for index in (layout.index(*each) for each in features):
        if index.is_file():
            ids = [line.split(",")[0] for line in index.read_text().splitlines()[1:]]
            there = {path.name for path in index.parent.iterdir()}
            gone += [index.parent / f"{name}.h5" for name in ids if f"{name}.h5" not in there]
    return gone
