"""Rendering that is stopped, long names, and one fingerprint from two descriptions of a clip."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from vqa.config import DemoDataset
from vqa.datasets import demo
from vqa.demo.render import make
from vqa.manifest import read_manifest
from vqa.system.files import atomic, remove_stale_parts, write_text


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_workers_end_with_a_terminated_command(tmp_path):
    command = [sys.executable, "-m", "vqa", "demo-data", "--output", tmp_path / "d", "--workers", "2"]
    command += ["--videos", "500", "--scenes", "2", "--width", "320", "--height", "240", "--seconds", "20"]
    process = subprocess.Popen(map(str, command), start_new_session=True, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "d").glob(".clip*")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.wait()
    deadline = time.monotonic() + 30
    while alive(process.pid):
        assert time.monotonic() < deadline, "workers outlive their command"
        time.sleep(0.1)
    left = list((tmp_path / "d").glob(".*.part"))
    remove_stale_parts(tmp_path / "d")
    assert left and not list((tmp_path / "d").glob(".*.part"))


def test_the_longest_file_names_are_written(tmp_path):
    for name in ("v" * 255, "ü" * 127, "a.h5"):
        write_text(tmp_path / name, "x")
        assert (tmp_path / name).read_text() == "x"


def test_two_long_names_do_not_share_a_part(tmp_path):
    with atomic(tmp_path / ("v" * 250 + "1")) as one, atomic(tmp_path / ("v" * 250 + "2")) as two:
        assert one != two
        one.touch()
        two.touch()


def test_config_and_manifest_describe_a_demo_clip_alike(tmp_path):
    settings = DemoDataset(reader="demo", videos=5, scenes=1, width=64, height=64, seconds=0.1)
    make(settings, demo.folder("d", tmp_path))
    planned = demo.read("d", settings, tmp_path).videos
    table = demo.table("d", tmp_path)
    listed = read_manifest(table, root=table.parent)
    assert [video.source() for video in planned] == [video.source() for video in listed]
    assert all(Path(video.path).is_file() for video in planned)
