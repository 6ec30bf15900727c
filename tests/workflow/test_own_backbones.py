"""A user's own backbone is checked, then extracted, and its files count, through a real Snakemake."""

import shutil
from collections import Counter

import pytest

from tests.backbones.test_own import SOUND
from tests.workflow.conftest import Project
from tests.workflow.test_reruns import RESULTS

pytestmark = pytest.mark.studies

NAME = "nets/my_net.py:MyNet"
MADE = {"check_backbone": 1, "own_weights": 1, "extract": 2, "index": 1, "train": 2} | RESULTS


def write_network(project: Project, *changes: tuple[str, str]) -> None:
    text = "\n".join(line.removeprefix("    ") for line in SOUND.splitlines())
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = project.folder / "nets" / "my_net.py"
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)  # a link to the finished study's
    file.write_text(text)


@pytest.fixture(scope="module")
def extracted(finished, tmp_path_factory) -> Project:
    """A finished study with an own backbone in it."""
    project = finished.copy(tmp_path_factory.mktemp("own") / "project")
    write_network(project)
    project.edit(**{"experiments__sample-4__backbone": NAME})
    assert project.jobs() == Counter(MADE)
    log = project.run().stderr
    assert log.index("Check the backbone") < log.index("Extract my_net-MyNet")
    return project


def test_a_study_without_own_backbones_has_no_check(plan):
    assert plan.jobs("--forceall").keys().isdisjoint({"check_backbone", "own_weights"})


def test_nothing_is_planned_once_it_is_extracted(extracted):
    assert extracted.jobs() == {}


def test_an_edited_network_alone_is_checked_and_extracted_again(extracted, tmp_path):
    project = extracted.link(tmp_path / "project")
    write_network(project, ("torch.relu", "torch.tanh"))
    assert project.jobs() == Counter(MADE)


def test_given_weights_are_extracted_with_behind_the_check(extracted, tmp_path):
    project = extracted.link(tmp_path / "project")
    (check,) = (project.results / "models").iterdir()
    shutil.copy(project.results / "weights" / f"{check.stem}.pth", project.folder / "given.pth")
    project.edit(backbones={NAME: {"weights": "given.pth"}})
    write_network(project, ("torch.relu", "torch.tanh"))
    assert project.jobs() == Counter({key: count for key, count in MADE.items() if key != "own_weights"})


def test_a_broken_network_is_told_before_anything_is_extracted(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    shutil.rmtree(project.results / "features")
    write_network(project, ("return maps", "return maps.flatten(1)"))
    project.edit(**{"experiments__sample-4__backbone": NAME})
    result = project.run(check=False)
    told = result.stdout + result.stderr
    assert result.returncode == 1 and "rows of another length" in told
    assert f"vqa: error: {NAME}: breaks a rule" in told
    assert not list(project.results.glob("features/**/*.h5"))


def test_a_network_that_is_not_there_is_one_line(plan):
    plan.edit(**{"experiments__sample-4__backbone": NAME})
    result = plan.run("--dry-run", check=False)
    assert f"vqa: error: backbone '{NAME}': there is no file" in result.stdout + result.stderr


def test_a_timm_model_and_its_tag_are_planned_as_they_are_named(plan):
    plan.edit(**{"experiments__sample-4__backbone": "timm/vit_small_patch14_dinov2.lvd142m"})
    result = plan.run("--dry-run", "--printshellcmds")
    jobs = plan.jobs()
    assert jobs == Counter({"weights": 1, "extract": 2, "index": 1, "train": 2} | RESULTS)
    assert "weights/timm-vit_small_patch14_dinov2.lvd142m.pth" in result.stdout + result.stderr
