"""Whole processes, timed and weighed, and the table of what was found."""

import csv
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

REPO = Path(__file__).parents[2]
BASELINE = [sys.executable, str(Path(__file__).with_name("baseline.py"))]
VQA = [sys.executable, "-P", "-m", "vqa"]
CORES = len(os.sched_getaffinity(0))


def earlier(commit: str, folder: Path) -> list[str]:
    """The `vqa` command as it was at a commit, in this environment; its package is unpacked to `folder`."""
    packed = subprocess.run(["git", "-C", REPO, "archive", commit, "vqa"], stdout=subprocess.PIPE, check=True).stdout
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", folder], input=packed, check=True)
    return ["env", f"PYTHONPATH={folder}", *VQA]


@dataclass(frozen=True)
class Timed:
    """cpu_seconds: of it and its children; peak_mb: largest resident size; private_mb: of it, what is no file shared
    with others.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    private_mb: float
    output: str


class _Started:
    """A running process whose private memory a thread looks at."""

    def __init__(self, command: Sequence[object]):
        self.command, self.log, self.private_kb = command, tempfile.TemporaryFile("w+"), 0
        self.started = time.perf_counter()
        self.process = subprocess.Popen(list(map(str, command)), stdout=self.log, stderr=subprocess.STDOUT)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while self.process.returncode is None:
            try:
                with open(f"/proc/{self.process.pid}/status") as file:
                    found = [int(line.split()[1]) for line in file if line.startswith("RssAnon")]
            except OSError:
                return
            self.private_kb = max([self.private_kb, *found])
            time.sleep(0.05)

    def finish(self) -> Timed:
        _, status, usage = os.wait4(self.process.pid, 0)
        seconds = time.perf_counter() - self.started
        self.process.returncode = status
        self.log.seek(0)
        text = self.log.read()
        if status:
            sys.exit(f"{self.command} failed:\n{text[-2000:]}")
        cpu_seconds = usage.ru_utime + usage.ru_stime
        return Timed(seconds, cpu_seconds, usage.ru_maxrss / 1024, self.private_kb / 1024, text)


def run(command: Sequence[object]) -> Timed:
    return _Started(command).finish()


def run_together(commands: Sequence[Sequence[object]]) -> list[Timed]:
    """Processes side by side."""
    return [started.finish() for started in [_Started(command) for command in commands]]


def rate(work: Callable[[], object], seconds: float) -> float:
    """Calls a second of `work`, warm."""
    for _ in range(3):
        work()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        work()
        count += 1
    return count / (time.perf_counter() - started)


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """b of the least-squares fit seconds = a * size ** b."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


class Results:
    """Rows of the table, printed as they come and written at the end."""

    header = ("measurement", "ours", "baseline", "ratio")

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, str]] = []

    def add(self, what: str, ours: str, baseline: str = "", ratio: str = "") -> None:
        self.rows.append((what, ours, baseline, ratio))
        print("|", " | ".join(self.rows[-1]), "|", flush=True)

    def add_growth(self, what: str, sizes: Sequence[float], seconds: Sequence[float]) -> None:
        shown = " / ".join(f"{s:.2f}" for s in seconds)
        self.add(f"{what}: {' / '.join(map(str, sizes))}", f"{shown} s, exponent {exponent(sizes, seconds):.2f}")

    def write(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        with open(folder / "speed.csv", "w", newline="") as file:
            csv.writer(file).writerows([self.header, *self.rows])
        lines = ["| " + " | ".join(row) + " |" for row in (self.header, ("---",) * 4, *self.rows)]
        (folder / "speed.md").write_text("\n".join(lines) + "\n")
