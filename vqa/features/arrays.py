"""Arrays and lists of names as other people's code leaves them: .npy, .npz, .h5, .mat of either kind, .csv, .txt."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqa.datasets import vsfa_info
from vqa.system.errors import UserError
from vqa.system.files import reaching, read_text
from vqa.system.isolation import guarded

SUFFIXES = (".npy", ".npz", ".h5", ".hdf5", ".mat")
_HINT = "make it anew"
_NAMED = 8  # variables that an error lists


def read_array(path: Path, variable: str | None, without: str | None = None) -> NDArray[Any]:
    """The array of real numbers in a file, as it lies there; `variable` chooses among several.

    without: the column of a table that holds no numbers. Raises `UserError` for a file that is missing or of another
    kind, for one that has no such variable, and for pickled objects, which are never loaded.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; give the one that holds the features")
    with reaching(path):
        if path.suffix.lower() == ".csv":
            found: Any = _table(path, without)
        elif path.suffix.lower() in (".npy", ".npz"):
            found = _numpy(path, variable)
        elif path.suffix.lower() in SUFFIXES:
            found = guarded(_container, path, variable, hint=_HINT)
        else:
            raise UserError(f"{path}: features are read from .csv, {', '.join(SUFFIXES)}; save them as one of these")
    if found.dtype.kind not in "fiu":
        raise UserError(f"{path}: holds {found.dtype}, not real numbers; give the array of features")
    return np.asarray(found)


def read_names(path: Path, column: str | None, separator: str) -> list[str]:
    """The names in a file's order: of a column, of the lines of a .txt, of a variable (video_names) of a .mat."""
    if path.suffix.lower() == ".mat":
        return guarded(_mat_names, path, column or "video_names", hint=_HINT)
    text = read_text(path, "give an existing list of names")
    if column is None:
        if path.suffix.lower() != ".txt":
            raise UserError(f"{path}: say by `column:` which column holds the names")
        return [line.strip() for line in text.splitlines() if line.strip()]
    rows = _rows(path, text, separator)
    header = [name.strip() for name in rows[0]] if rows else []
    if header.count(column) != 1:
        raise UserError(f"{path}: has no column '{column}', or two; its first line is {', '.join(header)[:200]!r}")
    place = header.index(column)
    return [row[place].strip() for row in rows[1:]]


def _rows(path: Path, text: str, separator: str) -> list[list[str]]:
    """The lines of a table, all of as many fields as the first."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    try:
        for row in filter(None, reader):
            if rows and len(row) != len(rows[0]):
                raise UserError(f"{path} line {reader.line_num}: has {len(row)} fields, the first {len(rows[0])}")
            rows.append(row)
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: not valid CSV ({error})") from None
    return rows


def _table(path: Path, without: str | None) -> NDArray[np.float64]:
    """The numbers of a CSV; a first line that is none of numbers is its header."""
    rows = _rows(path, read_text(path, "give the features"), ",")
    header = [name.strip() for name in rows[0]] if rows and not all(map(_is_number, rows[0])) else []
    kept = [place for place in range(len(rows[0]) if rows else 0) if not header or header[place] != without]
    lines = [[row[place] for place in kept] for row in rows[bool(header) :]]
    _require_no_row_index(path, [header[place] for place in kept] if header else [], lines)
    for number, line in enumerate(lines, start=1 + bool(header)):
        if wrong := next((text for text in line if not _is_number(text)), None):
            raise UserError(f"{path} row {number}: {wrong!r} is not a number; give a table of features alone")
    return np.array(lines, np.float64)


def _require_no_row_index(path: Path, header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Raise `UserError` for the column that pandas' `to_csv()` writes of its own accord."""
    unnamed = any(not name or name.startswith("Unnamed: ") for name in header)
    counts = len(lines) > 2 and all(line and line[0].strip() == str(row) for row, line in enumerate(lines))
    if unnamed or counts:
        what = "has a column without a name" if unnamed else "counts its rows in the first column"
        raise UserError(f"{path}: {what}, which is no feature; write it anew without (pandas: `to_csv(index=False)`)")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and "_" not in text


def _numpy(path: Path, variable: str | None) -> NDArray[Any]:
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            return np.asarray(_chosen(path, found.files, variable, found.__getitem__))
    except UserError:
        raise
    except Exception as error:  # numpy raises whatever its parser stumbles over
        pickled = "pickled objects, which may run code" if "pickle" in str(error) else f"no array ({error})"
        raise UserError(f"{path}: holds {pickled}; save a plain array with numpy.save") from None


def _container(path: Path, variable: str | None) -> NDArray[Any]:
    """Of HDF5, or of MATLAB up to v7; MATLAB's v7.3 is HDF5 with its axes reversed."""
    import h5py

    try:
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                names: list[str] = []
                file.visititems(lambda name, each: names.extend([name] * isinstance(each, h5py.Dataset)))
                array = _chosen(path, [name for name in names if name[0] != "#"], variable, file.__getitem__)
                return np.asarray(array[()]).T if path.suffix.lower() == ".mat" else np.asarray(array[()])
        from scipy.io import loadmat, whosmat

        names = [name for name, *_ in whosmat(path)]
        return np.asarray(_chosen(path, names, variable, lambda name: loadmat(path, variable_names=[name])[name]))
    except UserError:
        raise
    except Exception as error:  # both libraries raise whatever a damaged file leads them to
        raise UserError(f"{path}: is no readable array file ({type(error).__name__}); {_HINT}") from None


def _chosen(path: Path, names: Sequence[str], variable: str | None, get: Callable[[str], Any]) -> Any:
    """The array of that name; without one, the only array there is."""
    told = ", ".join(names[:_NAMED]) + ", ..." * (len(names) > _NAMED)
    if variable is None and len(names) != 1:
        raise UserError(f"{path}: say by `variable:` which of its arrays holds the features; it has {told or 'none'}")
    name = variable or names[0]
    if name not in names:
        raise UserError(f"{path}: holds no variable '{name}'; it has {told or 'none'}")
    return get(name)


def _mat_names(path: Path, variable: str) -> list[str]:
    import h5py
    from scipy.io import loadmat

    try:
        if h5py.is_hdf5(path):
            return vsfa_info.read_names(path, variable)
        return [
            str(name).strip() for name in np.ravel(loadmat(path, variable_names=[variable], squeeze_me=True)[variable])
        ]
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{path}: holds no names under '{variable}' ({type(error).__name__})") from None
