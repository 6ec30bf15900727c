"""What the two stages may be told: extraction, and training down to a single run."""

import json
from itertools import product
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from vqa.config import heads
from vqa.config.base import ADDED, Model
from vqa.config.names import Precision, SplitMethod
from vqa.config.tuning import Grid, Head
from vqa.system.devices import Device


class Extraction(Model):
    decoder: Literal["pyav", "decord"] = Field(
        "pyav",
        description="pyav: bounded memory; decord: decodes ahead without bound, for comparison",
    )
    precision: Precision = Field(
        "auto", description="of the network; auto: the fastest of the machine that extracts first, kept for the study"
    )
    storage: Literal["float16", "float32"] = Field("float16", description="of features in shards")
    memory_mb: int = Field(
        1000,
        ge=100,
        description="host memory that sets the frames per batch: for activations on the CPU, beside a GPU for the "
        "frames that wait",
    )
    gpu_mb: int = Field(
        0,
        ge=0,
        description="the GPU's memory for activations; 0: most of what is free when a job starts",
        json_schema_extra=ADDED,
    )
    device: Device = Field("auto", description="cuda: on a GPU; auto: cuda if there is one")
    jobs_per_gpu: int = Field(
        1, ge=1, description="extraction jobs that share a GPU, on one machine", json_schema_extra=ADDED
    )
    threads: int = Field(2, ge=1, description="CPU threads of an extraction job: so many videos are decoded at once")
    stall_seconds: int = Field(
        600,
        ge=1,
        description="a video that gives no frame for so long hangs its decoder, and counts as bad",
        json_schema_extra=ADDED,
    )


class Training(Model):
    epochs: int = Field(2000, ge=1, description="[paper: not given; VSFA: 2000]")
    lr: float = Field(1e-5, gt=0, le=1e30, description="Adam's initial learning rate [paper: 1e-5]")
    weight_decay: float = Field(0.0, ge=0, le=1e30, description="[paper: not given; VSFA: 0]")
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
        of_training = [key for key in self.tune if not key.startswith("head.")]
        if of_training and heads.resolve(self.head).name == "svr":
            raise ValueError(f"tune.{of_training[0]}: an svr is fitted, not trained; head.refit alone can be tried")
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
