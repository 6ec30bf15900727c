"""Two people, two folders, hostile names: what an operator meets, through real Snakemake."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPO, assert_one_line_error, vqa
from tests.system.test_locks import HOLD
from tests.workflow.conftest import Project

pytestmark = pytest.mark.studies

HOSTILE = "re s'ult\"s; touch owned; $(touch owned) `touch owned` &"


def refusal(project: Project, *arguments: object) -> str:
    """The one line in which Snakemake ends, with exit status 1."""
    result = project.run(*arguments, check=False)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    lines = [line for line in (result.stdout + result.stderr).splitlines() if line.startswith("vqa: error: ")]
    assert len(lines) == 1, result.stdout + result.stderr
    return lines[0]


def test_a_key_that_stands_twice_is_refused_though_snakemake_reads_the_file(tmp_path):
    project = Project(tmp_path)
    project.config.write_text(project.config.read_text() + "seeds: 3\n")
    assert "study.yaml line " in refusal(project, "-n") and "'seeds' stands in line 5" in refusal(project, "-n")


def test_braces_in_a_file_name_are_refused_by_name(tmp_path, make_clip):
    make_clip(tmp_path / "v{1}.mp4")
    (tmp_path / "t.csv").write_text("video_id,path,mos\na,v{1}.mp4,1\n")
    project = Project(tmp_path / "project")
    project.edit(datasets={"d": {"reader": "table", "path": str(tmp_path / "t.csv")}})
    assert f"datasets.d: {tmp_path}/v{{1}}.mp4: " in refusal(project, "-n")


def test_hostile_names_reach_every_command_as_they_are(tmp_path):
    """All commands of a whole study, as Snakemake prints them, run by bash with a `vqa` that notes its words."""
    project = Project(tmp_path / "project")
    two = {"demo": {"reader": "demo", "videos": 5, "scenes": 1}, "d.2": {"reader": "demo", "videos": 5, "seed": 1}}
    project.edit(results=HOSTILE, datasets=two, cross_dataset=["frame-level"])
    shown = project.run("-n", "-p").stdout
    commands = re.findall(r"^(?:Shell command: |\s*)(vqa .*)$", shown, re.M)
    assert {shlex.split(command)[1] for command in commands} == {
        "demo-data", "manifest", "probe", "weights", "extract", "index", "train", "cross", "evaluate", "videos",
        "shown", "tables", "figures", "report",
    }  # fmt: skip
    (tmp_path / "bin").mkdir()
    stub = tmp_path / "bin" / "vqa"
    stub.write_text('#!/bin/bash\nprintf \'%s\\n\' "$@" >> "$NOTED"\n')
    stub.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "NOTED": str(tmp_path / "noted")}
    for command in commands:
        log = shlex.split(command)[-2]
        (project.folder / log).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["bash", "-c", command], cwd=project.folder, env=environment, check=True)
        assert HOSTILE in (tmp_path / "noted").read_text()
        (tmp_path / "noted").unlink()
    assert not list(tmp_path.rglob("owned"))


def test_a_second_working_copy_on_the_same_results_is_refused_in_one_line(project):
    project.edit(plots__dpi=100)
    before = (project.results / "study.yaml").read_bytes()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, project.results], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "held\n"
        assert f"process {process.pid}" in refusal(project)
        assert (project.results / "study.yaml").read_bytes() == before
    finally:
        process.kill()
        process.wait()
    project.run("--until", "figures")
    assert "dpi: 100" in (project.results / "study.yaml").read_text()


def test_a_job_of_another_study_refuses(finished, monkeypatch):
    monkeypatch.setenv("VQA_STUDY", "another")
    study = finished.results / "study.yaml"
    result = vqa("tables", "--config", study, "--output", finished.folder / "never")
    assert_one_line_error(result, str(study), "is not the study that this job belongs to")
    assert not (finished.folder / "never").exists()


def test_the_workflow_runs_from_any_folder(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    for arguments, place in (
        (["-s", REPO / "Snakefile"], folder),
        (["-s", REPO / "Snakefile", "-d", folder], tmp_path),
    ):
        command = [sys.executable, "-m", "snakemake", "--dry-run", *map(str, arguments)]
        result = subprocess.run(command, cwd=place, capture_output=True, text=True)
        assert result.returncode == 0 and "demo_data_demo" in result.stdout, result.stderr


def test_a_profile_whose_settings_would_be_lost_is_refused(tmp_path):
    project = Project(tmp_path)
    told = refusal(project, "-n", "--profile", REPO / "profiles/gpu-workstation", "--config", "seeds=1")
    assert "repeat it: --config 'extraction={device: cuda, threads: 4}'" in told and told.endswith(" seeds=1")


def test_conda_installs_the_workflows_own_folder(tmp_path):
    (tmp_path / "python").write_text('#!/bin/bash\necho "$@"\n')
    (tmp_path / "python").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "VQA_SOURCE": "/the work/flow"}
    script = ["bash", REPO / "envs/vqa.post-deploy.sh"]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip().endswith("--editable /the work/flow")


@pytest.mark.parametrize("profile", [[], ["--workflow-profile", "none"]])
def test_the_console_stays_readable_and_says_why(tmp_path, profile):
    project = Project(tmp_path)
    project.edit(datasets__demo__videos=200, seeds=20)
    shown = project.run("--dry-run", *profile).stdout
    jobs = re.findall(r"^Job \d+: .*\n(Reason: .*)$", shown, re.M)
    assert len(jobs) > 90 and max(map(len, jobs)) < 400
    assert all("Missing output files" in reason or "Input files updated" in reason for reason in jobs)


def test_a_removed_experiment_takes_its_tables_along(project):
    raw = yaml.safe_load(project.config.read_text())
    raw["experiments"] = {"kept": raw["experiments"]["sample-4"] | {"modes": ["OO", "OS"]}}
    project.config.write_text(yaml.safe_dump(raw))
    project.run()
    names = {path.stem for path in (Path(project.results) / "tables").iterdir()}
    assert "kept" in names and not names & {"frame-level", "sampling", "ttest-samplers"}
    assert not list((project.results / "figures").glob("samplers.*"))


def test_results_without_their_record_are_compared_at_every_start(project):
    """The folder that mended one difference as it was told hides no other, then or later."""
    shutil.rmtree(project.folder / ".snakemake")
    project.edit(statistics__margin=0.05, datasets__demo__exclude=["clip-003"])
    told = refusal(project, "-n")
    assert told.endswith("--forcerun manifest extract evaluate videos shown tables figures report`")
    assert refusal(project, "-n", "-R", "report", "evaluate") == told
    project.edit(datasets__demo__exclude=[])
    project.run("--forcerun", "evaluate", "videos", "shown", "tables", "figures", "report")
    assert project.jobs() == {}
    project.edit(training__lr=1e-3)
    assert "lr 0.0002, where the study has 0.001 (and 7 more runs)" in refusal(project, "-n")
    assert project.jobs("--forcerun", "train")["train"] == 8


def test_what_another_study_has_shared_is_compared_with_this_one_at_every_start(project, tmp_path):
    """Other videos, files, checkpoints: each is told with the command that mends it; what agrees is used as it is."""
    store = project.results.resolve()
    second = Project(tmp_path / "second")
    second.edit(results="own", shared=str(store))
    assert second.jobs() == {"evaluate": 1, "videos": 1, "shown": 1, "tables": 1, "figures": 1, "report": 1}
    second.edit(datasets__demo__exclude=["clip-003"])
    told = refusal(second, "-n")
    assert f"{store}/manifests/demo.csv: lists other videos or labels" in told
    assert told.endswith(f"--forcerun manifest extract`; or give this study another `shared:` than {store}")
    assert second.jobs("--forcerun", "manifest", "extract")["train"] == 8
    second.edit(datasets__demo__exclude=[])
    shutil.copy(store / "weights/efficientnet_lite0.pth", tmp_path / "own.pth")
    second.edit(backbones__efficientnet_lite0__weights=str(tmp_path / "own.pth"))
    assert "train" not in second.jobs()  # the same checkpoint, elsewhere
    with open(tmp_path / "own.pth", "ab") as file:
        file.write(b"another")
    assert "was made with features' weights" in refusal(second, "-n")
    second.edit(backbones={})
    clip = store / "data/demo/clip-001.mp4"
    shutil.copyfile(store / "data/demo/clip-002.mp4", clip)
    assert f"was made from another file than {clip}" in refusal(second, "-n")
    assert second.jobs("--forcerun", "extract", "--until", "index")["extract"] == 4
