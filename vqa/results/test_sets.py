"""A dataset's named test sets, each of which is a dataset of its own to tables and tests: `lsvq:test`, `lsvq:1080p`.

Files keep the two apart: metrics.csv and statistics.csv have a column `test_set` where a study has named sets.
"""

from pathlib import Path

import pandas as pd

from vqa.protocol import predictions


def dataset_of(tested: str) -> str:
    """The dataset of `dataset` or `dataset:test_set`."""
    return tested.partition(":")[0]


def by_dataset(metrics: pd.DataFrame) -> dict[str, list[str]]:
    """Dataset -> itself, or its test sets, of all that a study is tested on."""
    found: dict[str, list[str]] = {}
    for tested in metrics["dataset"].unique():
        found.setdefault(dataset_of(tested), []).append(tested)
    return found


def test_parts(dataset: str, predicted: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What is tested -> its rows of predictions: the dataset, or each of its test sets where they have names."""
    parts = sorted(part for part in map(str, predicted["split"].unique()) if part.startswith("test")) or ["test"]
    named = {part: dataset if parts == ["test"] else f"{dataset}:{part.removeprefix('test:')}" for part in parts}
    return {name: predicted[predicted["split"] == part] for part, name in named.items()}


def test_scores(folder: Path, tested: str, test_order: str) -> pd.DataFrame:
    """The predictions of the run in `folder` on a dataset, or one of its test sets, frames in one order."""
    rows = test_parts(dataset_of(tested), predictions.read(folder / "predictions.csv"))[tested]
    return rows[rows["test_order"] == test_order]


def apart(frame: pd.DataFrame) -> pd.DataFrame:
    """As a file has it: `test_set` in a column beside `dataset`, where one is named."""
    if not frame["dataset"].str.contains(":").any():
        return frame
    parts = frame["dataset"].str.partition(":")
    after = list(frame.columns).index("dataset") + 1
    frame = frame.assign(dataset=parts[0])
    frame.insert(after, "test_set", parts[2])
    return frame


def together(frame: pd.DataFrame) -> pd.DataFrame:
    """The inverse of `apart`."""
    if "test_set" not in frame.columns:
        return frame
    named = frame["dataset"] + ":" + frame["test_set"]
    return frame.assign(dataset=named.where(frame["test_set"] != "", frame["dataset"])).drop(columns="test_set")
