"""Two texts that should say the same numbers, and the first places where they do not."""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

# The fitted logistic comes out the same to some ten digits, on another processor or release of scipy to fewer; tests
# divide by spreads that may be small. Nothing that is read off a table is as small as these.
METRIC, TEST = 1e-6, 1e-4
_SHOWN = 20
_NUMBER = re.compile(r"(?<!\w)\d+\.\d+(?!\w)")


@dataclass
class Differences:
    """lines: what differs; largest: difference that was taken for rounding, relative to values beyond 1."""

    lines: list[str] = field(default_factory=list)
    largest: float = 0.0


def compare_csv(name: str, there: str, own: str, keys: Sequence[str], tolerance: float) -> Differences:
    """there: as it was given; own: as computed; keys: columns that name a row; its number does where there are none."""
    found = Differences()
    (heads, left), (own_heads, right) = (_rows(text, keys) for text in (there, own))
    if heads != own_heads:
        found.lines.append(f"{name}: has columns {', '.join(heads)}; computed were {', '.join(own_heads)}")
        return found
    for row in right.keys() - left.keys():
        found.lines.append(f"{name}, {row}: is missing")
    for row in left.keys() - right.keys():
        found.lines.append(f"{name}, {row}: does not follow from the predictions")
    for row in left.keys() & right.keys():
        for column, value in left[row].items():
            off = distance(value, right[row][column])
            if off > tolerance:
                found.lines.append(f"{name}, {row}: {column} is {value}, computed {right[row][column]}")
            else:
                found.largest = max(found.largest, off)
    found.lines = sorted(found.lines)[:_SHOWN]
    return found


def compare_text(name: str, there: str, own: str, rounded: bool = False) -> list[str]:
    """rounded: the last digit that is printed of a number may be another."""
    if there == own:
        return []
    left, right = there.splitlines(), own.splitlines()
    same = _alike if rounded else str.__eq__
    line = next((number for number, (a, b) in enumerate(zip(left, right, strict=False), 1) if not same(a, b)), 0)
    if not line and len(left) == len(right):
        return []
    at = line or min(len(left), len(right)) + 1
    return [f"{name}, line {at}: is not what follows from the predictions"]


def _alike(a: str, b: str) -> bool:
    """The same words, and decimals of as many digits that are one unit of the last apart, at most."""
    if _NUMBER.sub("#", a) != _NUMBER.sub("#", b):
        return False
    for x, y in zip(_NUMBER.findall(a), _NUMBER.findall(b), strict=True):
        digits = len(x.partition(".")[2])
        if digits != len(y.partition(".")[2]) or abs(float(x) - float(y)) > 1.5 * 10.0**-digits * (x != y):
            return False
    return True


def distance(a: str, b: str) -> float:
    """0 for equal texts; of two numbers how far they are apart, relative beyond 1; infinite for anything else."""
    if a == b:
        return 0.0
    try:
        x, y = float(a), float(b)
    except ValueError:
        return math.inf
    off = abs(x - y) / max(1.0, abs(x), abs(y))
    return off if math.isfinite(off) else math.inf


def _rows(text: str, keys: Sequence[str]) -> tuple[list[str], dict[str, dict[str, str]]]:
    """The header, and each row by its name, `dataset demo, experiment a, ...`."""
    reader = csv.reader(io.StringIO(text, newline=""))
    heads = next(reader, [])
    rows = {}
    for number, values in enumerate(reader, start=1):
        row = dict(zip(heads, [*values, *[""] * len(heads)], strict=False))
        name = ", ".join(f"{key} {row[key]}" for key in keys if key in row) or f"row {number}"
        if name in rows:
            name += f", again in row {number}"
        rows[name] = row
    return heads, rows
