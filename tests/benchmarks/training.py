"""Training against the plain baseline: time an epoch, memory, agreement, growth."""

import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from tests.benchmarks.measure import BASELINE, CORES, VQA, Results, Timed, rate, run, run_together
from vqa.features import shards
from vqa.features.index import write_index
from vqa.manifest import Video, write_manifest
from vqa.system.files import write_json
from vqa.training.store import _convert

DIM = 4096


def make_study(root: Path, videos: int, rows: int, longest: int = 0) -> Path:
    """Shards of `rows` x 4096 float16 whose mean tells the MOS, a manifest and an index.

    longest: rows of the first video, where it has more than the others.
    """
    rng = np.random.default_rng(0)
    folder = root / f"study-{videos}-{rows}-{longest}"
    noise = np.abs(rng.normal(size=(rows + 64, DIM))).astype(np.float32) * 0.4
    direction = rng.normal(size=DIM).astype(np.float32)
    listed, entries = [], {}
    for number in range(videos):
        level, start = rng.normal(), int(rng.integers(64))
        features = np.abs(noise[start : start + rows] + np.float32(0.1 * level) * direction).astype(np.float16)
        if longest and number == 0:
            features = np.resize(features, (longest, DIM))
        name = f"v{number:04d}"
        made = {"video_id": name, "fingerprint": name}
        checksum = shards.write(
            folder / f"{name}.h5", [features], features.shape, "float16", np.arange(len(features)), made
        )
        entries[name] = {"fingerprint": name, "rows": len(features), "dim": DIM, "checksum": checksum}
        listed.append(Video(name, f"{name}.mp4", 50 + 15 * level))
    write_json(folder / "receipt.json", {"shards": entries, "excluded": {}})
    write_manifest(folder / "manifest.csv", listed)
    write_index(folder / "index.csv", folder, listed, [folder / "receipt.json"])
    return folder


def ours(
    study: Path, output: Path, batch_size: int, epochs: int, precision: str, seed: int = 0,
    command: Sequence[object] = VQA,
) -> list[object]:  # fmt: skip
    return [
        *command, "train", "--manifest", study / "manifest.csv", "--index", study / "index.csv", "--order", "O",
        "--seed", seed, "--output", output, "--batch-size", batch_size, "--epochs", epochs, "--lr", "1e-4",
        "--precision", precision,
    ]  # fmt: skip


def loop_seconds(timed: Timed) -> float:
    return float(re.findall(r"(?:training|epochs) took ([\d.]+) s", timed.output)[0])


def _side_by_side(
    folder: Path, study: Path, batch_size: int, epochs: int, precision: str, command: Sequence[object] = VQA
) -> tuple[float, list[Timed], str]:
    """As many trainings as cores: the machine's seconds an epoch, the processes, and one's history."""
    outputs = [folder / str(number) for number in range(CORES)]
    jobs = run_together([ours(study, each, batch_size, epochs, precision, 0, command) for each in outputs])
    return max(map(loop_seconds, jobs)) / epochs / CORES, jobs, (outputs[0] / "history.csv").read_text()


def speed(
    root: Path, results: Results, videos: int, rows: int, epochs: int, longest: int = 0, before: Sequence[object] = ()
) -> None:
    """Seconds an epoch of the machine: as many of our one-thread jobs as cores, or one baseline.

    before: the command of an earlier version.
    """
    study = make_study(root, videos, rows, longest)
    lengths = f"{rows} (one {longest})" if longest else f"{rows}"
    for batch_size in (16, 128):
        name = f"train {videos} x {lengths} x {DIM}, batch {batch_size}"
        plain = {}
        for held in ("float32", "float64"):
            timed = run([*BASELINE, "train", study, batch_size, 3, 1e-4, held])
            plain[held] = timed, [line.split(",") for line in timed.output.splitlines()]
        for precision in ("float32", "bfloat16"):
            case = f"{precision}-{batch_size}"
            epoch, jobs, made = _side_by_side(root / case, study, batch_size, epochs, precision)
            if before:
                then, _, made_then = _side_by_side(
                    root / f"before-{case}", study, batch_size, epochs, precision, before
                )
                told = f"{then:.3f} (before)", f"{then / epoch:.2f}x"
                results.add(f"{name}, {precision}, s an epoch", f"{epoch:.3f}", *told)
                results.add(f"{name}, {precision}, the same history as before", "yes" if made == made_then else "no")
            for held, (timed, lines) in plain.items():
                theirs = min(float(line[2]) for line in lines)
                case = f"{name}, {precision}, baseline holds {held}"
                results.add(f"{case}, s an epoch", f"{epoch:.3f}", f"{theirs:.3f}", f"{theirs / epoch:.1f}x")
                results.add(f"{case}, private MB", f"{jobs[0].private_mb:.0f}", f"{timed.private_mb:.0f}")
            history = made.splitlines()[1:4]
            lines = plain["float32"][1]
            pairs = [(float(h.split(",")[2]), float(line[1])) for h, line in zip(history, lines, strict=True)]
            worst = max(abs(a - b) / b for a, b in pairs)
            results.add(f"{name}, {precision}, training loss", f"relative difference from the baseline {worst:.1e}")
    shutil.rmtree(study)


def memory(root: Path, results: Results, videos: int, rows: int) -> None:
    """Jobs side by side on a dataset of KoNViD-1k's size: one copy of the features for all."""
    study = make_study(root, videos, rows)
    disk = sum(path.stat().st_size for path in study.glob("*.h5")) / 2**20
    for count in (1, CORES):
        jobs = run_together([ours(study, root / f"memory-{i}", 16, 1, "bfloat16") for i in range(count)])
        private, peak = max(job.private_mb for job in jobs), max(job.peak_mb for job in jobs)
        results.add(
            f"memory of {count} training job(s), {videos} x {rows} x {DIM}, {disk:.0f} MB on disk",
            f"each {private:.0f} MB of its own, resident {peak:.0f} MB ({peak / disk:.2f} of the disk's)",
        )
    shutil.rmtree(study)


def growth(root: Path, results: Results, epochs: int) -> None:
    """Fitted exponents of training time in videos, sequence length, epochs and jobs."""
    base = {"videos": 60, "rows": 120, "epochs": epochs}
    for axis in base:
        sizes, seconds = [base[axis] * factor for factor in (1, 2, 4)], []
        for size in sizes:
            case = base | {axis: size}
            study = make_study(root, case["videos"], case["rows"])
            seconds.append(min(loop_seconds(run(_one(study, root, case["epochs"]))) for _ in range(2)))
        results.add_growth(f"training time by {axis}", sizes, seconds)
    study, sizes, seconds = make_study(root, base["videos"], base["rows"]), [CORES, 2 * CORES, 4 * CORES], []
    for size in sizes:
        started = time.perf_counter()
        for first in range(0, size, CORES):
            run_together([_one(study, root / f"job-{i}", epochs, first + i) for i in range(CORES)])
        seconds.append(time.perf_counter() - started)
    results.add_growth("time of whole training jobs by their number", sizes, seconds)


def _one(study: Path, root: Path, epochs: int, seed: int = 0) -> list[object]:
    return ours(study, root / "growth", 16, epochs, "float32", seed)


def gemm_share(results: Results) -> None:
    """The projection's rate, its fp16 input converted as in training, against the bare product."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    stored, weight = torch.randn(3840, DIM).half(), torch.randn(128, DIM)
    giga = 2 * 3840 * DIM * 128 / 1e9
    for dtype in (torch.float32, torch.bfloat16):
        ready, cast = stored.to(dtype), weight.to(dtype)
        bare = giga * rate(lambda x=ready, w=cast: torch.nn.functional.linear(x, w), 1)

        def whole(x: torch.Tensor = ready, w: torch.Tensor = cast) -> None:
            _convert(stored, x)
            torch.nn.functional.linear(x, w)

        reached, name = giga * rate(whole, 1), str(dtype).removeprefix("torch.")
        results.add(
            f"projection, {name}, one thread, GFLOP/s", f"{reached:.0f}", f"{bare:.0f} bare", f"{reached / bare:.0%}"
        )
    torch.set_num_threads(threads)
