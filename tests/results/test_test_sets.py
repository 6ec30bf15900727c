"""Named test sets: each is evaluated by itself, and where all seeds share them the tests resample their videos."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.results.fake_study import evaluated, paper_study, write_fake
from vqa.config import to_yaml
from vqa.evaluation.bootstrap import resampled
from vqa.evaluation.metrics import srocc
from vqa.evaluation.statistics import compare_on_one_test_set
from vqa.results.compare import compare_metrics
from vqa.results.figures import draw_all
from vqa.results.report import write_report
from vqa.results.study_data import StudyData
from vqa.results.tables import all_tables
from vqa.results.tables.writers import to_csv
from vqa.system.files import write_text

DATASETS = {name: {"reader": name, "path": f"/nowhere/{name}", "buckets": 1} for name in ("cvd2014", "live-qualcomm")}
EXPERIMENTS = {
    "frames": {"backbone": "resnet50", "modes": ["OO", "OS"]},
    "sparse": {"backbone": "resnet50", "sampler": 16, "modes": ["OO"]},
    "pooled": {"backbone": "resnet50", "head": "fc-mean", "modes": ["OO"]},
}
SEEDS = 4


def write_official(folder: Path) -> StudyData:
    """cvd2014 has the official test sets `test` and `1080p`, live-qualcomm is split at random."""
    study = paper_study(folder, seeds=SEEDS, datasets=DATASETS, experiments=EXPERIMENTS, splits={"method": "official"})
    write_fake(study, {("frames", "OS"): 0.4, ("sparse", "OO"): 0.1})
    for file in (folder / "runs/cvd2014").rglob("predictions.csv"):
        rows = pd.read_csv(file)
        order = rows.groupby("test_order").cumcount()
        rows["video_id"] = "w" + order.astype(str)
        rows["split"] = np.where(order < 15, "test:1080p", "test")
        rows["mos"] = np.random.default_rng(3).uniform(0, 90, 47)[order]
        rows["score"] += rows["mos"]
        rows.to_csv(file, index=False)
    return evaluated(study)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> StudyData:
    return write_official(tmp_path_factory.mktemp("official") / "results")


def predictions(data: StudyData, experiment: str, seed: int) -> pd.DataFrame:
    return pd.read_csv(data.results / f"runs/cvd2014/{experiment}/O/seed-{seed}/predictions.csv")


def test_each_test_set_has_its_own_row_and_column_in_the_files(data):
    metrics = pd.read_csv(data.results / "metrics.csv", keep_default_na=False)
    assert list(metrics.columns[:3]) == ["dataset", "test_set", "experiment"]
    cells = set(zip(metrics["dataset"], metrics["test_set"], metrics["n_test"], strict=True))
    assert cells == {("cvd2014", "1080p", 15), ("cvd2014", "test", 32), ("live-qualcomm", "", 42)}
    statistics = pd.read_csv(data.results / "statistics.csv", keep_default_na=False)
    assert set(statistics["test_set"]) == {"1080p", "test", ""}
    chosen = metrics.query("test_set == '1080p' and experiment == 'frames' and mode == 'OS' and seed == 2")
    rows = predictions(data, "frames", 2).query("split == 'test:1080p' and test_order == 'S'")
    assert chosen["srocc"].item() == pytest.approx(srocc(rows["score"].to_numpy(), rows["mos"].to_numpy()))


def test_a_study_without_named_sets_has_no_such_column(tmp_path):
    study = paper_study(tmp_path / "results", seeds=3, datasets=DATASETS, experiments=EXPERIMENTS)
    evaluated(write_fake(study))
    for name in ("metrics.csv", "statistics.csv"):
        assert "test_set" not in pd.read_csv(tmp_path / "results" / name).columns


def test_on_one_test_set_the_tests_resample_its_videos(data):
    found = data.required_comparison("modes", "cvd2014:1080p", "frames", "OS")
    reached: dict[str, list[float]] = {"O": [], "S": []}
    drawn: dict[str, list[np.ndarray]] = {"O": [], "S": []}
    for seed in range(SEEDS):
        rows = predictions(data, "frames", seed).query("split == 'test:1080p'").sort_values("video_id")
        for order, chosen in rows.groupby("test_order"):
            scores, mos = chosen["score"].to_numpy(), chosen["mos"].to_numpy()
            reached[order].append(srocc(scores, mos))
            drawn[order].append(resampled(scores, mos)["srocc"])
    draws = np.mean(drawn["S"], axis=0) - np.mean(drawn["O"], axis=0)
    expected = compare_on_one_test_set(reached["S"], reached["O"], draws, 15, 0.02)
    assert found["p_corrected"] == pytest.approx(expected.p_corrected)
    assert found["n_splits"] == SEEDS and found["p_paired"] < found["p_corrected"]


def test_where_seeds_draw_their_own_test_sets_nothing_changes(data, tmp_path):
    study = paper_study(tmp_path / "results", seeds=SEEDS, datasets=DATASETS, experiments=EXPERIMENTS)
    random = evaluated(write_fake(study, {("frames", "OS"): 0.4, ("sparse", "OO"): 0.1}))
    rows = [each.statistics.query("dataset == 'live-qualcomm'").drop(columns="unlike") for each in (data, random)]
    pd.testing.assert_frame_equal(*(each.reset_index(drop=True) for each in rows))


def test_tables_figures_and_report_show_every_test_set_and_say_what_seeds_mean(data, tmp_path):
    tables = {table.name: table for table in all_tables(data)}
    tested = ["cvd2014:test", "cvd2014:1080p", "live-qualcomm"]
    for name in ("frames", "sampling", "heads", "verdicts", "model-cost"):
        assert list(dict.fromkeys(row[0].text for row in tables[name].rows)) == tested, name
    assert tables["ttest-modes"].headers[-3:] == tested
    assert [row[0].text for row in tables["datasets"].rows] == list(DATASETS)
    told = [note for note in tables["verdicts"].notes if "resample the test videos" in note]
    assert len(told) == 1 and told[0].startswith("cvd2014:test, cvd2014:1080p: all runs")
    assert "cvd2014:test" in to_csv(tables["verdicts"])
    draw_all(data, data.results / "figures")
    write_report(data, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "resample the test videos" in page and "cvd2014:1080p" in page


def test_two_studies_are_compared_test_set_by_test_set(data, tmp_path):
    other = write_official(tmp_path / "results")
    table = compare_metrics(data.results, other.results)
    assert set(table["dataset"]) == {"cvd2014:1080p", "cvd2014:test", "live-qualcomm"}
    assert (table["difference"] == 0).all()


def test_two_studies_on_one_test_set_are_compared_by_its_videos(data, tmp_path):
    other = write_official(tmp_path / "results")
    for file in (tmp_path / "results/runs/cvd2014/frames").rglob("predictions.csv"):
        rows = pd.read_csv(file)
        rows["score"] += np.random.default_rng(1).normal(0, 20, len(rows))
        rows.to_csv(file, index=False)
    for each in (data, evaluated(other.study)):
        write_text(each.results / "study.yaml", to_yaml(each.study))
    table = compare_metrics(data.results, other.results)
    found = table.query("dataset == 'cvd2014:test' and experiment == 'frames' and mode == 'OO' and metric == 'srocc'")
    reached, draws = [], []
    for study in (other, data):
        runs = [
            predictions(study, "frames", seed).query("split == 'test' and test_order == 'O'") for seed in range(SEEDS)
        ]
        arrays = [(run["score"].to_numpy(), run["mos"].to_numpy()) for run in (r.sort_values("video_id") for r in runs)]
        reached.append([srocc(*each) for each in arrays])
        draws.append(np.mean([resampled(*each)["srocc"] for each in arrays], axis=0))
    expected = compare_on_one_test_set(*reached, draws[0] - draws[1], 32, 0.02)
    assert found["p_corrected"].item() == pytest.approx(expected.p_corrected)
