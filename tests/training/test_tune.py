"""A grid is trained point by point, and validation alone chooses."""

import json

import pandas as pd
import pytest

from tests.conftest import assert_one_line_error
from tests.training.test_training import make_study, train
from vqa.config import Experiment, Run, validate
from vqa.system.errors import UserError
from vqa.temporal.checkpoint import load_head
from vqa.training.tune import points

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


@pytest.mark.parametrize(
    "tune,words",
    [
        ({"device": ["cpu"]}, "'device' cannot be tuned"),
        ({"lr": 1e-3}, "'lr' needs a list"),
        ({"lr": []}, "'lr' needs a list"),
        ({"lr": [-1]}, "greater than 0"),
        ({"head.layers": [2]}, "no option 'layers'"),
    ],
)
def test_a_wrong_grid_is_one_line(tune, words):
    with pytest.raises(UserError, match=words):
        validate(Run, {"tune": tune})


def test_an_experiment_takes_a_grid_and_the_command_too(study, tmp_path):
    assert validate(Experiment, {"backbone": "resnet50", "tune": {"lr": [1e-3]}}).tune == {"lr": (1e-3,)}
    assert_one_line_error(train(study, tmp_path / "run", "--tune", '{"lr": 3}'), "needs a list")
