"""A small study of three readers, an own checkpoint and stored permutations: what the smoke study has not."""

import csv
from collections.abc import Callable
from pathlib import Path

import torch
import yaml
from torchvision.models import squeezenet1_1

from tests.datasets.test_readers import vsfa
from tests.workflow.conftest import Project
from tests.workflow.miniature import write_konvid

VIDEOS = 6
BACKBONE = "torchvision/squeezenet1_1"


def write_readers_study(root: Path, make_clip: Callable[..., Path]) -> Project:
    """Three datasets of other videos each; nothing is run."""
    clips = [make_clip(root / "clips" / f"{i}.mp4", frames=6, height=64, width=64, seed=i) for i in range(3 * VIDEOS)]
    (root / "konvid").mkdir()
    write_konvid(root / "konvid", clips[:VIDEOS])
    with open(root / "table.csv", "w", newline="") as file:
        rows = [[f"t{i}", clip, i + 1.5] for i, clip in enumerate(clips[VIDEOS : 2 * VIDEOS])]
        csv.writer(file).writerows([["video_id", "path", "mos"], *rows])
    vsfa(root / "info.mat", [f"{i}.mp4" for i in range(2 * VIDEOS, 3 * VIDEOS)])
    torch.manual_seed(0)
    torch.save(squeezenet1_1(weights=None).state_dict(), root / "own.pth")
    datasets = {
        "native": {"reader": "konvid-1k", "path": str(root / "konvid"), "buckets": 1},
        "table": {"reader": "table", "path": str(root / "table.csv"), "buckets": 1},
        "vsfa": {"reader": "vsfa-info", "path": str(root / "info.mat"), "videos": str(root / "clips"), "buckets": 1},
    }
    study = {
        "results": "results-smoke",
        "seeds": 1,
        "datasets": datasets,
        "backbones": {BACKBONE: {"weights": str(root / "own.pth")}},
        "experiments": {"e": {"backbone": BACKBONE, "batch_size": 4, "modes": ["OO"]}},
        "training": {"epochs": 1, "lr": 1e-3},
        "extraction": {"precision": "float32"},
    }
    project = Project(root / "project", study=None)
    project.config.write_text(yaml.safe_dump(study, sort_keys=False))
    return project
