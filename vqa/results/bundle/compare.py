"""Two texts that should say the same numbers, and the first places where they do not."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

# The fitted logistic comes out the same to some ten digits, on another processor or release of scipy to fewer; tests
# divide by spreads that may be small. Nothing that is read off a table is as small as these.
METRIC, TEST = 1e-6, 1e-4
_SHOWN = 20


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


def compare_text(name: str, there: str, own: str) -> list[str]:
    if there == own:
        return []
    pairs = list(zip(there.splitlines(), own.splitlines(), strict=False))
    line = next((number for number, (a, b) in enumerate(pairs, start=1) if a != b), len(pairs) + 1)
    return [f"{name}, line {line}: is not what follows from the predictions"]


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
