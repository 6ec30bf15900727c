"""Experiments of predictions that others made: what they may say, and what nobody may ask of them."""

from pathlib import Path

import pytest
import yaml

from vqa.config import Study, identity, parse, to_yaml
from vqa.results.contents import Contents
from vqa.study.grid import Grid
from vqa.system.errors import UserError

TRAINED = {"backbone": "resnet50", "modes": ["OO"]}
GIVEN = {"predictions": "theirs/{dataset}/s-{seed}.csv", "columns": {"score": "pred"}}


def study(theirs: dict[str, object], datasets: tuple[str, ...] = ("d",), **more: object) -> Study:
    raw = {"seeds": 2, "datasets": {name: {"reader": "demo"} for name in datasets}}
    return parse({**raw, "experiments": {"own": TRAINED, "theirs": theirs}, **more})


def test_an_audit_of_no_training_is_refused():
    raw = {"seeds": 2, "datasets": {"d": {"reader": "demo"}}, "experiments": {"theirs": GIVEN}, "audit": True}
    with pytest.raises(UserError, match="audit: true looks at trainings, and every experiment has predictions"):
        parse(raw)
    assert parse(raw | {"experiments": {"theirs": GIVEN, "own": TRAINED}}).audit


def test_it_is_a_run_a_seed_in_order_without_features_or_a_training():
    chosen = study(GIVEN)
    grid = Grid(chosen)
    assert [(run.order, run.seed) for run in grid.given] == [("O", 0), ("O", 1)]
    assert {run.experiment for run in grid.trained} == {"own"}
    assert grid.features == [("d", "resnet50")]
    assert chosen.experiments["theirs"].scores("d", 1) == Path("theirs/d/s-1.csv")
    assert not chosen.experiments["theirs"].same_scores


def test_the_config_written_out_says_the_same_and_nothing_of_a_training():
    chosen = study(GIVEN)
    text = to_yaml(chosen)
    assert parse(yaml.safe_load(text)) == chosen
    assert set(yaml.safe_load(text)["experiments"]["theirs"]) == {"modes", "predictions", "columns"}


def test_what_is_trained_has_the_identity_it_had():
    assert set(identity(study(GIVEN).experiments["own"])) == {
        "backbone", "sampler", "head", "batch_size", "epochs", "lr", "modes"
    }  # fmt: skip


@pytest.mark.parametrize(
    "theirs,words",
    [
        ({}, "experiments.theirs.backbone: this key is required"),
        ({"backbone": "resnet50", "columns": {"score": "p"}}, "experiments.theirs.columns: is of `predictions`"),
        (GIVEN | {"backbone": "resnet50"}, "experiments.theirs.backbone: is of a training"),
        (GIVEN | {"head": "gru"}, "experiments.theirs.head"),
        (GIVEN | {"head": "gru-mean"}, "experiments.theirs.head: is of a training"),
        (GIVEN | {"epochs": 3}, "experiments.theirs.epochs: is of a training"),
        (GIVEN | {"modes": ["OO", "OS"]}, "experiments.theirs.modes: predictions of others are of frames in order"),
        (GIVEN | {"columns": {"mos": "m"}}, "experiments.theirs.columns.mos"),
        (GIVEN | {"predictions": "theirs/{video}.csv"}, "experiments.theirs.predictions: may hold no braces"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(theirs, words):
    with pytest.raises(UserError) as refused:
        study(theirs)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_one_path_does_not_serve_two_datasets():
    with pytest.raises(UserError, match="predictions: one path for 2 datasets"):
        study({"predictions": "one-{seed}.csv"}, ("d", "e"))
    assert study({"predictions": "one-{seed}.csv", "datasets": ["e"]}, ("d", "e"))


@pytest.mark.parametrize(
    "more,words",
    [
        ({"cross_dataset": ["theirs"]}, "cross_dataset names 'theirs', whose predictions are given"),
        ({"experiments": {"own": {**TRAINED, "init": {"dataset": "e", "experiment": "theirs"}}, "theirs": GIVEN}},
         "init.experiment names 'theirs', whose predictions are given"),
    ],
)  # fmt: skip
def test_it_has_no_head_to_go_on_with(more, words):
    raw = {"seeds": 2, "datasets": {name: {"reader": "demo"} for name in "de"}}
    with pytest.raises(UserError, match=words):
        parse({**raw, "experiments": {"own": TRAINED, "theirs": GIVEN}, **more})


def test_it_is_compared_with_the_first_trained_and_ranked_from_two_cells_on():
    contents = Contents(study(GIVEN))
    assert contents.given_groups == [("theirs", "own")]
    assert contents.ranked == ["d"] and "leaderboard-matrix.csv" in contents.table_files
    assert contents.models == [] and contents.head_groups == []


def test_a_leaderboards_name_is_taken_only_where_there_is_one():
    experiments = {"leaderboard": {"backbone": "resnet50", "modes": ["OO", "OS"]}}
    assert Contents(parse({"seeds": 1, "datasets": {"d": {"reader": "demo"}}, "experiments": experiments})).ranked == []
    experiments |= {"own": TRAINED}
    with pytest.raises(UserError, match="its table would overwrite that of ranks"):
        Contents(parse({"seeds": 1, "datasets": {"d": {"reader": "demo"}}, "experiments": experiments}))
