"""What the readers share."""

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from vqa.manifest import Video, finite
from vqa.system.errors import UserError


class Span(NamedTuple):
    """How many labels there are, and their range."""

    rows: int
    low: float
    high: float

    @classmethod
    def of(cls, labels: Iterable[tuple[str | None, float]]) -> "dict[str | None, Span]":
        """The span of each part of `labels`, (part, MOS) each, and of all parts together under `all`."""
        parts: dict[str | None, list[float]] = defaultdict(list)
        for part, mos in labels:
            parts[part].append(mos)
        parts["all"] = [mos for values in parts.values() for mos in values]
        return {part: cls(len(values), min(values), max(values)) for part, values in parts.items() if values}


@dataclass(frozen=True)
class Listing:
    """The result of a reader.

    videos: rows whose file was found; lost: those of the others, with the name that the labels give as their path;
    metadata: the files the rows came from; excluded: video_ids left out on request;
    labelled: of label files of public code, what each part holds, found or not.
    """

    root: Path
    videos: list[Video]
    metadata: list[Path]
    lost: list[Video] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    labelled: dict[str | None, Span] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """`video_id (file)` of the lost ones."""
        return [f"{video.video_id} ({video.path})" for video in self.lost]

    @property
    def parts(self) -> dict[str, str | None]:
        """The official part of each video, found or missing, by video_id."""
        return {video.video_id: video.split for video in (*self.videos, *self.lost)}

    def off_disk(self) -> "Listing":
        """As if none of the videos needed to be on disk."""
        return replace(self, videos=[*self.videos, *self.lost], lost=[])

    def without(self, exclude: Iterable[str], dataset: str) -> "Listing":
        wanted = set(exclude)
        known = {video.video_id for video in (*self.videos, *self.lost)}
        if unknown := sorted(wanted - known):
            raise UserError(
                f"datasets.{dataset}.exclude: no video has the id '{unknown[0]}'; "
                "the ids stand in the manifest (`vqa manifest`)"
            )
        return replace(
            self,
            videos=[video for video in self.videos if video.video_id not in wanted],
            lost=[video for video in self.lost if video.video_id not in wanted],
            excluded=sorted(wanted),
        )


def find_metadata(root: Path, folders: Iterable[str], names: Iterable[str]) -> Path:
    """The first of `names` in `root` or one of `folders` below it, whatever the letter case."""
    if not root.is_dir():
        raise UserError(f"{root}: is not a folder; set the dataset's `path:` to where it was unpacked")
    names, places = list(names), [root]
    entries = {entry.name.lower(): entry for entry in root.iterdir()}
    places += [entries[name.lower()] for name in folders if name.lower() in entries]
    for name in names:
        for place in filter(Path.is_dir, places):
            for entry in sorted(place.iterdir()):
                if entry.name.lower() == name.lower() and entry.is_file():
                    return entry
    looked = ", ".join(str(root / folder) for folder in ("", *folders))
    raise UserError(f"{root}: found no {' or '.join(names)}; looked in {looked}")


class VideoFiles:
    """The video files below a folder, found by name without regard to letter case."""

    def __init__(self, root: Path, suffixes: tuple[str, ...]):
        self._by_stem: dict[str, list[Path]] = defaultdict(list)
        for folder, subfolders, names in os.walk(root, followlinks=True):
            subfolders.sort()
            for name in sorted(names):
                stem, suffix = os.path.splitext(name)
                if suffix.lower() in suffixes and not name.startswith("."):
                    self._by_stem[stem.lower()].append(Path(folder, name))

    def stems(self) -> list[str]:
        return list(self._by_stem)

    def find(self, stem: str, folder: str | None = None) -> Path | None:
        """The file of that stem; `folder` (the name of its parent) decides between several."""
        found = self._by_stem.get(stem.lower(), [])
        if folder and len(found) > 1:
            found = [path for path in found if path.parent.name.lower() == folder.lower()] or found
        if len(found) > 1:
            raise UserError(f"{found[0]} and {found[1]} have the same name; keep one of them")
        return found[0] if found else None


def listing(root: Path, metadata: Path, rows: Iterable[tuple[Video, Path | None]]) -> Listing:
    """Part the rows into found and lost."""
    videos, lost = [], []
    for video, path in rows:
        if path is None:
            lost.append(video)
        else:
            videos.append(replace(video, path=str(path)))
    return Listing(root=root, videos=videos, metadata=[metadata], lost=lost)


def number(text: str, where: str) -> float:
    """A label, of ASCII digits; decimal commas allowed."""
    value: float | None = finite(text.replace(",", "."), float)
    if value is None:
        raise UserError(f"{where}: {text!r} is not a number; compare the file with the original download")
    return value
