import tomllib

import pytest
import yaml

from tests.conftest import REPO, assert_one_line_error, vqa
from vqa.cli import _COMMANDS


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_explains_itself(command):
    result = vqa(command, "--help")
    assert result.returncode == 0 and "Usage: vqa " + command in result.stdout
    assert len(result.stdout.splitlines()) > 5


def test_start_imports_no_torch_and_no_pandas():
    import subprocess
    import sys

    code = "import sys, vqa.cli, vqa.study.grid; print([m for m in ('torch', 'pandas', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_mistakes_are_one_line(tmp_path):
    assert_one_line_error(vqa("check", "--config", tmp_path / "no.yaml"), "no.yaml", "cannot be read")
    assert vqa("no-such-command").returncode == 2
    required = ["--backbone", "resnet50", "--output", tmp_path, "--receipt", tmp_path / "r", "--weights", "w"]
    assert_one_line_error(vqa("extract", "--bucket", "9/4", *required), "9/4")


def test_the_conda_environment_matches_pyproject():
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((REPO / "envs" / "vqa.yaml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in environment if isinstance(entry, dict))
    listed = {tidy(entry) for entry in [*(e for e in environment if isinstance(e, str)), *pip]}
    assert {tidy(entry) for entry in project["dependencies"]} <= listed
    assert f"python{project['requires-python']}" in listed


def tidy(requirement: str) -> str:
    """A requirement without spaces, under its PyPI name."""
    names = {
        "pytorch": "torch",
        "matplotlib-base": "matplotlib",
        "snakemake-minimal": "snakemake",
    }
    for conda, pypi in names.items():
        requirement = requirement.replace(conda, pypi)
    return requirement.replace(" ", "")
