"""The typed study config: the one source of truth for keys, types, defaults and their meaning.

Imports no torch: the Snakefile validates its config here at every parse.
"""

import json
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from vqa.config import checks, heads
from vqa.config.backbones import BackboneSettings, ImportedFeatures, NameList
from vqa.config.base import ADDED
from vqa.config.base import Model as _Model
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
from vqa.config.fields import JOINT, BackboneName, Backbones, FilePath, Name, Seeds
from vqa.config.init import Init
from vqa.config.names import MODES, Mode, Precision, SplitMethod
from vqa.config.tuning import Grid, Head
from vqa.system.devices import Device

Margin = Annotated[float, Field(gt=0)]


class Experiment(_Model):
    """A named (backbone, sampler, head, batch size, epochs, modes)."""

    backbone: Backbones = Field(
        description="a registered backbone, torchvision/<name>, timm/<name>, file.py:Class, or a variant of "
        "`backbones`; a list joins their features in time"
    )
    sampler: int = Field(0, ge=0, description="0: every frame; K: one random frame of each K")
    head: Head = Field(
        "vsfa",
        description="what follows the features: a name (`vqa list models`), file.py:Class or "
        "package.module:Class; with options as {name: ..., option: ...}",
    )
    batch_size: int = Field(16, ge=1, description="videos per optimiser step")
    epochs: int | None = Field(None, ge=0, description="overrides training.epochs; with init 0 is zero-shot")
    lr: float | None = Field(None, gt=0, description="overrides training.lr")
    init: Init | None = Field(None, description="the trained heads it begins from", json_schema_extra=ADDED)
    tune: Grid = Field(
        default_factory=dict,
        description="lists of values to try, e.g. {lr: [1e-5, 1e-4], head.width: [64, 128]}: every point is trained, "
        "the best on validation kept, run by run",
        json_schema_extra=ADDED,
    )
    modes: tuple[Mode, ...] = Field(MODES, min_length=1, description="(train order, test order) pairs")
    datasets: tuple[str, ...] | None = Field(
        None, min_length=1, description="those it is trained on; default: all", json_schema_extra=ADDED
    )
    seeds: Seeds | None = Field(
        None,
        description="overrides the study's; two experiments are compared over the seeds that both have",
        json_schema_extra=ADDED,
    )

    @property
    def backbones(self) -> tuple[str, ...]:
        """Those whose features are joined; one, where none are."""
        return tuple(self.backbone.split(JOINT))

    @field_validator("modes")
    @classmethod
    def _unique(cls, modes: tuple[Mode, ...]) -> tuple[Mode, ...]:
        if len(set(modes)) < len(modes):
            raise ValueError("each mode may stand once")
        return modes


class Extraction(_Model):
    decoder: Literal["pyav", "decord"] = Field(
        "pyav",
        description="pyav: bounded memory; decord: decodes ahead without bound, for comparison",
    )
    precision: Precision = Field(
        "auto", description="of the network; auto: the fastest of the machine that extracts first, kept for the study"
    )
    storage: Literal["float16", "float32"] = Field("float16", description="of features in shards")
    memory_mb: int = Field(1000, ge=100, description="budget for activations: sets the frames per batch")
    device: Device = Field("auto", description="cuda: each job has a GPU of its own; auto: cuda if there is one")
    threads: int = Field(2, ge=1, description="CPU threads of an extraction job")
    stall_seconds: int = Field(
        600,
        ge=1,
        description="a video that gives no frame for so long hangs its decoder, and counts as bad",
        json_schema_extra=ADDED,
    )


class Training(_Model):
    epochs: int = Field(2000, ge=1, description="[paper: not given; VSFA: 2000]")
    lr: float = Field(1e-5, gt=0, description="Adam's initial learning rate [paper: 1e-5]")
    weight_decay: float = Field(0.0, ge=0, description="[paper: not given; VSFA: 0]")
    schedule: Literal["constant", "step"] = Field(
        "constant", description="step: lr * step_gamma every step_epochs [VSFA never steps its own]"
    )
    step_epochs: int = Field(200, ge=1, description="for schedule step")
    step_gamma: float = Field(0.8, gt=0, le=1, description="for schedule step")
    selection: Literal["best-val-srocc", "last-epoch"] = Field(
        "best-val-srocc", description="which epoch's head is kept; the test set is never consulted"
    )
    patience: int = Field(
        0, ge=0, description="stop after so many epochs without a better one; 0: never", json_schema_extra=ADDED
    )
    redraw: Literal["run", "epoch"] = Field(
        "run", description="shuffles and samples of the training set drawn once a run, or every epoch"
    )
    sample_test: bool = Field(True, description="Sample-K also samples validation and test videos")
    label_scale: Literal["dataset", "train"] = Field(
        "dataset", description="MOS are divided by the largest of the dataset, or of the training part"
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="of the projection's matrix product; bfloat16 is faster but rounds: another epoch may be "
        "selected than in float32, and another again on another kind of CPU",
    )
    batches: Literal["random", "similar-length"] = Field(
        "random",
        description="which training videos share a batch: any, or ones of like length, so that a long video does not "
        "pad all the others; the order of the batches is random either way",
        json_schema_extra=ADDED,
    )
    features_mb: int = Field(
        0,
        ge=0,
        description="megabytes of features that a training job keeps mapped; beyond it they are read from the disk "
        "every epoch; 0: all that the system lets a process map",
        json_schema_extra=ADDED,
    )
    device: Device = Field("cpu", description="cuda: on a GPU; auto: if there is one")
    jobs_per_gpu: int = Field(1, ge=1, description="training jobs that share a GPU, on one machine")
    threads: int = Field(1, ge=1, description="CPU threads of a training job; many 1-thread jobs are best")

    @model_validator(mode="after")
    def _patience_has_a_best(self) -> Self:
        if self.patience and self.selection == "last-epoch":
            raise ValueError("patience waits for a better epoch, and selection last-epoch knows none; leave one out")
        return self


class Run(Training):
    """Everything the result of one training depends on but its data, order and seed, and the head it begins from."""

    epochs: int = Field(2000, ge=0, description="0: the head of --init as it is")
    sampler: int = Field(0, ge=0, description="0: every frame; K: one random frame of each K")
    head: Head = Field("vsfa", description="what follows the features: a name, or JSON of name and options")
    batch_size: int = Field(16, ge=1, description="videos per optimiser step")
    split: SplitMethod = Field("random", description="how videos are split")
    tune: Grid = Field(default_factory=dict, description="JSON of lists of values to try", json_schema_extra=ADDED)

    @property
    def zero_shot(self) -> bool:
        """Whether it, or a point of its grid, takes no optimiser step."""
        return 0 in (self.epochs, *self.tune.get("epochs", ()))

    @model_validator(mode="after")
    def _points_are_runs(self) -> "Run":
        options = {key.removeprefix("head."): values for key, values in self.tune.items() if key.startswith("head.")}
        for point in product(*options.values()) if options else ():
            heads.normalise(_with_options(self.head, dict(zip(options, point, strict=True))))
        for key, values in self.tune.items():
            for value in () if key.startswith("head.") else values:
                try:
                    Run.model_validate(self.model_dump() | {"tune": {}, key: value})
                except ValidationError as error:
                    raise ValueError(f"tune.{key}: {error.errors()[0]['msg']}, got {value!r}") from None
        return self


def _with_options(head: str, options: dict[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = json.loads(head) if head.startswith("{") else {"name": head}
    return named | options


class Splits(_Model):
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


class Statistics(_Model):
    margin: float = Field(0.02, gt=0, description="SROCC difference regarded as equivalent (TOST)")
    margins: dict[Literal["plcc", "krocc", "rmse"], Margin] = Field(
        {},
        description="the same for other metrics, such as `{plcc: 0.02}`; RMSE's is in units of the MOS; "
        "a metric without one has no TOST",
        json_schema_extra=ADDED,
    )
    alpha: float = Field(0.05, gt=0, lt=0.5, description="significance level")


class Plots(_Model):
    dpi: int = Field(200, ge=50, le=1200, description="of png figures")


class Study(_Model):
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
