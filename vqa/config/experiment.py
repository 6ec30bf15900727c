"""What an experiment may say."""

from pathlib import Path
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from vqa.config.base import ADDED, Model
from vqa.config.fields import JOINT, Backbones, FilePattern, Seeds, filled
from vqa.config.init import Init
from vqa.config.names import MODES, Mode
from vqa.config.tuning import Grid, Head

_OF_A_TRAINING = ("backbone", "sampler", "head", "batch_size", "epochs", "lr", "init", "tune")


class Experiment(Model):
    """A named (backbone, sampler, head, batch size, epochs, modes), or predictions that others made."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["backbone"]}, {"required": ["predictions"]}]})

    backbone: Backbones | None = Field(
        None,
        description="a registered backbone, torchvision/<name>, timm/<name>, file.py:Class, or a variant of "
        "`backbones`; a list joins their features in time; needed, but for `predictions`",
    )
    sampler: int = Field(0, ge=0, description="0: every frame; K: one random frame of each K")
    head: Head = Field(
        "vsfa",
        description="what follows the features: a name (`vqa list models`), file.py:Class or "
        "package.module:Class; with options as {name: ..., option: ...}",
    )
    batch_size: int = Field(16, ge=1, description="videos per optimiser step")
    epochs: int | None = Field(None, ge=0, description="overrides training.epochs; with init 0 is zero-shot")
    lr: float | None = Field(None, gt=0, le=1e30, description="overrides training.lr")
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
    predictions: FilePattern | None = Field(
        None,
        description="in place of a training, the scores that others made: a CSV a dataset and seed, "
        "`theirs/{dataset}/seed-{seed}.csv`; without {seed} the same scores in every split",
        json_schema_extra=ADDED,
    )
    columns: dict[Literal["video_id", "score"], str] = Field(
        default_factory=dict,
        description="of `predictions`, the files' own column names: `{video_id: name, score: pred}`",
        json_schema_extra=ADDED,
    )

    @property
    def backbones(self) -> tuple[str, ...]:
        """Those whose features are joined; one, where none are."""
        return tuple(self.backbone.split(JOINT)) if self.backbone else ()

    @property
    def of_a_training(self) -> list[str]:
        """The keys of a training that are not at their defaults."""
        fields = type(self).model_fields
        return [key for key in _OF_A_TRAINING
                if getattr(self, key) != fields[key].get_default(call_default_factory=True)]  # fmt: skip

    def scores(self, dataset: str, seed: int | str) -> Path | None:
        """The file of predictions that others made; None where the study trains."""
        return filled(self.predictions, dataset, seed) if self.predictions else None

    @property
    def same_scores(self) -> bool:
        """Whether one file of others' predictions serves every split."""
        return self.predictions is not None and "{seed}" not in str(self.predictions)

    @model_validator(mode="before")
    @classmethod
    def _in_order(cls, raw: Any) -> Any:
        """Others' scores are of frames in order, and nothing is trained."""
        given = isinstance(raw, dict) and raw.get("predictions") is not None
        return {"modes": ["OO"], **raw} if given else raw

    @model_serializer(mode="wrap")
    def _without_training(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told: dict[str, Any] = dump(self)
        return told if self.predictions is None else {k: v for k, v in told.items() if k not in _OF_A_TRAINING}

    @field_validator("modes")
    @classmethod
    def _unique(cls, modes: tuple[Mode, ...]) -> tuple[Mode, ...]:
        if len(set(modes)) < len(modes):
            raise ValueError("each mode may stand once")
        return modes
