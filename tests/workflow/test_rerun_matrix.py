"""For every key of the config: a change of it on a finished study plans exactly the jobs it should."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from tests.workflow.conftest import Project
from tests.workflow.readers_study import BACKBONE, DATASETS, write_readers_study
from tests.workflow.rerun_matrix import (
    ALL,
    ALONG,
    EVALUATE,
    EXTRACT,
    IMPORTS,
    LIST_ONE,
    LOOK_AGAIN,
    QUICK,
    READERS,
    SMOKE,
    TIMM,
    TRAIN_ALL,
    TWO_TRAININGS,
)
from tests.workflow.test_sources import OLD
from vqa.config import Study

# Which of the two studies' entries stands for each kind of entry.
STANDS_FOR = {
    "datasets.demo": "DemoDataset",
    "datasets.native": "NativeDataset",
    "datasets.table": "TableDataset",
    "datasets.vsfa": "VsfaInfoDataset",
    "datasets.labels": "LabelsDataset",
    "datasets.labels.files.0": "LabelFile",
    "datasets.labels.raw": "RawVideo",
    "datasets.native.files.0": "LabelFile",
    "datasets.preset": "PresetDataset",
    "datasets.columns": "TableDataset",
    "backbones.efficientnet_lite0": "BackboneSettings",
    "backbones.resnet3d18": "BackboneSettings",
    "backbones.clips": "BackboneSettings",
    "backbones.matrix.import.d": "ImportedFeatures",
    "backbones.clips.import.d": "ImportedFeatures",
    "backbones.matrix.import.d.names": "NameList",
    f"backbones.{BACKBONE}": "BackboneSettings",
    "backbones.timm/test_vit": "BackboneSettings",
    "experiments.sample-4": "Experiment",
    "experiments.tuned": "Experiment",
    "experiments.theirs": "Experiment",
    "experiments.tuned.init": "Init",
}


def keys(kind: Any, name: str) -> Iterator[str]:
    """Every key of the typed config below `name`; `Training.lr`-like where a model stands under a name of the user's,
    in a list, or not at all.
    """
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        above = f"{name}." if name else ""
        for key, field in kind.model_fields.items():
            yield from keys(field.annotation, above + key)
        return
    if get_origin(kind) is not dict or not models(kind):
        yield from () if name.endswith(".reader") else (name,)  # another reader is another dataset
    for model in models(kind):
        yield from keys(model, model.__name__)


def models(kind: Any) -> list[type[BaseModel]]:
    """Those that a type is made of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for part in get_args(kind) for model in models(part)]


def row_of(key: str) -> str:
    above, _, last = key.rpartition(".")
    return f"{STANDS_FOR[above]}.{last}" if above in STANDS_FOR else key


def test_every_key_of_the_config_has_a_row():
    assert set(keys(Study, "")) == {row_of(key) for key in (*SMOKE, *READERS, *IMPORTS, *TIMM)}


def rows(table: dict[str, Any]) -> list[Any]:
    found = []
    for key, row in table.items():
        marks = [] if key in QUICK else [pytest.mark.reruns]
        found.append(pytest.param(key, *row, id=key, marks=marks))
    return found


@pytest.mark.parametrize("key,value,jobs", rows(SMOKE))
def test_a_key_of_the_smoke_study_plans_its_jobs(plan, key, value, jobs):
    if key.endswith(".weights"):
        shutil.copy(plan.results / "weights/efficientnet_lite0.pth", plan.folder / value)
    if key.endswith(".permutations"):
        (plan.folder / value).touch()
    set_key(plan, key, value)
    assert plan.jobs() == Counter(jobs)


@pytest.fixture
def readers(run_once, make_clip, tmp_path) -> Project:
    """A copy of the finished study of the other readers, to plan with."""
    return run_once("readers", lambda folder: write_readers_study(folder, make_clip)).link(tmp_path / "project")


@pytest.mark.parametrize("key,value,jobs", rows(READERS))
def test_a_key_of_another_reader_plans_its_jobs(readers, key, value, jobs):
    if key in ALONG:
        set_key(readers, *ALONG[key])
    set_key(readers, key, value)
    assert readers.jobs() == Counter(jobs)


def replace(path: Path, text: str) -> None:
    """By an older file; the studies that `path` is linked to keep theirs."""
    path.unlink()
    path.write_text(text)
    os.utime(path, (OLD, OLD))


@pytest.mark.reruns
@pytest.mark.parametrize(
    "name,old,new",
    [
        ("konvid/KoNViD_1k_mos.csv", '"1.2200000000"', '"1.3"'),
        ("train.txt", ", 1\n", ", 1.5\n"),
        ("lsvq/train_labels.txt", ", 1\n", ", 1.5\n"),
        ("ratings.csv", "6,1,6,train", "6,1.5,6,train"),
    ],
)
def test_an_older_label_file_with_another_label_lists_and_trains_again(readers, name, old, new):
    file = readers.folder / "data" / name
    text = file.read_text()
    assert text.count(old) == 1
    replace(file, text.replace(old, new))
    assert readers.jobs() == Counter(LIST_ONE)


@pytest.mark.reruns
def test_touched_label_files_and_videos_that_no_label_names_plan_nothing(readers):
    data = readers.folder / "data"
    for file in (*data.glob("*.txt"), *data.glob("*.csv"), *data.glob("*/*.txt"), *data.glob("*/*.csv")):
        replace(file, file.read_text())
    for folder in ("clips", "konvid", "lsvq"):
        (data / folder / "unnamed.mp4").touch()
    assert readers.jobs() == {}


@pytest.mark.reruns
def test_a_video_replaced_behind_a_label_file_is_looked_at_again(readers):
    replace(readers.folder / "data/clips/0.mp4", "another")
    assert readers.jobs() == Counter(LOOK_AGAIN)


@pytest.mark.reruns
def test_stored_splits_train_again(readers):
    for name in DATASETS:
        set_key(readers, f"datasets.{name}.permutations", "data/info.mat")
    set_key(readers, "splits.method", "stored")
    assert readers.jobs() == Counter(TRAIN_ALL)


@pytest.mark.reruns
def test_another_checkpoint_under_the_same_name_extracts_again(readers):
    own = readers.folder / "data/own.pth"
    reversed_bytes = own.read_bytes()[::-1]
    own.unlink()
    own.write_bytes(reversed_bytes)
    assert readers.jobs()["extract"] == len(DATASETS)


def set_key(project: Project, key: str, value: object) -> None:
    project.edit(**{key.replace(".", "__"): value})


def reorder(raw: dict[str, Any]) -> None:
    raw["experiments"] = dict(reversed(raw["experiments"].items()))


def rename(raw: dict[str, Any]) -> None:
    raw["experiments"]["renamed"] = raw["experiments"].pop("sample-4")


def remove(raw: dict[str, Any]) -> None:
    del raw["experiments"]["sample-4"]


def add(raw: dict[str, Any]) -> None:
    raw["experiments"]["more"] = raw["experiments"]["sample-4"] | {"sampler": 3}


def add_variant(raw: dict[str, Any]) -> None:
    raw["backbones"] = {"sparse": {"network": "efficientnet_lite0", "every": 2}}
    raw["experiments"]["sparse"] = raw["experiments"]["sample-4"] | {"backbone": "sparse"}


def join_backbones(raw: dict[str, Any]) -> None:
    joined = ["efficientnet_lite0", "resnet3d18"]
    raw["experiments"]["joined"] = raw["experiments"]["sample-4"] | {"backbone": joined}


def rename_dataset(raw: dict[str, Any]) -> None:
    raw["datasets"]["other"] = raw["datasets"].pop("demo")


def list_as_table(raw: dict[str, Any]) -> None:
    table = f"{raw['results']}/data/demo/table.csv"
    raw["datasets"]["demo"] = {"reader": "table", "path": table, "buckets": 2}


@pytest.mark.parametrize(
    "change,jobs",
    [
        pytest.param(reorder, EVALUATE),
        pytest.param(rename, TWO_TRAININGS, marks=pytest.mark.reruns),
        pytest.param(remove, EVALUATE, marks=pytest.mark.reruns),
        pytest.param(add, TWO_TRAININGS, marks=pytest.mark.reruns),
        pytest.param(add_variant, {"extract": 2, "index": 1} | TWO_TRAININGS),
        pytest.param(join_backbones, TWO_TRAININGS, marks=pytest.mark.reruns),
        pytest.param(rename_dataset, {k.replace("demo_data_demo", "demo_data_other"): n for k, n in ALL.items()
                                      if k != "weights"}, marks=pytest.mark.reruns),
        # Its clips are nobody's output any more: each bucket looks at them, and decodes nothing.
        pytest.param(list_as_table, {"manifest": 1, "probe": 1} | EXTRACT, marks=pytest.mark.reruns),
    ],
)  # fmt: skip
def test_a_change_of_the_studys_shape_plans_its_jobs(plan, change, jobs):
    raw = yaml.safe_load(plan.config.read_text())
    change(raw)
    plan.config.write_text(yaml.safe_dump(raw, sort_keys=False))
    assert plan.jobs() == Counter(jobs)


def second_clone(plan: Project) -> Project:
    """Another working folder on the same results, which has no record of them."""
    clone = Project(plan.folder.with_name("clone"))
    (clone.folder / "results-smoke").symlink_to(plan.results)
    return clone


def without_record(plan: Project) -> Project:
    shutil.rmtree(plan.folder / ".snakemake")
    return plan


@pytest.mark.parametrize("opened", [without_record, pytest.param(second_clone, marks=pytest.mark.reruns)])
@pytest.mark.parametrize(
    "key,value,words",
    [
        ("training.lr", 1e-3, ["lr 0.0002, where the study has 0.001", "--forcerun train"]),
        ("extraction.precision", "bfloat16", ["features' precision float32", "--forcerun manifest extract`"]),
        pytest.param(
            "extraction.storage", "float32", ["features' storage float16", "--forcerun manifest extract`"],
            marks=pytest.mark.reruns,
        ),
        pytest.param("statistics.margin", 0.05, ["--forcerun evaluate videos"], marks=pytest.mark.reruns),
    ],
)  # fmt: skip
def test_without_its_record_a_changed_study_is_refused_with_the_command_that_mends(plan, opened, key, value, words):
    project = opened(plan)
    assert project.jobs() == {}
    set_key(project, key, value)
    refused = project.run("--dry-run", check=False)
    assert refused.returncode == 1
    last = [line for line in (refused.stdout + refused.stderr).splitlines() if line.strip()][-1]
    assert last.startswith("vqa: error: ") and f"--configfile {project.config}" in last
    for word in words:
        assert word in last
    forced = last.partition("--forcerun ")[2].rstrip("`").split()
    assert project.jobs("--forcerun", *forced)
