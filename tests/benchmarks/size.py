"""What today's datasets cost at their size: `make bench-size`, or some of it: `python -m tests.benchmarks.size index`.

Planning, a submitted job's start and the index on a fake tree of 40,000 videos in 800 buckets; trainings on 28,056
shards that share their bytes on the disk, on features that pass a limit of memory (root sets one), and on videos of
unlike lengths. CPU seconds stand beside those of the clock: they tell a busy machine from a slow program.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import yaml

import vqa
from tests.benchmarks.measure import REPO, VQA, Timed, run
from vqa.features import shards
from vqa.features.identity import bucket_of
from vqa.features.sources import read_task
from vqa.manifest import Video, write_manifest

VIDEOS, BUCKETS, FOLDERS = 40_000, 800, 16
TRAINED = 28_056
BACKBONE = "efficientnet_lite0"
ROWS, DIM = 240, 4096  # eight seconds at 30 frames a second, ResNet-50: 2 MB
# What Snakemake's executors give to the Snakemake that runs a job on a node.
SUBMITTED = [
    "--allowed-rules", "extract", "--force", "--nolock", "--no-hooks", "--ignore-incomplete",
    "--max-inventory-time", "0", "--mode", "remote",
]  # fmt: skip


class Tree:
    """A label file as public code has it, files that are no videos, and a study of both."""

    def __init__(self, root: Path):
        self.root, self.results = root, root / "results"
        lines = []
        for number in range(VIDEOS):
            name = f"part{number % FOLDERS}/{number:06d}.mp4"
            (root / "videos" / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "videos" / name).write_bytes(b"no video")
            lines.append(f"{name}, -1, -1, {1 + 4 * number / VIDEOS:.4f}")
        (root / "labels.txt").write_text("\n".join(lines) + "\n")
        vqa.backbones.place(BACKBONE, root / "own.pth")
        every = {"backbone": BACKBONE, "modes": ["OO"]}
        labels = {"reader": "labels", "path": "labels.txt", "videos": "videos", "buckets": BUCKETS}
        study = {
            "seeds": 10,
            "datasets": {"big": labels | {"on_bad_video": "exclude"}},
            "backbones": {BACKBONE: {"weights": "own.pth"}},
            "experiments": {"every": every, "sampled": every | {"sampler": 16}},
            "extraction": {"precision": "float32"},
        }
        (root / "study.yaml").write_text(yaml.safe_dump(study))

    def snakemake(self, *arguments: str) -> list[object]:
        return [sys.executable, "-m", "snakemake", "--snakefile", REPO / "Snakefile", "--directory", self.root,
                "--configfile", self.root / "study.yaml", "--cores", "1", *arguments]  # fmt: skip

    def job(self, bucket: int) -> list[object]:
        target = f"extract:dataset=big,backbone={BACKBONE},bucket={bucket}"
        return self.snakemake("--target-jobs", target, *SUBMITTED)


def measure_planning(folder: Path) -> None:
    tree = Tree(folder)
    timed = run(tree.snakemake("--dry-run", "--quiet", "host"))
    tell("plan 40,000 videos", f"{timed.seconds:.1f} s ({timed.cpu_seconds:.1f} of CPU), {timed.peak_mb:.0f} MB")
    run(tree.snakemake("--until", "manifest", "--quiet", "all"))
    started = time.perf_counter()
    job = subprocess.Popen(list(map(str, tree.job(3))), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = tree.results / f"logs/extract/big/{BACKBONE}/3.log"
    while job.poll() is None and not (log.exists() and "decoding" in log.read_text()):
        time.sleep(0.01)
    seconds = time.perf_counter() - started
    job.wait()
    tell("a submitted job's start, to its first frame", f"{seconds:.1f} s")
    traced = folder / "calls"
    run(["strace", "-f", "-qq", "-e", "trace=%file,%process", "-o", traced, *tree.job(4)])
    text = traced.read_text(errors="replace")
    task = read_task(tree.results / f"features/big/{BACKBONE}/tasks/4.json")
    touched = set(re.findall(r'"([^"]*\.mp4)"', text))
    own = {video.path for video in task.videos}
    others = sum(os.path.relpath(path, tree.root) not in own and path not in own for path in touched)
    forks = len(re.findall(r"^\d+ +(?:clone|clone3|fork|vfork)\(.*SIGCHLD", text, re.M))
    tell("its system calls", f"{others} of its {len(own)} videos' 39,952 neighbours looked at; {forks} forks")


def measure_index(folder: Path) -> None:
    manifest, features = fake_features(folder, VIDEOS)
    receipts = sorted((features / "receipts").glob("*.json"))
    timed = run(
        [*VQA, "index", "--manifest", manifest, "--features", features, "--output", folder / "i.csv", *receipts]
    )
    tell("vqa index, 40,000 shards", f"{timed.seconds:.1f} s ({timed.cpu_seconds:.1f} of CPU)")


def measure_start(folder: Path) -> None:
    manifest, features = fake_features(folder, TRAINED)
    for limit in (1024, 20_000):
        command = ["bash", "-c", f'ulimit -Sn {limit}; exec "$@"', "-", *train(folder, manifest, features, epochs=1)]
        started = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
        try:
            for line in process.stderr:
                if "optimiser steps each" in line:
                    break
            else:
                sys.exit(f"{command} ended before its first epoch")
        finally:
            process.kill()
            process.wait()
        seconds = time.perf_counter() - started
        tell(f"to the first epoch on 28,056 shards, {limit} open files allowed", f"{seconds:.1f} s")


def measure_verification(folder: Path) -> None:
    """20 epochs on features that are read from memory, with and without hashing."""
    manifest, features = fake_features(folder, 300)
    command = train(folder, manifest, features, epochs=20)
    words = [str(word) for word in command[len(VQA) :]]
    blind = (
        "import sys, vqa.features.mapping as m; from types import SimpleNamespace as N; from vqa.cli import main; "
        "known = sys.argv.pop(1); m.hashlib = N(sha256=lambda data: N(hexdigest=lambda: known)); main()"
    )
    checksum = next(iter(shards_of(features)))
    seconds = [
        min(trained_seconds(each) for _ in range(2))
        for each in ([*VQA, *words], [sys.executable, "-c", blind, checksum, *words])
    ]
    tell("20 epochs verified, and not", f"{seconds[0]:.1f} s, {seconds[1]:.1f} s: {seconds[0] / seconds[1] - 1:+.1%}")


def measure_memory(folder: Path) -> None:
    """Features of twice the memory that a training is given."""
    count, limit = 1000, 1000
    manifest, features = fake_features(folder, count, linked=False)
    size = count * ROWS * DIM * 2 / 1e6
    rate = disk_rate(sorted(features.glob("*.h5")))
    cached = trained_rate(run(train(folder, manifest, features, epochs=3)), size)
    tell(f"{size:.0f} MB of features, all in memory", f"{cached:.0f} MB/s; the disk gives {rate:.0f}")
    for kept in (0, 200):
        forget(features)
        with memory_limit(limit) as enter:
            timed = run([*enter, *train(folder, manifest, features, epochs=3), "--features-mb", kept])
        told = f"{trained_rate(timed, size):.0f} MB/s, {timed.private_mb:.0f} MB private"
        tell(f"the same within {limit} MB, features_mb {kept}", told)


def measure_batches(folder: Path) -> None:
    """Padding and seconds an epoch; float32 on one thread, so that padded steps of the GRU cost what they cost."""
    rng = np.random.default_rng(0)
    drawn = {
        "KoNViD-1k (181 to 240 frames)": rng.choice([240] * 6 + [192, 200, 181], 300),
        "CVD2014 (143 to 830)": rng.integers(143, 831, 240),
        "LSVQ (5 to 12 s at 24 to 60 a second)": (rng.uniform(5, 12, 300) * rng.choice([24, 25, 30, 50, 60], 300)),
    }
    for number, (name, lengths) in enumerate(drawn.items()):
        rows = lengths.astype(int)
        manifest, features = fake_features(folder / str(number), len(rows), rows=rows, dim=256)
        found = []
        for batches in ("random", "similar-length"):
            short, long = (
                trained_seconds([*train(folder, manifest, features, epochs), "--batches", batches])
                for epochs in (2, 12)
            )
            found.append(f"{batches} {(long - short) / 10:.2f} s an epoch")
        tell(f"batches of 16, {name}", ", ".join(found))


def fake_features(
    root: Path, count: int, linked: bool = True, rows: Sequence[int] | None = None, dim: int = DIM
) -> tuple[Path, Path]:
    """Manifest, and a folder of shards with receipts and index; linked: all are one file on the disk."""
    rng, features = np.random.default_rng(0), root / "features"
    (features / "receipts").mkdir(parents=True)
    receipts: dict[int, dict[str, object]] = {}
    index, videos, first = ["video_id,rows,dim,checksum"], [], None
    made = {
        "fingerprint": "f",
        "precision_used": "float32",
        "fps": 30.0,
        "preprocessing": "x" * 300,
        "source_sha256": "s" * 64,
    }
    for number in range(count):
        name, length = f"v{number:06d}", ROWS if rows is None else int(rows[number])
        path = features / f"{name}.h5"
        if linked and rows is None and first:
            os.link(first, path)
        else:
            data = rng.random((length, dim), np.float32)
            checksum = shards.write(path, [data], data.shape, "float16", range(length), made)
            first = path
        entry = {"fingerprint": "f", "rows": length, "dim": dim, "checksum": checksum}
        receipts.setdefault(bucket_of(name, BUCKETS), {})[name] = entry
        index.append(f"{name},{length},{dim},{checksum}")
        videos.append(Video(name, f"{name}.mp4", 1 + 4 * (number * 7919 % count) / count))
    for bucket, entries in receipts.items():
        (features / f"receipts/{bucket}.json").write_text(json.dumps({"shards": entries, "excluded": {}}))
    (features / "index.csv").write_text("\n".join(index) + "\n")
    write_manifest(root / "manifest.csv", videos)
    return root / "manifest.csv", features


def shards_of(features: Path) -> set[str]:
    """The checksums that the index names."""
    return {line.rpartition(",")[2] for line in (features / "index.csv").read_text().splitlines()[1:]}


def train(folder: Path, manifest: Path, features: Path, epochs: int) -> list[object]:
    files = ["--manifest", manifest, "--index", features / "index.csv", "--output", folder / "run"]
    return [*VQA, "train", *files, "--order", "O", "--seed", "0", "--epochs", epochs]


def trained_rate(timed: Timed, size: float) -> float:
    """Megabytes of features that three epochs read a second: training and validation are four fifths of `size`."""
    return 3 * 0.8 * size / trained(timed.output)


def trained_seconds(command: Sequence[object]) -> float:
    return trained(run(command).output)


def trained(output: str) -> float:
    return float(re.search(r"training took ([\d.]+) s", output)[1])


def forget(features: Path) -> None:
    """Drop the shards from the system's cache."""
    for path in features.glob("*.h5"):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def disk_rate(paths: Sequence[Path]) -> float:
    """MB/s of reading the files one after another."""
    forget(paths[0].parent)
    started = time.perf_counter()
    size = sum(len(path.read_bytes()) for path in paths)
    return size / 1e6 / (time.perf_counter() - started)


@contextmanager
def memory_limit(megabytes: int) -> Iterator[list[str]]:
    """The words that start a command in a group of so much memory."""
    root = Path("/sys/fs/cgroup")
    parent, key = (root / "memory", "memory.limit_in_bytes") if (root / "memory").is_dir() else (root, "memory.max")
    group = parent / f"vqa-size-{os.getpid()}"
    group.mkdir()
    try:
        (group / key).write_text(str(megabytes * 10**6))
        yield ["bash", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "-"]
    finally:
        group.rmdir()


def tell(what: str, found: str) -> None:
    print(f"| {what} | {found} |", flush=True)


MEASURES = {
    "planning": measure_planning,
    "index": measure_index,
    "start": measure_start,
    "verification": measure_verification,
    "memory": measure_memory,
    "batches": measure_batches,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measures", nargs="*", choices=[*MEASURES, []], default=[], help="which; default: all")
    for name in parser.parse_args().measures or MEASURES:
        with tempfile.TemporaryDirectory() as folder:
            MEASURES[name](Path(folder))


if __name__ == "__main__":
    main()
