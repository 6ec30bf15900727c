"""A small study of all readers but the demo's, an own checkpoint and stored permutations: what the smoke study has not.

Beside `study.yaml` lie `data`, which the study reads, `other`, the same once more, and `splits`, files of its parts.
"""

import csv
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
import yaml
from torchvision.models import squeezenet1_1

from tests.datasets.files import place
from tests.datasets.test_readers import vsfa
from tests.workflow.conftest import Project
from tests.workflow.miniature import write_konvid

VIDEOS = 6
BACKBONE = "torchvision/squeezenet1_1"
RAW = {"width": 64, "height": 64}
PARTS = ["train", "train", "train", "train", "test", "test:more"]
KONVID = "data/konvid/KoNViD_1k_mos.csv"
DATASETS = {
    "native": {
        "reader": "konvid-1k",
        "path": "data/konvid",
        "files": [
            {"path": KONVID, "where": "flickr_id <= 1003", "split": "train"},
            {"path": KONVID, "where": "flickr_id == 1004", "split": "test"},
            {"path": KONVID, "where": "flickr_id == 1005", "split": "test:more"},
        ],
    },
    "table": {"reader": "table", "path": "data/table.csv"},
    "vsfa": {"reader": "vsfa-info", "path": "data/info.mat", "videos": "data/clips"},
    "labels": {
        "reader": "labels",
        "files": [
            {"path": "data/train.txt", "split": "train"},
            {"path": "data/test.txt", "split": "test"},
            {"path": "data/more.txt", "split": "test:more"},
        ],
        "videos": "data/clips",
        "raw": dict(RAW),
    },
    "preset": {"reader": "lsvq", "path": "data/lsvq"},
    "columns": {
        "reader": "table",
        "path": "data/ratings.csv",
        "videos": "data/clips",
        "columns": {"video_id": "name", "mos": "MOS", "split": "part"},
        "raw": dict(RAW),
    },
}

EXPERIMENT = {"backbone": BACKBONE, "batch_size": 4, "modes": ["OO"]}


def write_readers_study(folder: Path, make_clip: Callable[..., Path]) -> Project:
    """Three datasets of other videos each, and three of their videos again; nothing is run."""
    data = folder / "data"
    clips = [make_clip(data / "clips" / f"{i}.mp4", frames=6, height=64, width=64, seed=i) for i in range(3 * VIDEOS)]
    rng = np.random.default_rng(0)
    (data / "clips" / "raw_cut.yuv").write_bytes(rng.integers(0, 256, 4 * 64 * 64 * 3 // 2, dtype=np.uint8).tobytes())
    (data / "konvid").mkdir()
    write_konvid(data / "konvid", clips[:VIDEOS])
    with open(data / "table.csv", "w", newline="") as file:
        rows = [[f"t{i}", f"clips/{clip.name}", i + 1.5] for i, clip in enumerate(clips[VIDEOS : 2 * VIDEOS])]
        csv.writer(file).writerows([["video_id", "path", "mos"], *rows])
    shutil.copy(data / "table.csv", data / "again.csv")
    vsfa(data / "info.mat", [f"{i}.mp4" for i in range(2 * VIDEOS, 3 * VIDEOS)])
    _write_labels(data)
    _write_preset(data / "lsvq", clips[2 * VIDEOS :])
    _write_ratings(data / "ratings.csv")
    shutil.copytree(data, folder / "other")
    torch.manual_seed(0)
    torch.save(squeezenet1_1(weights=None).state_dict(), data / "own.pth")
    _write_splits(folder / "splits")
    project = Project(folder, study=None)
    project.config.write_text(yaml.safe_dump(_study(), sort_keys=False))
    return project


def _study() -> dict[str, object]:
    return {
        "results": "results-smoke",
        "seeds": 1,
        "datasets": {name: dataset | {"buckets": 1} for name, dataset in DATASETS.items()},
        "backbones": {BACKBONE: {"weights": "data/own.pth"}},
        "experiments": {
            "e": EXPERIMENT,
            "tuned": EXPERIMENT | {"datasets": ["vsfa"], "init": {"dataset": "table", "experiment": "e"}},
        },
        "training": {"epochs": 1, "lr": 1e-3},
        "extraction": {"precision": "float32"},
    }


def _label_lines(names: Iterable[str], first: float) -> str:
    return "".join(f"{name}, 0, 0, {first + i}\n" for i, name in enumerate(names))


def _write_labels(data: Path) -> None:
    names = [*(f"clips/{i}.mp4" for i in range(VIDEOS - 1)), "clips/raw_cut.yuv"]
    (data / "train.txt").write_text(_label_lines([*names[:3], names[5]], 1))
    (data / "test.txt").write_text(_label_lines(names[3:4], 5))
    (data / "more.txt").write_text(_label_lines(names[4:5], 6))
    (data / "all.txt").write_text(_label_lines(names, 1))


def _write_preset(folder: Path, clips: list[Path]) -> None:
    for clip in clips:
        place(clip, folder / "videos" / clip.name)
    names = [f"videos/{clip.name}" for clip in clips]
    (folder / "train_labels.txt").write_text(_label_lines(names[:4], 1))
    (folder / "labels_test.txt").write_text(_label_lines(names[4:5], 5))
    (folder / "labels_1080p.txt").write_text(_label_lines(names[5:], 6))


def _write_ratings(path: Path) -> None:
    """A table by commas, and, with labels one higher, by semicolons."""
    names = [*(f"clips/{i}" for i in range(VIDEOS, 2 * VIDEOS - 1)), "clips/raw_cut"]
    lines = ["name;MOS;second;part;,name,MOS,second,part"]
    lines += [
        f"{name};{i + 2};{i};{part};,{name},{i + 1},{6 - i},{part}"
        for i, (name, part) in enumerate(zip(names, PARTS, strict=True))
    ]
    path.write_text("\n".join(lines) + "\n")


def _write_splits(folder: Path) -> None:
    konvid = [str(1000 + i) for i in range(VIDEOS)]
    last = [str(i) for i in range(2 * VIDEOS, 3 * VIDEOS)]
    ids = {
        "native": konvid,
        "table": [f"t{i}" for i in range(VIDEOS)],
        "vsfa": last,
        "labels": [*map(str, range(VIDEOS - 1)), "raw_cut"],
        "preset": [f"videos__{name}" for name in last],
        "columns": [*map(str, range(VIDEOS, 2 * VIDEOS - 1)), "raw_cut"],
    }
    for dataset, names in ids.items():
        (folder / dataset).mkdir(parents=True)
        rows = zip(names, ["train", "train", "train", "train", "val", "test"], strict=True)
        (folder / dataset / "seed-0.csv").write_text("video_id,split\n" + "".join(f"{i},{part}\n" for i, part in rows))
