"""Files that others read meanwhile, and disks that fail."""

import errno
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from vqa import config
from vqa.features.sources import read_seen, read_task
from vqa.protocol import predictions
from vqa.results.evaluation import read_metrics
from vqa.study.runs import read_run
from vqa.system import files
from vqa.system.errors import RunError
from vqa.temporal.checkpoint import load_head

# As on exFAT: makes sixty files, together with its like.
NO_LINKS = """
import os, sys
from pathlib import Path
from vqa.system.files import create_once
def refuse(*arguments): raise PermissionError(1, "Operation not permitted")
os.link = refuse
folder, name = Path(sys.argv[1]), sys.argv[2]
(folder / f"ready-{name}").touch()
while not (folder / "go").exists(): pass
sys.stdout.writelines(create_once(folder / str(n), name * 50) + "\\n" for n in range(60))
"""


def test_without_links_too_all_processes_read_what_the_first_wrote(tmp_path):
    command = [sys.executable, "-c", NO_LINKS, tmp_path]
    started = {name: subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in "abcd"}
    others = {"go", *(f"ready-{name}" for name in started)}
    while len(list(tmp_path.glob("ready-*"))) < len(started) and all(p.poll() is None for p in started.values()):
        pass
    (tmp_path / "go").touch()
    found = [process.communicate()[0].splitlines() for process in started.values()]
    assert [(tmp_path / str(number)).read_text() for number in range(60)] == found[0]
    assert found[1:] == found[:1] * 3
    assert {path.name for path in tmp_path.iterdir()} == others | set(map(str, range(60)))


def test_what_a_killed_process_had_chosen_without_links_still_counts(tmp_path, monkeypatch):
    def refuse(*arguments: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(files.os, "link", refuse)
    files.write_text(tmp_path / ".precision.txt.chosen" / "text", "bfloat16\n")
    assert files.create_once(tmp_path / "precision.txt", "float16\n") == "bfloat16\n"
    assert [path.name for path in tmp_path.iterdir()] == ["precision.txt"]


@pytest.mark.parametrize(
    "place,name,read",
    [
        (torch, "load", lambda folder: load_head(folder / "head.pt")),
        (Path, "read_text", lambda folder: files.read_text(folder / "labels.csv", "give another")),
        (Path, "read_text", lambda folder: read_task(folder / "task.json")),
        (Path, "read_text", lambda folder: read_seen(folder / "seen.json")),
        (Path, "read_text", lambda folder: read_run(folder)),
        (Path, "read_text", lambda folder: config.load(folder / "config.yaml")),
        (pd, "read_csv", lambda folder: predictions.read(folder / "predictions.csv")),
        (pd, "read_csv", lambda folder: read_metrics(folder / "metrics.csv")),
    ],
)
def test_a_disk_that_fails_is_no_mistake_of_the_user(tmp_path, monkeypatch, place, name, read):
    def fail(*arguments, **named):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(place, name, fail)
    with pytest.raises(RunError, match=r"^\S+: cannot be reached \(Input/output error\); try again$"):
        read(tmp_path)
