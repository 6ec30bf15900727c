"""How the runs of a cell split the videos: what corrected tests and comparisons of studies must know."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vqa.protocol import predictions
from vqa.study.runs import read_run

Split = tuple[frozenset[str], frozenset[str]]


@dataclass(frozen=True)
class Resampling:
    """A value a run. splits: the validation and the test videos; n_train, n_test: the sizes of its parts."""

    splits: list[Split]
    n_train: list[int]
    n_test: list[int]

    @property
    def distinct(self) -> int:
        return len(set(self.splits))


def resampling(folders: Sequence[Path]) -> Resampling:
    """Of the runs in `folders`, one a seed."""
    sizes = [read_run(folder)["videos"] for folder in folders]
    return Resampling([_split(folder) for folder in folders], [n["train"] for n in sizes], [n["test"] for n in sizes])


def _split(folder: Path) -> Split:
    frame = predictions.read(folder / "predictions.csv")
    val, test = (frozenset(frame.loc[frame["split"] == part, "video_id"]) for part in ("val", "test"))
    return val, test
