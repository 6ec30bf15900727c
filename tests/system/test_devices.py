"""Leases between real processes; no GPU is needed, names of devices are."""

import logging
import multiprocessing
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import vqa
from vqa.manifest import Video, write_manifest
from vqa.system import devices
from vqa.system.errors import RunError, UserError

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
    monkeypatch.setenv(devices.POOL, str(tmp_path / "pool"))
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


def test_auto_falls_back_to_the_cpu_where_torch_cannot_use_the_gpu(two_gpus, monkeypatch, caplog):
    monkeypatch.delenv(devices.STAND_IN)
    caplog.set_level(logging.INFO, "vqa")
    with devices.lease("auto") as device:
        assert device == "cpu"
    assert "cannot be used by this torch: working on the CPU" in caplog.text
    with pytest.raises(UserError, match="this torch cannot use the GPU"), devices.lease("cuda"):
        pass


@pytest.mark.parametrize("told,expected", [(True, ["GPU-c3", "GPU-d4"]), (False, ["0", "1"])])
def test_gpus_are_named_as_cuda_knows_them_not_by_their_minors(monkeypatch, tmp_path, told, expected):
    """A container that was given GPUs 3 and 4 of a machine."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    for minor, uuid in ((3, "GPU-c3"), (4, "GPU-d4"), (0, "GPU-a0")):
        (tmp_path / "driver" / f"0000:0{minor}").mkdir(parents=True)
        facts = f"Model: \t\t NVIDIA\nGPU UUID: \t {uuid}\nDevice Minor: \t {minor}\n"
        (tmp_path / "driver" / f"0000:0{minor}" / "information").write_text(facts if told else "")
    real = Path.glob
    minors = [Path("/dev/nvidia4"), Path("/dev/nvidia3")]
    monkeypatch.setattr(Path, "glob", lambda self, p: minors if self == Path("/dev") else real(self, p))
    monkeypatch.setattr(devices, "_DRIVER", tmp_path / "driver")
    assert devices.visible() == expected


def test_all_users_share_one_pool_whatever_their_umask(two_gpus, tmp_path):
    before = os.umask(0o077)
    try:
        with devices.lease("cuda"):
            pass
    finally:
        os.umask(before)
    pool = tmp_path / "pool"
    assert pool.stat().st_mode & 0o7777 == 0o1777
    assert {path.stat().st_mode & 0o777 for path in pool.iterdir()} == {0o666}


def hold_as(user: int, sender, waiting) -> None:
    os.setuid(user)
    with devices.lease("cuda"):
        sender.send(user)
        waiting.wait(20)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes two users")
def test_two_users_do_not_hold_one_gpu(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    for name, value in ((devices.STAND_IN, "1"), ("CUDA_VISIBLE_DEVICES", "0")):
        monkeypatch.setenv(name, value)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe()
    done = context.Event()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own is closed to other users
        Path(folder).chmod(0o755)
        (Path(folder) / "pool").mkdir()
        (Path(folder) / "pool").chmod(0o1777)
        monkeypatch.setenv(devices.POOL, f"{folder}/pool")
        users = [context.Process(target=hold_as, args=(user, sender, done)) for user in (12001, 12002)]
        for process in users:
            process.start()
        assert receiver.poll(20)
        first = receiver.recv()
        assert not receiver.poll(1)
        done.set()
        assert receiver.poll(20) and {first, receiver.recv()} == {12001, 12002}
        for process in users:
            process.join()


def test_a_folder_or_link_that_someone_put_there_is_refused_by_name(two_gpus, monkeypatch, tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "pool").mkdir(mode=0o777)
    (tmp_path / "pool" / "0.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(RunError, match=r"0\.lock: is no lock"), devices.lease("cuda"):
        pass
    assert (tmp_path / "victim").read_text() == "precious"
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.setenv(devices.POOL, str(tmp_path / "link"))
    with pytest.raises(RunError, match="VQA_GPU_POOL"), devices.lease("cuda"):
        pass


def test_device_names_stay_in_the_pool(two_gpus, monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-GPU-1/../../2")
    with devices.lease("cuda") as device:
        assert device == "cpu"
    assert {path.suffix for path in Path(tmp_path).rglob("*") if path.is_file()} == {".lock"}


def test_two_extractions_run_on_different_gpus_while_a_third_waits(two_gpus, tmp_path):
    assert (
        vqa(
            "demo-data",
            "--output",
            tmp_path / "clips",
            "--videos",
            5,
            "--scenes",
            2,
            "--seconds",
            0.7,
            "--width",
            96,
            "--height",
            64,
        ).returncode
        == 0
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
