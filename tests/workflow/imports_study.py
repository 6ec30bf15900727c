"""A small study of imported features: one dataset of labels alone, and its features in two forms.

Beside `study.yaml` lie `data`, which the study reads, and `other`, the same once more.
"""

import csv
import shutil
from pathlib import Path

import numpy as np
import yaml

from tests.workflow.conftest import Project

VIDEOS = 12


def write_imports_study(folder: Path) -> Project:
    """One matrix with its names, a folder of a file a video, and scores of others; nothing is run."""
    data, rng = folder / "data", np.random.default_rng(0)
    (data / "clips").mkdir(parents=True)
    ids = [f"v{number:02d}" for number in range(VIDEOS)]
    quality = rng.normal(size=VIDEOS)
    with open(data / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [["video_id", "mos", "again"], *([i, 3 + q, i] for i, q in zip(ids, quality, strict=True))]
        )
    with open(data / "theirs-0.csv", "w", newline="") as file:
        rows = ([i, q, -q] for i, q in zip(ids, quality, strict=True))
        csv.writer(file).writerows([["video_id", "score", "again"], *rows])
    np.savez(
        data / "matrix.npz", feats=rng.normal(size=(VIDEOS, 4)) + quality[:, None], more=rng.normal(size=(VIDEOS, 4))
    )
    for name, q in zip(ids, quality, strict=True):
        clip = rng.normal(size=(6, 3)) + q
        np.save(data / "clips" / f"{name}.npy", clip)
        np.save(data / "clips" / f"{name}.x.npy", clip + 1)
    shutil.copytree(data, folder / "other")
    project = Project(folder, study=None)
    project.config.write_text(yaml.safe_dump(_study(), sort_keys=False))
    return project


def _study() -> dict[str, object]:
    names = {"path": "data/labels.csv", "column": "video_id"}
    columns = {"video_id": "video_id", "mos": "mos"}
    return {
        "results": "results-smoke",
        "seeds": 1,
        "datasets": {"d": {"reader": "table", "path": "data/labels.csv", "columns": columns}},
        "backbones": {
            "matrix": {"import": {"d": {"path": "data/matrix.npz", "variable": "feats", "names": names}}},
            "clips": {"every": 2, "import": {"d": {"path": "data/clips", "ending": ".npy"}}},
        },
        "experiments": {
            "svr": {"backbone": "matrix", "head": {"name": "svr", "refit": True}, "modes": ["OO"]},
            "mean": {"backbone": "clips", "head": "fc-mean", "batch_size": 4, "modes": ["OO", "OS"]},
            "theirs": {"predictions": "data/theirs-{seed}.csv"},
        },
        "training": {"epochs": 1, "lr": 1e-3},
    }
