"""The typed study config: the one source of truth for keys, types, defaults and their meaning.

Imports no torch: the Snakefile validates its config here at every parse.
"""

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from vqa.devices import Device
from vqa.errors import UserError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Mode = Literal["OO", "OS", "SO", "SS"]
HeadName = Literal["vsfa", "gru-mean", "fc-pooling", "fc-mean"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
MODES: tuple[Mode, ...] = get_args(Mode)
Settings = TypeVar("Settings", bound=BaseModel)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Dataset(_Model):
    exclude: tuple[str, ...] = Field((), description="video_ids left out; the report names them")
    on_bad_video: Literal["fail", "exclude"] = Field(
        "fail",
        description="fail: a video that cannot be decoded stops the study after all others are "
        "done; exclude: it is left out and the report names it",
    )
    buckets: int = Field(8, ge=1, le=10_000, description="extraction jobs per backbone; 32-64 videos each is good")
    permutations: Path | None = Field(None, description="VSFA *info.mat whose stored permutations give the splits")


class DemoDataset(_Dataset):
    """Synthetic clips, rendered and rated by simulation."""

    reader: Literal["demo"]
    buckets: int = Field(4, ge=1)
    videos: int = Field(60, ge=5, le=10_000, description="number of clips")
    scenes: int = Field(12, ge=1, description="number of scenes shared by the clips")
    width: int = Field(320, ge=64, multiple_of=2, description="pixels")
    height: int = Field(240, ge=64, multiple_of=2, description="pixels")
    seconds: float = Field(2.0, gt=0, description="length of a clip")
    fps: int = Field(24, ge=1, le=240)
    seed: int = Field(0, ge=0, description="same seed, same bytes")


class NativeDataset(_Dataset):
    """One of the paper's datasets, in the layout its authors distribute."""

    reader: Literal["konvid-1k", "cvd2014", "live-qualcomm", "live-vqc"]
    path: Path = Field(description="folder that holds the videos and the metadata")
    buckets: int = Field(16, ge=1)


class TableDataset(_Dataset):
    """Any dataset, as a CSV table with columns video_id, path, mos."""

    reader: Literal["table"]
    path: Path = Field(description="the CSV file; relative video paths start at its folder")


class VsfaInfoDataset(_Dataset):
    """VSFA's `<name>info.mat` (MATLAB v7.3) beside a folder of videos."""

    reader: Literal["vsfa-info"]
    path: Path = Field(description="the info.mat file")
    videos: Path = Field(description="folder that holds the videos")


Dataset = Annotated[DemoDataset | NativeDataset | TableDataset | VsfaInfoDataset, Field(discriminator="reader")]


class BackboneSettings(_Model):
    weights: Path | None = Field(
        None, description="checkpoint file; default: <results>/weights/<backbone>.pth, made by the workflow"
    )
    node: str | None = Field(None, description="torchvision/<name>: the graph node whose maps are pooled")
    cube_input: Literal["crop112", "native"] = Field(
        "crop112",
        description="3D networks: short side to 112 and centre crop as in their training, or native size",
    )


class Experiment(_Model):
    """A named (backbone, sampler, head, batch size, epochs, modes)."""

    backbone: str = Field(description="a registered backbone, or torchvision/<name>")
    sampler: int = Field(0, ge=0, description="0: every frame; K: one random frame of each K")
    head: HeadName = Field("vsfa", description="what follows the features; see README")
    batch_size: int = Field(16, ge=1, description="videos per optimiser step")
    epochs: int | None = Field(None, ge=1, description="overrides training.epochs")
    lr: float | None = Field(None, gt=0, description="overrides training.lr")
    modes: tuple[Mode, ...] = Field(MODES, min_length=1, description="(train order, test order) pairs")

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
        "auto", description="of the network; auto: the fastest this machine runs well, recorded"
    )
    storage: Literal["float16", "float32"] = Field("float16", description="of features in shards")
    memory_mb: int = Field(1000, ge=100, description="budget for activations: sets the frames per batch")
    device: Device = Field("auto", description="cuda: each job has a GPU of its own; auto: cuda if there is one")
    threads: int = Field(2, ge=1, description="CPU threads of an extraction job")


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
    redraw: Literal["run", "epoch"] = Field(
        "run", description="shuffles and samples of the training set drawn once a run, or every epoch"
    )
    sample_test: bool = Field(True, description="Sample-K also samples validation and test videos")
    label_scale: Literal["dataset", "train"] = Field(
        "dataset", description="MOS are divided by the largest of the dataset, or of the training part"
    )
    precision: Literal["float32", "bfloat16"] = Field("float32", description="of the projection's matrix product")
    device: Device = Field("cpu", description="cuda: on a GPU; auto: if there is one")
    jobs_per_gpu: int = Field(1, ge=1, description="training jobs that share a GPU, on one machine")
    threads: int = Field(1, ge=1, description="CPU threads of a training job; many 1-thread jobs are best")


class Run(Training):
    """Everything the result of one training depends on but its data, order and seed."""

    sampler: int = Field(0, ge=0, description="0: every frame; K: one random frame of each K")
    head: HeadName = Field("vsfa", description="what follows the features")
    batch_size: int = Field(16, ge=1, description="videos per optimiser step")
    split: Literal["random", "scene", "stored"] = Field("random", description="how videos are split")


class Splits(_Model):
    method: Literal["random", "scene", "stored"] = Field(
        "random",
        description="by video [paper]; by scene, so that no content is shared; or VSFA's stored "
        "permutations (each dataset then names `permutations:`)",
    )


class Statistics(_Model):
    margin: float = Field(0.02, gt=0, description="SROCC difference regarded as equivalent (TOST)")
    alpha: float = Field(0.05, gt=0, lt=0.5, description="significance level")


class Plots(_Model):
    dpi: int = Field(200, ge=50, le=1200, description="of png figures")


class Study(_Model):
    """A whole study: what config.yaml may say."""

    name: str = Field("study", description="title of the report")
    results: Path = Field(Path("results"), description="folder of everything that is made")
    seeds: tuple[int, ...] = Field(description="a count, or a list of run seeds [paper: 10 runs]")
    datasets: dict[Name, Dataset] = Field(min_length=1)
    backbones: dict[str, BackboneSettings] = Field(default_factory=dict)
    experiments: dict[Name, Experiment] = Field(min_length=1)
    splits: Splits = Splits()
    extraction: Extraction = Extraction()
    training: Training = Training()
    cross_dataset: tuple[str, ...] = Field(
        (), description="experiments whose heads are also tested on every other dataset"
    )
    statistics: Statistics = Statistics()
    plots: Plots = Plots()

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_to_list(cls, seeds: Any) -> Any:
        if isinstance(seeds, int) and not isinstance(seeds, bool):
            if seeds < 1:
                raise ValueError("at least one seed is needed")
            return tuple(range(seeds))
        return seeds

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise ValueError("give a count, or a list of distinct seeds >= 0")
        return seeds

    @model_validator(mode="after")
    def _references(self) -> "Study":
        for name in self.cross_dataset:
            if name not in self.experiments:
                raise ValueError(f"cross_dataset names the experiment '{name}', which is not defined")
            if len(self.datasets) < 2:
                raise ValueError("cross_dataset needs at least two datasets")
        if self.splits.method == "stored":
            for name, dataset in self.datasets.items():
                if dataset.permutations is None:
                    raise ValueError(f"splits.method stored needs datasets.{name}.permutations")
        return self


def validate(model: type[Settings], raw: dict[str, Any], source: str = "options") -> Settings:
    """`raw` as a `model`; a mistake becomes a one-line UserError naming the key."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise UserError(f"{source}: {_explain(error)}") from None


def parse(raw: dict[str, Any], source: str = "config") -> Study:
    return validate(Study, raw, source)


def load(path: str | Path) -> Study:
    """Read a YAML study config."""
    try:
        raw = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give an existing config file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise UserError(f"{path}: not valid YAML{line}; mend the syntax") from None
    if not isinstance(raw, dict):
        raise UserError(f"{path}: is empty or not a mapping; see config.yaml for the keys")
    return parse(raw, str(path))


def dataset(study: Study, name: str) -> Dataset:
    """The settings of one dataset; raises `UserError` for an unknown name."""
    if name not in study.datasets:
        raise UserError(f"no dataset '{name}' in the config; it has {', '.join(study.datasets)}")
    return study.datasets[name]


def _explain(error: ValidationError) -> str:
    errors = error.errors()
    first = errors[0]
    tags = {"demo", "konvid-1k", "cvd2014", "live-qualcomm", "live-vqc", "table", "vsfa-info"}
    parts = list(first["loc"])
    if len(parts) > 2 and parts[0] == "datasets" and parts[2] in tags:
        del parts[2]
    key = ".".join(str(part) for part in parts if part != "[key]")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key{_suggestion(first['loc'])}{more}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return f"{key}: this key is required{more}"
    if first["type"] == "value_error" and not key:
        return message + more
    return f"{key}: {message}, got {first['input']!r}{more}"


def _suggestion(location: tuple[int | str, ...]) -> str:
    models = [Study, Experiment, Extraction, Training, Splits, Statistics, Plots, BackboneSettings]
    models += [DemoDataset, NativeDataset, TableDataset, VsfaInfoDataset]
    known = sorted({name for model in models for name in model.model_fields})
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f", did you mean '{close[0]}'?" if close else "; see config.yaml for the known keys"
