"""`init`: which experiments may begin from which, said in one line before anything runs."""

from typing import Any

import pytest

from vqa.config import parse
from vqa.results.contents import Contents
from vqa.study import depends
from vqa.study.grid import Grid, RunId
from vqa.study.layout import Layout
from vqa.study.runs import difference
from vqa.system.errors import UserError
from vqa.system.files import sha256

BASE = {"backbone": "resnet50", "modes": ["OO"], "datasets": ["lsvq"]}


def study(tuned: dict[str, Any], first: dict[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    names = ("lsvq", "small", "tiny")
    experiments = {"first": BASE | (first or {}), "tuned": {"backbone": "resnet50", "modes": ["OO"]} | tuned, **others}
    return {
        "seeds": 2,
        "datasets": {name: {"reader": "table", "path": f"{name}.csv"} for name in names},
        "experiments": experiments,
    }


def begins(dataset: str = "lsvq", experiment: str = "first") -> dict[str, str]:
    return {"dataset": dataset, "experiment": experiment}


def test_it_is_trained_on_all_datasets_but_the_one_it_comes_from():
    parsed = parse(study({"init": begins()}))
    assert parsed.datasets_of("tuned") == ["small", "tiny"] and parsed.datasets_of("first") == ["lsvq"]
    grid = Grid(parsed)
    assert grid.first_of(RunId("tiny", "tuned", "O", 1)) == RunId("lsvq", "first", "O", 1)
    assert grid.first_of(RunId("lsvq", "first", "O", 1)) is None


def test_zero_shot_needs_a_head_to_begin_from():
    assert Grid(parse(study({"init": begins(), "epochs": 0}))).run_settings("tuned").epochs == 0
    assert Grid(parse(study({"init": begins(), "tune": {"epochs": [0, 5]}})))
    for wrong in ({"epochs": 0}, {"tune": {"epochs": [5, 0]}}):
        with pytest.raises(UserError, match=r"experiments\.tuned\.epochs: 0 trains nothing; give an `init`"):
            Grid(parse(study(wrong)))


@pytest.mark.parametrize(
    "tuned,first,words",
    [
        ({"init": begins("nowhere")}, {}, r"experiments\.tuned\.init\.dataset names 'nowhere'; the study has lsvq"),
        ({"init": begins("lsvq", "no")}, {}, r"experiments\.tuned\.init\.experiment names 'no'; the study has first"),
        ({"init": begins("small")}, {}, "'first' is not trained on 'small'"),
        ({"init": begins(), "datasets": ["lsvq", "tiny"]}, {}, r"tuned\.datasets names 'lsvq', which its heads begin"),
        ({"init": begins(), "backbone": "resnet3d18"}, {}, "has backbone resnet50, and 'tuned' resnet3d18"),
        ({"init": begins(), "head": "gru-mean"}, {}, "has head vsfa, and 'tuned' gru-mean"),
        ({"init": begins()}, {"tune": {"head.width": [8, 16]}}, r"'first' tunes head\.width"),
        ({"init": begins(), "tune": {"head.width": [8]}}, {}, r"'tuned' tunes head\.width"),
        ({"init": begins(), "seeds": [0, 7]}, {}, "'first' has no seed 7"),
        ({"init": begins(), "modes": ["OO", "SO"]}, {}, "'first' has no order S"),
        ({"init": begins(), "head": "svr"}, {"head": "svr"}, "an svr is fitted at once"),
        ({"init": begins("lsvq", "tuned")}, {}, "'tuned' is not trained on 'lsvq'"),
        ({"init": begins()}, {"init": begins("small", "tuned")}, "tuned begins from first|first begins from tuned"),
    ],
)  # fmt: skip
def test_what_cannot_begin_is_one_line(tuned, first, words):
    with pytest.raises(UserError, match=words) as refused:
        parse(study(tuned, first))
    assert "\n" not in str(refused.value)


def test_a_study_of_that_dataset_alone_leaves_none_to_train_on():
    raw = study({"init": begins()})
    raw["datasets"] = {"lsvq": raw["datasets"]["lsvq"]}
    with pytest.raises(UserError, match="no dataset but 'lsvq'"):
        parse(raw)


def test_an_svr_is_taken_as_it_is():
    assert parse(study({"init": begins(), "head": "svr", "epochs": 0}, {"head": "svr"}))


def test_like_is_compared_with_like():
    heads = {"backbone": "resnet50", "modes": ["OO"], "head": "fc-mean"}
    compared = Contents(parse(study(
        {"init": begins()}, {"datasets": None}, control=heads, pooled=heads | {"init": begins("lsvq", "control")},
        straight=heads | {"init": begins("lsvq", "control"), "epochs": 0},
    ))).head_groups  # fmt: skip
    assert compared == [("control", "first"), ("pooled", "tuned")]


def test_the_head_reaches_the_command_and_nothing_else_changes():
    run = Grid(parse(study({"init": begins()}))).run_settings("tuned")
    before = depends.train_flags(run, [])
    assert depends.train_flags(run, [], [], ["a b/head.pt"]) == f"{before} --init 'a b/head.pt'"
    assert "init" not in before + depends.train_depends(run, [])


def test_a_run_that_began_elsewhere_is_another(tmp_path):
    raw = study({"init": begins()}) | {"results": str(tmp_path)}
    grid = Grid(parse(raw))
    run, first = RunId("tiny", "tuned", "O", 1), RunId("lsvq", "first", "O", 1)
    layout = Layout.of(grid.study)
    head = layout.head(first)
    made = {"seed": 1, "order": "O", "run": grid.run_settings("tuned").model_dump(mode="json"), "inputs": {}}
    assert "began anew, where the study begins from" in difference(grid, layout, run, made)
    made["inputs"]["init"] = "0"
    assert difference(grid, layout, run, made) == "", "the head is still to be made"
    head.parent.mkdir(parents=True)
    head.write_bytes(b"head")
    assert f"began from another {head}" in difference(grid, layout, run, made)
    made["inputs"]["init"] = sha256(head)
    assert difference(grid, layout, run, made) == ""
    anew = RunId("lsvq", "first", "O", 1)
    assert "where the study begins anew" in difference(grid, layout, anew, made)
