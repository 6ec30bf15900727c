"""The manifest: one row a video, whatever dataset it came from.

CSV columns: `video_id, path, mos` and, where known, `mos_std, width, height, fps, frames,
pixel_format, scene`; `split` (train, val, test or test:NAME) stands only where a dataset has official parts.
`video_id` is unique, file-name safe and stable.
"""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vqa.system.errors import UserError
from vqa.system.files import read_text, write_text

SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
REQUIRED = ("video_id", "path", "mos")
_MOST = 1e9  # pixels of a side, frames a second, frames


@dataclass(frozen=True)
class Video:
    """One row. Geometry is needed for raw YUV only; other files know their own."""

    video_id: str
    path: str
    mos: float
    mos_std: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    frames: int | None = None
    pixel_format: str | None = None
    scene: str | None = None
    split: str | None = None

    def row(self) -> dict[str, Any]:
        """All that is said of it; an official part only where there is one, as in the manifest."""
        return {name: value for name, value in vars(self).items() if name != "split" or value is not None}

    def source(self) -> dict[str, Any]:
        """What decoding depends on: everything but the labels."""
        keys = ("video_id", "path", "width", "height", "pixel_format")
        return {key: getattr(self, key) for key in keys}


COLUMNS = tuple(field.name for field in fields(Video))


def read_manifest(path: str | Path, root: Path | None = None) -> list[Video]:
    """Read a manifest or a user's table; relative video paths start at `root` where given.

    Raises `UserError` naming file and line for a missing column, a bad value or a duplicate.
    """
    path = Path(path)
    text = read_text(path, "give an existing CSV file")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = [_column(name, names) for name in names]
        missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"{path}: column {', '.join(missing)} is missing; needed are {', '.join(REQUIRED)}")
        twice = [name for name in COLUMNS if (reader.fieldnames or ()).count(name) > 1]
        if twice:
            raise UserError(f"{path}: column {twice[0]} stands twice; keep one of them")
        videos = [_row(row, f"{path} line {reader.line_num}", root) for row in reader]
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: not valid CSV ({error})") from None
    if not videos:
        raise UserError(f"{path}: holds no videos; add one row a video")
    return unique(videos, str(path))


def unique(videos: list[Video], where: str) -> list[Video]:
    """The videos, unless two share a video_id (case-insensitively: file systems differ)."""
    seen: dict[str, int] = {}
    for number, video in enumerate(videos, start=1):
        first = seen.setdefault(video.video_id.lower(), number)
        if first != number:
            raise UserError(
                f"{where}: video_id {video.video_id!r} stands in rows {first} and {number}; each video may stand once"
            )
    return videos


def write_manifest(path: str | Path, videos: list[Video]) -> None:
    write_text(path, to_csv(videos))


def to_csv(videos: list[Video]) -> str:
    """The text of a manifest."""
    buffer = io.StringIO()
    columns = COLUMNS if any(video.split for video in videos) else tuple(c for c in COLUMNS if c != "split")
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    for video in videos:
        writer.writerow({name: "" if (value := getattr(video, name)) is None else value for name in columns})
    return buffer.getvalue()


def _row(row: dict[str, Any], where: str, root: Path | None) -> Video:
    if None in row or None in row.values():
        raise UserError(f"{where}: has another number of fields than the header")
    video_id = row["video_id"].strip()
    if not SAFE_ID.fullmatch(video_id) or len(video_id) > 200:
        raise UserError(
            f"{where}: video_id {video_id!r} must be letters, digits, '_', '-', '.' and start with a letter or digit"
        )
    if not row["path"].strip() or "\0" in row["path"]:
        raise UserError(f"{where}: path is empty; give the video's file")
    path = str(root / row["path"]) if root else row["path"]
    mos = _number(row, "mos", where, float)
    if mos is None:
        raise UserError(f"{where}: mos is empty; give a number or leave the row out")
    return Video(video_id=video_id, path=path, mos=mos, **optional_columns(row, where))


def optional_columns(row: Mapping[str, str], where: str) -> dict[str, Any]:
    """What a row may say of a video beside `video_id, path, mos`; None where it does not."""
    kinds = {"width": int, "height": int, "fps": float, "frames": int}
    found = {column: _number(row, column, where, kind) for column, kind in kinds.items()}
    for column, value in found.items():
        if value is not None and not 0 < value <= _MOST:
            raise UserError(f"{where}: {column} is {value:g}; leave it empty where it is not known")
    return {
        "mos_std": _number(row, "mos_std", where, float),
        **found,
        **{column: (row.get(column) or "").strip() or None for column in ("pixel_format", "scene", "split")},
    }


def _column(name: str, header: Sequence[str]) -> str:
    """A header's word, as a manifest's column where it is one in another letter case, and the only one."""
    lower = name.lower()
    return lower if lower in COLUMNS and lower not in header else name


def _number(row: Mapping[str, str], column: str, where: str, kind: type) -> Any:
    text = (row.get(column) or "").strip()
    if not text:
        return None
    value = finite(text, kind)
    if value is None:
        raise UserError(f"{where}: {column} is {text!r}, not a finite number; mend or leave out the row")
    return value


def finite(text: str, kind: type) -> Any:
    """A finite number of ASCII digits, without the underscores that Python alone reads; None for any other text."""
    try:
        value = kind(text)
        return value if math.isfinite(value) and text.isascii() and "_" not in text else None
    except (ValueError, OverflowError):
        return None
