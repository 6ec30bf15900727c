"""Plan the paper's study on a fake full-size tree: `make plan`, or `python -m tests.benchmarks.plan --scale 10`.

Builds 2,227 empty video files with metadata of the real form, runs `snakemake --dry-run` and
prints what was planned, how long it took and the peak memory. Reading the metadata is included.
"""

import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.io
import yaml

REPO = Path(__file__).parents[2]
SIZES = {"konvid-1k": 1200, "cvd2014": 234, "live-qualcomm": 208, "live-vqc": 585}


def build_tree(root: Path, scale: int) -> None:
    n = {name: size * scale for name, size in SIZES.items()}
    konvid = root / "konvid-1k" / "KoNViD_1k_videos"
    konvid.mkdir(parents=True)
    with open(root / "konvid-1k" / "KoNViD_1k_mos.csv", "w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["flickr_id", "mos"])
        for i in range(n["konvid-1k"]):
            (konvid / f"{3000000 + i}.mp4").touch()
            writer.writerow([3000000 + i, f"{1.22 + 3.42 * i / n['konvid-1k']:.10f}"])
    lines = ["Content;File_name;Original MOS;Realignment MOS;;;;"]
    for i in range(n["cvd2014"]):
        folder = root / "cvd2014" / f"Test{i % 6 + 1}" / "City"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"Test{i % 6 + 1:02d}_City_D{i:04d}"
        (folder / f"{name}.avi").touch()
        lines.append(f"City;{name};1,0;{i % 100},5;;;;")
    (root / "cvd2014" / "CVD2014_ratings").mkdir()
    (root / "cvd2014" / "CVD2014_ratings" / "Realignment_MOS.csv").write_text("\r\n".join(lines))
    kinds = ["Artifacts", "Color", "Exposure", "Focus", "Sharpness", "Stabilization"]
    names = [f"0911_scene{i:05d}_GS6.yuv" for i in range(n["live-qualcomm"])]
    for i, name in enumerate(names):
        folder = root / "live-qualcomm" / kinds[i % 6]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    column = np.arange(len(names))[:, None]
    videos = {"vidNames": objects(names), "distortionNames": objects(kinds), "distortionType": column % 6 + 1}
    scores = {"unBiasedMOS": column + 16.5, "biasedMOS": column + 0.5}
    data = {"qualcommVideoData": videos, "qualcommSubjectiveData": scores}
    scipy.io.savemat(root / "live-qualcomm" / "qualcommSubjectiveData.mat", data)
    names = [f"A{i:05d}.mp4" for i in range(n["live-vqc"])]
    (root / "live-vqc" / "Video").mkdir(parents=True)
    for name in names:
        (root / "live-vqc" / "Video" / name).touch()
    mos = np.linspace(6.2, 94.3, len(names))[:, None]
    scipy.io.savemat(root / "live-vqc" / "data.mat", {"video_list": objects(names), "mos": mos})


def objects(names: list[str]) -> np.ndarray:
    return np.array([[name] for name in names], dtype=object)


def write_study(root: Path, scale: int) -> Path:
    """The paper's study on the fake tree."""
    raw = yaml.safe_load((REPO / "workflow/studies/paper.yaml").read_text())
    for name, dataset in raw["datasets"].items():
        dataset |= {"path": str(root / name), "buckets": dataset["buckets"] * scale}
    raw["backbones"]["resnet3d101-2018"]["weights"] = str(root / "r3d.pth")
    (root / "r3d.pth").touch()
    (root / "study.yaml").write_text(yaml.safe_dump(raw))
    return root / "study.yaml"


def plan(root: Path, scale: int) -> tuple[float, float, dict[str, int]]:
    """Seconds, peak MB, and jobs by rule of a dry run."""
    config = write_study(root, scale)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPO / "Snakefile"), "--directory", str(root)]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--configfile", str(config), "--cores", "2", "--dry-run", "--quiet", "host"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(output[-2000:])
    table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\ntotal", output, re.S)[1]
    jobs = {name: int(count) for name, count in re.findall(r"^(\S+) +(\d+)$", table, re.M)}
    return seconds, usage.ru_maxrss / 1024, jobs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=int, default=1, help="times the size of the four datasets")
    scale = parser.parse_args().scale
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        started = time.perf_counter()
        build_tree(root, scale)
        built = time.perf_counter() - started
        seconds, peak, jobs = plan(root, scale)
    videos = sum(SIZES.values()) * scale
    print(f"{videos} videos, {2 * videos} shards in {jobs['extract']} extraction jobs, {jobs['train']} trainings")
    print(f"planned in {seconds:.1f} s with {peak:.0f} MB (tree built in {built:.1f} s); jobs: {jobs}")


if __name__ == "__main__":
    main()
