"""For every key of the config: a change of it on a finished study plans exactly the jobs it should."""

import shutil
import types
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from tests.workflow.conftest import Project
from tests.workflow.readers_study import BACKBONE, write_readers_study
from tests.workflow.rerun_matrix import ALL, EVALUATE, QUICK, READERS, SMOKE, TRAIN, TWO_TRAININGS, WITHOUT_A_ROW
from vqa.config import Study

# Which of the two studies' entries stands for each kind of entry.
STANDS_FOR = {
    "datasets.demo": "DemoDataset",
    "datasets.native": "NativeDataset",
    "datasets.table": "TableDataset",
    "datasets.vsfa": "VsfaInfoDataset",
    "backbones.efficientnet_lite0": "BackboneSettings",
    "backbones.resnet3d18": "BackboneSettings",
    f"backbones.{BACKBONE}": "BackboneSettings",
    "experiments.sample-4": "Experiment",
}


def keys(kind: Any, name: str) -> Iterator[str]:
    """Every key of the typed config below `name`: `Training.lr`-like for what stands under a name of the user's."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        above = f"{name}." if name else ""
        for key, field in kind.model_fields.items():
            yield from keys(field.annotation, above + key)
    elif get_origin(kind) is dict:
        choices = get_args(kind)[1]
        choices = get_args(choices)[0] if get_origin(choices) is Annotated else choices
        union = get_origin(choices) in (Union, types.UnionType)
        models = get_args(choices) if union else (choices,)
        if not all(isinstance(model, type) and issubclass(model, BaseModel) for model in models):
            yield name  # a mapping of plain values is one key
            return
        for model in models:
            yield from keys(model, model.__name__)
    elif not name.endswith(".reader"):  # another reader is another dataset
        yield name


def row_of(key: str) -> str:
    above, _, last = key.rpartition(".")
    return f"{STANDS_FOR[above]}.{last}" if above in STANDS_FOR else key


def test_every_key_of_the_config_has_a_row():
    assert set(keys(Study, "")) == {row_of(key) for key in (*SMOKE, *READERS)} | WITHOUT_A_ROW


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


@pytest.fixture(scope="module")
def readers(tmp_path_factory, make_clip) -> Project:
    project = write_readers_study(tmp_path_factory.mktemp("readers"), make_clip)
    project.run()
    assert project.jobs() == {}
    return project


@pytest.mark.parametrize("key,value,jobs", rows(READERS))
def test_a_key_of_another_reader_plans_its_jobs(readers, tmp_path, key, value, jobs):
    plan = readers.link(tmp_path / "project")
    if isinstance(value, str) and (source := readers.folder.parent / value).exists():
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / value)
        value = str(tmp_path / value)
    set_key(plan, key, value)
    assert plan.jobs() == Counter(jobs)


@pytest.mark.reruns
def test_stored_splits_train_again(readers, tmp_path):
    plan = readers.link(tmp_path / "project")
    for name in ("native", "table", "vsfa"):
        set_key(plan, f"datasets.{name}.permutations", str(readers.folder.parent / "info.mat"))
    set_key(plan, "splits.method", "stored")
    assert plan.jobs() == Counter({"train": 3} | EVALUATE)


@pytest.mark.reruns
def test_another_checkpoint_under_the_same_name_extracts_again(readers, tmp_path):
    plan = readers.link(tmp_path / "project")
    own = tmp_path / "own.pth"
    shutil.copy2(readers.folder.parent / "own.pth", own)
    set_key(plan, f"backbones.{BACKBONE}.weights", str(own))
    plan.run("--touch")  # so that only its content differs from now on
    own.write_bytes(own.read_bytes()[::-1])
    assert plan.jobs()["extract"] == 3


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
        pytest.param(rename_dataset, {k.replace("demo_data_demo", "demo_data_other"): n for k, n in ALL.items()
                                      if k != "weights"}, marks=pytest.mark.reruns),
        pytest.param(list_as_table, {"manifest": 1, "probe": 1, "index": 2} | TRAIN, marks=pytest.mark.reruns),
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
        ("extraction.precision", "bfloat16", ["features' precision float32", "--forcerun"]),
        pytest.param("extraction.storage", "float32", ["--forcerun manifest extract"], marks=pytest.mark.reruns),
        pytest.param("statistics.margin", 0.05, ["--forcerun evaluate tables"], marks=pytest.mark.reruns),
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
