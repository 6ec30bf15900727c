"""The frame rate, where what the container says of it is no mean of frames."""

import pytest

from tests.conftest import encode_clip
from tests.video.ffmpeg import ffmpeg
from vqa.manifest import Video
from vqa.video import causes, open_video
from vqa.video.reader import incomplete


@pytest.mark.parametrize("frames", [40, 5])
@pytest.mark.parametrize(
    "ending,arguments,rate",
    [
        ("mp4", "-c copy", 24.0),
        ("avi", "-c copy", 24.0),
        ("dv", "-r 25 -s 720x576 -pix_fmt yuv420p -c:v dvvideo", 25.0),
    ],
)
def test_packets_that_hold_no_frame_do_not_count(tmp_path, frames, ending, arguments, rate):
    source, path = encode_clip(tmp_path / "a.mp4", frames=frames, fps=24), tmp_path / f"b.{ending}"
    ffmpeg("-loglevel", "error", "-i", source, *arguments.split(), path)
    video = Video("b", str(path), 1.0)
    reader = open_video(video)
    count = sum(1 for _ in reader.frames())
    assert reader.header.fps == rate and count >= frames
    assert incomplete(path, reader.header, reader.decoded, 0.9) is None
    assert ("rate" in causes(video)) == (ending != "mp4")
