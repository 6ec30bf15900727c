"""A training killed at any epoch and started again ends in the bytes of an undisturbed one."""

import os
import signal
import subprocess
import sys

import pytest

from tests.training.test_training import make_study, train

FILES = ("predictions.csv", "history.csv", "head.pt")
# Ends the process, without a word, right after the state of an epoch is written.
KILLER = """
import os, signal
from vqa.training import resume
resume.INTERVAL_SECONDS = 0
write = resume.Checkpoint.write_if_due
def write_and_die(self, state):
    write(self, state)
    if len(state.history) == {epoch}:
        os.kill(os.getpid(), signal.SIGKILL)
resume.Checkpoint.write_if_due = write_and_die
from vqa.cli import main
main()
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("study"), 30)


def killed(study, output, epoch: int, *more: object):
    command = ["train", "--manifest", study / "manifest.csv", "--index", study / "index.csv", "--order", "S",
               "--seed", 3, "--output", output, "--epochs", 8, "--lr", "3e-3", "--batch-size", 6, *more]  # fmt: skip
    code = KILLER.format(epoch=epoch)
    return subprocess.run([sys.executable, "-c", code, *map(str, command)], capture_output=True, text=True)


@pytest.mark.parametrize("head", ["vsfa", '{"name":"tcn","dropout":0.3}', "inception-time"])
def test_a_killed_training_goes_on_to_the_same_bytes(study, tmp_path, head):
    settings = ("--sampler", 4, "--redraw", "epoch", "--head", head)
    assert train(study, tmp_path / "whole", *settings, order="S", seed=3).returncode == 0
    epoch = int.from_bytes(os.urandom(1), "big") % 7 + 1
    assert killed(study, tmp_path / "killed", epoch, *settings).returncode == -signal.SIGKILL
    assert (tmp_path / "killed" / "checkpoint.pt").exists()
    again = train(study, tmp_path / "killed", *settings, order="S", seed=3)
    assert again.returncode == 0 and f"resumed after epoch {epoch}" in again.stderr
    for name in FILES:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), (name, epoch)
    assert not (tmp_path / "killed" / "checkpoint.pt").exists()


def test_the_state_of_another_training_is_not_resumed(study, tmp_path):
    assert killed(study, tmp_path / "run", 4).returncode == -signal.SIGKILL
    other = train(study, tmp_path / "run", "--weight-decay", "0.1", order="S", seed=3)
    assert other.returncode == 0 and "is of another training" in other.stderr
    assert train(study, tmp_path / "fresh", "--weight-decay", "0.1", order="S", seed=3).returncode == 0
    assert (tmp_path / "run" / "head.pt").read_bytes() == (tmp_path / "fresh" / "head.pt").read_bytes()


def test_a_damaged_state_begins_anew(study, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"no checkpoint")
    result = train(study, tmp_path / "run")
    assert result.returncode == 0 and "cannot be read" in result.stderr


def test_patience_ends_a_training_that_gets_no_better(study, tmp_path):
    result = train(study, tmp_path / "run", "--patience", 2, "--lr", "1e-30")
    assert result.returncode == 0, result.stderr
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 1 + 3
