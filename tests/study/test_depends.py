"""What Snakemake compares. A text that changes replans what users have finished: it may only change with its stage's
version.
"""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from tests.conftest import REPO
from vqa.config import identity, load, parse
from vqa.config.schema import ADDED, Training, _Model
from vqa.study import depends
from vqa.study.grid import Grid
from vqa.study.sources import Sources

# As version 0.1 wrote them for workflow/studies/smoke.yaml.
WRITTEN = {
    "demo": '{"fps":24,"height":64,"scenes":3,"seconds":0.75,"seed":0,"version":1,"videos":15,"width":96}',
    "manifest": '{"reader":{"exclude":[],"fps":24,"height":64,"permutations":null,"reader":"demo","scenes":3,'
    '"seconds":0.75,"seed":0,"videos":15,"width":96},"videos":"1acee7b51a565177"}',
    "extract": '{"backbone":"resnet3d18","bucket":[1,2],"cube_input":"crop112","decoder":"pyav","node":null,'
    '"on_bad_video":"fail","precision":"float32","storage":"float16","version":1,"videos":"02aece3fa62f39e4"}',
    "train": '{"run":{"batch_size":4,"epochs":4,"head":"vsfa","label_scale":"dataset","lr":0.0002,'
    '"precision":"float32","redraw":"run","sample_test":true,"sampler":4,"schedule":"constant",'
    '"selection":"best-val-srocc","split":"random","step_epochs":200,"step_gamma":0.8,"weight_decay":0.0},"version":2}',
    "train flags": "--batch-size 4 --device cpu --epochs 4 --head vsfa --jobs-per-gpu 1 --label-scale dataset "
    "--lr 0.0002 --precision float32 --redraw run --sample-test true --sampler 4 --schedule constant "
    "--selection best-val-srocc --split random --step-epochs 200 --step-gamma 0.8 --weight-decay 0.0",
    "evaluate": '{"cells":{"cube-level":["OO"],"frame-level":["OO","OS","SO","SS"],"sample-4":["OO"]},'
    '"datasets":["demo"],"seeds":[0,1],"statistics":{"alpha":0.05,"margin":0.02},"version":1}',
}


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    study = load(REPO / "workflow/studies/smoke.yaml")
    grid, sources, demo = Grid(study), Sources(study), study.datasets["demo"]
    bucket = ("resnet3d18", grid.settings("resnet3d18"), study.extraction, demo, 1, sources.buckets("demo")[1])
    run = grid.run_settings("sample-4")
    return {
        "demo": depends.demo_depends(demo),
        "manifest": depends.manifest_depends(demo, sources.listing("demo").videos),
        "extract": depends.extract_depends(*bucket),
        "train": depends.train_depends(run),
        "train flags": depends.train_flags(run, []),
        "evaluate": depends.evaluate_depends(study),
    }


@pytest.mark.parametrize("rule", WRITTEN)
def test_what_a_rule_depends_on_is_written_as_before(told, rule):
    assert told[rule] == WRITTEN[rule]


class Tomorrow(Training):
    """Training with a key that is still to come."""

    warmup: int = Field(0, json_schema_extra=ADDED)
    clip: Literal["no", "yes"] = Field("no", json_schema_extra=ADDED)


class Outer(_Model):
    training: Tomorrow = Tomorrow()


def test_a_key_to_come_is_no_part_of_any_identity_until_it_is_used():
    assert identity(Tomorrow()) == identity(Training())
    assert identity(Outer())["training"] == identity(Training())
    assert identity(Outer(training=Tomorrow(warmup=3)))["training"] == identity(Training()) | {"warmup": 3}


def test_flags_name_a_key_to_come_only_once_it_is_used():
    assert depends.flags(Tomorrow(), set()) == depends.flags(Training(), set())
    assert depends.flags(Tomorrow(warmup=3), set()).endswith("--warmup 3 --weight-decay 0.0")


def test_a_whole_study_is_shown_with_every_key():
    study = load(REPO / "workflow/studies/smoke.yaml")
    assert depends.results_depends(study).startswith('1 {"name":"Smoke study on tiny synthetic clips","results":')
    assert '"jobs_per_gpu":1' in depends.results_depends(study)


@pytest.mark.parametrize(
    "settings,written",
    [
        ({"reader": "konvid-1k", "path": "k"}, '"buckets": 16, "reader": "konvid-1k", "path": "k"'),
        ({"reader": "table", "path": "t.csv"}, '"buckets": 8, "reader": "table", "path": "t.csv"'),
        ({"reader": "vsfa-info", "path": "i", "videos": "v"},
         '"buckets": 8, "reader": "vsfa-info", "path": "i", "videos": "v"'),
    ],
)  # fmt: skip
def test_a_dataset_of_version_01_is_shown_as_before(settings, written):
    study = parse({"seeds": 1, "datasets": {"d": settings}, "experiments": {"e": {"backbone": "efficientnet_lite0"}}})
    shown = '{"exclude": [], "on_bad_video": "fail", ' + written + "}"
    assert f'"datasets":{{"d":{shown.replace(": ", ":").replace(", ", ",")}}}' in depends.results_depends(study)
    assert '"splits":{"method":"random"}' in depends.results_depends(study)


def test_split_files_reach_the_command_quoted():
    run = Grid(load(REPO / "workflow/studies/smoke.yaml")).run_settings("sample-4")
    assert depends.train_flags(run, [], [Path("a b/seed-0.csv")]).endswith(" --split-file 'a b/seed-0.csv'")


def test_permutations_reach_the_command_quoted():
    run = Grid(load(REPO / "workflow/studies/smoke.yaml")).run_settings("sample-4")
    assert depends.train_flags(run, [Path("a folder/info.mat")]).endswith(" --permutations 'a folder/info.mat'")
