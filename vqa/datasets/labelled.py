"""Label files joined with a folder of videos, by name."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vqa.config import LabelFile, LabelsDataset, RawVideo, TableDataset
from vqa.datasets import label_files
from vqa.datasets.common import Listing, Span
from vqa.datasets.label_files import Row, Source
from vqa.datasets.tree import Match, VideoTree, split_suffix, without_endings
from vqa.manifest import SAFE_ID, Video
from vqa.system.errors import UserError

_LONGEST_ID = 200


@dataclass(frozen=True)
class Form:
    """How to read a dataset's label files.

    tables: column names of the tables they may be, the first that fits counts; none: the manifest's own.
    headless: they may be `path, a, b, mos` rows without a header.
    """

    tables: tuple[Mapping[str, str], ...] = ()
    headless: bool = False
    separator: str = ","
    extension: str | None = None
    ids: Literal["stem", "path"] = "stem"
    endings: tuple[str, ...] = ()
    raw: RawVideo | None = None


def read_labels(dataset: LabelsDataset) -> Listing:
    form = Form(headless=True, ids=dataset.ids, endings=dataset.endings, raw=dataset.raw)
    files = dataset.files or (LabelFile(path=dataset.path or Path()),)
    return read(files, dataset.videos, form)


def read_table(dataset: TableDataset) -> Listing:
    columns: Mapping[str, str] = {str(name): column for name, column in dataset.columns.items()}
    form = Form((columns,), False, dataset.separator, dataset.extension, dataset.ids, dataset.endings, dataset.raw)
    files = dataset.files or (LabelFile(path=dataset.path or Path(), where=dataset.where),)
    if dataset.where and dataset.files:
        files = tuple(
            file.model_copy(update={"where": " and ".join(filter(None, (file.where, dataset.where)))})
            for file in dataset.files
        )
    return read(files, dataset.videos or files[0].path.parent, form)


def read(files: Sequence[LabelFile], root: Path | None, form: Form) -> Listing:
    """All rows of `files`, each joined with its video below `root`; without one all videos are lost."""
    sources: dict[Path, Source] = {}
    named: list[tuple[Row, Video]] = []
    for file in files:
        if file.path not in sources:
            sources[file.path] = label_files.source(file.path, form.separator)
        named += [(row, _video(row, file, form)) for row in _rows(file, sources[file.path], form)]
    _distinct(named, form)
    found = _join(named, VideoTree(root, form.endings), form.ids == "path") if root else [None] * len(named)
    return Listing(
        root=root or files[0].path.parent,
        videos=[
            _with_path(video, match.path, form.raw) for (_, video), match in zip(named, found, strict=True) if match
        ],
        metadata=list(sources),
        lost=[video for (_, video), match in zip(named, found, strict=True) if not match],
        labelled=Span.of([(video.split, video.mos) for _, video in named]),
    )


def _rows(file: LabelFile, source: Source, form: Form) -> list[Row]:
    header = source.header
    fits = (columns for columns in form.tables if all(header.column(name) is not None for name in columns.values()))
    columns = next(fits, None)
    if columns is None and form.headless:
        return _headless(file, source, form)
    return label_files.rows(source.table, columns or form.tables[0], file.where, form.extension)


def _headless(file: LabelFile, source: Source, form: Form) -> list[Row]:
    tables = " or ".join(", ".join(columns.values()) for columns in form.tables)
    if tables and not label_files.is_headless(source.first_line):
        raise UserError(
            f"{file.path}: has neither the columns {tables} nor rows `path, a, b, mos`; is it the right file?"
        )
    if file.where:
        raise UserError(f"{file.path}: `where: {file.where}` needs a table with a header, which the file has not")
    return label_files.labels(file.path, source.text)


def _video(row: Row, file: LabelFile, form: Form) -> Video:
    video_id = row.video_id if row.video_id is not None else identifier(row.name, form)
    if not SAFE_ID.fullmatch(video_id) or len(video_id) > _LONGEST_ID:
        raise UserError(
            f"{row.where}: {row.name!r} gives no video_id; name the video by letters, digits, '_', '-', '.'"
        )
    known = dict(row.known)
    if file.split:
        known["split"] = file.split
    return Video(video_id, row.name, row.mos, **known)


def identifier(name: str, form: Form) -> str:
    """The video_id of a name: the stem, or the path without its suffix, made safe for a file name.

    It depends on the name alone, so that other videos coming or going never change it.
    """
    *folders, base = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")] or [""]
    stem = without_endings(split_suffix(base)[0], form.endings)
    text = "__".join([*folders, stem]) if form.ids == "path" else stem
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", text).lstrip("_.-")
    if len(safe) > _LONGEST_ID:
        safe = f"{safe[: _LONGEST_ID - 17]}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return safe


def _distinct(named: Iterable[tuple[Row, Video]], form: Form) -> None:
    seen: dict[str, Row] = {}
    for row, video in named:
        first = seen.setdefault(video.video_id.lower(), row)
        if first is row:
            continue
        if first.name.lower() == row.name.lower():
            raise UserError(f"{row.where}: '{row.name}' already stands in {first.where}; each video may stand once")
        mend = "set `ids: path`" if form.ids == "stem" else "each video may stand once"
        both = f"'{row.name}' and '{first.name}' ({first.where})"
        raise UserError(f"{row.where}: {both} have one video_id, '{video.video_id}'; {mend}")


def _join(named: Sequence[tuple[Row, Video]], tree: VideoTree, folder_counts: bool) -> list[Match | None]:
    """Each row's video. A file that several rows lead to is that of the row whose folders fit best."""
    found = []
    claims: dict[str, list[int]] = defaultdict(list)
    for place, (row, _) in enumerate(named):
        try:
            match = tree.find(row.name, folder_counts)
        except UserError as error:
            raise UserError(f"{row.where}: {error}") from None
        found.append(match)
        if match:
            claims[match.path].append(place)
    for path, places in claims.items():
        if len(places) > 1:
            _settle(path, places, named, found)
    return found


def _settle(path: str, places: list[int], named: Sequence[tuple[Row, Video]], found: list[Match | None]) -> None:
    fit = {place: match.shared for place in places if (match := found[place])}
    best, second = sorted(places, key=lambda place: -fit[place])[:2]
    if fit[best] == fit[second]:
        raise UserError(
            f"{named[second][0].where}: '{named[second][0].name}' and '{named[best][0].name}' "
            f"({named[best][0].where}) both lead to {path}; name the videos by their paths"
        )
    for place in places:
        if place != best:
            found[place] = None


def _with_path(video: Video, path: str, raw: RawVideo | None) -> Video:
    known = {key: value for key, value in vars(video).items() if value is not None}
    if raw and path.lower().endswith(".yuv"):
        known |= raw.model_dump(exclude_none=True)
    return Video(**known | {"path": path})
