"""Snakemake killed in the middle: the next start finishes, with the same results, redoing no finished job."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow.conftest import Project

pytestmark = pytest.mark.faults

# Files that must come out byte for byte as in an undisturbed run.
SAME = ("predictions.csv", "history.csv", "head.pt", "index.csv", "metrics.csv", "statistics.csv", ".mp4", ".md")


def start(project: Project, log: Path) -> subprocess.Popen:
    with open(log, "wb") as file:
        return subprocess.Popen(project.command(), stdout=file, stderr=subprocess.STDOUT, start_new_session=True)


def assert_same_results(found: Project, expected: Project) -> None:
    have, want = found.snapshot(), expected.snapshot()
    for name in want:
        if name.endswith(SAME):
            assert have[name][1] == want[name][1], name
    assert not [name for name in have if name.endswith(".part")]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 600  # a hang, on however slow a machine
    while not condition():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def finished_jobs(log: Path) -> set[str]:
    """The messages of the jobs that Snakemake reported as finished."""
    text = log.read_text()
    messages = dict(re.findall(r"^Job (\d+): (.+)$", text, re.M))
    return {messages[job] for job in re.findall(r"^Finished jobid: (\d+)", text, re.M)}


def started_jobs(text: str) -> set[str]:
    return {message for _, message in re.findall(r"^Job (\d+): (.+)$", text, re.M)}


@pytest.mark.parametrize(
    "phase,pattern,count",
    [("extraction", "features/demo/*/clip-*.h5", 4), ("training", "runs/demo/*/*/*/predictions.csv", 2)],
)
def test_killed_run_finishes_with_the_same_results(finished, tmp_path, phase, pattern, count):
    project = Project(tmp_path / "project")
    process = start(project, tmp_path / "first.log")
    wait_for(lambda: len(list(project.results.glob(pattern))) >= count, process)
    os.kill(process.pid, signal.SIGKILL)  # its jobs run on as orphans
    process.wait()
    done = finished_jobs(tmp_path / "first.log")
    assert done
    locked = project.run(check=False)
    assert locked.returncode != 0 and "--unlock" in locked.stdout + locked.stderr
    project.run("--unlock")
    again = project.run()
    assert not done & started_jobs(again.stdout + again.stderr)
    assert_same_results(project, finished)
    assert project.jobs() == {}
