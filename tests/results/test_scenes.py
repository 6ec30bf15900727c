"""Random splits beside splits by scene, on studies whose truth is known."""

import csv

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.evaluation.test_simulation import at_most
from tests.results.fake_study import evaluated, paper_study, write_fake
from vqa.config import parse
from vqa.manifest import Video
from vqa.protocol.splits import split
from vqa.results import scenes
from vqa.results.contents import Contents
from vqa.results.resampling import Resampling
from vqa.results.scenes import apart, flatteries, sentence, shared_scenes
from vqa.results.tables import all_tables, write_tables
from vqa.study.grid import RunId
from vqa.study.parts import check_parts
from vqa.system.errors import UserError

CVD = {"cvd2014": {"reader": "cvd2014", "path": "/nowhere/cvd2014", "buckets": 1}}
EXPERIMENTS = {
    "frame-level": {"backbone": "resnet50", "batch_size": 128},
    "sample-4": {"backbone": "resnet50", "sampler": 4, "modes": ["OO"]},
    "shuffled": {"backbone": "resnet50", "sampler": 8, "modes": ["SO", "SS"]},
}


def study(results, **changes):
    extra = {"datasets": CVD, "experiments": EXPERIMENTS, "splits": {"scenes": ["cvd2014"]}} | changes
    return paper_study(results, 10, **extra)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """By scene, frame-level is worse than on random splits; sample-4 is as good."""
    results = tmp_path_factory.mktemp("scenes") / "results"
    return evaluated(write_fake(study(results), {("frame-level by scene", "OO"): 1.0}))


def spearman(folder) -> float:
    rows = pd.read_csv(folder / "predictions.csv")
    rows = rows[(rows["split"] == "test") & (rows["test_order"] == "O")]
    return stats.spearmanr(rows["score"], rows["mos"]).statistic


def test_a_model_that_knows_the_scenes_is_told_from_one_that_does_not(data):
    leaking, sound = (each for each in flatteries(data) if each.metric == "srocc")
    store = data.study.store
    runs = "cvd2014/frame-level/O/seed-{}"
    expected = [
        spearman(store / "runs" / runs.format(seed)) - spearman(store / "runs-by-scene" / runs.format(seed))
        for seed in range(10)
    ]
    assert leaking.test.difference == pytest.approx(np.mean(expected)) and np.mean(expected) > 0.1
    assert leaking.test.ci_low > 0 and leaking.test.p_corrected < 0.001
    assert sound.test.difference == 0
    said = sentence(flatteries(data), 0.05)
    assert f"{np.mean(expected) / 2:+.3f} on average over 2 cells (+0.000 to {np.mean(expected):+.3f})" in said
    assert said.endswith("interval lies above 0 in 1 of them.")


def test_two_runs_tell_no_interval(tmp_path):
    two = {"datasets": CVD, "experiments": EXPERIMENTS, "splits": {"scenes": ["cvd2014"]}}
    found = evaluated(write_fake(paper_study(tmp_path / "results", 2, **two), {("frame-level by scene", "OO"): 1.0}))
    table = table_of(found)
    assert [cell.text for cell in table.rows[0][-2:]] == ["-", "-"]
    assert "No interval: no cell has a defined SROCC in three runs of both." in table.notes


def test_runs_whose_test_sets_are_alike_tell_no_interval(tmp_path):
    """Of two scenes to test on, many seeds draw the same one."""
    found = evaluated(write_fake(study(tmp_path / "results")))
    for run in found.grid.by_scene:
        path = found.layout.run_folder(run) / "predictions.csv"
        first = found.layout.run_folder(RunId(run.dataset, run.experiment, "O", run.seed % 2, by_scene=True))
        path.write_bytes((first / "predictions.csv").read_bytes())
    assert sentence(flatteries(found), 0.05).startswith("No interval: of so few scenes")
    assert {cell.text for row in table_of(found).rows for cell in row[-2:]} == {"-"}


def test_means_and_difference_are_of_the_same_runs(tmp_path):
    found = evaluated(write_fake(study(tmp_path / "results"), {("sample-4 by scene", "OO"): 1.0}))
    path = found.layout.run("cvd2014", "sample-4", "O", 3, by_scene=True) / "predictions.csv"
    rows = pd.read_csv(path)
    rows.assign(score=1.0).to_csv(path, index=False)
    row = next(row for row in table_of(found).rows if row[1].text == "sample-4" and row[2].text == "SROCC")
    random, by_scene, apart = (cell.numbers[""] for cell in row[4:7])
    assert apart == pytest.approx(random - by_scene) and "[9 of 10 runs]" in row[4].text


def table_of(data):
    return next(table for table in all_tables(data) if table.name == "scenes")


def test_only_what_is_trained_in_order_is_trained_by_scene_too(data):
    cells = {(run.experiment, run.order, run.by_scene) for run in data.grid.by_scene}
    assert cells == {("frame-level", "O", True), ("sample-4", "O", True)}
    assert all(data.grid.run_settings(run.experiment, by_scene=True).split == "scene" for run in data.grid.by_scene)
    assert not any(run.by_scene for run in data.grid.runs)


def test_the_table_stands_beside_all_others_and_changes_none(data, tmp_path):
    write_tables(data, tmp_path)
    rows = list(csv.DictReader((tmp_path / "scenes.csv").open()))
    assert [(row["Experiment"], row["Metric"]) for row in rows] == [
        ("frame-level", "SROCC"), ("frame-level", "PLCC"), ("sample-4", "SROCC"), ("sample-4", "PLCC"),
    ]  # fmt: skip
    assert {row["Shared"] for row in rows} == {"1"}  # ten scenes of 23 videos each: training shows them all
    without = study(data.study.results, splits={})
    plain = [repr(table) for table in all_tables(evaluated(without))]
    assert [repr(table) for table in all_tables(data) if table.name != "scenes"] == plain
    assert scenes.answer(evaluated(without)) == [] and len(scenes.answer(data)) == 1


def test_a_run_by_scene_of_other_settings_is_named_with_its_rule(tmp_path):
    found = evaluated(write_fake(study(tmp_path / "results")))
    path = tmp_path / "results/runs-by-scene/cvd2014/sample-4/O/seed-3/run.json"
    path.write_text(path.read_text().replace('"split": "scene"', '"split": "random"'))
    with pytest.raises(UserError, match=r"runs-by-scene.*was made with split random.*--forcerun .*predictions.csv"):
        flatteries(found)


def test_the_share_of_known_scenes_is_that_of_a_plain_count():
    videos = [Video(f"v{i}", f"{i}.mp4", 1.0, scene=f"s{i // 2}") for i in range(8)]
    parts = {"v0": "test", "v1": "train", "v2": "test", "v3": "val", "v4": "test", "v5": "test", "v6": "train"}
    assert shared_scenes(videos, parts | {"v7": "train"}) == 1 / 4
    assert shared_scenes(videos, split(videos, 0, "scene")) == 0


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"scenes": "cvd2014"}, r"splits.scenes: must be a list, such as \[a, b\], got 'cvd2014'"),
        ({"scenes": ["cvd"]}, "splits.scenes names 'cvd'; the study has cvd2014"),
        ({"scenes": ["cvd2014", "cvd2014"]}, "splits.scenes names a dataset twice"),
        ({"scenes": ["cvd2014"], "method": "scene"}, "beside those by scene; splits.method is scene"),
    ],
)
def test_what_cannot_be_set_beside_is_one_line(tmp_path, changes, line):
    with pytest.raises(UserError, match=line):
        study(tmp_path, splits=changes)


def test_a_dataset_that_nothing_is_trained_on_in_order_is_one_line(tmp_path):
    with pytest.raises(UserError, match="'cvd2014', on which no experiment is trained and tested in order"):
        study(tmp_path, experiments={"shuffled": EXPERIMENTS["shuffled"]})


def test_a_dataset_without_scenes_is_told_before_anything_runs(tmp_path):
    videos = [Video(f"v{i}", f"{i}.mp4", 1.0) for i in range(20)]
    with pytest.raises(
        UserError, match=r"datasets.cvd2014: video 'v0' has no scene.*leave the dataset out of splits.scenes"
    ):
        check_parts(study(tmp_path), "cvd2014", videos)


def test_a_table_of_that_name_is_taken(tmp_path):
    named = {"scenes": {"backbone": "resnet50"}}
    with pytest.raises(UserError, match=r"experiments.scenes: its table would overwrite that of splits by scene"):
        Contents(study(tmp_path, experiments=named))
    Contents(parse(study(tmp_path, experiments=named, splits={}).model_dump(mode="json", by_alias=True)))


STUDIES, SEEDS, SCENES, EACH = 400, 5, 15, 6


@pytest.mark.simulation
def test_an_interval_misses_the_truth_no_more_often_than_alpha():
    """Scores know the scene where training shows it. The truth: the mean over datasets drawn anew."""
    found = [simulated(np.random.default_rng([7, number])) for number in range(STUDIES)]
    truth = np.mean([test.difference for test in found])
    missed = sum(not test.ci_low <= truth <= test.ci_high for test in found)
    assert truth > 0.03
    assert missed / STUDIES <= at_most(0.05, STUDIES), missed


def simulated(rng):
    """One dataset and its runs: quality is of the scene and of the clip, in equal parts."""
    scene = np.repeat(rng.normal(size=SCENES), EACH)
    mos = scene + rng.normal(size=SCENES * EACH)
    videos = [Video(f"v{i:03d}", f"{i}.mp4", float(mos[i]), scene=f"s{i // EACH:02d}") for i in range(len(mos))]
    values, drawn = [], []
    for method in ("random", "scene"):
        splits = [split(videos, seed, method) for seed in range(SEEDS)]
        tests = [[i for i, video in enumerate(videos) if parts[video.video_id] == "test"] for parts in splits]
        reached = []
        for parts, test in zip(splits, tests, strict=True):
            known = {video.scene for video in videos if parts[video.video_id] == "train"}
            seen = np.array([videos[i].scene in known for i in test])
            score = mos[test] - np.where(seen, 0.5, 1) * scene[test] + rng.normal(0, 0.5, len(test))
            reached.append(stats.spearmanr(score, mos[test]).statistic)
        sets = [frozenset(videos[i].video_id for i in test) for test in tests]
        n_train = [sum(part == "train" for part in parts.values()) for parts in splits]
        drawn.append(Resampling([(frozenset(), each) for each in sets], n_train, [len(t) for t in tests], method))
        values.append(np.array(reached))
    return apart((values[0], values[1]), drawn, 0.05)
