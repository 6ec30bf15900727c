"""A miniature of the whole paper study: all four formats, both of its backbones, all experiments."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.io
import torch
import yaml
from torchvision.models import resnet50

from tests.conftest import REPO
from tests.datasets.files import place
from tests.workflow.conftest import Project
from vqa.backbones.resnet3d import ResNet3D

VIDEOS = 15


def write_konvid(root: Path, clips: list[Path]) -> None:
    rows = [["flickr_id", "mos"]]
    for number, clip in enumerate(clips):
        place(clip, root / "KoNViD_1k_videos" / f"{1000 + number}.mp4")
        rows.append([str(1000 + number), f"{1.22 + number * 0.2:.10f}"])
    with open(root / "KoNViD_1k_mos.csv", "w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)


def write_cvd(root: Path, clips: list[Path]) -> None:
    lines = ["Content;File_name;Original MOS;Realignment MOS;;;;"]
    for number, clip in enumerate(clips):
        name = f"Test01_City_D{number:02d}"
        place(clip, root / "Test1" / "City" / f"{name}.avi")
        lines.append(f"City;{name};1,0;{number * 6 - 6},5;;;;")
    (root / "CVD2014_ratings").mkdir()
    (root / "CVD2014_ratings" / "Realignment_MOS.csv").write_text("\r\n".join([*lines, *[";;;;;;;"] * 168]))


def write_qualcomm(root: Path) -> None:
    """Five videos of one 1080p frame each: the fewest that split."""
    names = [f"0911_scene{chr(97 + i)}_GS6_{i}" for i in range(5)]
    (root / "Color").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in names:
        blocks = rng.integers(0, 256, (1620 // 60, 1920 // 60), dtype=np.uint8).repeat(60, 0).repeat(60, 1)
        (root / "Color" / f"{name}.yuv").write_bytes(blocks.tobytes())
    videos = {
        "vidNames": np.array([[f"{name}.yuv"] for name in names], dtype=object),
        "distortionType": np.full((5, 1), 2, np.uint8),
        "distortionNames": np.array([["Artifacts"], ["Color"]], dtype=object),
    }
    scores = {"unBiasedMOS": np.arange(5.0)[:, None] * 10 + 20, "biasedMOS": np.zeros((5, 1))}
    scipy.io.savemat(
        root / "qualcommSubjectiveData.mat", {"qualcommVideoData": videos, "qualcommSubjectiveData": scores}
    )


def write_vqc(root: Path, clips: list[Path]) -> None:
    names = np.array([[f"A{i:03d}.mp4"] for i in range(len(clips))], dtype=object)
    for clip, (name,) in zip(clips, names, strict=True):
        place(clip, root / "Video" / name)
    scipy.io.savemat(root / "data.mat", {"video_list": names, "mos": np.linspace(6, 94, len(clips))[:, None]})


def write_miniature(root: Path, make_clip: Callable[..., Path]) -> Project:
    """Four datasets, two checkpoints and the study over them; nothing is run."""
    clips = [make_clip(root / "clips" / f"{i}.mp4", frames=18 + i % 3, seed=i) for i in range(VIDEOS)]
    for name in ("konvid-1k", "cvd2014", "live-vqc"):
        (root / name).mkdir()
    write_konvid(root / "konvid-1k", clips)
    write_cvd(root / "cvd2014", clips)
    write_qualcomm(root / "live-qualcomm")
    write_vqc(root / "live-vqc", clips)
    shutil.rmtree(root / "clips")
    torch.manual_seed(0)
    torch.save(resnet50(weights=None).state_dict(), root / "resnet50.pth")
    state = ResNet3D(101).state_dict() | {"fc.weight": torch.zeros(400, 2048), "fc.bias": torch.zeros(400)}
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, root / "r3d.pth")

    raw = yaml.safe_load((REPO / "workflow/studies/paper.yaml").read_text())
    for name, dataset in raw["datasets"].items():
        dataset |= {"path": str(root / name), "buckets": 1}
    raw["backbones"] |= {"resnet50": {"weights": str(root / "resnet50.pth")}}
    raw["backbones"]["resnet3d101-2018"]["weights"] = str(root / "r3d.pth")
    raw |= {"seeds": 2, "results": "results-smoke"}
    raw["training"]["epochs"] = 2
    raw["cross_dataset"] = ["frame-level"]
    raw["experiments"]["fc-mean"] = {"backbone": "resnet50", "head": "fc-mean", "modes": ["OO", "OS"], "batch_size": 4}
    project = Project(root / "project")
    project.config.write_text(yaml.safe_dump(raw, sort_keys=False))
    return project
