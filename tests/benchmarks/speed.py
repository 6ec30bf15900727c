"""`make bench`: ours against the plain baseline, whole processes side by side in one run.

Prints a Markdown table and writes it with a CSV to `bench/`. `--quick` shortens every workload.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

REPO = Path(__file__).parents[2]
sys.path.insert(0, str(REPO))

from vqa import shards  # noqa: E402
from vqa.demo.render import encode  # noqa: E402
from vqa.demo.scenes import Scene  # noqa: E402
from vqa.files import write_json  # noqa: E402
from vqa.index import write_index  # noqa: E402
from vqa.manifest import Video, write_manifest  # noqa: E402

BASELINE = [sys.executable, str(Path(__file__).with_name("baseline.py"))]
VQA = [sys.executable, "-m", "vqa"]


@dataclass(frozen=True)
class Timed:
    seconds: float
    peak_mb: float
    output: str


def run(command: list, threads: int | None = None) -> Timed:
    """One whole process: wall time, peak memory, output."""
    return run_together([command], threads)[0]


def run_together(commands: list[list], threads: int | None = None) -> list[Timed]:
    """Processes side by side; each one's own wall time."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)} if threads else dict(os.environ)
    started = time.perf_counter()
    running, done = {}, {}
    for number, command in enumerate(commands):
        log = tempfile.TemporaryFile("w+")
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT, env=environment)
        running[process.pid] = (number, log)
    while running:
        pid, status, usage = os.wait4(-1, 0)
        number, log = running.pop(pid)
        log.seek(0)
        text = log.read()
        if status:
            sys.exit(f"{commands[number]} failed:\n{text[-2000:]}")
        done[number] = Timed(time.perf_counter() - started, usage.ru_maxrss / 1024, text)
    return [done[number] for number in range(len(commands))]


class Results:
    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, str]] = []

    def add(self, what: str, ours: str, baseline: str = "", ratio: str = "") -> None:
        self.rows.append((what, ours, baseline, ratio))
        print("|", " | ".join(self.rows[-1]), "|", flush=True)

    def write(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        header = ("measurement", "ours", "baseline", "ratio")
        with open(folder / "speed.csv", "w", newline="") as file:
            csv.writer(file).writerows([header, *self.rows])
        lines = ["| " + " | ".join(row) + " |" for row in (header, ("---",) * 4, *self.rows)]
        (folder / "speed.md").write_text("\n".join(lines) + "\n")


def make_clip(path: Path, frames: int, width: int, height: int) -> None:
    scene = Scene(0, 0, height, width)
    views = [scene.frame(t / 24, np.zeros(2)) for t in range(min(frames, 24))]
    pictures = ((views[t % len(views)] * 255).astype(np.uint8) for t in range(frames))
    encode(path, pictures, (width, height), 24, 23)


def ours_extract(root: Path, clip: Path, *more: object) -> list:
    write_manifest(root / f"{clip.stem}.csv", [Video(clip.stem, str(clip), 1.0)])
    return [
        *VQA, "extract", "--manifest", root / f"{clip.stem}.csv", "--backbone", "resnet50",
        "--weights", root / "r50.pth", "--receipt", root / "receipt.json", "--storage", "float32", *more,
    ]  # fmt: skip


def extraction(root: Path, results: Results, frames: int) -> None:
    from torchvision.models import resnet50

    torch.manual_seed(0)
    torch.save(resnet50(weights=None).state_dict(), root / "r50.pth")
    clip = root / "clip.mp4"
    make_clip(clip, frames, 960, 540)
    plain = run([*BASELINE, "extract", clip, root / "r50.pth", root / "plain.npy"])
    expected = np.load(root / "plain.npy")
    for precision in ("float32", "bfloat16"):
        timed = run(ours_extract(root, clip, "--output", root / precision, "--precision", precision))
        found = shards.read(root / precision / "clip.h5")[0]
        name = f"extract {frames} frames 960x540, {precision}"
        ratio = f"{plain.seconds / timed.seconds:.2f}x"
        results.add(f"{name}, s", f"{timed.seconds:.1f}", f"{plain.seconds:.1f}", ratio)
        results.add(f"{name}, frames/s", f"{frames / timed.seconds:.2f}", f"{frames / plain.seconds:.2f}", ratio)
        results.add(f"{name}, peak MB", f"{timed.peak_mb:.0f}", f"{plain.peak_mb:.0f}")
        cosine = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
        relative = np.abs(found - expected).max() / np.abs(expected).max()
        results.add(f"{name}, agreement", f"max error {relative:.1e} of max, min cosine {cosine.min():.6f}")


def extraction_growth(root: Path, results: Results, frames: int) -> None:
    """Peak memory and time at 1080p for growing length; the fitted exponent of time."""
    seconds, lengths = [], [frames, 2 * frames, 4 * frames]
    for length in lengths:
        clip = root / f"hd{length}.mp4"
        make_clip(clip, length, 1920, 1080)
        timed = run(ours_extract(root, clip, "--output", root / "hd", "--precision", "bfloat16"))
        loop = float(timed.output.split("frames in ")[1].split(" s")[0])
        seconds.append(loop)
        results.add(f"extract {length} frames 1920x1080, bfloat16", f"{loop:.1f} s, peak {timed.peak_mb:.0f} MB")
    exponent = np.polyfit(np.log(lengths), np.log(seconds), 1)[0]
    results.add("exponent of extraction time in frames", f"{exponent:.2f}")


def make_study(root: Path, videos: int, rows: int) -> Path:
    rng = np.random.default_rng(0)
    folder = root / f"study-{videos}-{rows}"
    direction = rng.normal(size=4096)
    listed, entries = [], {}
    for number in range(videos):
        level = rng.normal()
        features = np.abs(rng.normal(size=(rows, 4096)) * 0.4 + 0.1 * level * direction).astype(np.float16)
        name = f"v{number:04d}"
        made = {"video_id": name, "fingerprint": name}
        checksum = shards.write(folder / f"{name}.h5", [features], features.shape, "float16", np.arange(rows), made)
        entries[name] = {"fingerprint": name, "rows": rows, "dim": 4096, "checksum": checksum}
        listed.append(Video(name, f"{name}.mp4", 50 + 15 * level))
    write_json(folder / "receipt.json", {"shards": entries, "excluded": {}})
    write_manifest(folder / "manifest.csv", listed)
    write_index(folder / "index.csv", folder, listed, [folder / "receipt.json"])
    return folder


def ours_train(study: Path, output: Path, batch_size: int, epochs: int, precision: str, *more: object) -> list:
    return [
        *VQA, "train", "--manifest", study / "manifest.csv", "--index", study / "index.csv", "--order", "O",
        "--seed", 0, "--output", output, "--batch-size", batch_size, "--epochs", epochs, "--lr", "1e-4",
        "--precision", precision, *more,
    ]  # fmt: skip


def loop_seconds(timed: Timed) -> float:
    return float(timed.output.split("epochs took ")[1].split(" s")[0])


def training(root: Path, results: Results, videos: int, rows: int, epochs: int) -> None:
    study = make_study(root, videos, rows)
    disk_mb = sum(path.stat().st_size for path in study.glob("*.h5")) / 1e6
    for batch_size in (16, 128):
        plain = run([*BASELINE, "train", study, batch_size, 2, 1e-4])
        lines = [line.split(",") for line in plain.output.splitlines()]
        plain_epoch = float(lines[-1][2])
        for precision in ("float32", "bfloat16"):
            outputs = [root / f"run-{precision}-{batch_size}-{i}" for i in range(2)]
            both = run_together([ours_train(study, output, batch_size, epochs, precision) for output in outputs])
            epoch = max(map(loop_seconds, both)) / epochs / 2
            name = f"train {videos} x {rows} x 4096, batch {batch_size}, {precision}"
            results.add(f"{name}, s an epoch", f"{epoch:.3f}", f"{plain_epoch:.3f}", f"{plain_epoch / epoch:.1f}x")
            results.add(f"{name}, peak MB", f"{both[0].peak_mb:.0f} (shards {disk_mb:.0f})", f"{plain.peak_mb:.0f}")
            history = (outputs[0] / "history.csv").read_text().splitlines()[1:3]
            pairs = [(float(h.split(",")[2]), float(line[1])) for h, line in zip(history, lines, strict=True)]
            worst = max(abs(a - b) / b for a, b in pairs)
            results.add(f"{name}, training loss against baseline", f"relative difference {worst:.1e}")


def training_growth(root: Path, results: Results, epochs: int) -> None:
    """The fitted exponents of training time in videos, sequence length and epochs."""
    base = {"videos": 60, "rows": 120, "epochs": epochs}
    for axis in base:
        seconds = []
        for factor in (1, 2, 4):
            size = base | {axis: base[axis] * factor}
            study = make_study(root, size["videos"], size["rows"])
            timed = run(ours_train(study, root / "growth", 16, size["epochs"], "float32"))
            seconds.append(loop_seconds(timed))
        exponent = np.polyfit(np.log([1, 2, 4]), np.log(seconds), 1)[0]
        shown = " / ".join(f"{s:.2f}" for s in seconds)
        results.add(f"training time at 1, 2, 4 times the {axis}", f"{shown} s, exponent {exponent:.2f}")


def gemm_share(results: Results) -> None:
    """The projection's rate (with its fp16 input converted) against the bare matrix product."""
    torch.set_num_threads(1)
    stored = torch.randn(3840, 4096).half()
    weight = torch.randn(128, 4096)
    for dtype in (torch.float32, torch.bfloat16):
        ready, cast = stored.to(dtype), weight.to(dtype)
        bare = _rate(lambda x=ready, w=cast: torch.nn.functional.linear(x, w))
        whole = _rate(lambda d=dtype, w=cast: torch.nn.functional.linear(stored.to(d), w))
        name = str(dtype).removeprefix("torch.")
        results.add(
            f"projection, {name}, one thread, GFLOP/s", f"{whole:.0f}", f"{bare:.0f} bare", f"{whole / bare:.0%}"
        )


def _rate(work) -> float:
    for _ in range(3):
        work()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < 1:
        work()
        count += 1
    return 2 * 3840 * 4096 * 128 * count / (time.perf_counter() - started) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, for a first look")
    quick = parser.parse_args().quick
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        gemm_share(results)
        training(root, results, *((40, 60, 4) if quick else (120, 240, 10)))
        training_growth(root, results, 4 if quick else 10)
        extraction(root, results, 24 if quick else 240)
        extraction_growth(root, results, 6 if quick else 16)
    results.write(REPO / "bench")


if __name__ == "__main__":
    main()
