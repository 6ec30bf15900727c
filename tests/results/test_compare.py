"""`vqa compare`: what pairs two studies is tested, not assumed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.conftest import assert_one_line_error, vqa
from tests.results.fake_study import evaluated, paper_study, write_fake
from vqa.config import to_yaml
from vqa.config.schema import Splits
from vqa.evaluation.statistics import corrected_ttest
from vqa.results.compare import compare_metrics
from vqa.results.study_data import StudyData
from vqa.system.files import write_text

EXPERIMENTS = {"frames": {"backbone": "resnet50", "modes": ["OO", "OS"]}}
DATASETS = {"cvd2014": {"reader": "cvd2014", "path": "/nowhere"}}


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> StudyData:
    folder = tmp_path_factory.mktemp("a")
    study = paper_study(folder / "results", seeds=8, datasets=DATASETS, experiments=EXPERIMENTS)
    return evaluated(write_fake(study, {("frames", "OS"): 0.3}))


def second(first: StudyData, folder: Path, metrics: pd.DataFrame) -> Path:
    """The same runs, other metrics."""
    shutil.copytree(first.results / "runs", folder / "b" / "runs")
    metrics.to_csv(folder / "b" / "metrics.csv", index=False)
    return folder / "b"


def noisy(first: StudyData, folder: Path) -> StudyData:
    """The same trainings, whose scores are a little worse."""
    shutil.copytree(first.results, folder / "b")
    rng = np.random.default_rng(0)
    for path in sorted((folder / "b" / "runs").rglob("predictions.csv")):
        rows = pd.read_csv(path)
        rows["score"] += rng.normal(0, 0.1 * rows["score"].std(), len(rows))
        rows.to_csv(path, index=False)
    return evaluated(first.study.model_copy(update={"results": folder / "b"}))


def test_two_studies_side_by_side(first, tmp_path):
    data = noisy(first, tmp_path)
    b, other = data.results, data.metrics.query("seed < 7")
    other.to_csv(b / "metrics.csv", index=False)
    result = vqa("compare", first.results, b, "--output", tmp_path / "out.csv")
    assert result.returncode == 0, result.stderr
    found = pd.read_csv(tmp_path / "out.csv")
    assert len(found) == 2 * 4 and (found["seeds"] == 7).all()
    row = found.query("mode == 'OS' and metric == 'srocc'").iloc[0]
    cells = [table.query("mode == 'OS' and seed < 7")["srocc"].to_numpy() for table in (first.metrics, other)]
    assert (row["a"], row["b"]) == pytest.approx((cells[0].mean(), cells[1].mean()))
    d = cells[1] - cells[0]
    assert row["difference"] == pytest.approx(d.mean()) and row["p_paired"] == pytest.approx(
        stats.ttest_1samp(d, 0).pvalue
    )
    t = d.mean() / (d.std(ddof=1) * np.sqrt(1 / 7 + 47 / 140))
    assert row["p_corrected"] == pytest.approx(2 * stats.t.sf(abs(t), 6))
    assert f"{row['difference']:+.3f}" in result.stdout and f"{row['p_corrected']:.4f}" in result.stdout


def test_given_test_sets_are_compared_by_what_they_have_in_common(first, tmp_path):
    data = noisy(first, tmp_path)
    b, other = data.results, data.metrics
    given = first.study.model_copy(update={"splits": Splits(method="files", path="parts")})
    drawn = compare_metrics(first.results, b).query("mode == 'OS' and metric == 'srocc'").iloc[0]
    shutil.copytree(first.results, tmp_path / "a")
    write_text(tmp_path / "a/study.yaml", to_yaml(given.model_copy(update={"results": tmp_path / "a"})))
    for path in (tmp_path / "a/runs").rglob("run.json"):
        made = json.loads(path.read_text())
        write_text(path, json.dumps(made | {"run": made["run"] | {"split": "files"}}))
    found = compare_metrics(tmp_path / "a", b).query("mode == 'OS' and metric == 'srocc'").iloc[0]
    tests = [set(pd.read_csv(first.results / f"runs/cvd2014/frames/O/seed-{s}/predictions.csv")["video_id"])
             for s in range(8)]  # fmt: skip
    shares = np.array([[len(x & y) / 47 for y in tests] for x in tests])
    cells = [table.query("mode == 'OS'")["srocc"].to_numpy() for table in (other, first.metrics)]
    assert found["p_corrected"] == pytest.approx(corrected_ttest(*cells, 140, 47, shares).p)
    assert found["p_corrected"] > drawn["p_corrected"] > found["p_paired"]


def test_a_failed_run_spoils_no_mean(first, tmp_path):
    other = first.metrics.copy()
    other.loc[(other["mode"] == "OO") & (other["seed"] == 3), ["srocc", "plcc_raw"]] = np.nan
    b = second(first, tmp_path, other)
    path = b / "runs/cvd2014/frames/O/seed-3/predictions.csv"
    rows = pd.read_csv(path)
    rows.assign(score=rows["score"].mask(rows["test_order"] == "O", 3.0)).to_csv(path, index=False)
    assert vqa("compare", first.results, b, "--output", tmp_path / "out.csv").returncode == 0
    row = pd.read_csv(tmp_path / "out.csv").query("mode == 'OO' and metric == 'srocc'").iloc[0]
    known = first.metrics.query("mode == 'OO' and seed != 3")["srocc"].mean()
    assert row["seeds"] == 7 and row["a"] == pytest.approx(known) == row["b"] and row["difference"] == 0


def test_studies_tested_on_other_videos_are_not_paired(first, tmp_path):
    b = second(first, tmp_path, first.metrics)
    path = b / "runs/cvd2014/frames/O/seed-5/predictions.csv"
    path.write_text(path.read_text().replace("\nv", "\nw"))
    result = vqa("compare", first.results, b)
    assert_one_line_error(result, "cvd2014, frames, seed 5", "different videos (47 and 47, 0 in both)")
    path.unlink()
    assert_one_line_error(vqa("compare", first.results, b), "predictions.csv: cannot be read")


def test_runs_trained_again_since_the_metrics_are_refused(first, tmp_path):
    told = first.metrics.assign(srocc=first.metrics["srocc"].where(first.metrics["seed"] != 5, 0.5))
    result = vqa("compare", first.results, second(first, tmp_path, told))
    assert_one_line_error(result, "runs/cvd2014/frames/O/seed-5", "metrics.csv has 0.5;", "trained again")


def test_constant_predictions_are_undefined_in_both(first, tmp_path):
    """The mean of equal numbers is not always that number."""
    shutil.copytree(first.results, tmp_path / "b")
    for path in (tmp_path / "b" / "runs").rglob("predictions.csv"):
        pd.read_csv(path).assign(score=4.3777).to_csv(path, index=False)
    b = evaluated(first.study.model_copy(update={"results": tmp_path / "b"})).results
    result = vqa("compare", b, b)
    assert result.returncode == 0, result.stderr


def test_studies_on_other_labels_are_not_compared(first, tmp_path):
    b = noisy(first, tmp_path).results
    for path in (b / "runs").rglob("seed-5/predictions.csv"):
        rows = pd.read_csv(path)
        rows.assign(mos=2 * rows["mos"]).to_csv(path, index=False)  # no correlation tells
    result = vqa("compare", first.results, b)
    assert_one_line_error(result, "frames, seed 5: the MOS of 47 of 47 test videos differ", "equal labels")


def test_scores_of_the_same_ranks_are_other_scores(first, tmp_path):
    folder = second(first, tmp_path, first.metrics)
    path = folder / "runs/cvd2014/frames/O/seed-5/predictions.csv"
    rows = pd.read_csv(path)
    rows.assign(score=np.exp(3 * rows["score"])).to_csv(path, index=False)
    assert_one_line_error(vqa("compare", first.results, folder), "seed-5", "a PLCC before the mapping of")


@pytest.mark.parametrize("linked", ["results", "project"])
def test_a_shared_store_is_found_through_links(first, tmp_path, linked):
    """`shared: ../store`; the results lie on another disk, or are reached by a link to the project."""
    project = tmp_path / "home/project"
    shutil.copytree(first.results / "runs", tmp_path / "home/store/runs")
    (tmp_path / "disk").mkdir()
    project.mkdir()
    results = tmp_path / "disk/of-mine" if linked == "results" else project / "results"
    results.mkdir()
    if linked == "results":
        (project / "results").symlink_to(results)
    else:
        (tmp_path / "disk/link").symlink_to(project)
    shutil.copy(first.results / "metrics.csv", results)
    shared = first.study.model_copy(update={"results": Path("results"), "shared": Path("../store")})
    write_text(results / "study.yaml", to_yaml(shared))
    given = project / "results" if linked == "results" else tmp_path / "disk/link/results"
    found = vqa("compare", first.results, given)
    assert found.returncode == 0, found.stderr


def test_a_run_that_has_become_undefined_is_refused(first, tmp_path):
    folder = second(first, tmp_path, first.metrics)
    runs = tmp_path / "x" / "results"
    shutil.copytree(first.results, runs)
    path = runs / "runs/cvd2014/frames/O/seed-5/predictions.csv"
    pd.read_csv(path).assign(score=3.0).to_csv(path, index=False)
    assert_one_line_error(vqa("compare", folder, runs), "seed-5", "reaches an SROCC of nan")


def test_runs_of_a_shared_store_are_found_from_any_folder(first, tmp_path):
    """`shared: store` is relative to where the study ran, not to where it is compared."""
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    shutil.copytree(first.results / "runs", project / "store/runs")
    shutil.copytree(first.results, elsewhere / "store")
    for path in (elsewhere / "store").rglob("run.json"):  # of another study, with the same scores
        write_text(path, json.dumps(json.loads(path.read_text()) | {"videos": {"train": 900, "val": 1, "test": 47}}))
    (project / "results").mkdir()
    shutil.copy(first.results / "metrics.csv", project / "results")
    shared = first.study.model_copy(update={"results": Path("results"), "shared": Path("store")})
    write_text(project / "results/study.yaml", to_yaml(shared))
    b = noisy(first, tmp_path).results
    expected = vqa("compare", first.results, b)
    found = vqa("compare", "../project/results", b, cwd=elsewhere)
    assert found.returncode == 0, found.stderr
    assert found.stdout.split("\n")[3:] == expected.stdout.split("\n")[3:]


def test_nothing_in_common_is_said(first, tmp_path):
    b = second(first, tmp_path, first.metrics.assign(dataset="another"))
    assert_one_line_error(vqa("compare", first.results, b), "share no cell")
    assert_one_line_error(vqa("compare", first.results, tmp_path / "nowhere"), "nowhere")
