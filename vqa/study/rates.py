"""How fast a study goes, from when its files were written and how long its jobs took."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from vqa.study.jobs import Job

_NEWEST = 50  # shards


@dataclass(frozen=True)
class Rate:
    per_hour: float
    seconds_left: float


def shard_rate(times: Sequence[float], left: int) -> Rate | None:
    """times: when each shard was written, in order. As fast as the newest of them came, whatever made them."""
    newest = times[-_NEWEST:]
    if len(newest) < 2 or newest[-1] <= newest[0]:
        return None
    each = (newest[-1] - newest[0]) / (len(newest) - 1)
    return Rate(3600 / each, left * each)


def job_rate(members: Sequence[Job], benchmarks: Path, running: int) -> Rate | None:
    """By the seconds of like jobs, of the same name but for its last part, else of all; as many at once as run now."""
    took: dict[str, list[float]] = defaultdict(list)
    ahead = [job for job in members if not job.output.exists()]
    for job in members:
        if seconds := seconds_of(job.file(benchmarks, "tsv")):
            took[_kind(job)].append(seconds)
    if not took:
        return None
    overall = fmean(seconds for each in took.values() for seconds in each)
    work = sum(fmean(took[kind]) if (kind := _kind(job)) in took else overall for job in ahead)
    workers = max(1, running)
    return Rate(3600 * workers / overall, work / workers)


def _kind(job: Job) -> str:
    return job.name.rpartition("/")[0]


def seconds_of(benchmark: Path) -> float:
    """Of a job; 0 where it was not recorded."""
    try:
        with open(benchmark, newline="", encoding="utf-8") as file:
            return max((float(row["s"]) for row in csv.DictReader(file, delimiter="\t")), default=0.0)
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
