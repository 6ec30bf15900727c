"""The typed study config: the one source of truth for keys, types, defaults and their meaning.

Imports no torch: the Snakefile validates its config here at every parse.
"""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from vqa.config import checks
from vqa.config.backbones import BackboneSettings, ImportedFeatures, NameList
from vqa.config.base import ADDED, Model, require_number
from vqa.config.datasets import (
    Dataset,
    DemoDataset,
    LabelFile,
    LabelsDataset,
    NativeDataset,
    PresetDataset,
    RawVideo,
    TableDataset,
    VsfaInfoDataset,
)
from vqa.config.experiment import Experiment
from vqa.config.fields import BackboneName, FilePath, Name, Seeds
from vqa.config.init import Init
from vqa.config.names import SplitMethod
from vqa.config.stages import Extraction, Training

Margin = Annotated[float, Field(gt=0), BeforeValidator(partial(require_number, "a margin"))]


class Splits(Model):
    method: SplitMethod = Field(
        "random",
        description="by video [paper]; by scene, so that no content is shared; VSFA's stored "
        "permutations (each dataset then names `permutations:`); official: the parts that the labels name, validation "
        "drawn from training where there is none (a dataset without any is split at random); or files that "
        "`vqa splits` wrote",
    )
    path: FilePath | None = Field(
        None, description="for method files: the folder, with DATASET/seed-N.csv", json_schema_extra=ADDED
    )
    scenes: tuple[str, ...] = Field(
        (),
        description="for method random: the datasets on which every experiment is trained in order by scene, too; a "
        "table sets both side by side, no other result changes",
        json_schema_extra=ADDED,
    )


class Statistics(Model):
    margin: float = Field(0.02, gt=0, description="SROCC difference regarded as equivalent (TOST)")
    margins: dict[Literal["plcc", "krocc", "rmse"], Margin] = Field(
        {},
        description="the same for other metrics, such as `{plcc: 0.02}`; RMSE's is in units of the MOS; "
        "a metric without one has no TOST",
        json_schema_extra=ADDED,
    )
    alpha: float = Field(0.05, gt=0, lt=0.5, description="significance level")


class Plots(Model):
    dpi: int = Field(200, ge=50, le=1200, description="of png figures")
    thumbnails: bool = Field(
        False,
        json_schema_extra=ADDED,
        description="small pictures of the videos that the report names, where their licence lets you pass them on",
    )


class Study(Model):
    """A whole study: what config.yaml may say."""

    name: str = Field("study", description="title of the report")
    results: FilePath = Field(Path("results"), description="folder of everything that is made")
    shared: FilePath | None = Field(
        None,
        json_schema_extra=ADDED,
        description="folder of the manifests, weights, features and runs: studies that name the same one "
        "share them; default: results",
    )
    seeds: Seeds = Field(description="a count, or a list of run seeds [paper: 10 runs]")
    datasets: dict[Name, Dataset] = Field(min_length=1)
    backbones: dict[BackboneName, BackboneSettings] = Field(default_factory=dict)
    experiments: dict[Name, Experiment] = Field(min_length=1)
    splits: Splits = Splits()
    extraction: Extraction = Extraction()
    training: Training = Training()
    cross_dataset: tuple[str, ...] = Field(
        (), description="experiments whose heads are also tested on every other dataset"
    )
    audit: bool = Field(
        False,
        json_schema_extra=ADDED,
        description="trainings also write what every epoch reaches on the test set, for the protocol audit alone; "
        "turned on, they run again, to the same bytes in all other files",
    )
    statistics: Statistics = Statistics()
    plots: Plots = Plots()

    @property
    def store(self) -> Path:
        """Where manifests, weights, features and runs lie."""
        return self.shared or self.results

    def datasets_of(self, experiment: str) -> list[str]:
        """Those it is trained on, in the study's order; never the one that its heads come from."""
        own, init = self.experiments[experiment].datasets, self.experiments[experiment].init
        return [d for d in self.datasets if (own is None or d in own) and not (init and init.dataset == d)]

    def seeds_of(self, experiment: str) -> tuple[int, ...]:
        own = self.experiments[experiment].seeds
        return self.seeds if own is None else own

    def seeds_on(self, dataset: str) -> list[int]:
        """Of all experiments that are trained on a dataset."""
        trained = (name for name in self.experiments if dataset in self.datasets_of(name))
        return list(dict.fromkeys(seed for name in trained for seed in self.seeds_of(name)))

    @model_validator(mode="after")
    def _references(self) -> "Study":
        checks.check(self)
        return self


# Where each model stands in a config, for the reference and for suggestions.
SECTIONS: dict[str, type[BaseModel]] = {
    "top level": Study,
    "datasets.NAME, reader: demo": DemoDataset,
    "datasets.NAME, reader: konvid-1k, cvd2014, live-qualcomm or live-vqc": NativeDataset,
    "datasets.NAME, reader: a preset such as lsvq or youtube-ugc": PresetDataset,
    "datasets.NAME, reader: labels": LabelsDataset,
    "datasets.NAME, reader: table": TableDataset,
    "datasets.NAME, reader: vsfa-info": VsfaInfoDataset,
    "datasets.NAME.files": LabelFile,
    "datasets.NAME.raw": RawVideo,
    "backbones.NAME": BackboneSettings,
    "backbones.NAME.import.DATASET": ImportedFeatures,
    "backbones.NAME.import.DATASET.names": NameList,
    "experiments.NAME": Experiment,
    "experiments.NAME.init": Init,
    "splits": Splits,
    "extraction": Extraction,
    "training": Training,
    "statistics": Statistics,
    "plots": Plots,
}
