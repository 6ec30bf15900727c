"""A grid is trained point by point, and validation alone chooses."""

import json
import logging
import math

import pandas as pd
import pytest
import torch

from tests.conftest import assert_one_line_error
from tests.training.test_training import make_study, train
from vqa.config import Experiment, Run, validate
from vqa.system.errors import UserError
from vqa.temporal.checkpoint import load_head
from vqa.training.state import Epoch, Outcome
from vqa.training.tune import points, tune

GRID = '{"lr":[1e-4,3e-3],"head.hidden":[4,8]}'


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("study"), 30)


def test_every_point_of_the_product_is_a_run():
    found = points(Run(tune={"lr": [1e-4, 1e-3], "head.width": [8, 16]}))
    assert [(each.run.lr, each.run.head) for each in found] == [
        (1e-4, '{"name":"vsfa","width":8}'),
        (1e-4, '{"name":"vsfa","width":16}'),
        (1e-3, '{"name":"vsfa","width":8}'),
        (1e-3, '{"name":"vsfa","width":16}'),
    ]
    assert [each.run for each in points(Run())] == [Run()]


def test_a_points_option_joins_those_of_the_head():
    found = points(Run(head='{"name":"tcn","dropout":0.3}', tune={"head.layers": [2, 3], "epochs": [5]}))
    assert [(json.loads(each.run.head), each.run.epochs) for each in found] == [
        ({"name": "tcn", "dropout": 0.3, "layers": layers}, 5) for layers in (2, 3)
    ]
    assert all(each.run.tune == {} for each in found)


@pytest.mark.parametrize(
    "reached,best",
    [([0.1, 0.4, 0.4, 0.3], 1), ([math.nan, -0.5, math.nan, -0.6], 1), ([math.nan] * 4, 0), ([0.4, math.nan, 0, 0], 0)],
)
def test_the_first_of_the_best_defined_points_wins_and_all_are_told(reached, best, caplog):
    run = Run(tune={"lr": [1e-4, 1e-3], "batch_size": [2, 4]})
    changes = [{"lr": lr, "batch_size": size} for lr in (1e-4, 1e-3) for size in (2, 4)]
    outcomes = [Outcome(torch.nn.Linear(1, 1), [], Epoch(n + 3, 0, 0.0, 0.0, value)) for n, value in enumerate(reached)]
    with caplog.at_level(logging.INFO, "vqa"):
        found = tune(run, lambda point, number: outcomes[number])
    assert found.outcome is outcomes[best] and found.run == points(run)[best].run
    told = [(each["point"], str(each["val_srocc"]), each["epoch"]) for each in found.grid]
    assert told == [(change, str(value), n + 3) for n, (change, value) in enumerate(zip(changes, reached, strict=True))]
    assert caplog.messages[0] == f"{changes[0]}: validation SROCC {reached[0]:.4f} in epoch 3" and len(told) == 4
    caplog.clear()
    assert tune(Run(), lambda point, number: outcomes[number]).grid[0]["point"] == {} and not caplog.messages


def test_a_point_that_diverges_is_told_and_another_kept(study, tmp_path):
    result = train(study, tmp_path / "run", "--tune", '{"lr":[1e30,1e-3]}', "--epochs", 3)
    assert result.returncode == 0 and "{'lr': 1e+30}: diverged, the training loss became" in result.stderr
    made = json.loads((tmp_path / "run" / "run.json").read_text())
    assert made["chosen"]["lr"] == 1e-3 and [each["epoch"] is None for each in made["tuned"]] == [True, False]
    result = train(study, tmp_path / "none", "--tune", '{"lr":[1e30,1e29]}', "--epochs", 3)
    assert result.returncode == 1 and "vqa: failed: the training loss became" in result.stderr
    assert not (tmp_path / "none" / "predictions.csv").exists()


def test_the_best_point_on_validation_is_kept_and_the_grid_recorded(study, tmp_path):
    assert train(study, tmp_path / "tuned", "--tune", GRID).returncode == 0
    made = json.loads((tmp_path / "tuned" / "run.json").read_text())
    assert [point["point"] for point in made["tuned"]] == [
        {"lr": lr, "head.hidden": hidden} for lr in (1e-4, 3e-3) for hidden in (4, 8)
    ]
    best = max(made["tuned"], key=lambda point: point["val_srocc"])["point"]
    alone = train(
        study,
        tmp_path / "alone",
        "--lr",
        best["lr"],
        "--head",
        json.dumps({"name": "vsfa", "hidden": best["head.hidden"]}),
    )
    assert alone.returncode == 0, alone.stderr
    scores = [pd.read_csv(tmp_path / run / "predictions.csv")["score"] for run in ("tuned", "alone")]
    assert scores[0].equals(scores[1])
    head, made_by = load_head(tmp_path / "tuned" / "head.pt")
    assert head.rnn.hidden_size == best["head.hidden"] and made_by["chosen"]["lr"] == best["lr"]
    assert not list((tmp_path / "tuned").glob("checkpoint*"))


def test_the_steps_of_an_epoch_are_those_of_the_chosen_point(study, tmp_path):
    result = train(study, tmp_path / "run", "--tune", '{"batch_size":[9,3]}', "--epochs", 2)
    assert result.returncode == 0, result.stderr
    made = json.loads((tmp_path / "run" / "run.json").read_text())
    assert made["videos"]["train"] == 18
    assert made["steps_per_epoch"] == 18 // made["chosen"]["batch_size"] == made["optimiser_steps"] / 2
    assert all(f"2 epochs of {steps} optimiser steps each" in result.stderr for steps in (2, 6))


@pytest.mark.parametrize(
    "tune,words",
    [
        ({"device": ["cpu"]}, "'device' cannot be tuned"),
        ({"lr": 1e-3}, "'lr' needs a list"),
        ({"lr": []}, "'lr' needs a list"),
        ({"lr": [-1]}, "greater than 0"),
        ({"head.layers": [2]}, "no option 'layers'"),
        ({"head.name": ["gru-mean"]}, "'head.name' cannot be tuned"),
        ({"lr": [1e-3, 1e-4, "0.001"]}, "'lr' has 0.001 twice"),
        ({"head.width": [8, 0]}, "width must be at least 1, got 0"),
    ],
)
def test_a_wrong_grid_is_one_line(tune, words):
    with pytest.raises(UserError, match=words):
        validate(Run, {"tune": tune})


def test_what_is_fitted_has_no_training_to_tune():
    with pytest.raises(UserError, match=r"tune\.lr: an svr is fitted, not trained"):
        validate(Run, {"head": "svr", "tune": {"head.refit": [True, False], "lr": [1e-3]}})
    assert len(points(validate(Run, {"head": "svr", "tune": {"head.refit": [True, False]}}))) == 2


def test_numbers_that_yaml_reads_as_text_are_numbers():
    run = validate(Run, {"head": {"name": "mlp", "dropout": "1e-1"}, "tune": {"head.dropout": ["1e-2", 0.5]}})
    assert [json.loads(each.run.head)["dropout"] for each in points(run)] == [0.01, 0.5]
    assert [each.change for each in points(validate(Run, {"tune": {"lr": ["1e-4", "0.001"]}}))] == [
        {"lr": 1e-4},
        {"lr": 1e-3},
    ]
    assert json.loads(validate(Run, {"head": {"name": "mlp", "dropout": "1e-1"}}).head)["dropout"] == 0.1


def test_the_points_of_a_grid_are_checked_with_all_that_they_change():
    head = '{"name":"transformer","heads":2}'
    assert len(points(validate(Run, {"head": head, "tune": {"head.width": [6, 12], "head.heads": [3, 6]}}))) == 4
    with pytest.raises(UserError, match="got width 6 and heads 4"):
        validate(Run, {"head": head, "tune": {"head.width": [12, 6], "head.heads": [3, 4]}})


def test_an_experiment_takes_a_grid_and_the_command_too(study, tmp_path):
    assert validate(Experiment, {"backbone": "resnet50", "tune": {"lr": [1e-3]}}).tune == {"lr": (1e-3,)}
    assert_one_line_error(train(study, tmp_path / "run", "--tune", '{"lr": 3}'), "needs a list")


def test_while_no_point_has_a_defined_srocc_the_lowest_loss_wins():
    losses = [0.3, 0.1, 0.2]
    outcomes = [Outcome(torch.nn.Linear(1, 1), [], Epoch(1, 1, 0.0, loss, math.nan)) for loss in losses]
    assert tune(Run(tune={"lr": [1e-5, 1e-4, 1e-3]}), lambda point, number: outcomes[number]).run.lr == 1e-4
