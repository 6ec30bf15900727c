"""Predictions that others made beside a training, through a real Snakemake: measured alike, and nothing more redone."""

import csv
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import spearmanr

from tests.conftest import assert_one_line_error, vqa
from tests.workflow.conftest import Project
from tests.workflow.test_reruns import RESULTS
from vqa.results.bundle.contents import Choice
from vqa.results.bundle.pack import write_bundle
from vqa.results.bundle.unpack import unpack
from vqa.results.bundle.verify import verify

pytestmark = pytest.mark.studies

VIDEOS, SEEDS = 60, 3
IMPORT = Counter({"import_predictions": 1} | RESULTS)


def write_given_study(folder: Path) -> Project:
    """Labels and a matrix of features, an SVR on them, and the scores of two others: by split, and for all."""
    rng = np.random.default_rng(0)
    mos = rng.normal(3, 1, VIDEOS)
    ids = [f"v{number:02d}" for number in range(VIDEOS)]
    write(folder / "labels.csv", ["video_id", "mos"], zip(ids, mos, strict=True))
    np.save(folder / "matrix.npy", mos[:, None] + rng.normal(0, 1, (VIDEOS, 4)))
    for seed in range(SEEDS):
        noisy = mos + rng.normal(0, 0.5, VIDEOS)
        write(
            folder / f"theirs/d/{seed}.csv",
            ["pred", "file"],
            ((s, f"{i}.mp4") for s, i in zip(noisy, ids, strict=True)),
        )
    write(folder / "same.csv", ["video_id", "score"], zip(ids, mos + rng.normal(0, 2, VIDEOS), strict=True))
    names = {"path": "labels.csv", "column": "video_id"}
    study = {
        "results": "results-smoke",
        "seeds": SEEDS,
        "datasets": {"d": {"reader": "table", "path": "labels.csv", "columns": {"video_id": "video_id", "mos": "mos"}}},
        "backbones": {"matrix": {"import": {"d": {"path": "matrix.npy", "names": names}}}},
        "experiments": {
            "svr": {"backbone": "matrix", "head": "svr", "modes": ["OO"]},
            "theirs": {"predictions": "theirs/{dataset}/{seed}.csv", "columns": {"video_id": "file", "score": "pred"}},
            "same": {"predictions": "same.csv"},
        },
    }
    project = Project(folder, study=None)
    project.config.write_text(yaml.safe_dump(study, sort_keys=False))
    return project


def write(path: Path, header: list[str], rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Project:
    project = write_given_study(tmp_path_factory.mktemp("given") / "project")
    checked = vqa("check", "--config", project.config, cwd=project.folder)
    assert checked.returncode == 0, checked.stderr
    assert "theirs: of every test video of 3 seeds" in checked.stdout and "3 trainings" in checked.stdout
    project.run()
    return project


@pytest.fixture
def own(given, tmp_path) -> Project:
    return given.copy(tmp_path / "own")


def metric(project: Project, experiment: str, seed: int) -> float:
    rows = pd.read_csv(project.results / "metrics.csv")
    return float(rows.loc[(rows["experiment"] == experiment) & (rows["seed"] == seed), "srocc"].iloc[0])


def test_scores_of_others_are_measured_on_the_test_part_of_each_seed(given):
    labels = pd.read_csv(given.folder / "labels.csv").set_index("video_id")["mos"]
    for seed in range(SEEDS):
        trained = pd.read_csv(given.results / f"runs/d/svr/O/seed-{seed}/predictions.csv")
        tested = sorted(trained.loc[trained["split"] == "test", "video_id"].unique())
        theirs = (
            pd.read_csv(given.folder / f"theirs/d/{seed}.csv").assign(v=lambda t: t["file"].str[:-4]).set_index("v")
        )
        assert metric(given, "theirs", seed) == pytest.approx(spearmanr(theirs["pred"][tested], labels[tested])[0])
        same = pd.read_csv(given.folder / "same.csv").set_index("video_id")["score"]
        assert metric(given, "same", seed) == pytest.approx(spearmanr(same[tested], labels[tested])[0])


def test_they_stand_in_tests_tables_figures_report_and_status(given):
    tests = pd.read_csv(given.results / "statistics.csv")
    assert set(tests.loc[tests["family"] == "given", "experiment"]) == {"theirs", "same"}
    assert set(tests["baseline_experiment"]) == {"svr"}
    board = pd.read_csv(given.results / "tables/leaderboard.csv")
    assert board["Experiment"].iloc[0] == "theirs" and len(board) == 3
    matrix = pd.read_csv(given.results / "tables/leaderboard-matrix.csv")
    assert matrix["experiment"].tolist() == board["Experiment"].tolist()
    assert (given.results / "figures/leaderboard.png").stat().st_size > 5000
    report = (given.results / "report.html").read_text()
    assert "Do predictions that others made differ" in report
    assert "same: predictions that others made, the same scores in every split" in report
    log = (given.results / "logs/predictions/d/same/O/seed-0.log").read_text()
    assert "the same scores in every split" in log
    told = json.loads(vqa("status", "--config", given.config, "--json", cwd=given.folder).stdout)
    stages = {stage["name"]: stage for stage in told["stages"]}
    assert stages["predictions"]["done"] == stages["predictions"]["total"] == 2 * SEEDS
    assert stages["train"]["total"] == SEEDS


def test_a_touched_file_plans_nothing_and_a_changed_one_its_cell_alone(own):
    path = own.folder / "theirs/d/1.csv"
    os.utime(path)
    assert own.jobs() == {}
    before = metric(own, "theirs", 1)
    kept = own.snapshot()
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    write(path, ["pred", "file"], ((score, rows[number - 1][1]) for number, (score, _) in enumerate(rows)))
    assert own.jobs() == IMPORT
    own.run()
    assert metric(own, "theirs", 1) != before
    after = own.snapshot()
    changed = {name for name in kept if name.startswith("runs/") and after[name] != kept[name]}
    assert changed == {f"runs/d/theirs/O/seed-1/{name}" for name in ("predictions.csv", "run.json")}
    assert own.jobs() == {}


def test_a_missing_file_and_a_missing_video_are_one_line(own):
    path = own.folder / "theirs/d/2.csv"
    text = path.read_text()
    path.write_text("\n".join(text.splitlines()[:30]) + "\n")
    failed = own.run(check=False)
    assert failed.returncode != 0
    assert "2.csv: has no score of 'v" in (own.results / "logs/predictions/d/theirs/O/seed-2.log").read_text()
    checked = vqa("check", "--config", own.config, cwd=own.folder)
    assert "2.csv: has no score of 'v" in checked.stdout
    assert_one_line_error(checked, "not every dataset is ready")
    path.unlink()
    stopped = own.run("--dry-run", check=False).stderr
    assert "experiments.theirs.predictions: there is no file theirs/d/2.csv" in stopped


def test_bundled_verified_and_unpacked_it_is_finished(own, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(own.folder)
        write_bundle(Path("results-smoke"), tmp_path / "study.zip", Choice(), "CC0-1.0", "no one")
    assert verify(tmp_path / "study.zip").differences == []
    unpack(tmp_path / "study.zip", tmp_path / "unpacked")
    assert Project(tmp_path / "unpacked", study=None).jobs() == {}


def test_a_study_of_predictions_alone_trains_nothing(own):
    raw = yaml.safe_load(own.config.read_text())
    del raw["backbones"], raw["experiments"]["svr"]
    raw["results"] = "results-alone"
    own.config.write_text(yaml.safe_dump(raw, sort_keys=False))
    log = own.run().stderr
    assert "Train " not in log
    assert (own.folder / "results-alone/report.html").exists() and own.jobs() == {}
