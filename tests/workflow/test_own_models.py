"""A user's own model is checked before anything is extracted, and extracts nothing again, through a real Snakemake."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.temporal.conftest import SOUND
from tests.workflow.conftest import Project
from tests.workflow.test_reruns import RESULTS

pytestmark = pytest.mark.studies

HEAD = "my_model.py:MyHead"
TRAIN = {"train": 2} | RESULTS


def write_model(project: Project, *changes: tuple[str, str]) -> None:
    text = "\n".join(line.removeprefix("    ") for line in SOUND.splitlines())
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (project.folder / "my_model.py").write_text(text)


def stamps(project: Project) -> list[Path]:
    return sorted((project.results / "models").glob("*"))


@pytest.fixture(scope="module")
def checked(finished, tmp_path_factory) -> Project:
    """A study with an own model in it, extracted behind its check and finished."""
    project = finished.copy(tmp_path_factory.mktemp("own") / "project")
    write_model(project)
    project.edit(**{"experiments__sample-4__head": HEAD})
    for folder in project.results.glob("features/demo/*/receipts"):
        shutil.rmtree(folder)
    log = project.run().stderr
    assert log.index("Check the temporal model") < log.index("Extract ")
    return project


def test_a_study_without_own_models_has_no_check(plan):
    assert plan.jobs() == {} and "check_model" not in plan.jobs("--forceall")


def test_a_model_added_to_a_finished_study_is_checked_and_extracts_nothing(plan):
    write_model(plan)
    plan.edit(**{"experiments__sample-4__head": HEAD})
    assert plan.jobs() == Counter({"check_model": 1} | TRAIN)


def test_nothing_is_planned_once_the_study_is_finished(checked):
    assert len(stamps(checked)) == 1
    assert checked.jobs() == {}


def test_a_check_that_is_deleted_plans_nothing(checked, tmp_path):
    project = checked.link(tmp_path / "project")
    shutil.rmtree(project.results / "models")
    assert project.jobs() == {}


def test_an_edited_model_is_checked_and_trained_again_and_extracts_nothing(checked, tmp_path):
    project = checked.link(tmp_path / "project")
    (project.folder / "my_model.py").unlink()  # a link to the finished study's
    write_model(project, ("torch.tanh", "torch.sigmoid"))
    assert project.jobs() == Counter({"check_model": 1} | TRAIN)


def test_other_options_are_checked_and_trained_again_and_extract_nothing(checked, tmp_path):
    project = checked.link(tmp_path / "project")
    project.edit(**{"experiments__sample-4__head": {"name": HEAD, "width": 4}})
    assert project.jobs() == Counter({"check_model": 1} | TRAIN)


def test_a_model_taken_out_again_extracts_nothing(checked, tmp_path):
    project = checked.link(tmp_path / "project")
    project.edit(**{"experiments__sample-4__head": "vsfa"})
    assert project.jobs() == Counter(TRAIN)


def test_what_changes_features_extracts_again_beside_an_edited_model(checked, tmp_path):
    project = checked.link(tmp_path / "project")
    (project.folder / "my_model.py").unlink()
    write_model(project, ("torch.tanh", "torch.sigmoid"))
    project.edit(extraction__storage="float32")
    jobs = project.jobs()
    assert (jobs["extract"], jobs["train"], jobs["check_model"]) == (4, 8, 1)


def test_a_broken_model_is_told_before_anything_is_extracted(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    shutil.rmtree(project.results / "features")
    write_model(project, ("features.shape[1]) < lengths", "features.shape[1]) <= lengths"))
    project.edit(**{"experiments__sample-4__head": HEAD})
    result = project.run(check=False)
    assert result.returncode == 1
    told = result.stdout + result.stderr
    assert "padding leaks" in told and "vqa: error: my_model.py:MyHead: breaks" in told
    assert not list(project.results.glob("features/**/*.h5")) and not stamps(project)
