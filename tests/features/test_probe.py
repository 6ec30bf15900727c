"""The headers of all videos: a bad one is told, one out of reach ends the check."""

import faulthandler
import shutil
import signal

import pytest

from vqa.features import probe as probes
from vqa.features.probe import Probe, decode_mb, first_problem, network_mb, probe_all, write_probes
from vqa.manifest import Video
from vqa.system.errors import RunError
from vqa.video import Header


def test_every_video_is_opened_and_a_bad_one_is_told(tmp_path, tiny):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    videos = [Video(name, str(path), 1.0) for name, path in (("a", tiny), ("b", tmp_path / "bad.mp4"), ("c", tiny))]
    good, bad, again = probe_all(videos, 2)
    assert (good.video_id, good.error, again.video_id) == ("a", "", "c") and good.header == again.header
    assert (good.header.width, good.header.height, good.header.fps, good.header.frames) == (64, 48, 24.0, 4)
    assert bad.video_id == "b" and bad.header is None and "bad.mp4: cannot be decoded" in bad.error
    with pytest.raises(RunError, match=r"gone\.mp4: no such file"):
        probe_all([*videos, Video("d", str(tmp_path / "gone.mp4"), 1.0)], 1)


def test_a_video_that_crashes_its_decoder_is_told_and_the_others_are_opened(tmp_path, tiny, monkeypatch):
    crashing = shutil.copy(tiny, tmp_path / "crash.mp4")

    def opened(video: Video) -> Header:
        if video.path == str(crashing):
            faulthandler.disable()  # pytest's report of a crash that is meant
            signal.raise_signal(signal.SIGSEGV)
        return Header(64, 48, 24.0, 4, "yuv420p")

    monkeypatch.setattr(probes, "probe", opened)
    videos = [Video(str(n), str(crashing if n in (1, 5) else tiny), 1.0) for n in range(7)]
    found = probe_all(videos, 3)
    assert [each.video_id for each in found] == [str(n) for n in range(7)]
    assert [each.video_id for each in found if each.header is None] == ["1", "5"]
    assert found[1].error.startswith(f"{crashing}: is damaged, its reader crashes; download it again")


def test_headers_are_written_a_line_a_video(tmp_path):
    whole, partly = Header(64, 48, 24.0, 4, "yuv420p"), Header(32, 16, None, None, "gray")
    write_probes(tmp_path / "probe.csv", [Probe("a", whole), Probe("b", partly), Probe("c", None, "c.mp4: is empty")])
    assert (tmp_path / "probe.csv").read_bytes() == (
        b"video_id,width,height,fps,frames,pixel_format,error\n"
        b"a,64,48,24.0,4,yuv420p,\nb,32,16,,,gray,\nc,,,,,,c.mp4: is empty\n"
    )


@pytest.mark.parametrize(
    "errors,told",
    [([], ""), (["", ""], ""), (["", "x"], "x"), (["x", "", "y", "z"], "x (and 2 more bad videos)")],
)
def test_the_first_problem_is_told_and_the_others_counted(errors, told):
    assert first_problem([Probe(f"v{number}", None, error) for number, error in enumerate(errors)]) == told


def test_a_million_pixels_cost_as_many_megabytes_as_one_costs_bytes():
    assert (decode_mb(1000, 1000), network_mb(1000, 1000), network_mb(500, 1000, 8)) == (64, 320, 1280)
