"""What a study may say of a dataset: a class a family of readers."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from vqa.config.base import Model
from vqa.config.fields import FilePath
from vqa.config.names import NativeReader


class _Dataset(Model):
    exclude: tuple[str, ...] = Field((), description="video_ids left out; the report names them")
    on_bad_video: Literal["fail", "exclude"] = Field(
        "fail",
        description="fail: a video that cannot be decoded stops the study after all others are "
        "done; exclude: it is left out and the report names it",
    )
    buckets: int = Field(8, ge=1, le=10_000, description="extraction jobs per backbone; 32-64 videos each is good")
    permutations: FilePath | None = Field(None, description="VSFA *info.mat whose stored permutations give the splits")


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

    @property
    def clip_ids(self) -> list[str]:
        return [f"clip-{number:03d}" for number in range(self.videos)]


class NativeDataset(_Dataset):
    """One of the paper's datasets, in the layout its authors distribute."""

    reader: NativeReader
    path: FilePath = Field(description="folder that holds the videos and the metadata")
    buckets: int = Field(16, ge=1)


class TableDataset(_Dataset):
    """Any dataset, as a CSV table with columns video_id, path, mos."""

    reader: Literal["table"]
    path: FilePath = Field(description="the CSV file; relative video paths start at its folder")


class VsfaInfoDataset(_Dataset):
    """VSFA's `<name>info.mat` (MATLAB v7.3) beside a folder of videos."""

    reader: Literal["vsfa-info"]
    path: FilePath = Field(description="the info.mat file")
    videos: FilePath = Field(description="folder that holds the videos")


READERS = ("demo", *get_args(NativeReader), "table", "vsfa-info")
Dataset = Annotated[DemoDataset | NativeDataset | TableDataset | VsfaInfoDataset, Field(discriminator="reader")]
