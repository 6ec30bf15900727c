"""VSFA's `<name>info.mat` (MATLAB v7.3, which is HDF5): names, scores and stored permutations."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqa.datasets.common import Listing, listing, number
from vqa.datasets.tree import Folders
from vqa.manifest import Video, unique
from vqa.system.errors import UserError, one_line
from vqa.system.isolation import guarded

_HINT = "download it again"


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except Exception as error:  # h5py raises whatever a damaged file leads it to
        raise UserError(f"{path}: not a VSFA info.mat ({one_line(error)}); {_HINT}") from None


def _strings(file: Any, references: NDArray[Any]) -> list[str]:
    return ["".join(map(chr, np.ravel(file[reference][()]))) for reference in np.ravel(references)]


def names(path: Path) -> list[str]:
    """The video names in the file's order, which its permutations index."""
    return guarded(read_names, path, "video_names", hint=_HINT)


def read_names(path: Path, variable: str) -> list[str]:
    with _open(path) as file:
        return _strings(file, file[variable][()])


def permutation(path: Path, experiment: int) -> NDArray[np.int64]:
    """Column `experiment` of `index`, 0-based, shape (N,)."""
    return guarded(_permutation, path, experiment, hint=_HINT)


def _permutation(path: Path, experiment: int) -> NDArray[np.int64]:
    with _open(path) as file:
        index = file["index"]
        column = np.asarray(index[:, experiment % index.shape[1]], dtype=np.int64) - 1
    if sorted(column) != list(range(len(column))):
        raise UserError(f"{path}: column {experiment} of `index` is not a permutation")
    return column


def stored_permutation(path: Path, seed: int) -> tuple[list[str], NDArray[np.int64]]:
    """Video ids in the file's order, and its permutation number `seed`: what splits.method stored needs."""
    return [video_id(name) for name in names(path)], permutation(path, seed)


def video_id(name: str) -> str:
    """`Test1/City/Test01_City_D01.avi` -> `Test01_City_D01`: the id our own readers give."""
    stem = Path(name.replace("\\", "/")).stem
    return re.sub(r"[^A-Za-z0-9_.-]", "_", stem).lstrip("_.-") or "video"


def read(path: Path, root: Path) -> Listing:
    return guarded(_read, path, root, hint=_HINT)


def _read(path: Path, root: Path) -> Listing:
    with _open(path) as file:
        names, scores = _strings(file, file["video_names"][()]), np.ravel(file["scores"][()])
        pixel_format = "".join(map(chr, np.ravel(file["video_format"][()]))).lower()
        width, height = (int(np.ravel(file[key][()])[0]) for key in ("width", "height"))
        scenes = [int(s) for s in np.ravel(file["ref_ids"][()])] if "ref_ids" in file else []
    if len(names) != len(scores):
        raise UserError(f"{path}: {len(names)} names but {len(scores)} scores")
    raw = pixel_format.startswith("yuv")
    grouped = 1 < len(set(scenes)) < len(names)
    rows, folders = [], Folders()
    for position, (name, score) in enumerate(zip(names, scores, strict=True)):
        video = Video(
            video_id=video_id(name),
            path=name,
            mos=number(str(score), f"{path} ({name!r})"),
            width=width if raw else None,
            height=height if raw else None,
            pixel_format="yuvj420p" if raw else None,
            scene=f"scene-{scenes[position]}" if grouped else None,
        )
        file_path = root / name
        rows.append((video, file_path if folders.holds(file_path) else None))
    unique([video for video, _ in rows], str(path))
    return listing(root, path, rows)
