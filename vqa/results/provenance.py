"""What made the features: weights, preprocessing, precision and decoder of every backbone, as its shards say."""

from pathlib import Path

import pandas as pd

from vqa.features import shards
from vqa.features.index import read_receipt
from vqa.results.study_data import StudyData
from vqa.system.errors import UserError

_TOLD = {
    "sha256": "weights_sha256",
    "preprocessing": "preprocessing",
    "precision": "precision_used",
    "decoder": "decoder",
}


def backbones(data: StudyData) -> list[dict[str, str]]:
    """Name, note and provenance of each backbone; where shards differ, each value with its datasets."""
    rows = []
    for entry in data.grid.backbones:
        made = provenance(data, entry.slug)
        rows.append({"name": entry.name, "note": entry.note} | {key: _told(made, name) for key, name in _TOLD.items()})
    return rows


def provenance(data: StudyData, slug: str) -> pd.DataFrame:
    """A column `dataset` and one for each of a shard's attributes that are told.

    A row for the first shard of each receipt (one job, one machine), and for each other precision or decoder that a
    receipt names: opening every shard would take minutes.
    """
    asked: list[tuple[str, Path]] = []
    for dataset in (dataset for dataset, used in data.grid.features if used == slug):
        folder = data.layout.features(dataset, slug)
        for path in data.receipt_files(dataset, slug):
            firsts: dict[tuple[str, str], str] = {}
            for video_id, entry in read_receipt(path)["shards"].items():
                firsts.setdefault((entry.get("precision_used", ""), entry.get("decoder", "")), video_id)
            asked += [(dataset, folder / f"{video_id}.h5") for video_id in firsts.values()]
    rows = []
    found = shards.attributes_of([path for _, path in asked], tuple(_TOLD.values()))
    for (dataset, _), made in zip(asked, found, strict=True):
        if isinstance(made, UserError):
            raise made
        rows.append({"dataset": dataset} | {name: str(made[name]) for name in _TOLD.values()})
    return pd.DataFrame(rows).drop_duplicates(ignore_index=True)


def _told(made: pd.DataFrame, name: str) -> str:
    """`float32`, or `float32 (konvid-1k), bfloat16 (cvd2014, live-vqc)`."""
    datasets = made.groupby(name, sort=False)["dataset"].unique()
    if len(datasets) == 1:
        return str(datasets.index[0])
    return ", ".join(f"{value} ({', '.join(names)})" for value, names in datasets.items())
