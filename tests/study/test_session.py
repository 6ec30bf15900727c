"""How Snakemake was called, and what a profile's settings are worth beside a command line's."""

import re

import click
import pytest
from click.testing import CliRunner

from tests.conftest import REPO
from vqa.cli.options import settings_options
from vqa.config import Training, load
from vqa.study import session
from vqa.system.errors import UserError


@pytest.mark.parametrize(
    "given,command",
    [
        ("--cores 2 -n", "snakemake"),
        ("--configfile a.yaml --cores 4", "snakemake --configfile a.yaml"),
        ("--configfile=a.yaml -c4 --profile profiles/slurm", "snakemake --configfile a.yaml --profile profiles/slurm"),
        (
            "-s /w/Snakefile -d /d --configfiles a b -p",
            "snakemake --snakefile /w/Snakefile --directory /d --configfile a b",
        ),
        ("-C seeds=3 training={lr:1} --forcerun train", "snakemake --config seeds=3 'training={lr:1}'"),
    ],
)
def test_the_mending_command_names_what_the_user_named(given, command):
    assert session.command(given.split()) == command


def test_jobs_are_told_by_the_environment_what_no_result_depends_on(monkeypatch):
    monkeypatch.setenv("VQA_FEATURES_MB", "")
    session.tell(load(REPO / "config.yaml").model_copy(update={"training": Training(features_mb=70)}))

    @click.command()
    @settings_options(Training, only=("features_mb",))
    def job(features_mb: int) -> None:
        click.echo(features_mb)

    assert CliRunner().invoke(job).output == "70\n"
    assert CliRunner().invoke(job, ["--features-mb", "8"]).output == "8\n"


def test_a_path_with_spaces_is_quoted():
    assert session.command(["--configfile", "my study.yaml"]) == "snakemake --configfile 'my study.yaml'"


def test_a_config_that_would_drop_the_profiles_is_refused_with_what_to_repeat(tmp_path):
    (tmp_path / "config.yaml").write_text('config:\n  - "training={device: cuda}"\n  - "seeds=3"\n')
    with pytest.raises(UserError) as caught:
        session.require_profile_settings(["--profile", str(tmp_path), "--config", "seeds=4"])
    assert str(caught.value).endswith("repeat it: --config 'training={device: cuda}' seeds=4")
    session.require_profile_settings(["--profile", str(tmp_path)])
    session.require_profile_settings(
        ["--profile", str(tmp_path), "-n", "--config", "seeds=4", "training={device: cpu}"]
    )


def test_the_shipped_gpu_profile_is_looked_at():
    profile = str(REPO / "profiles/gpu-workstation")
    with pytest.raises(UserError, match=re.escape("training={device: cuda, jobs_per_gpu: 4}")):
        session.require_profile_settings(["--profile", profile, "--config", "seeds=4"])
