"""The videos below a folder, found as label files name them: by relative path, by name or by stem."""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from vqa.system.errors import UserError

SUFFIXES = frozenset({
    ".mp4", ".avi", ".mkv", ".mov", ".webm", ".yuv", ".y4m", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".mts",
    ".m2ts", ".3gp", ".ogv", ".264", ".h264", ".265", ".hevc",
})  # fmt: skip


def split_suffix(name: str) -> tuple[str, str]:
    """Stem and video suffix; what follows another dot belongs to the stem: `Winter_Pt._1` has no suffix."""
    stem, suffix = os.path.splitext(name)
    return (stem, suffix) if suffix.lower() in SUFFIXES else (name, "")


def without_endings(stem: str, endings: Iterable[str]) -> str:
    """The stem without the first of `endings` that it has."""
    for ending in endings:
        if len(stem) > len(ending) and stem.lower().endswith(ending.lower()):
            return stem[: -len(ending)]
    return stem


class _File(NamedTuple):
    """folders: those above the file, lower case, with those above the root; name: lower case."""

    folders: list[str]
    name: str
    path: str


class Match(NamedTuple):
    """A video found; shared: how many folders above it are as the label says."""

    path: str
    shared: int


class VideoTree:
    """All videos below `root`, from one walk that opens and stats no file."""

    def __init__(self, root: Path, endings: tuple[str, ...] = ()):
        if not root.is_dir():
            raise UserError(f"{root}: is not a folder; give the one that holds the videos")
        self._endings = endings
        self._root = _folders(root)
        self._by_stem: dict[str, list[_File]] = defaultdict(list)
        for folder, subfolders, names in os.walk(root, followlinks=True):
            subfolders.sort()
            folders = _folders(Path(folder))
            for name in sorted(names):
                stem, suffix = split_suffix(name)
                if suffix and not name.startswith("."):
                    self._by_stem[self._key(stem)].append(_File(folders, name.lower(), f"{folder}{os.sep}{name}"))

    def _key(self, stem: str) -> str:
        return without_endings(stem, self._endings).lower()

    def find(self, name: str, folder_counts: bool) -> Match | None:
        """The video that a label file calls `name`, whatever the letter case; None if there is none.

        Of several, the one at that path below the root is meant, else the one that shares most folders with
        `name`. folder_counts: a folder in `name` is part of it, so a file elsewhere is another video.
        Raises `UserError` with the candidates where two are as near.
        """
        *folders, base = [part for part in name.replace("\\", "/").lower().split("/") if part not in ("", ".")] or [""]
        stem, _ = split_suffix(base)
        found = self._by_stem.get(self._key(stem), [])
        found = [file for file in found if file.name == base] or _same_stem(found, stem) or found
        shared = [_shared(file.folders, folders) for file in found]
        best = max(shared, default=0)
        if not found or (folder_counts and folders and best == 0):
            return None
        nearest = [file for file, count in zip(found, shared, strict=True) if count == best]
        if len(nearest) > 1:
            nearest = [file for file in nearest if file.folders == self._root + folders] or nearest
        if len(nearest) > 1:
            more = f" and {len(nearest) - 2} more" if len(nearest) > 2 else ""
            raise UserError(
                f"'{name}' may be {nearest[0].path} or {nearest[1].path}{more}; "
                "keep one of them, or name it by its path below the folder of videos"
            )
        return Match(nearest[0].path, best)


def _folders(path: Path) -> list[str]:
    return [part.lower() for part in path.absolute().parts]


def _same_stem(files: list[_File], stem: str) -> list[_File]:
    return [file for file in files if split_suffix(file.name)[0] == stem]


def _shared(have: list[str], want: list[str]) -> int:
    """How many folders agree, from the file upwards."""
    count = 0
    for mine, theirs in zip(reversed(have), reversed(want), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


class Folders:
    """Which files exist, asked a folder at a time: no stat a video."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}

    def holds(self, path: Path) -> bool:
        folder = str(path.parent)
        if folder not in self._names:
            self._names[folder] = _files_in(folder)
        return path.name in self._names[folder] or _is_file(path)


def _is_file(path: Path) -> bool:
    """Asked of links, and where a file system may ignore letter case."""
    try:
        return path.is_file()
    except OSError:  # a name that no file system takes
        return False


def _files_in(folder: str) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file(follow_symlinks=False)}
    except (OSError, ValueError):
        return set()
