"""The frame rate, where what the container says of it is no mean of frames."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.conftest import encode_clip
from tests.features.test_identity import NOW, kept, shard_of
from tests.video.ffmpeg import ffmpeg
from vqa.config import BackboneSettings, DemoDataset, Extraction
from vqa.config.versions import FEATURE_VERSION
from vqa.manifest import Video
from vqa.study.depends import extract_depends
from vqa.video import open_video
from vqa.video.changes import other_rate
from vqa.video.reader import frames_per_second, incomplete


def av_rate(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        return container.streams.video[0].average_rate


def times_of(path: Path) -> list[float]:
    """Milliseconds of each frame, as the ffmpeg command has them."""
    told = path.with_suffix(".crc")
    how = ["-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "1:1000", "-f", "framecrc"]
    ffmpeg("-loglevel", "error", "-copyts", "-i", path, *how, told)
    return [float(line.split(",")[2]) for line in told.read_text().splitlines() if line[0] != "#"]


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
    assert frames_per_second(reader.header, reader.decoded) == pytest.approx(rate, rel=0.05)
    declared = float(av_rate(path))
    assert other_rate(video, count, declared) == (abs(declared - rate) > 0.05 * rate)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm", "flv", "nut", "avi"])
def test_a_variable_rate_is_that_of_the_frames_own_times(tmp_path, ending):
    """Every third frame of 30 a second is kept; containers go on to declare 30."""
    source, path = encode_clip(tmp_path / "a.mp4", frames=120, fps=30), tmp_path / f"b.{ending}"
    codec = "-c:v libvpx" if ending == "webm" else "-c:v libx264"
    thinned = f"-vf select=not(mod(n\\,3)) -fps_mode vfr {codec}".split()
    ffmpeg("-loglevel", "error", "-i", source, *thinned, path)
    times = times_of(path)
    reader = open_video(Video("b", str(path), 1.0))
    assert sum(1 for _ in reader.frames()) == len(times) == 40
    found = frames_per_second(reader.header, reader.decoded)
    assert found == pytest.approx(39 * 1000 / (times[-1] - times[0]), rel=0.05) == pytest.approx(10, rel=0.05)
    assert not other_rate(Video("b", str(path), 1.0), 40, found)
    if ending in ("mkv", "webm", "nut"):
        assert reader.header.fps == pytest.approx(30)
    assert other_rate(Video("b", str(path), 1.0), 40, 30.0) == (ending != "mp4")  # whose own rate is right


@pytest.mark.parametrize("ending", ["mp4", "m4v", "ts", "mpg", "nut", "flv", "avi"])
def test_an_earlier_shard_of_another_rate_is_found_in_every_container(tmp_path, ending):
    """In MP4 behind an edit list that hides the first frames, which are 60 a second; once in fragments."""
    source, path = encode_clip(tmp_path / "a.mp4", frames=120, fps=60), tmp_path / f"b.{ending}"
    slower = ["-vf", "setpts=if(lt(N\\,60)\\,N\\,2*N-60)/60/TB", "-fps_mode", "vfr", "-g", "250"]
    ffmpeg("-loglevel", "error", "-i", source, *slower, "-c:v", "libx264", tmp_path / "slower.mp4")
    how = ["-c:v", "mpeg2video", "-r", "30"] if ending == "mpg" else ["-c", "copy"]
    how += ["-f", "mp4", "-movflags", "frag_keyframe+empty_moov"] if ending == "m4v" else []
    ffmpeg("-loglevel", "error", "-ss", "1", "-i", tmp_path / "slower.mp4", *how, path)
    reader = open_video(video := Video("b", str(path), 1.0))
    count = sum(1 for _ in reader.frames())
    found = frames_per_second(reader.header, reader.decoded)
    assert found == pytest.approx((count - 1) * 1000 / (times_of(path)[-1] - times_of(path)[0]), rel=0.05)
    assert not other_rate(video, count, found) and other_rate(video, count, 1.5 * found)


def test_a_shard_of_another_version_with_another_rate_is_extracted_again(tmp_path, make_clip):
    """20 frames in a second: a shard that says 60 a second is mended, one that says 20 is kept."""
    clip = make_clip(tmp_path / "a.mp4", frames=20, fps=20)
    ffmpeg("-loglevel", "error", "-i", clip, "-c", "copy", tmp_path / "a.mkv")
    video = Video("a", str(tmp_path / "a.mkv"), 1.0)
    for fps in (20.0, 60.0):
        shard_of(tmp_path, video, frames_decoded=20, fps=fps)
        assert kept(tmp_path, video) == (fps == 20.0)


@pytest.mark.parametrize("ending,codec", [("ts", "libx264"), ("mpg", "mpeg2video")])
@pytest.mark.parametrize("offset", [0, 3600])
def test_streams_that_were_joined_keep_their_rate(tmp_path, ending, codec, offset):
    """The clock of the second begins anew, or an hour later: ffmpeg takes it for a discontinuity."""
    source, parts = encode_clip(tmp_path / "a.mp4", frames=100, fps=25), []
    for number in (0, 1):
        parts.append(tmp_path / f"{number}.{ending}")
        late = ["-output_ts_offset", str(number * offset)]
        ffmpeg("-loglevel", "error", "-i", source, "-c:v", codec, *late, parts[-1])
    path = tmp_path / f"joined.{ending}"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    reader = open_video(Video("b", str(path), 1.0))
    assert sum(1 for _ in reader.frames()) >= 198
    assert frames_per_second(reader.header, reader.decoded) == pytest.approx(25, rel=0.02)
    video = Video("b", str(path), 1.0)
    assert not other_rate(video, reader.decoded.frames, 25.0) and other_rate(video, reader.decoded.frames, 75.0)


def test_raw_video_of_another_rate_is_read_again(tmp_path):
    """Only the table knows it; files that know their own are not asked."""
    (tmp_path / "a.yuv").write_bytes(bytes(96))
    raw = Video("a", str(tmp_path / "a.yuv"), 1.0, width=8, height=8, fps=24.0)
    shard_of(tmp_path, raw, feature_version=FEATURE_VERSION, causes="{}", libraries=NOW)
    assert kept(tmp_path, raw) and not kept(tmp_path, replace(raw, fps=5.0))
    assert kept(tmp_path, replace(raw, frames=3)) and not kept(tmp_path, replace(raw, frames=100))

    def planned(video: Video) -> str:
        return extract_depends("resnet50", BackboneSettings(), Extraction(), DemoDataset(reader="demo"), 0, [video], "")

    assert len({planned(raw), planned(replace(raw, fps=5.0)), planned(replace(raw, frames=100))}) == 3
    coded = replace(raw, path=str(tmp_path / "a.mp4"))
    assert planned(coded) == planned(replace(coded, fps=5.0, frames=100))
