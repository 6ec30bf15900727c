"""A pretend LSVQ with its three parts, small sets, and a study that pre-trains on it and fine-tunes on them."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
import yaml
from torchvision.models import squeezenet1_1

from tests.workflow.conftest import Project

BACKBONE = "torchvision/squeezenet1_1"
PARTS = {"train_labels.txt": 8, "labels_test.txt": 4, "labels_1080p.txt": 5}
SMALL = 15
BEGIN = {"init": {"dataset": "lsvq", "experiment": "pre"}}
PLAIN = {"backbone": BACKBONE, "batch_size": 4, "modes": ["OO"]}
STUDY = {
    "results": "results-smoke",
    "seeds": 2,
    "datasets": {
        "lsvq": {"reader": "lsvq", "path": "lsvq", "buckets": 1},
        **{name: {"reader": "table", "path": f"{name}/table.csv", "buckets": 1} for name in ("small", "tiny")},
    },
    "backbones": {BACKBONE: {"weights": "own.pth"}},
    "experiments": {
        "pre": PLAIN | {"datasets": ["lsvq"]},
        "tuned": PLAIN | BEGIN,
        "zero-shot": PLAIN | BEGIN | {"datasets": ["small"], "epochs": 0},
    },
    "splits": {"method": "official"},
    "training": {"epochs": 2, "lr": 1e-3},
    "extraction": {"precision": "float32"},
    "cross_dataset": ["pre"],
}


def write_pretraining_study(folder: Path, make_clip: Callable[..., Path]) -> Project:
    """Nothing is run. Beside the three datasets lies a fourth, `late`."""
    total = sum(PARTS.values())
    clips = [
        make_clip(folder / "clips" / f"{i}.mp4", frames=5 + i % 3, height=64, width=64, seed=i) for i in range(total)
    ]
    places = iter(clips)
    for file, count in PARTS.items():
        lines = []
        for number in range(count):
            clip = folder / "lsvq" / "yfcc-batch1" / f"{file.split('_')[1].split('.')[0]}{number}.mp4"
            clip.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(next(places), clip)
            lines.append(f"yfcc-batch1/{clip.name}, -1, -1, {20 + 7 * number}.5\n")
        (folder / "lsvq" / file).write_text("".join(lines))
    for first, name in enumerate(("small", "tiny", "late")):
        (folder / name).mkdir()
        rows = []
        for number, clip in enumerate(clips[:SMALL]):
            shutil.copy(clip, folder / name / f"{name}{number}.mp4")
            rows.append([f"{name}{number}", f"{name}{number}.mp4", 1 + (number * (3 + first) % SMALL) / 4])
        with open(folder / name / "table.csv", "w", newline="") as file:
            csv.writer(file).writerows([["video_id", "path", "mos"], *rows])
    torch.manual_seed(0)
    torch.save(squeezenet1_1(weights=None).state_dict(), folder / "own.pth")
    project = Project(folder, study=None)
    project.config.write_text(yaml.safe_dump(STUDY, sort_keys=False))
    return project
