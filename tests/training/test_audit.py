"""The audit sees the test set in every epoch, and nothing else does: all other files are the same bytes."""

import json
import os
import signal

import numpy as np
import pandas as pd
import pytest

from tests.training.test_resume import FILES, killed
from tests.training.test_training import make_study, train
from vqa.evaluation.metrics import evaluate

MEASURED = {"seconds", "memory_mb"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("study"), 30)


@pytest.mark.parametrize("head", ["vsfa", '{"name":"tcn","dropout":0.3}', "svr"])
def test_all_other_files_are_the_same_bytes_with_and_without(study, tmp_path, head):
    settings = ("--sampler", 4, "--redraw", "epoch", "--head", head)
    assert train(study, tmp_path / "without", *settings).returncode == 0
    assert train(study, tmp_path / "with", *settings, "--audit").returncode == 0
    for name in FILES:
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes(), name
    made = [json.loads((tmp_path / each / "run.json").read_text()) for each in ("with", "without")]
    with_audit, without = ({key: each[key] for key in each.keys() - MEASURED} for each in made)
    assert with_audit == without
    assert not (tmp_path / "without" / "audit.csv").exists()


@pytest.mark.parametrize("head", ["vsfa", "svr"])
def test_the_selected_epoch_reached_what_the_predictions_say(study, tmp_path, head):
    assert train(study, tmp_path / "run", "--audit", "--head", head).returncode == 0
    audit = pd.read_csv(tmp_path / "run" / "audit.csv")
    made = json.loads((tmp_path / "run" / "run.json").read_text())
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert sorted(audit["epoch"].unique()) == sorted(history["epoch"])
    predicted = pd.read_csv(tmp_path / "run" / "predictions.csv")
    for order in "OS":
        test = predicted[(predicted["split"] == "test") & (predicted["test_order"] == order)]
        expected = evaluate(test["score"].to_numpy(), test["mos"].to_numpy())
        row = audit[(audit["epoch"] == made["selected_epoch"]) & (audit["test_order"] == order)].iloc[0]
        reached = row[["srocc", "plcc_raw", "plcc_4", "rmse_fit"]].astype(float)
        assert np.allclose(reached, [expected.srocc, expected.plcc_raw, expected.plcc, expected.rmse], rtol=1e-8)


def test_a_killed_training_keeps_the_rows_of_its_audit(study, tmp_path):
    assert train(study, tmp_path / "whole", "--audit", order="S", seed=3).returncode == 0
    assert killed(study, tmp_path / "killed", 5, "--audit").returncode == -signal.SIGKILL
    again = train(study, tmp_path / "killed", "--audit", order="S", seed=3)
    assert again.returncode == 0 and "resumed after epoch 5" in again.stderr
    for name in (*FILES, "audit.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_a_training_killed_without_an_audit_begins_anew_with_one(study, tmp_path):
    assert killed(study, tmp_path / "run", 5).returncode == -signal.SIGKILL
    again = train(study, tmp_path / "run", "--audit", order="S", seed=3)
    assert again.returncode == 0 and "is of another training" in again.stderr
    assert pd.read_csv(tmp_path / "run" / "audit.csv")["epoch"].nunique() == 8


def test_the_environment_turns_it_on(study, tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "VQA_AUDIT", "1")
    assert train(study, tmp_path / "run").returncode == 0
    assert (tmp_path / "run" / "audit.csv").is_file()
