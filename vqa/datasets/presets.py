"""Datasets known by an entry of presets.yaml: where their labels usually are, and which public copies there are."""

from functools import cache
from importlib.resources import files as package_files
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from vqa.config import LabelFile, NativeDataset, PresetDataset, RawVideo
from vqa.datasets import labelled
from vqa.datasets.common import Listing, Span
from vqa.datasets.labelled import Form
from vqa.system.errors import UserError

FOLDERS = ("", "labels", "metadata")
# Public copies print MOS with as few as three decimals.
_TOLERANCE = 0.006


class Known(BaseModel):
    """A public copy of a part. rows: how many; low, high: its range of MOS; by: whose."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rows: int
    low: float | None = None
    high: float | None = None
    by: str

    def agrees(self, span: Span) -> bool:
        return self.rows == span.rows and self.holds(span)

    def holds(self, span: Span) -> bool:
        """Whether its range is not known, or holds all labels of `span`."""
        if self.low is None or self.high is None:
            return True
        return self.low - _TOLERANCE <= span.low and span.high <= self.high + _TOLERANCE


class Preset(BaseModel):
    """An entry of presets.yaml, which says what its keys mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    columns: tuple[dict[str, str], ...]
    ids: Literal["stem", "path"] = "stem"
    endings: tuple[str, ...] = ()
    separator: str = ","
    raw: RawVideo | None = None
    layouts: tuple[tuple[LabelFile, ...], ...] = ()
    known: dict[str, tuple[Known, ...]] = {}

    @property
    def form(self) -> Form:
        return Form(self.columns, True, self.separator, None, self.ids, self.endings, self.raw)


@cache
def presets() -> dict[str, Preset]:
    """All entries by the name of their reader."""
    text = (package_files("vqa.datasets") / "presets.yaml").read_text(encoding="utf-8")
    return {name: Preset.model_validate(entry) for name, entry in yaml.safe_load(text).items()}


def read(dataset: PresetDataset | NativeDataset) -> Listing:
    """The labels that `files:` names, or else those that are usually there."""
    preset = presets()[dataset.reader]
    return labelled.read(dataset.files or _usual(dataset.path, preset), dataset.path, preset.form)


def _usual(root: Path, preset: Preset) -> tuple[LabelFile, ...]:
    """The first layout whose files are all there, whatever the letter case."""
    if not root.is_dir():
        raise UserError(f"{root}: is not a folder; set the dataset's `path:` to where it was unpacked")
    there: dict[str, Path] = {}
    for folder in (root, *(entry for entry in sorted(root.iterdir()) if entry.name.lower() in FOLDERS)):
        if folder.is_dir():
            for entry in sorted(folder.iterdir()):
                there.setdefault(entry.name.lower(), entry)
    for layout in preset.layouts:
        if all(file.path.name.lower() in there for file in layout):
            return tuple(file.model_copy(update={"path": there[file.path.name.lower()]}) for file in layout)
    wanted = [", ".join(dict.fromkeys(file.path.name for file in layout)) for layout in preset.layouts]
    raise UserError(
        f"{root}: found none of the usual label files ({'; or '.join(wanted)}) there, in labels/ or in metadata/; "
        "name yours under `files:`"
    )
