"""What a job does that a scheduler starts: it parses the Snakefile again, and looks at no file but its own."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.workflow.conftest import Project
from tests.workflow.test_reruns import customised
from tests.workflow.test_sources import BACKBONE, write_study

pytestmark = pytest.mark.reruns

VIDEOS = 300
# Writes the path of each file below a folder that Python stats, lists or opens.
SPY = """
import os, sys
def note(path):
    if isinstance(path, (str, os.PathLike)) and "/set/" in os.path.abspath(os.fspath(path)) + "/":
        with real(os.environ["SPY"], os.O_WRONLY | os.O_APPEND | os.O_CREAT) as file:
            os.write(file.fd, (os.path.abspath(os.fspath(path)) + chr(10)).encode())
class real:
    def __init__(self, *a): self.fd = os_open(*a)
    def __enter__(self): return self
    def __exit__(self, *a): os.close(self.fd)
os_open = os.open
def spied(function):
    def call(path, *a, **k):
        note(path)
        return function(path, *a, **k)
    return call
os.stat, os.lstat = spied(os.stat), spied(os.lstat)
sys.addaudithook(lambda event, a: event in ("open", "os.listdir", "os.scandir") and note(a[0]))
"""


@pytest.fixture
def planned(tmp_path) -> Project:
    """A table of 300 files that are no videos, planned but not extracted."""
    folder = tmp_path / "project"
    (folder / "own.pth").parent.mkdir()
    (folder / "own.pth").write_bytes(b"no checkpoint")
    write_study(folder, Path("own.pth"), VIDEOS)
    for number in range(VIDEOS):
        (folder / "set" / f"v{number}.mp4").write_bytes(b"no video")
    project = Project(folder)
    project.edit(datasets__d__buckets=10)
    project.run("--until", "manifest")
    return project


def as_submitted(project: Project, job: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The options that Snakemake's executors give to the Snakemake that runs a job on a node."""
    options = ["--target-jobs", job, "--allowed-rules", job.split(":")[0], "--force", "--nolock", "--no-hooks",
               "--ignore-incomplete", "--max-inventory-time", "0", "--mode", "remote"]  # fmt: skip
    command = project.command(*options)
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment})


def test_a_bucket_job_stats_lists_and_opens_its_own_videos_only(planned, tmp_path):
    spied = tmp_path / "seen"
    environment = customised(tmp_path / "site", SPY) | {"SPY": str(spied)}
    # Its checkpoint is none: it looks at its videos, starts to extract, and says so.
    as_submitted(planned, f"extract:dataset=d,backbone={BACKBONE},bucket=3", environment)
    log = (planned.results / f"logs/extract/d/{BACKBONE}/3.log").read_text()
    assert "0 shards are current" in log and "own.pth: not a checkpoint" in log
    task = json.loads((planned.results / f"features/d/{BACKBONE}/tasks/3.json").read_text())
    own = {str(planned.folder / video["path"]) for video in task["videos"]}
    # The config compares the datasets' folders and label files with each other, whatever they hold.
    touched = [path for path in spied.read_text().split() if path.endswith(".mp4")]
    assert len(spied.read_text().split()) - len(touched) < 5
    assert sorted(touched) == sorted(own) and 20 < len(own) < 40  # one stat each


def test_trainings_that_go_to_a_scheduler_as_a_group_ask_for_one_gpu(project, tmp_path):
    """A scheduler that notes what it is asked for, and refuses."""
    (tmp_path / "bin").mkdir()
    asked = tmp_path / "asked"
    others = dict.fromkeys(("squeue", "sacct", "sacctmgr", "sshare", "scontrol", "sinfo", "scancel"), "exit 0")
    for name, text in {"sbatch": f'echo "$@" >> {asked}; exit 1', **others}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    project.edit(training__device="cuda", training__lr=0.5)
    account = ["--default-resources", "slurm_account=a", "slurm_partition=p", "mem_mb=1000", "runtime=30"]
    profile = ["--profile", REPO / "profiles" / "slurm", "--retries", "0", *account]
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    result = project.run(*profile, "--until", "train", check=False, env=environment)
    assert asked.exists(), result.stdout + result.stderr
    found = [re.findall(r"--gpus[= ](\S+)", line) for line in asked.read_text().splitlines() if "train" in line]
    assert found == [["1"]]
