"""The smoke study through a real Slurm, undisturbed and disturbed: the same results as on one machine."""

import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.cluster.conftest import ClusterProject
from tests.conftest import REPO
from tests.workflow.test_kills import assert_same_results
from tests.workflow.test_reruns import replace_clip
from vqa.system.devices import STAND_IN

pytestmark = pytest.mark.cluster


def wait_for(condition: Callable[[], object], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def training_nodes(cluster) -> list[str]:
    return [job["node"] for job in cluster.jobs("RUNNING") if "train" in job["what"]]


def test_the_study_through_slurm_equals_the_local_one(project, finished, cluster):
    before = len(cluster.jobs())
    project.run(env=cluster.environment)
    assert_same_results(project, finished)
    submitted = cluster.jobs()[: len(cluster.jobs()) - before]
    assert {job["state"] for job in submitted} == {"COMPLETED"}
    assert len({job["node"] for job in submitted}) > 1
    assert sum("train" in job["what"] for job in submitted) == 1  # 8 trainings, one group
    assert project.jobs() == {}


def test_each_gpu_job_has_a_device_of_its_own(untrained, cluster):
    untrained.edit(extraction__device="cuda")
    shutil.rmtree(untrained.results / "features")
    untrained.run("--until", "extract", env=cluster.environment | {STAND_IN: "1"})
    logs = list((untrained.results / "logs" / "extract").rglob("*.log"))
    assert len(logs) == 4 and all("INFO GPU 0 of 0" in log.read_text() for log in logs)
    asked = cluster.client("squeue", "-h", "-t", "all", "-O", "JobID:8,tres-per-job:20,Comment:60").splitlines()
    assert sum("gpu" in line and "extract" in line for line in asked) == 4
    spans: dict[str, list[tuple[str, str]]] = {}
    for job in cluster.jobs("COMPLETED"):
        if any(line.split()[0] == job["id"] and "gpu" in line for line in asked):
            spans.setdefault(job["node"], []).append((job["start"], job["end"]))
    for node in spans.values():  # every node has one GPU
        ordered = sorted(node)
        assert all(end <= start for (_, end), (start, _) in pairwise(ordered))


@pytest.mark.outage
def test_a_node_lost_with_its_jobs(untrained, finished, cluster, tmp_path):
    process = untrained.start(tmp_path / "log")
    wait_for(lambda: training_nodes(cluster))
    cluster.kill_node(training_nodes(cluster)[0])
    try:
        assert process.wait(timeout=300) == 0, (tmp_path / "log").read_text()[-3000:]
    finally:
        cluster.up()
    assert "Trying to restart" in (tmp_path / "log").read_text()
    assert_same_results(untrained, finished)


@pytest.mark.outage
def test_jobs_out_of_memory_get_more_on_the_next_try(untrained, finished, cluster):
    limit = "train:mem_mb=150 if attempt == 1 else 3000"
    result = untrained.run("--group-components", "train=1", "--set-resources", limit, env=cluster.environment)
    assert "Trying to restart" in result.stdout + result.stderr
    assert_same_results(untrained, finished)


def test_a_killed_job_is_tried_again(untrained, finished, cluster, tmp_path):
    process = untrained.start(tmp_path / "log", "--group-components", "train=1")
    wait_for(lambda: untrained.processes("train"))
    untrained.processes("train")[0].kill()
    assert process.wait(timeout=400) == 0, (tmp_path / "log").read_text()[-3000:]
    assert "Trying to restart" in (tmp_path / "log").read_text()
    assert_same_results(untrained, finished)


@pytest.mark.outage
def test_a_hung_job_reaches_its_time_limit_and_is_tried_again(untrained, finished, cluster, tmp_path):
    limit = "train:runtime=1 if attempt == 1 else 30"
    process = untrained.start(tmp_path / "log", "--group-components", "train=1", "--set-resources", limit)
    wait_for(lambda: untrained.processes("train"))
    untrained.processes("train")[0].suspend()
    assert process.wait(timeout=400) == 0, (tmp_path / "log").read_text()[-3000:]
    assert [job["state"] for job in cluster.jobs("TIMEOUT")] == ["TIMEOUT"]
    assert "Trying to restart" in (tmp_path / "log").read_text()
    assert_same_results(untrained, finished)


@pytest.mark.outage
def test_a_video_replaced_while_jobs_run(finished, cluster, tmp_path):
    """The next start mends what was made of the old video, and nothing else."""
    found, expected = (finished.copy(tmp_path / name) for name in ("found", "expected"))
    for copied in (found, expected):
        shutil.rmtree(copied.results / "runs")
    replace_clip(expected.results / "data/demo/clip-003.mp4")
    expected.run()
    found = ClusterProject(found.folder)
    found.cluster = cluster
    shutil.rmtree(found.results / "features")
    process = found.start(tmp_path / "log")
    wait_for(lambda: found.processes("extract"))
    replace_clip(found.results / "data/demo/clip-003.mp4")
    process.wait(timeout=300)
    replaced = {path: path.stat().st_mtime_ns for path in found.results.glob("features/demo/*/*.h5")}
    found.run(env=cluster.environment)
    again = {path.stem for path, mtime in replaced.items() if path.stat().st_mtime_ns != mtime}
    assert again <= {"clip-003"}
    assert_same_results(found, expected)
    assert found.jobs() == {}


@pytest.mark.outage
def test_snakemake_killed_and_started_at_once_while_its_jobs_run(untrained, finished, cluster, tmp_path):
    process = untrained.start(tmp_path / "log")
    wait_for(lambda: training_nodes(cluster))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert training_nodes(cluster)  # they run on, and will run twice
    locked = untrained.run(check=False, env=cluster.environment)
    assert locked.returncode != 0 and "--unlock" in locked.stdout + locked.stderr
    untrained.run("--unlock", env=cluster.environment)
    untrained.run(env=cluster.environment)
    wait_for(lambda: not cluster.jobs("RUNNING", "PENDING"))
    assert_same_results(untrained, finished)
    assert untrained.jobs() == {}


def test_documented_commands_run_on_the_cluster(cluster):
    """Every Slurm client command that the documentation gives is one that Slurm knows."""
    chapter = (REPO / "workflow/documentation/cluster.md").read_text()
    commands = re.findall(r"^((?:sinfo|squeue|scontrol) [^#\n]*)", chapter, re.M)
    assert commands
    for command in commands:
        cluster.client("bash", "-c", command)
