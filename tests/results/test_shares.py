"""Experiments with datasets and seeds of their own: a study need not be a full cross product."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.results.fake_study import evaluated, paper_study, write_fake
from vqa.config import parse
from vqa.results.figures import draw_all
from vqa.results.report import write_report
from vqa.results.study_data import StudyData
from vqa.results.tables import write_tables
from vqa.study.grid import Grid
from vqa.study.parts import split_files
from vqa.system.errors import UserError

NAMES = ("cvd2014", "konvid-1k", "live-vqc")
DATASETS = {name: {"reader": name, "path": f"/nowhere/{name}", "buckets": 1} for name in NAMES}
EXPERIMENTS = {
    "frames": {"backbone": "resnet50", "batch_size": 128, "modes": ["OO", "OS"]},
    "sparse": {
        "backbone": "resnet50", "sampler": 16, "batch_size": 128, "modes": ["OO"],
        "datasets": ["konvid-1k", "cvd2014"], "seeds": [7, 5, 3, 1],
    },
    "pooled": {"backbone": "resnet50", "head": "fc-mean", "modes": ["OO"], "datasets": ["live-vqc"], "seeds": [9, 8]},
    "other": {"backbone": "resnet3d18", "modes": ["OO"], "datasets": ["cvd2014"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> StudyData:
    folder = tmp_path_factory.mktemp("shares") / "results"
    study = paper_study(folder, seeds=6, datasets=DATASETS, experiments=EXPERIMENTS, cross_dataset=["sparse"])
    return evaluated(write_fake(study, {("sparse", "OO"): 0.3}))


def test_only_what_an_experiment_names_is_trained(data):
    grid = Grid(data.study)
    cells = {(run.dataset, run.experiment) for run in grid.runs}
    assert cells == {
        ("cvd2014", "frames"), ("konvid-1k", "frames"), ("live-vqc", "frames"),
        ("cvd2014", "sparse"), ("konvid-1k", "sparse"), ("live-vqc", "pooled"), ("cvd2014", "other"),
    }  # fmt: skip
    assert [run.seed for run in grid.runs if run.experiment == "sparse" and run.dataset == "cvd2014"] == [7, 5, 3, 1]


def test_only_features_that_are_used_are_extracted(data):
    assert [each for each in Grid(data.study).features if each[1] == "resnet3d18"] == [("cvd2014", "resnet3d18")]


def test_a_crossed_experiment_needs_the_features_of_every_dataset(data):
    raw = data.study.model_dump(mode="json") | {"cross_dataset": ["other"]}
    assert ("live-vqc", "resnet3d18") in Grid(parse(raw)).features


def test_two_cells_are_compared_over_the_seeds_that_both_have(data):
    found = data.comparison("samplers", "cvd2014", "sparse", "OO")
    assert found is not None and found["n_seeds"] == 3
    srocc = {name: data.cell("cvd2014", name, "OO").set_index("seed")["srocc"] for name in ("frames", "sparse")}
    paired = [srocc["sparse"][seed] - srocc["frames"][seed] for seed in (1, 3, 5)]
    assert found["difference"] == pytest.approx(sum(paired) / 3)


def test_cells_without_a_common_dataset_or_seed_are_not_compared(data):
    assert set(data.statistics["family"]) == {"modes", "samplers"}, "pooled has no seed of frames"
    assert set(data.statistics[data.statistics["family"] == "samplers"]["dataset"]) == {"cvd2014", "konvid-1k"}


def test_every_table_figure_and_the_report_cope(data, tmp_path):
    write_tables(data, tmp_path / "tables")
    sampling = pd.read_csv(tmp_path / "tables/sampling.csv")
    assert list(zip(sampling["Dataset"], sampling["Experiment"], strict=True)) == [
        ("cvd2014", "frames"), ("cvd2014", "sparse"), ("konvid-1k", "frames"), ("konvid-1k", "sparse"),
        ("live-vqc", "frames"),
    ]  # fmt: skip
    assert "over 4 or 6 runs" in (tmp_path / "tables/sampling.md").read_text()
    crossed = pd.read_csv(tmp_path / "tables/cross-dataset.csv")
    assert list(crossed["Trained on"]) == ["cvd2014", "cvd2014", "konvid-1k", "konvid-1k"]
    draw_all(data, data.results / "figures")
    write_report(data, tmp_path / "report.html")
    assert "4 experiments, 2 or 4 or 6 runs each" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    "own,words",
    [
        ({"datasets": ["nowhere"]}, ["experiments.sparse.datasets", "'nowhere'", "cvd2014, konvid-1k, live-vqc"]),
        ({"datasets": ["cvd2014", "cvd2014"]}, ["experiments.sparse.datasets", "twice"]),
        ({"datasets": []}, ["experiments.sparse.datasets"]),
        ({"seeds": [1, 1]}, ["experiments.sparse.seeds", "distinct"]),
        ({"seeds": 0}, ["experiments.sparse.seeds"]),
    ],
)
def test_a_share_that_cannot_be_is_refused(tmp_path, own, words):
    experiments = EXPERIMENTS | {"sparse": EXPERIMENTS["sparse"] | own}
    with pytest.raises(UserError) as refused:
        paper_study(tmp_path, datasets=DATASETS, experiments=experiments)
    assert all(word in str(refused.value) for word in words)


def test_a_dataset_that_nothing_is_trained_or_tested_on_is_refused(tmp_path):
    experiments = {"sparse": EXPERIMENTS["sparse"]}
    with pytest.raises(UserError, match=r"datasets.live-vqc: no experiment is trained on it"):
        paper_study(tmp_path, datasets=DATASETS, experiments=experiments)


def test_split_files_are_needed_for_the_seeds_that_train_on_a_dataset(data):
    raw = json.loads(data.study.model_dump_json()) | {"splits": {"method": "files", "path": "/nowhere/splits"}}
    study = parse(raw)
    assert study.seeds_on("live-vqc") == [0, 1, 2, 3, 4, 5, 9, 8]
    assert Path("/nowhere/splits/cvd2014/seed-7.csv") in split_files(study, "cvd2014", study.seeds_on("cvd2014"))
