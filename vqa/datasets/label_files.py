"""The two formats in which labels travel in public code.

Labels (DOVER, FAST-VQA, COVER): no header, `path, a, b, mos` a row. Tables: a header with names of their own.
"""

import csv
import io
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from vqa.datasets.common import number
from vqa.manifest import COLUMNS, REQUIRED, finite, optional_columns
from vqa.system.errors import UserError
from vqa.system.files import read_text

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+")
_CONDITION = re.compile(r"\s*([^=!<>]+?)\s*(==|!=|<=|>=|<|>)\s*([^=!<>]+?)\s*")


@dataclass(frozen=True)
class Row:
    """A video as a label file names it. name: its path, name or stem; video_id: where the file gives one."""

    name: str
    mos: float
    where: str
    video_id: str | None = None
    known: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A file's lines: their numbers, and their fields as text."""

    path: Path
    header: list[str]
    lines: list[tuple[int, list[str]]]

    def column(self, name: str) -> int | None:
        """The place of a column, whatever its letter case."""
        if self.header.count(name) > 1:
            raise UserError(f"{self.path}: column '{name}' stands twice; keep one of them")
        if name in self.header:
            return self.header.index(name)
        lower = [each.lower() for each in self.header]
        return lower.index(name.lower()) if lower.count(name.lower()) == 1 else None

    def required(self, name: str, meaning: str) -> int:
        place = self.column(name)
        if place is None:
            raise UserError(
                f"{self.path}: has no column '{name}'{meaning}; its columns are {_short(', '.join(self.header))}"
            )
        return place

    def require_decimals(self, place: int) -> None:
        """Raise `UserError` where a column's commas may part thousands: each before three digits, and numbers without
        one beside them.
        """
        texts = [fields[place].strip() for _, fields in self.lines if len(fields) == len(self.header)]
        commas = [text for text in texts if "," in text]
        if commas and len(commas) < len(texts) and all(map(_THOUSANDS.fullmatch, commas)):
            raise UserError(
                f"{self.path}: {commas[0]!r} may be over a thousand or a decimal; write such numbers without a comma, "
                "and decimals with a point"
            )


def _short(text: str) -> str:
    return repr(text)[1:-1] if len(text) <= 200 else repr(text[:200])[1:-1] + " ..."


@dataclass(frozen=True)
class Source:
    """A label file, read and parsed once however often it is used."""

    path: Path
    text: str
    separator: str

    @property
    def first_line(self) -> str:
        return self.text[:100_000].split("\n", 1)[0].rstrip("\r")

    @property
    def header(self) -> Table:
        """The first line as the header of a table, without its lines."""
        return Table(self.path, [name.strip().strip('"') for name in self.first_line.split(self.separator)], [])

    @cached_property
    def table(self) -> Table:
        return table(self.path, self.text, self.separator)


def source(path: Path, separator: str) -> Source:
    text = read_text(path, "give an existing label file", save_as="UTF-8")
    if "\0" in text:
        raise UserError(f"{path}: is not text; give the label file itself")
    return Source(path, text, separator)


def is_headless(line: str) -> bool:
    """Whether a first line is a row `path, a, b, mos`."""
    return line.count(",") >= 3 and finite(line.rpartition(",")[2], float) is not None


def labels(path: Path, text: str) -> list[Row]:
    """Rows `path, a, b, mos`. A comma in the path is part of it."""
    rows = []
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        fields = [part.strip() for part in content.rsplit(",", 3)]
        where = f"{path} line {line}"
        if len(fields) < 4:
            raise UserError(f"{where}: has {len(fields)} columns, not `path, a, b, mos`; see the dataset's reader")
        if line == 1 and finite(fields[3], float) is None:
            raise UserError(
                f"{where}: {_short(fields[3])!r} is not a MOS; a file with a header is read by `reader: table`"
            )
        rows.append(Row(_named(fields[0], where), number(fields[3], where), where))
    return _some(rows, path)


def table(path: Path, text: str, separator: str) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        lines = [(reader.line_num, fields) for fields in reader if fields]
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: not a valid table ({error}); see its separator") from None
    return Table(path, header, lines)


def rows(found: Table, columns: Mapping[str, str], where: str | None, extension: str | None) -> list[Row]:
    """columns: the file's names of the manifest's columns. Without any, those of the manifest's own name count."""
    wanted = dict(columns) or {name: name for name in COLUMNS if found.column(name) is not None}
    places = {name: found.required(column, f" ({name})") for name, column in wanted.items()}
    for name in ("mos", *(() if "path" in places else ("video_id",))):
        if name not in places:
            places[name] = found.required(name, "; name it under `columns:`")
    keep = _conditions(found, where)
    found.require_decimals(places["mos"])
    kept = []
    for line, fields in found.lines:
        at = f"{found.path} line {line}"
        if len(fields) != len(found.header):
            raise UserError(f"{at}: has {len(fields)} fields, the header {len(found.header)}; see the separator")
        if keep(fields, at):
            kept.append(_row({name: fields[place].strip() for name, place in places.items()}, at, extension))
    return _some(kept, found.path, f" that satisfies `{where}`" if where else "")


def _row(text: Mapping[str, str], where: str, extension: str | None) -> Row:
    name = _named(text["path"] if "path" in text else text["video_id"], where)
    if extension and not name.lower().endswith(extension.lower()):
        name += extension
    own_id = text["video_id"] if "path" in text and "video_id" in text else None
    known = optional_columns(text, where) if not text.keys() <= set(REQUIRED) else {}
    return Row(name, number(text["mos"], where), where, own_id, known)


def _named(name: str, where: str) -> str:
    if not name.strip("./\\ ") or any(ord(character) < 32 for character in name):
        raise UserError(f"{where}: {_short(name)!r} names no video; mend the row or leave it out")
    return name


def _some(found: list[Row], path: Path, more: str = "") -> list[Row]:
    if not found:
        raise UserError(f"{path}: holds no row{more}; is it the right file?")
    return found


def _conditions(found: Table, where: str | None) -> Callable[[Sequence[str], str], bool]:
    """Whether a line's fields satisfy `column == value and ...`; false and true are 0 and 1."""
    if where is None:
        return lambda fields, at: True
    terms = []
    for term in where.split(" and "):
        match = _CONDITION.fullmatch(term)
        if not match:
            raise UserError(f"`where: {where}`: must be `column == value`, joined by `and`")
        terms.append((found.required(match[1].strip("'\""), f" (of `where: {where}`)"), match[2], _value(match[3])))
    return lambda fields, at: all(_holds(_value(fields[place]), sign, value, at) for place, sign, value in terms)


def _holds(have: float | str, sign: str, want: float | str, at: str) -> bool:
    if type(have) is not type(want):
        if sign in ("==", "!="):
            return sign == "!="
        raise UserError(f"{at}: {_short(str(have))!r} {sign} {want!r} compares a number with a text; see `where:`")
    return _COMPARE[sign](have, want)


def _value(text: str) -> float | str:
    text = text.strip().strip("'\"")
    if text.lower() in ("true", "false"):
        return float(text.lower() == "true")
    found: float | None = finite(text, float)
    return text if found is None else found
