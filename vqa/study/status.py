"""`vqa status`: how far a study has come, from what lies on the disk. It reads only: no lock, no plan, no listing.

Done is a job whose output is there; whether that is up to date only `snakemake -n` knows. Running is one that
Snakemake marked as begun, in `.snakemake/incomplete` of the working folder, while somebody holds the results.
"""

import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from vqa.config import Study
from vqa.study.grid import Grid, datasets_by_network
from vqa.study.jobs import Job, jobs
from vqa.study.layout import Layout
from vqa.study.rates import Rate, job_rate, shard_rate
from vqa.system.locks import holder

_ERRORS = ("vqa: error:", "vqa: failed:")
_LAST_BYTES = 4096
_TRAININGS, _EXTRACTIONS = ("train", "train-by-scene", "cross"), "videos "  # what takes long, and whose rates count


@dataclass
class Stage:
    """Counts of jobs, or of videos. rate: of those that are done; None where nothing tells."""

    name: str
    total: int
    done: int = 0
    running: int = 0
    failed: int = 0
    rate: Rate | None = None

    @property
    def waiting(self) -> int:
        return max(0, self.total - self.done - self.running - self.failed)


@dataclass
class Status:
    """snakemake: who holds the results, empty where nobody does; failed: job, log and its last line each."""

    name: str
    results: str
    snakemake: dict[str, Any]
    stages: list[Stage] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def seconds_left(self) -> float | None:
        """None where something long is to be done and nothing tells how long it takes."""
        slow = [each for each in self.stages if each.name in _TRAININGS or each.name.startswith(_EXTRACTIONS)]
        ahead = [stage for stage in slow if stage.done < stage.total]
        known = [stage.rate.seconds_left for stage in ahead if stage.rate]
        if not ahead and any(stage.done < stage.total for stage in self.stages):
            return None
        return sum(known) if len(known) == len(ahead) else None

    def to_json(self) -> str:
        stages = [
            {key: value for key, value in vars(stage).items() if key != "rate"}
            | {"waiting": stage.waiting, "rate": stage.rate and vars(stage.rate)}
            for stage in self.stages
        ]
        return json.dumps(vars(self) | {"stages": stages, "seconds_left": self.seconds_left}, indent=1)


def status(study: Study) -> Status:
    """Of the study in this working folder."""
    grid, layout = Grid(study), Layout.of(study)
    held = holder(layout.results) or holder(layout.store)
    found = Status(study.name, str(study.results), held)
    look = _Look(layout, held)
    planned = _planned(study, layout)
    stages: dict[str, list[Job]] = {}
    for job in jobs(grid, layout, {name: list(each["buckets"]) for name, each in planned.items()}):
        stages.setdefault(job.stage, []).append(job)
    for name, members in stages.items():
        if name == "extract":
            found.stages += _videos(grid, layout, planned)
        stage = Stage(name, len(members))
        for job in members:
            state, last = look.state(job)
            if state:
                setattr(stage, state, getattr(stage, state) + 1)
            if state == "failed":
                found.failed.append({"job": f"{name} {job.name}".strip(), "log": str(look.log(job)), "line": last})
        if name in _TRAININGS and stage.done < stage.total:
            stage.rate = job_rate(members, layout.results / "benchmarks", stage.running)
        found.stages.append(stage)
    found.notes = list(_notes(found, look))
    return found


def _planned(study: Study, layout: Layout) -> dict[str, dict[str, Any]]:
    """Videos and buckets of each dataset, as Snakemake last planned; where it never did, the buckets there may be."""
    try:
        plan = json.loads(layout.plan.read_text())
    except (OSError, ValueError):
        plan = {}
    unknown = {name: {"buckets": map(str, range(each.buckets))} for name, each in study.datasets.items()}
    return {name: plan.get(name, unknown[name]) for name in study.datasets}


def _videos(grid: Grid, layout: Layout, planned: dict[str, dict[str, Any]]) -> Iterator[Stage]:
    """A row for each network, over all datasets: shards say more than the jobs of many videos that make them."""
    for slug, of in datasets_by_network(grid).items():
        total = sum(planned[dataset].get("count", 0) for dataset in of)
        times = sorted(time for dataset in of for time in _shards(layout.features(dataset, slug)))
        stage = Stage(f"{_EXTRACTIONS}{slug}", max(total, len(times)), len(times))
        stage.rate = shard_rate(times, stage.waiting) if stage.waiting else None
        yield stage


def _shards(folder: Path) -> list[float]:
    """When each was written."""
    try:
        with os.scandir(folder) as entries:
            return [entry.stat().st_mtime for entry in entries if entry.name.endswith(".h5") and entry.name[0] != "."]
    except OSError:
        return []


class _Look:
    """What tells of a job that has no output yet. held: who holds the results."""

    def __init__(self, layout: Layout, held: dict[str, Any]):
        self._logs, self._held = layout.results / "logs", held
        self.marks = _marks(Path(".snakemake") / "incomplete")
        self._since = _since(held)

    def log(self, job: Job) -> Path:
        return job.file(self._logs, "log")

    def state(self, job: Job) -> tuple[str, str]:
        """done, running, failed or "" (waiting); and the last line of the log of one that failed."""
        if self.marks is not None and str(job.output) in self.marks:
            return ("running" if self._held else ""), ""
        if job.output.exists():
            return "done", ""
        try:
            written = self.log(job).stat().st_mtime
        except OSError:
            return "", ""
        if written < self._since:  # of an earlier run
            return "", ""
        last = last_line(self.log(job))
        if last.startswith(_ERRORS) or self.marks is not None:
            return "failed", last
        return ("running" if self._held else "failed"), last


def _marks(folder: Path) -> set[str] | None:
    """The outputs of jobs that began and have not ended; None where Snakemake runs in another folder."""
    if not folder.is_dir():
        return None
    found = set()
    for place, _, names in os.walk(folder):
        above = "".join(part.removeprefix("@") for part in Path(place).relative_to(folder).parts)
        for name in names:
            try:
                found.add(urlsafe_b64decode(above + name).decode())
            except ValueError:
                continue
    return found


def _since(held: dict[str, Any]) -> float:
    """When the run that goes on, or else the last one, began; 0 where nothing tells."""
    try:
        if held:
            return datetime.fromisoformat(held["since"]).timestamp()
        newest = max(path.name for path in Path(".snakemake/log").glob("*.snakemake.log"))
        return datetime.strptime(newest[:17], "%Y-%m-%dT%H%M%S").timestamp()
    except (OSError, ValueError, KeyError):
        return 0.0


def last_line(log: Path) -> str:
    """The last line that says something; empty where there is none."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _notes(found: Status, look: _Look) -> Iterator[str]:
    """What is not certain."""
    yield "done: its file is there; whether it is up to date, `snakemake -n` says"
    if look.marks is None:
        yield "Snakemake's own record is not in this folder: running and failed are told by logs alone"
    elif look.marks and not found.snakemake:
        yield f"{len(look.marks)} files were begun and not finished, nobody works on them; Snakemake makes them again"
    if any(stage.rate for stage in found.stages):
        yield "time left: if things go on as lately, on what works on it now"
