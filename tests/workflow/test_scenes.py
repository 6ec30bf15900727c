"""Splits by scene beside the study's random ones, through real Snakemake: nothing else changes."""

import csv

import pytest

from vqa.manifest import read_manifest
from vqa.protocol import predictions

pytestmark = pytest.mark.studies


def test_one_key_adds_trainings_and_a_table_and_changes_nothing_else(project):
    before = project.snapshot()
    project.edit(splits__scenes=["demo"])
    project.run()
    after = project.snapshot()
    changed = {name for name in before if after[name][1] != before[name][1]}
    assert changed == {"study.yaml", "report.html", "tables/.written"}
    added = (name for name in after.keys() - before.keys() if not name.startswith("studies/"))  # a copy's own claim
    new = {name.partition("/demo/")[0] for name in added}
    assert new == {"runs-by-scene", "tables/scenes.csv", "tables/scenes.md", "tables/scenes.tex"}
    assert project.jobs() == {}
    with open(project.results / "tables/scenes.csv", newline="") as file:
        assert {row["Experiment"] for row in csv.DictReader(file)} == {"frame-level", "cube-level", "sample-4"}

    project.edit(splits__scenes=[])
    assert project.jobs() == {"tables": 1, "report": 1}
    project.run()
    assert {name: content for name, (_, content) in project.snapshot().items() if name in before} == {
        name: content for name, (_, content) in before.items()
    }


def test_no_scene_is_both_trained_on_and_tested(project):
    project.edit(splits__scenes=["demo"])
    target = "results-smoke/runs-by-scene/demo/sample-4/O/seed-1/predictions.csv"
    project.run(target)
    scenes = {video.video_id: video.scene for video in read_manifest(project.results / "manifests/demo.csv")}
    predicted = predictions.read(project.folder / target)
    held_out = {part: set(rows["video_id"]) for part, rows in predicted.groupby("split")}
    trained = scenes.keys() - held_out["val"] - held_out["test"]
    shown = [{scenes[name] for name in part} for part in (trained, held_out["val"], held_out["test"])]
    assert sum(map(len, shown)) == len(set.union(*shown)) == 3
