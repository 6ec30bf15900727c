"""The paper's numbers stand beside what was done as the paper did it, and beside nothing else."""

from pathlib import Path

import pytest

from tests.results.fake_study import evaluated, paper_study, write_fake
from vqa.results.published import departure, experiment_of
from vqa.results.tables import all_tables

PAPER = {"backbone": "resnet50", "batch_size": 128}
CVD = {"mine": {"reader": "cvd2014", "path": "/nowhere"}}


def study(tmp_path: Path, **extra: object):
    experiments = {
        "a": PAPER,
        "frame-level": {"backbone": "efficientnet_lite0"},
        "sample-16": {"backbone": "resnet50", "sampler": 8, "lr": 1e-3},
        "cube-level": {"backbone": "resnet50", "head": "gru-mean"},
        "sample-4": {"backbone": "resnet50", "sampler": 2},
        "3d": {"backbone": "resnet3d101-2018", "batch_size": 4096},
        "2020": {"backbone": "resnet3d101-2020"},
    }
    return paper_study(tmp_path / "results", seeds=3, datasets=CVD, experiments=experiments, **extra)


def test_an_experiment_is_the_papers_by_what_it_does_not_by_its_name(tmp_path):
    found = {name: experiment_of(study(tmp_path), name) for name in study(tmp_path).experiments}
    assert found == {
        "a": "frame-level", "frame-level": None, "sample-16": "sample-8", "cube-level": None, "sample-4": None,
        "3d": "cube-level", "2020": None,
    }  # fmt: skip


@pytest.mark.parametrize("splits", [{"method": "scene"}, {"method": "official"}, {"method": "files", "path": "s"}])
def test_splits_other_than_random_ones_are_not_the_papers(tmp_path, splits):
    assert experiment_of(study(tmp_path, splits=splits), "a") is None


def test_what_the_paper_states_otherwise_is_told(tmp_path):
    chosen = study(tmp_path)
    assert departure(chosen, "a") == departure(chosen, "3d") == departure(chosen, "frame-level") == ""
    assert departure(chosen, "sample-16") == "batch_size 16 for 256, lr 0.001 for 1e-05"
    (tmp_path / "own.pth").touch()
    other = study(
        tmp_path,
        training={"weight_decay": 0.5, "selection": "last-epoch", "sample_test": False, "threads": 4},
        backbones={"resnet50": {"weights": str(tmp_path / "own.pth")}, "resnet3d101-2018": {"cube_input": "native"}},
    )
    trained = "weight_decay 0.5 for 0, selection last-epoch for best-val-srocc, sample_test False for True"
    assert departure(other, "a") == f"{trained}, weights of the user's"
    assert departure(other, "3d") == f"{trained}, cube_input native for crop112"


def test_videos_and_labels_other_than_the_papers_are_told(tmp_path):
    """Of the paper's datasets only: no number of the paper stands beside another."""
    labels = {"path": str(tmp_path / "labels.csv"), "where": "is_test == 0"}
    data = {
        "mine": {**CVD["mine"], "exclude": ["a", "b"], "files": [labels]},
        "vqc": {"reader": "live-vqc", "path": "/elsewhere", "exclude": ["c"]},
        "own": {"reader": "table", "path": "/own.csv", "exclude": ["d"]},
    }
    experiments = {"a": PAPER, "b": PAPER | {"datasets": ["vqc"]}, "c": PAPER | {"datasets": ["own"]}}
    chosen = paper_study(tmp_path / "results", seeds=3, datasets=data, experiments=experiments)
    mine, vqc = "labels of mine from files of the user's, 2 videos of mine excluded", "1 video of vqc excluded"
    assert [departure(chosen, name) for name in "abc"] == [f"{mine}, {vqc}", vqc, ""]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("named")
    named = {
        "a": PAPER,
        "frame-level": {"backbone": "efficientnet_lite0"},
        "thin": {"backbone": "resnet50", "sampler": 16, "batch_size": 16},
    }
    spans = {"cvd2014": {"reader": "cvd2014", "path": "/nowhere"}}
    chosen = paper_study(folder / "results", seeds=3, datasets=spans, experiments=named)
    return {table.name: table for table in all_tables(evaluated(write_fake(chosen)))}


def test_a_strangers_experiment_of_the_papers_name_gets_no_papers_column(tables):
    """efficientnet_lite0 named frame-level once stood beside Table II's 0.832."""
    assert not any("paper" in text for text in [*tables["frame-level"].headers, tables["frame-level"].title])
    assert "paper's std" not in " ".join(tables["frame-level"].notes)


def test_the_papers_experiment_under_another_name_gets_it(tables):
    table = tables["a"]
    row = next(row for row in table.rows if row[1].text == "OO")
    assert table.title.endswith("(paper: Table II)") and row[table.headers.index("SROCC paper")].text == "0.832 (0.031)"
    assert not any("unlike the paper's" in note for note in table.notes)
    assert "thin, unlike the paper's: batch_size 16 for 256." in tables["thin"].notes


def test_p_values_stand_beside_the_papers_only_for_its_pairs(tables):
    modes = tables["ttest-modes"]
    printed = {(row[0].text, row[1].text): row[3].text for row in modes.rows}
    assert modes.headers[3] == "cvd2014 paper" and printed["a", "OS"] == "0.0377"
    assert {printed["frame-level", mode] for mode in ("OS", "SO", "SS")} == {"-"}
    samplers = tables["ttest-samplers"]
    assert [row[3].text for row in samplers.rows] != ["-"]
