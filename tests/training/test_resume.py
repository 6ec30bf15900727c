"""A training killed at any epoch and started again ends in the bytes of an undisturbed one."""

import json
import logging
import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from tests import forked
from tests.training.test_training import make_study, train
from vqa.cli import main
from vqa.config import Run
from vqa.features.index import Entry
from vqa.manifest import Video
from vqa.temporal.registry import create
from vqa.training import resume
from vqa.training.job import _identity
from vqa.training.optimiser import Adam
from vqa.training.resume import Checkpoint
from vqa.training.state import Epoch, Selection, State

FILES = ("predictions.csv", "history.csv", "head.pt")


def dying(epoch: int) -> None:
    """The `vqa` command, that ends without a word right after the state of an epoch is written."""
    resume.INTERVAL_SECONDS = 0
    write = resume.Checkpoint.write_if_due

    def write_and_die(self, state):
        write(self, state)
        if len(state.history) == epoch:
            os.kill(os.getpid(), signal.SIGKILL)

    resume.Checkpoint.write_if_due = write_and_die
    main()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("study"), 30)


def killed(study, output, epoch: int, *more: object):
    command = ["vqa", "train", "--manifest", study / "manifest.csv", "--index", study / "index.csv", "--order", "S",
               "--seed", 3, "--output", output, "--epochs", 8, "--lr", "3e-3", "--batch-size", 6, *more]  # fmt: skip
    return forked.run(partial(dying, epoch), tuple(map(str, command)))


@pytest.mark.parametrize("head", ["vsfa", '{"name":"tcn","dropout":0.3}', "inception-time"])
def test_a_killed_training_goes_on_to_the_same_bytes(study, tmp_path, head):
    settings = ("--sampler", 4, "--redraw", "epoch", "--head", head)
    assert train(study, tmp_path / "whole", *settings, order="S", seed=3).returncode == 0
    epoch = int.from_bytes(os.urandom(1), "big") % 7 + 1
    assert killed(study, tmp_path / "killed", epoch, *settings).returncode == -signal.SIGKILL
    assert (tmp_path / "killed" / "checkpoint-0.pt").exists()
    again = train(study, tmp_path / "killed", *settings, order="S", seed=3)
    assert again.returncode == 0 and f"resumed after epoch {epoch}" in again.stderr
    for name in FILES:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), (name, epoch)
    assert not (tmp_path / "killed" / "checkpoint-0.pt").exists()


def test_the_state_of_another_training_is_not_resumed(study, tmp_path):
    assert killed(study, tmp_path / "run", 4).returncode == -signal.SIGKILL
    other = train(study, tmp_path / "run", "--weight-decay", "0.1", order="S", seed=3)
    assert other.returncode == 0 and "is of another training" in other.stderr
    assert train(study, tmp_path / "fresh", "--weight-decay", "0.1", order="S", seed=3).returncode == 0
    assert (tmp_path / "run" / "head.pt").read_bytes() == (tmp_path / "fresh" / "head.pt").read_bytes()


def test_a_damaged_state_begins_anew(study, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint-0.pt").write_bytes(b"no checkpoint")
    result = train(study, tmp_path / "run")
    assert result.returncode == 0 and "cannot be read" in result.stderr


def test_patience_ends_a_training_that_gets_no_better(study, tmp_path):
    result = train(study, tmp_path / "run", "--patience", 2, "--lr", "1e-30")
    assert result.returncode == 0, result.stderr
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 1 + 3


def state(seed: int, epochs: int) -> State:
    """After some steps with made-up gradients."""
    head = create("vsfa", 3, seed)
    made = State(head, Adam(head.parameters()), Selection("best-val-srocc"))
    for number in range(1, epochs + 1):
        step(made, number)
        made.history.append(Epoch(number, 4 * number, 0.5, 0.25, (0.1, 0.9, 0.3)[number - 1]))
        made.selection.offer(made.history[-1], head)
    return made


def step(made: State, number: int) -> None:
    for parameter in made.head.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number))
    made.optimiser.step(1e-2)


def test_a_state_comes_back_whole_and_steps_on_as_if_never_stopped(tmp_path, caplog):
    stopped, fresh = state(0, 3), state(1, 0)
    Checkpoint(tmp_path / "c.pt", "mine").write(stopped)
    with caplog.at_level(logging.INFO, "vqa"):
        Checkpoint(tmp_path / "c.pt", "mine").restore(fresh)
    assert caplog.messages == ["resumed after epoch 3"]
    assert fresh.history == stopped.history and fresh.steps == 12
    assert fresh.selection.epoch.epoch == 2 and fresh.selection.epochs_since == 1
    for each in (stopped, fresh):
        step(each, 9)
    heads = [each.head for each in (stopped, fresh)]
    assert all(torch.equal(a, b) for a, b in zip(*(head.parameters() for head in heads), strict=True))
    best = [each.selection.restore(each.head) for each in (stopped, fresh)]
    assert all(torch.equal(a, b) for a, b in zip(*(head.parameters() for head in best), strict=True))


@pytest.mark.parametrize("written,said", [(None, []), (b"", ["cannot be read"]), ("other", ["is of another training"])])
def test_what_cannot_be_resumed_leaves_the_state_fresh(tmp_path, caplog, written, said):
    if written == "other":
        Checkpoint(tmp_path / "c.pt", "other").write(state(0, 3))
    elif written is not None:
        (tmp_path / "c.pt").write_bytes(written)
    fresh = state(1, 0)
    Checkpoint(tmp_path / "c.pt", "mine").restore(fresh)
    assert fresh.history == [] and len(caplog.messages) == len(said)
    assert all(word in text and "c.pt" in text for word, text in zip(said, caplog.messages, strict=True))
    assert all(
        torch.equal(a, b) for a, b in zip(fresh.head.parameters(), create("vsfa", 3, 1).parameters(), strict=True)
    )


def test_a_state_is_written_every_two_minutes(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(resume.time, "monotonic", lambda: now[0])
    checkpoint, made = Checkpoint(tmp_path / "c.pt", "mine"), state(0, 1)
    found = []
    for now[0] in (1119.9, 1120.0, 1239.9, 1240.0):
        checkpoint.write_if_due(made)
        found.append((tmp_path / "c.pt").exists())
        (tmp_path / "c.pt").unlink(missing_ok=True)
    assert found == [False, True, False, True]


def test_the_seconds_of_all_that_a_training_took_add_up(study, tmp_path):
    """Those of the killed part are in its state."""
    assert killed(study, tmp_path / "run", 4).returncode == -signal.SIGKILL
    kept = torch.load(tmp_path / "run" / "checkpoint-0.pt", weights_only=True)
    assert 0 < kept["seconds"] < 1000
    torch.save(kept | {"seconds": 1000.0}, tmp_path / "run" / "checkpoint-0.pt")
    assert train(study, tmp_path / "run", order="S", seed=3).returncode == 0
    assert 1000 < json.loads((tmp_path / "run" / "run.json").read_text())["seconds"] < 2000


def test_a_state_holds_the_seconds_of_every_part(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(resume.time, "monotonic", lambda: now[0])
    for part, expected in enumerate((7.0, 14.0), start=1):
        checkpoint = Checkpoint(tmp_path / "c.pt", "mine")
        now[0] += 100  # another point of the grid is trained
        checkpoint.restore(state(0, part))
        now[0] += 7
        checkpoint.write(state(0, part))
        assert torch.load(tmp_path / "c.pt", weights_only=True)["seconds"] == expected


def test_all_that_a_training_depends_on_is_its_identity():
    entry = Entry("a", 3, 2, "sum", Path("a.h5"))
    run, index, parts = Run(), {"a": entry, "b": entry}, {"a": "train", "b": "val", "gone": "test"}
    rates = {"a": 30.0, "b": None}
    videos = [Video(name, f"{name}.mp4", 1.0) for name in parts]
    own = _identity(run, 0, "O", videos, index, parts, rates)
    assert own == _identity(Run(threads=3, device="cpu"), 0, "O", videos, index | {"c": entry}, parts, rates)
    others = [
        _identity(Run(lr=0.5), 0, "O", videos, index, parts, rates),
        _identity(Run(head="gru-mean"), 0, "O", videos, index, parts, rates),
        _identity(run, 1, "O", videos, index, parts, rates),
        _identity(run, 0, "S", videos, index, parts, rates),
        _identity(run, 0, "O", videos, index | {"a": replace(entry, checksum="other")}, parts, rates),
        _identity(run, 0, "O", videos, index, parts | {"b": "test"}, rates),
        _identity(run, 0, "O", [replace(videos[0], mos=2.0), *videos[1:]], index, parts, rates),
        _identity(run, 0, "O", videos, index, parts, rates | {"a": 3.0}),
    ]
    assert len({own, *others}) == 9
