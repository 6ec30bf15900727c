"""Orientation, libraries and causes, where a plain array says what is right."""

import re
import subprocess
import sys

import av
import numpy as np
import pytest

from tests.conftest import encode_clip, moving_picture
from vqa.manifest import Video
from vqa.video import causes, libraries, open_video, probe
from vqa.video.picture import IDENTITY, turns

ONE = 1 << 16
EIGHT = {  # (a, b, c, d) of the display matrix: what it does to a picture
    (ONE, 0, 0, ONE): lambda x: x,
    (-ONE, 0, 0, ONE): np.fliplr,
    (ONE, 0, 0, -ONE): np.flipud,
    (-ONE, 0, 0, -ONE): lambda x: np.rot90(x, 2),
    (0, -ONE, ONE, 0): np.rot90,
    (0, ONE, -ONE, 0): lambda x: np.rot90(x, 3),
    (0, ONE, ONE, 0): lambda x: x.transpose(1, 0, 2),
    (0, -ONE, -ONE, 0): lambda x: np.rot90(x, 2).transpose(1, 0, 2),
}


def with_matrix(path, numbers) -> None:
    """Write (a, b, c, d) into the file's one track header, as a phone's camera does."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    for place, number in zip((0, 4, 12, 16), numbers, strict=True):
        data[at + place : at + place + 4] = number.to_bytes(4, "big", signed=True)
    path.write_bytes(data)


@pytest.mark.parametrize("numbers", EIGHT)
def test_all_eight_orientations_are_applied_to_pixels_and_header(tmp_path, numbers):
    path = encode_clip(tmp_path / "a.mp4", frames=3)
    video = Video("a", str(path), 1.0)
    upright = list(open_video(video).frames())
    with_matrix(path, numbers)
    for frame, before in zip(open_video(video).frames(), upright, strict=True):
        assert np.array_equal(frame, EIGHT[numbers](before))
    header = probe(video)
    assert (header.height, header.width) == EIGHT[numbers](upright[0]).shape[:2]
    a, b, c, d = numbers
    matrix = [a, b, 0, c, d, 0, 0, 0, 1 << 30]
    assert causes(video) == ({} if tuple(matrix) == IDENTITY else {"matrix": matrix})


def test_a_matrix_without_an_angle_turns_nothing():
    assert turns((0,) * 9) == turns(IDENTITY) == turns((2 * ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)) == []


def test_causes_are_none_for_raw_video_and_name_what_differs(tmp_path):
    (tmp_path / "a.yuv").write_bytes(bytes(64 * 48 * 3 // 2))
    assert causes(Video("a", str(tmp_path / "a.yuv"), 1.0, width=64, height=48)) == {}
    path = tmp_path / "deep.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"x264-params": "tff=1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        for picture in moving_picture(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    assert causes(Video("deep", str(path), 1.0)) == {"pixel_format": "yuv420p10le", "interlaced": 1}


def test_libraries_are_ffmpegs_versions_and_cost_no_torch():
    script = "import sys; from vqa.video import libraries; print(libraries('pyav')); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    said, torch = run.stdout.split("\n")[:2]
    assert said == libraries("pyav") and torch == "False"
    for name in ("libavcodec", "libavfilter", "libswscale"):
        assert ".".join(map(str, av.library_versions[name])) == re.search(rf"{name} ([\d.]+)", said)[1]
    assert libraries("decord") == "decord 0.6.0"
