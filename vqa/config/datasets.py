"""What a study may say of a dataset: a class a family of readers."""

import re
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from vqa.config.base import ADDED, Model
from vqa.config.fields import FilePath, Name
from vqa.config.names import Control, NativeReader, PresetReader

Part = Annotated[str, Field(pattern=r"^(train|val|test(:[A-Za-z0-9][A-Za-z0-9_.-]*)?)$")]
_CONDITION = r"[^=!<>]+(?:==|!=|<=|>=|<|>)[^=!<>]+"
_CONDITIONS = rf"^{_CONDITION}(?: and {_CONDITION})*$"


def _readable(text: str) -> str:
    if not re.match(_CONDITIONS, text):
        raise ValueError("must be `column == value` (or !=, <, <=, >, >=), several joined by `and`")
    return text


Condition = Annotated[str, AfterValidator(_readable), Field(json_schema_extra={"pattern": _CONDITIONS})]
Column = Literal[
    "video_id", "path", "mos", "mos_std", "width", "height", "fps", "frames", "pixel_format", "scene", "split"
]  # fmt: skip


class LabelFile(Model):
    """One of the label files a dataset is made of."""

    path: FilePath = Field(description="the label file")
    split: Part | None = Field(None, description="the part its videos belong to: train, val, test or test:NAME")
    where: Condition | None = Field(None, description='the rows of a table that count, such as "is_test == 0"')


class RawVideo(Model):
    """What raw YUV files, which have no header, hold."""

    width: int = Field(ge=2, multiple_of=2, description="pixels")
    height: int = Field(ge=2, multiple_of=2, description="pixels")
    pixel_format: Literal["yuv420p", "yuvj420p"] = Field("yuv420p", description="yuvj420p: full range")
    fps: float | None = Field(None, gt=0, description="frames per second")


class _Dataset(Model):
    exclude: tuple[str, ...] = Field((), description="video_ids left out; the report names them")
    on_bad_video: Literal["fail", "exclude"] = Field(
        "fail",
        description="fail: a video that cannot be decoded stops the study after all others are "
        "done; exclude: it is left out and the report names it",
    )
    buckets: int = Field(8, ge=1, le=10_000, description="extraction jobs per backbone; 32-64 videos each is good")
    permutations: FilePath | None = Field(None, description="VSFA *info.mat whose stored permutations give the splits")
    manifest: FilePath | None = Field(
        None,
        description="where the videos are not at hand: the labels, as the manifest of the study that has them; "
        "its features are given too, and nothing is extracted (`vqa unpack` sets it)",
        json_schema_extra=ADDED,
    )


class _Official(_Dataset):
    """A dataset whose labels may name official parts."""

    test_sets: tuple[Name, ...] = Field(
        (), description="of several official test sets, those that are used: test, or a NAME", json_schema_extra=ADDED
    )


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
    control: Control = Field(
        "none",
        description="whether it is known beforehand if the order of frames matters. none: damage is as strong in all "
        "frames; positive: the light fails for a third of a clip, at any time, and raters weigh the last moments most; "
        "negative: it fails in frames here and there, and raters weigh all alike",
        json_schema_extra=ADDED,
    )

    @classmethod
    def rendered(cls) -> tuple[str, ...]:
        """The keys that say how the clips are made."""
        return tuple(key for key in cls.model_fields if key not in _Dataset.model_fields and key != "reader")

    @property
    def clip_ids(self) -> list[str]:
        return [f"clip-{number:03d}" for number in range(self.videos)]


class _Found(_Official):
    """A folder as its authors distribute it; the labels are found in it, or named."""

    files: tuple[LabelFile, ...] = Field(
        (), description="label files of public code, instead of those that are usually there", json_schema_extra=ADDED
    )


class NativeDataset(_Found):
    """One of the paper's datasets, in the layout its authors distribute."""

    reader: NativeReader
    path: FilePath = Field(description="folder that holds the videos and the metadata")
    buckets: int = Field(16, ge=1)


class PresetDataset(_Found):
    """A dataset whose label files are known from public code: an entry of vqa/datasets/presets.yaml."""

    reader: PresetReader
    path: FilePath = Field(description="folder that holds the videos, and the label files where they are usually found")
    buckets: int = Field(64, ge=1, le=10_000, description="extraction jobs per backbone; 32-64 videos each is good")


class _Labelled(_Official):
    """Label files of any name beside a folder of videos."""

    files: tuple[LabelFile, ...] = Field(
        (), description="several label files, each with its part: `{path, split, where}`", json_schema_extra=ADDED
    )
    ids: Literal["stem", "path"] = Field(
        "stem", description="video_id from the file name, or from the path where names repeat", json_schema_extra=ADDED
    )
    endings: tuple[str, ...] = Field(
        (), description="endings of file names that do not count, such as _original", json_schema_extra=ADDED
    )
    raw: RawVideo | None = Field(
        None, description="of raw YUV files: `{width, height, pixel_format, fps}`", json_schema_extra=ADDED
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (getattr(self, "path", None) is None) == (not self.files):
            raise ValueError("give the labels by `path:` (one file) or by `files:` (several), not both")
        return self


class LabelsDataset(_Labelled):
    """Label files without a header, `path, a, b, mos` a row, as in DOVER's and FAST-VQA's code."""

    reader: Literal["labels"]
    path: FilePath | None = Field(None, description="the label file; or `files:`")
    videos: FilePath | None = Field(
        None,
        description="folder the videos are searched in, by relative path, name or stem; may be left out where all "
        "features are imported",
    )


class TableDataset(_Labelled):
    """Any dataset, as a CSV table with columns video_id, path, mos, or with columns of other names."""

    reader: Literal["table"]
    path: FilePath | None = Field(
        None, description="the CSV file, at whose folder relative video paths start; or `files:`"
    )
    videos: FilePath | None = Field(
        None, description="folder the videos are searched in, by relative path, name or stem", json_schema_extra=ADDED
    )
    columns: dict[Column, str] = Field(
        {}, description="the file's own column names: `{video_id: vid, mos: MOSFull}`", json_schema_extra=ADDED
    )
    separator: str = Field(
        ",", min_length=1, max_length=1, description="between the table's columns", json_schema_extra=ADDED
    )
    extension: str | None = Field(
        None, pattern=r"^\.[A-Za-z0-9]+$", description="added to names without it: .mp4", json_schema_extra=ADDED
    )
    where: Condition | None = Field(
        None, description='the rows that count, such as "is_test == 0 and height >= 720"', json_schema_extra=ADDED
    )

    @property
    def plain(self) -> bool:
        """A table as version 0.1 knows it: the manifest's own columns, each video at its path."""
        own = ("files", "ids", "endings", "raw", "videos", "columns", "separator", "extension", "where")
        return all(getattr(self, name) == type(self).model_fields[name].default for name in own)


class VsfaInfoDataset(_Dataset):
    """VSFA's `<name>info.mat` (MATLAB v7.3) beside a folder of videos."""

    reader: Literal["vsfa-info"]
    path: FilePath = Field(description="the info.mat file")
    videos: FilePath = Field(description="folder that holds the videos")


READERS = ("demo", *get_args(NativeReader), *get_args(PresetReader), "labels", "table", "vsfa-info")
Dataset = Annotated[
    DemoDataset | NativeDataset | PresetDataset | LabelsDataset | TableDataset | VsfaInfoDataset,
    Field(discriminator="reader"),
]
