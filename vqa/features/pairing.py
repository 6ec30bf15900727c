"""Whose the features are that others made: joined with the videos by name, never by row order.

A file a video is found by its name; the rows of a matrix, and numbered files, by a list of names in their order.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from vqa.config import ImportedFeatures
from vqa.datasets.tree import split_suffix
from vqa.features.arrays import SUFFIXES, read_names
from vqa.manifest import Video
from vqa.system.errors import UserError


@dataclass(frozen=True)
class Place:
    """Where a video's features lie: a file, and the row of its matrix if there is one for all videos."""

    path: Path
    row: int | None = None

    def __str__(self) -> str:
        return str(self.path) if self.row is None else f"{self.path} row {self.row + 1}"


def source_files(given: ImportedFeatures) -> list[Path]:
    """The files that an import may read. Raises `UserError` where the first of them are not there."""
    names = [given.names.path] if given.names else []
    for path in (given.path, *names):
        if not path.exists():
            raise UserError(f"there is no {path}; give the features and the list of their names")
    return [*(_ending_files(given) if given.path.is_dir() else [given.path]), *names]


def _ending_files(given: ImportedFeatures) -> dict[Path, str]:
    """The files of a folder that hold features -> the name or number before the ending."""
    found = {}
    for path in sorted(given.path.iterdir()):
        suffix = given.ending or path.suffix
        if path.name.endswith(suffix) and len(path.name) > len(suffix) and (given.ending or suffix.lower() in SUFFIXES):
            found[path] = path.name.removesuffix(suffix)
    if not found:
        raise UserError(
            f"{given.path}: holds no files that end in {given.ending or ', '.join(SUFFIXES)}; see `ending:`"
        )
    return found


def places(videos: Sequence[Video], given: ImportedFeatures) -> dict[str, Place]:
    """video_id -> where its features lie, of the videos that have any.

    A name is a video_id, or the name of a video's file with or without folders and suffix, whatever the letter case.
    Raises `UserError` for a name that stands twice, for one that may be two videos, and where no name is a video's.
    """
    named = listed(given)
    found = matched(videos, named, given.names.path if given.names else given.path)
    return {video_id: named[name] for video_id, name in found.items()}


def matched(videos: Sequence[Video], named: Collection[str], source: Path, are_ids: bool = False) -> dict[str, str]:
    """video_id -> the one of the names that is the video's, where one is; names and errors as in `places`.

    are_ids: bare words are said to be video_ids, whatever files are called.
    """
    meant = _Meaning(videos, are_ids)
    found: dict[str, str] = {}
    for name in named:
        several = meant.of(name)
        if len(several) > 1:
            raise UserError(
                f"{source}: '{name}' may be the video {several[0]} or {several[1]}, by its video_id or its file; give "
                "the file's name with its suffix and folders"
            )
        for video_id in several:
            if (other := found.setdefault(video_id, name)) != name:
                raise UserError(f"{source}: '{other}' and '{name}' may both be the video {video_id}")
    if not found:
        first = f"'{next(iter(named))}'" if named else "nothing"
        raise UserError(
            f"{source}: names none of the {len(videos)} videos, but {first} where they have '{videos[0].video_id}'; "
            "is it of another dataset, another folder, or another column?"
        )
    return found


class _Meaning:
    """Which videos a name may be."""

    def __init__(self, videos: Sequence[Video], are_ids: bool):
        self._ids = {video.video_id.lower(): video.video_id for video in videos}
        self._are_ids = are_ids
        self._files: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
        for video in videos:
            parts = _parts(video.path)
            self._files[parts[-1]].append((video.video_id, parts))

    def of(self, name: str) -> list[str]:
        """A name with folders or a suffix is a file's before it is a video_id; a bare word may be either."""
        parts = _parts(name)
        same, files = self._ids.get(name.lower()), [own for own, file in self._files[parts[-1]] if _ends(parts, file)]
        bare = name.lower() == parts[-1]
        if same and (not bare or self._are_ids or same in files):
            return [same]
        if bare and same:
            return [same, *files]
        likely = self._ids.get("__".join(parts))  # as ids are made of folders and files
        return [likely] if likely and (likely in files or not files) else files


def keys(name: str) -> list[str]:
    """The video_ids that a name may be: with its folders, or without them."""
    parts = _parts(name)
    return list(dict.fromkeys(["__".join(parts), parts[-1]]))


def _parts(name: str) -> list[str]:
    """A name's folders and its stem, as they are compared."""
    *folders, base = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")] or [""]
    return [part.lower() for part in (*folders, split_suffix(base)[0])]


def _ends(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether one is the end of the other."""
    shorter = min(len(one), len(other))
    return one[-shorter:] == other[-shorter:]


def listed(given: ImportedFeatures) -> dict[str, Place]:
    """Name -> place, of all that the list, or the folder, names."""
    if given.names is None:
        if not given.path.is_dir():
            raise UserError(f"{given.path}: is one file for all videos; say by `names:` whose its rows are")
        return _distinct([(name, Place(path)) for path, name in _ending_files(given).items()], given.path)
    names = read_names(given.names.path, given.names.column, given.names.separator)
    if not given.path.is_dir():
        return _distinct([(name, Place(given.path, row)) for row, name in enumerate(names)], given.names.path)
    numbered = _ending_files(given)
    if other := next((number for number in numbered.values() if not number.isdecimal()), None):
        raise UserError(f"{given.path}: '{other}' is no number, as files beside a list of names have; see `ending:`")
    by_number: dict[int, Path] = {}
    for path, number in numbered.items():
        if (first_of := by_number.setdefault(int(number), path)) != path:
            raise UserError(f"{given.path}: {first_of.name} and {path.name} have one number; keep one of them")
    first = min(by_number)
    if first > 1 or sorted(by_number) != list(range(first, first + len(names))):
        raise UserError(
            f"{given.path}: holds {len(by_number)} numbered files for the {len(names)} names of {given.names.path}; "
            "they must be numbered from 0 or from 1 without a gap"
        )
    return _distinct([(name, Place(by_number[first + at])) for at, name in enumerate(names)], given.names.path)


def _distinct(named: Sequence[tuple[str, Place]], source: Path) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for number, (name, place) in enumerate(named, start=1):
        if name in found:
            first = list(found).index(name) + 1
            raise UserError(f"{source}: the name '{name}' stands twice, {first}th and {number}th; keep one of them")
        found[name] = place
    return found
