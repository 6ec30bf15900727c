"""Videos that crash or hang their decoder, disks that go away, disks that fill: who is blamed, and what stays.

The faults are put into the decoder by a `sitecustomize` of the test's own.
"""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import assert_one_line_error
from tests.features.test_extraction import dataset, weights  # noqa: F401 - fixtures
from vqa.features import shards, supervise
from vqa.features.stream import Features
from vqa.manifest import Video
from vqa.system.errors import RunError, UserError

FAULT = """
import os, signal, time
from vqa.video import pyav
real = pyav.PyavReader.frames
def frames(self, every=1):
    name = os.path.basename(self.path)
    for number, frame in enumerate(real(self, every)):
        if name == "b.mp4" and number == 3:
            {fault}
        yield frame
pyav.PyavReader.frames = frames
"""
CRASH = "signal.raise_signal(signal.SIGSEGV)"  # of this thread, before it takes another step
HANG = "time.sleep(600)"
UNREADABLE = "raise OSError(5, 'Input/output error', str(self.path))"
KILLED = "os.kill(os.getpid(), signal.SIGKILL)"
NOT_ALONE = "import sys; 'torch' in sys.modules and signal.raise_signal(signal.SIGSEGV)"


def extract(folder: Path, weights: Path, fault: str = "", *more: str) -> subprocess.CompletedProcess[str]:  # noqa: F811
    site = folder / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(FAULT.format(fault=fault or "pass"))
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "vqa", "extract", "--manifest", "manifest.csv", "--output", "shards",
               "--receipt", "receipt.json", "--weights", str(weights / "efficientnet_lite0.pth"),
               "--backbone", "efficientnet_lite0", "--precision", "float32", *more]  # fmt: skip
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, env={**os.environ, "PYTHONPATH": path}
    )


def made(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "shards").glob("*.h5"))


def excluded(folder: Path) -> dict[str, str]:
    return json.loads((folder / "receipt.json").read_text())["excluded"]


def test_a_video_that_hangs_its_decoder_is_named_and_the_others_finish(tmp_path, dataset, weights):  # noqa: F811
    result = extract(tmp_path, weights, HANG, "--on-bad-video", "exclude", "--stall-seconds", "3")
    assert result.returncode == 0, result.stderr
    assert "INFO decoding" in result.stderr and "b.mp4: the extraction gives no frame for 3 s" in result.stderr
    assert made(tmp_path) == ["a", "c", "d"]
    assert list(excluded(tmp_path)) == ["b"]
    assert "b.mp4: its decoder gives no frame for 3 s; download it again" in excluded(tmp_path)["b"]


def test_a_video_that_crashes_its_decoder_is_the_one_line_and_the_others_finish(tmp_path, dataset, weights):  # noqa: F811
    assert_one_line_error(extract(tmp_path, weights, CRASH), "b.mp4", "its decoder crashes (SIGSEGV)")
    assert made(tmp_path) == ["a", "c", "d"]


@pytest.mark.parametrize(
    "fault,words",
    [(NOT_ALONE, "yet it decodes alone"), (KILLED, "ended by SIGKILL"), (UNREADABLE, "Input/output error")],
)
def test_what_may_not_be_the_videos_fault_fails_the_run_and_excludes_nothing(tmp_path, dataset, weights, fault, words):  # noqa: F811
    result = extract(tmp_path, weights, fault, "--on-bad-video", "exclude")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "b.mp4" in result.stderr.splitlines()[-1] and words in result.stderr.splitlines()[-1]
    assert not (tmp_path / "receipt.json").exists()


def test_videos_out_of_reach_cost_no_shard_and_are_not_excluded(tmp_path, dataset, weights):  # noqa: F811
    assert extract(tmp_path, weights).returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "shards").iterdir()}
    (tmp_path / "videos").rename(tmp_path / "unmounted")
    (tmp_path / "receipt.json").unlink()
    gone = extract(tmp_path, weights, "", "--on-bad-video", "exclude")
    assert gone.returncode == 1 and "a.mp4: No such file" in gone.stderr and "3 more" in gone.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "shards").iterdir()} == before
    assert not (tmp_path / "receipt.json").exists()
    (tmp_path / "unmounted").rename(tmp_path / "videos")
    assert "4 shards are current" in extract(tmp_path, weights).stderr


def test_a_killed_extraction_leaves_no_worker(tmp_path, dataset, weights):  # noqa: F811
    started = tmp_path / "worker"
    fault = f"open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(FAULT.format(fault=fault))
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-m", "vqa", "extract", "--manifest", "manifest.csv", "--output", "shards", "--receipt",
         "r.json", "--weights", weights / "efficientnet_lite0.pth", "--backbone", "efficientnet_lite0"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not (started.exists() and started.read_text()):
        assert process.poll() is None
    worker = Path(f"/proc/{started.read_text()}")
    process.terminate()
    process.wait()
    for _ in range(1000):
        if not worker.exists() or "Z" in (worker / "stat").read_text().split(")")[1]:
            break
        supervise.time.sleep(0.01)
    else:
        pytest.fail("the worker runs on")


def test_silence_counts_only_while_a_decoder_owes_a_frame(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(supervise.time, "monotonic", lambda: now[0])
    watch = supervise.Watch(2)

    def decoder():
        for _ in range(2):
            now[0] += 7
            assert watch.silent(6.9) == [5] and watch.silent(7) == [] and watch.at_hand == [4, 5]
            yield np.zeros((2, 2, 3), np.uint8)

    now[0] += 50
    assert watch.silent(0) == [] == watch.at_hand
    with watch.video(0, 4, Video("b", "b.mp4", 1.0)) as other:
        next(other(iter([1])))  # its frame is given: what is done with it may take its time
        with watch.video(1, 5, Video("a", "a.mp4", 1.0)) as watched:
            for _ in watched(decoder()):
                now[0] += 50  # the network's time
                assert watch.silent(0) == []
        assert watch.at_hand == [4]
    assert watch.silent(0) == [] == watch.at_hand


def test_nothing_is_owed_once_a_video_is_given_up():
    watch = supervise.Watch()
    with pytest.raises(UserError), watch.video(0, 4, Video("a", "a.mp4", 1.0)):
        raise UserError("does not open")
    assert watch.at_hand == watch.silent(0) == []


def test_a_full_disk_names_the_folder_beside_the_shard(tmp_path, monkeypatch):
    features = Features(tmp_path / "shards", "float16")

    def full(data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    features.append(rows, [0, 1, 2])
    (chunk,) = features.chunks()
    assert chunk.dtype == np.float16 and np.array_equal(chunk, rows)
    features.spool = type("Full", (), {"write": staticmethod(full)})()
    with pytest.raises(OSError, match="No space left") as error:
        features.append(rows, [3, 4, 5])
    assert error.value.filename == str(tmp_path / "shards")


def test_an_unreachable_shard_fails_the_run(tmp_path, monkeypatch):
    import h5py

    def stale(*arguments: object) -> None:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(h5py, "File", stale)
    with pytest.raises(RunError, match="cannot be reached"):
        shards.attributes_of([tmp_path / "a.h5"])
