"""Whose fault it is: a file out of reach fails the run (`RunError`), a bad file is a bad video (`UserError`)."""

import errno
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import encode_clip
from vqa.features.clips import Batch, Clip, batches
from vqa.features.probe import probe_all
from vqa.manifest import Video
from vqa.system.errors import RunError, UserError
from vqa.video import causes, open_video, probe, source

TRANSIENT = [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EAGAIN, errno.EACCES]


class Whole:
    """A network as the decoder's side sees it, and its extractor."""

    smallest = 1
    clip_length = 1

    @property
    def extractor(self):
        return self

    def prepare(self, frame):
        return frame

    def room(self, item):
        return torch.empty((8, *item), dtype=torch.uint8)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return encode_clip(tmp_path_factory.mktemp("faults") / "clip.mp4", frames=40, height=240, width=320)


def video(path: Path) -> Video:
    return Video("v", str(path), 1.0)


class Disk(io.FileIO):
    """A file whose disk fails, once, when `healthy` bytes were read."""

    def __init__(self, path: str, code: int, healthy: int):
        super().__init__(path)
        self.code, self.left = code, healthy

    def read(self, size: int = -1) -> bytes:
        data = super().read(size)
        self.left -= len(data)
        if self.code and self.left < 0:
            code, self.code = self.code, 0
            raise OSError(code, os.strerror(code))
        return data


def break_disk(monkeypatch, code: int, healthy: int) -> None:
    def broken(path: Path) -> io.FileIO:
        return Disk(str(path), code, healthy)

    for module in ("vqa.video.pyav", "vqa.video.raw", "vqa.video.changes", "vqa.video.source"):
        monkeypatch.setattr(f"{module}.open_source", broken)


@pytest.mark.parametrize("healthy", [0, 10_000, 50_000], ids=["at once", "in the header", "among the frames"])
@pytest.mark.parametrize("code", TRANSIENT, ids=errno.errorcode.get)
def test_a_disk_that_fails_fails_the_run_and_not_the_video(clip, monkeypatch, code, healthy):
    assert clip.stat().st_size > 55_000
    break_disk(monkeypatch, code, healthy)
    with pytest.raises(RunError) as raised:
        list(batches(video(clip), Whole(), "pyav"))
    assert str(raised.value) == f"{clip}: cannot be read ({os.strerror(code)}); mend that and run again"
    monkeypatch.undo()
    assert isinstance(list(batches(video(clip), Whole(), "pyav"))[-1], Clip)


@pytest.mark.parametrize("read", [lambda v: list(open_video(v).frames()), probe, causes, lambda v: probe_all([v], 1)])
def test_a_file_out_of_reach_is_no_bad_video(clip, monkeypatch, read, tmp_path):
    with pytest.raises(RunError, match=r"gone\.mp4: no such file; restore it or bring its disk back, and run again"):
        read(video(tmp_path / "gone.mp4"))
    with pytest.raises(RunError, match=r"clip\.mp4/part: no such file"):
        read(video(clip / "part"))
    break_disk(monkeypatch, errno.EIO, 0)
    with pytest.raises(RunError, match="Input/output error"):
        read(video(clip))


def test_a_stat_that_is_refused_fails_the_run(clip, monkeypatch):
    def refuse(path, **_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(RunError, match=r"clip\.mp4: cannot be read \(Permission denied\)"):
        source.status(clip)


@pytest.mark.parametrize("prepare", [lambda f: (f / 255).astype(np.float32), lambda f: f.astype(np.int16)])
def test_what_a_network_prepares_is_never_cast(clip, prepare):
    network = Whole()
    network.prepare = prepare
    with pytest.raises(UserError, match=r"clip\.mp4: the network's `prepare` gives (float32|int16) of 240 x 320 x 3"):
        list(batches(video(clip), network, "pyav"))


def test_raw_video_that_is_shorter_than_its_table_says_is_bad(tmp_path):
    (tmp_path / "a.yuv").write_bytes(bytes(64 * 48 * 3 // 2 * 6))
    raw = Video("a", str(tmp_path / "a.yuv"), 1.0, width=64, height=48, frames=12)
    with pytest.raises(UserError, match="only 6 of 12 frames decode"):
        list(batches(raw, Whole(), "pyav"))
    for wrong in ({"height": 24, "frames": 6}, {"frames": 3}):
        with pytest.raises(UserError, match=r"frames of 64x(24|48), the table says [36]; mend"):
            open_video(replace(raw, **wrong))


def test_raw_video_and_decord_know_a_failing_disk_too(tmp_path, clip, monkeypatch):
    raw = tmp_path / "a.yuv"
    raw.write_bytes(bytes(64 * 48 * 3 // 2 * 5))
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video" * 1000)
    break_disk(monkeypatch, errno.EIO, 6_000)
    with pytest.raises(RunError, match=r"a\.yuv: cannot be read \(Input/output error\)"):
        list(open_video(Video("a", str(raw), 1.0, width=64, height=48)).frames())
    with pytest.raises(RunError, match=r"bad\.mp4: cannot be read \(Input/output error\)"):
        open_video(video(bad), "decord")


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
def test_a_bad_video_is_failed_and_its_line_names_the_whole_path_once(tmp_path, decoder):
    folder = tmp_path / ("a long name " * 12)
    folder.mkdir()
    bad = folder / "bad.mp4"
    bad.write_bytes(np.random.default_rng(0).bytes(50_000))
    with pytest.raises(UserError) as raised:
        list(batches(video(bad), Whole(), decoder))
    line = str(raised.value)
    assert line.startswith(f"{bad}: cannot be decoded as video (") and line.endswith(
        "; download it again or exclude it"
    )
    assert line.count("long name") == 12 and "file:" not in line and "\n" not in line


def overwrite(path: Path, packets: slice) -> None:
    import av

    with av.open(str(path)) as container:
        hit = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size][packets]
    data = bytearray(path.read_bytes())
    for position, size in hit:
        data[position : position + size] = b"\xff" * size
    path.write_bytes(data)


def test_a_damaged_packet_costs_its_frame_and_many_cost_the_video(tmp_path):
    path = encode_clip(tmp_path / "a.mp4", frames=40)
    overwrite(path, slice(20, 21))
    *found, end = batches(video(path), Whole(), "pyav")
    assert isinstance(end, Clip) and end.decoded.corrupt >= 1
    assert sum(len(each.starts) for each in found if isinstance(each, Batch)) == end.decoded.frames >= 39
    overwrite(path, slice(1, 30, 2))
    with pytest.raises(UserError, match="do not decode, the file is damaged"):
        list(batches(video(path), Whole(), "pyav"))
