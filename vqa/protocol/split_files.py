"""Split files: a CSV a dataset and seed that says which part each video belongs to, for other code and from it."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from vqa.manifest import Video
from vqa.system.errors import UserError
from vqa.system.files import read_text, write_text

COLUMNS = ("video_id", "path", "mos", "split")


def split_file(folder: Path, dataset: str, seed: int | str) -> Path:
    return folder / dataset / f"seed-{seed}.csv"


def write_split_file(path: Path, videos: Iterable[Video], parts: Mapping[str, str], root: Path) -> None:
    """A row a video, by video_id; paths start at `root` where they can."""
    write_text(path, to_csv(videos, parts, root))


def to_csv(videos: Iterable[Video], parts: Mapping[str, str], root: Path) -> str:
    """The text of a split file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for video in sorted(videos, key=lambda video: video.video_id):
        file = Path(video.path)
        below = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
        writer.writerow([video.video_id, below, repr(video.mos), parts[video.video_id]])
    return buffer.getvalue()


def read_split_file(path: Path) -> dict[str, str]:
    """video_id -> part. Only the columns video_id and split are needed; anything else may stand beside them."""
    text = read_text(path, "`vqa splits` writes such files")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    parts: dict[str, str] = {}
    try:
        if missing := [name for name in ("video_id", "split") if name not in (reader.fieldnames or ())]:
            raise UserError(f"{path}: has no column {' and '.join(missing)}; `vqa splits` writes such files")
        for row in reader:
            video_id, part = ((row[name] or "").strip() for name in ("video_id", "split"))
            if not video_id or not part:
                raise UserError(f"{path} line {reader.line_num}: needs a video_id and a split")
            if video_id in parts:
                raise UserError(f"{path} line {reader.line_num}: video_id {video_id!r} stands twice")
            parts[video_id] = part
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: not valid CSV ({error})") from None
    return parts
