"""Heads on other datasets: the matrix, the average that papers quote, and the tests between experiments."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.results.fake_study import SIZES, SPANS, evaluated, paper_study, write_fake
from vqa.manifest import read_manifest
from vqa.protocol.splits import split
from vqa.results.contents import Contents
from vqa.results.pairs import Pair
from vqa.results.study_data import StudyData
from vqa.results.tables import all_tables
from vqa.study.grid import Grid
from vqa.study.layout import Layout

NAMES = ("cvd2014", "live-qualcomm", "live-vqc")
DATASETS = {name: {"reader": name, "path": f"/nowhere/{name}", "buckets": 1} for name in NAMES}
PLAIN = {"backbone": "resnet50", "modes": ["OO"]}
EXPERIMENTS = {
    "frames": PLAIN,
    "pooled": PLAIN | {"head": "fc-mean"},
    "tuned": PLAIN | {"init": {"dataset": "live-vqc", "experiment": "frames"}},
}
NOISE = {"frames": 0.3, "pooled": 0.9, "tuned": 0.2}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> StudyData:
    """pooled travels worse than the others."""
    study = paper_study(
        tmp_path_factory.mktemp("crossed") / "results", seeds=3, datasets=DATASETS, experiments=EXPERIMENTS,
        cross_dataset=list(EXPERIMENTS),
    )  # fmt: skip
    write_fake(study)
    layout = Layout.of(study)
    for number, run in enumerate(Grid(study).crossed):
        rng = np.random.default_rng(number)
        rows = []
        for name in study.datasets:
            for video in read_manifest(layout.manifest(name)) if name != run.dataset else ():
                width = NOISE[run.experiment] * (SPANS[name][1] - SPANS[name][0])
                rows.append([name, video.video_id, video.mos, video.mos + width * rng.normal()])
        path = layout.cross(run.dataset, run.experiment, run.order, run.seed)
        pd.DataFrame(rows, columns=["dataset", "video_id", "mos", "score"]).to_csv(path, index=False)
    return evaluated(study)


def scores(data: StudyData, trained: str, experiment: str, seed: int, tested: str) -> pd.DataFrame:
    rows = pd.read_csv(data.results / f"runs/{trained}/{experiment}/O/seed-{seed}/cross.csv")
    return rows[rows["dataset"] == tested]


def by_hand(data: StudyData, trained: str, experiment: str, tested: str, test_part: bool) -> list[float]:
    found = []
    for seed in range(3):
        rows = scores(data, trained, experiment, seed, tested)
        if test_part:
            parts = split(read_manifest(data.layout.manifest(tested)), seed)
            rows = rows[[parts[video] == "test" for video in rows["video_id"]]]
        found.append(stats.spearmanr(rows["score"], rows["mos"]).statistic)
    return found


def matrix(data: StudyData) -> pd.DataFrame:
    table = next(each for each in all_tables(data) if each.name == "cross-dataset")
    rows = [[cell.numbers.get("", cell.text) for cell in row] for row in table.rows]
    return pd.DataFrame(rows, columns=table.headers).set_index(["Experiment", "Trained on", "Tested on"])


@pytest.mark.parametrize("label,test_part", [("whole", False), ("test part", True)])
def test_the_matrix_is_that_of_scipy_on_the_whole_and_on_the_test_part_of_the_same_seed(data, label, test_part):
    row = matrix(data).loc[("frames", "cvd2014", label)]
    other = [by_hand(data, "cvd2014", "frames", name, test_part) for name in NAMES[1:]]
    assert [row[name] for name in NAMES[1:]] == pytest.approx([np.mean(each) for each in other])
    weights = [round(SIZES[name] / 5) if test_part else SIZES[name] for name in NAMES[1:]]
    average = np.mean([np.average(each, weights=weights) for each in zip(*other, strict=True)])
    assert row["Average"] == pytest.approx(average)


def test_the_diagonal_is_what_is_reached_on_the_own_test_part(data):
    shown = matrix(data)
    own = data.cell("cvd2014", "frames", "OO")["srocc"].mean()
    assert shown.loc[("frames", "cvd2014", "test part"), "cvd2014"] == pytest.approx(own)
    assert shown.loc[("frames", "cvd2014", "whole"), "cvd2014"] == "-"


def test_the_whole_of_a_dataset_that_heads_began_from_is_no_test_of_theirs(data):
    shown = matrix(data)
    assert shown.loc[("tuned", "cvd2014", "whole"), "live-vqc"] == "-"
    part = by_hand(data, "cvd2014", "tuned", "live-vqc", True)
    assert shown.loc[("tuned", "cvd2014", "test part"), "live-vqc"] == pytest.approx(np.mean(part))
    only = by_hand(data, "cvd2014", "tuned", "live-qualcomm", True)
    assert shown.loc[("tuned", "cvd2014", "test part"), "Average"] == pytest.approx(np.mean(only))
    ways = {pair.dataset for pair in Contents(data.study).crossed_pairs if "tuned" in pair.condition}
    assert ways == {"cvd2014 > live-qualcomm", "live-qualcomm > cvd2014"}


def test_experiments_are_compared_on_the_same_way(data):
    found = data.comparison("cross", "cvd2014 > live-vqc", "pooled", "OO")
    assert found is not None and found["baseline_experiment"] == "frames"
    a, b = (by_hand(data, "cvd2014", name, "live-vqc", False) for name in ("pooled", "frames"))
    assert found["difference"] == pytest.approx(np.mean(a) - np.mean(b))
    assert found["verdict"] == "different" and found["n_splits"] == 3
    assert Pair("init", "cvd2014", ("tuned", "OO"), ("frames", "OO")) in list(Contents(data.study).pairs)
    notes = next(each for each in all_tables(data) if each.name == "verdicts").notes
    assert any(note.startswith("A > B: trained on A") for note in notes)


def test_pre_trained_heads_stand_beside_those_that_begin_anew(data):
    table = next(each for each in all_tables(data) if each.name == "pre-training")
    shown = [[cell.text for cell in row[:3]] for row in table.rows]
    assert shown == [
        ["cvd2014", "frames", "anew"], ["cvd2014", "tuned", "live-vqc"],
        ["live-qualcomm", "frames", "anew"], ["live-qualcomm", "tuned", "live-vqc"], ["live-vqc", "frames", "anew"],
    ]  # fmt: skip
    assert any("tuned: heads of frames on live-vqc, seed by seed, fine-tuned" in note for note in table.notes)


def test_one_crossed_experiment_compares_nothing(tmp_path: Path):
    study = paper_study(tmp_path, datasets=DATASETS, experiments=EXPERIMENTS, cross_dataset=["frames"])
    assert Contents(study).crossed_pairs == []
