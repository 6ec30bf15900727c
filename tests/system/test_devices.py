"""Leases between real processes; no GPU is needed, names of devices are."""

import select
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import vqa
from vqa.manifest import Video, write_manifest
from vqa.system import devices
from vqa.system.errors import UserError

HOLD = """
import sys
from vqa.system.devices import lease
with lease("cuda", int(sys.argv[1]) or None) as device:
    import os
    print(os.environ["CUDA_VISIBLE_DEVICES"], device, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def two_gpus(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv(devices.STAND_IN, "1")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    started = []

    def hold(sharers: int = 0) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(sharers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield hold
    for process in started:
        process.kill()
        process.wait()


def has_line(process: subprocess.Popen, seconds: float) -> bool:
    return bool(select.select([process.stdout], [], [], seconds)[0])


def test_two_jobs_have_different_gpus_and_a_third_waits_for_one(two_gpus):
    first, second = two_gpus(), two_gpus()
    held = {process.stdout.readline() for process in (first, second)}
    assert held == {"0 cpu\n", "1 cpu\n"}
    third = two_gpus()
    assert not has_line(third, 1.5)
    first.stdin.write("\n")
    first.stdin.flush()
    assert third.stdout.readline() in held


def test_a_killed_holder_frees_its_gpu(two_gpus):
    first, second = two_gpus(), two_gpus()
    mine, _ = first.stdout.readline(), second.stdout.readline()
    third = two_gpus()
    assert not has_line(third, 1)
    first.kill()
    assert third.stdout.readline() == mine


def test_sharers_fill_a_gpu_seat_by_seat_and_keep_exclusive_jobs_out(two_gpus):
    sharing = [two_gpus(2) for _ in range(4)]
    assert sorted(process.stdout.readline() for process in sharing) == ["0 cpu\n", "0 cpu\n", "1 cpu\n", "1 cpu\n"]
    alone, fifth = two_gpus(), two_gpus(2)
    assert not has_line(alone, 1) and not has_line(fifth, 0.5)


@pytest.mark.parametrize(
    "named,expected",
    [("0,1", ["0", "1"]), ("GPU-a1, GPU-b2", ["GPU-a1", "GPU-b2"]), ("", []), ("-1", []), ("0,-1,1", ["0"])],
)
def test_visible_devices_are_those_that_cuda_would_see(monkeypatch, named, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert devices.visible() == expected


def test_a_slurm_job_without_gpus_sees_none_of_the_node(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert devices.visible() == [] and devices.resolve("auto") == "cpu"


def test_no_gpu_is_one_line(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(UserError, match="no GPU is visible"), devices.lease("cuda"):
        pass


def test_device_names_stay_in_the_pool(two_gpus, monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-GPU-1/../../2")
    with devices.lease("cuda") as device:
        assert device == "cpu"
    assert {path.suffix for path in Path(tmp_path).rglob("*") if path.is_file()} == {".lock"}


def test_two_extractions_run_on_different_gpus_while_a_third_waits(two_gpus, tmp_path):
    assert (
        vqa("demo-data", "--output", tmp_path / "clips", "--videos", 5, "--scenes", 2, "--seconds", 1).returncode == 0
    )
    assert vqa("weights", "resnet3d18", "--output", tmp_path / "w.pth").returncode == 0
    table = tmp_path / "manifest.csv"
    write_manifest(table, [Video(clip.stem, str(clip), 1.0) for clip in (tmp_path / "clips").glob("*.mp4")])
    logs = [tmp_path / f"{number}.log" for number in range(3)]
    command = [sys.executable, "-m", "vqa", "extract", "--manifest", table, "--backbone", "resnet3d18"]
    command += ["--weights", tmp_path / "w.pth", "--device", "cuda", "--cube-input", "native", "--threads", "1"]
    running = []
    for log in logs:
        output = ["--output", tmp_path / log.stem, "--receipt", tmp_path / f"{log.stem}.json"]
        with open(log, "w") as file:
            running.append(subprocess.Popen([*command, *output], stderr=file))
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    texts = [log.read_text() for log in logs]
    waited = [text for text in texts if "waiting for one of the GPUs 0,1" in text]
    at_once = [text for text in texts if text not in waited]
    assert len(waited) == 1
    assert {text.split("INFO GPU ")[1][0] for text in at_once} == {"0", "1"}
