"""Two holders of one folder: processes of this host, dead ones, and another host's."""

import json
import signal
import subprocess
import sys

import pytest

from vqa.system.errors import UserError
from vqa.system.locks import FolderLock

HOLD = "import sys; from vqa.system.locks import FolderLock; from pathlib import Path; " \
       "lock = FolderLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"  # fmt: skip


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "results"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_holder_is_refused_in_one_line_that_names_the_first(holder, tmp_path):
    with pytest.raises(UserError) as caught:
        FolderLock(tmp_path / "results")
    told = str(caught.value)
    assert f"process {holder.pid}" in told and "\n" not in told and str(tmp_path / "results/.lock") in told


def test_a_killed_holder_holds_nothing(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert json.loads((tmp_path / "results/.lock").read_text())["pid"] == holder.pid
    FolderLock(tmp_path / "results").release()


def test_a_released_folder_is_free(tmp_path):
    FolderLock(tmp_path).release()
    FolderLock(tmp_path).release()


def test_another_hosts_lock_is_respected_and_named(tmp_path):
    held = {"host": "node07", "pid": 1, "user": "ann", "folder": "/work", "since": "2026-01-01T00:00:00+00:00"}
    (tmp_path / ".lock").write_text(json.dumps(held))
    with pytest.raises(UserError, match=r"ann has been working on it since .* on node07, process 1; wait"):
        FolderLock(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": "x"}'])
def test_a_damaged_lock_that_nobody_holds_is_taken(tmp_path, content):
    (tmp_path / ".lock").write_text(content)
    FolderLock(tmp_path).release()
