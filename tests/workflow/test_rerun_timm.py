"""For the key of timm's networks: a change of it on a finished study plans exactly the jobs it should."""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import Project
from tests.workflow.rerun_matrix import TIMM
from tests.workflow.test_rerun_matrix import rows, set_key

pytestmark = pytest.mark.reruns


def write_timm_study(folder: Path) -> Project:
    """The smoke study's clips, one network of timm and one training; nothing is run."""
    import torch
    from timm import create_model

    project = Project(folder)
    torch.save(create_model("test_vit").state_dict(), folder / "vit.pth")
    raw = yaml.safe_load(project.config.read_text())
    name = "timm/test_vit"
    raw |= {
        "seeds": 1,
        "backbones": {name: {"weights": "vit.pth"}},
        "experiments": {"vit": {"backbone": name, "batch_size": 4, "modes": ["OO"]}},
    }
    project.config.write_text(yaml.safe_dump(raw, sort_keys=False))
    return project


@pytest.mark.parametrize("key,value,jobs", rows(TIMM))
def test_a_key_of_a_network_of_timm_plans_its_jobs(run_once, tmp_path, key, value, jobs):
    project = run_once("timm", write_timm_study).link(tmp_path / "project")
    assert project.jobs() == {}
    set_key(project, key, value)
    assert project.jobs() == Counter(jobs)
