"""predictions.csv: what a run says of its validation and test videos, on the MOS scale."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vqa.system.errors import UserError
from vqa.system.files import reaching

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("video_id", "split", "test_order", "mos", "score")


class Prediction(NamedTuple):
    """One row. split: `val`, `test` or `test:NAME`; test_order: the order of frames, O or S."""

    video_id: str
    split: str
    test_order: str
    mos: float
    score: float


def to_csv(rows: Iterable[Prediction]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([*row[:3], repr(row.mos), repr(row.score)] for row in rows)
    return buffer.getvalue()


def read(path: Path) -> "pd.DataFrame":
    """Columns video_id, split, test_order, mos, score."""
    import pandas as pd  # a training only writes: it starts without

    try:
        with reaching(path):
            frame = pd.read_csv(path, dtype={"video_id": str}, converters={"mos": float, "score": float})
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); run `snakemake --cores N`") from None
    missing = set(COLUMNS) - set(frame.columns)
    if missing:
        raise UserError(f"{path}: has no column {', '.join(sorted(missing))}; delete it and run `snakemake`")
    return frame
