import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import av
import numpy as np
import pytest

from tests.conftest import moving_picture
from vqa.manifest import Video
from vqa.system.errors import UserError
from vqa.video import open_video, probe


def decode(video: Video, decoder: str = "pyav") -> tuple[np.ndarray, object]:
    reader = open_video(video, decoder)
    frames = np.stack(list(reader.frames()))
    reader.close()
    return frames, reader


@pytest.fixture(scope="module")
def clip(make_clip, tmp_path_factory):
    return Video("clip", str(make_clip(tmp_path_factory.mktemp("video") / "clip.mp4", frames=30)), 1.0)


def test_decoded_frames_are_the_encoded_pictures(clip):
    frames, reader = decode(clip)
    original = np.stack(moving_picture(30))
    assert frames.shape == original.shape and frames.dtype == np.uint8
    assert np.abs(frames.astype(int) - original).mean() < 12  # lossy, 4:2:0
    shifted = np.abs(frames[1:].astype(int) - original[:-1]).mean()
    assert shifted > 2 * np.abs(frames[1:].astype(int) - original[1:]).mean()  # in the right order
    assert reader.header.frames == 30 and reader.decoded.frames == 30 and reader.header.fps == 24


def test_decord_and_pyav_give_the_same_bytes(clip):
    assert np.array_equal(decode(clip, "decord")[0], decode(clip, "pyav")[0])


def write_yuv(path, pixel_format: str, frames: int = 5) -> np.ndarray:
    pictures = moving_picture(frames)
    with open(path, "wb") as file:
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixel_format)
            file.write(frame.to_ndarray().tobytes())
    return np.stack(pictures)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p"])
def test_raw_yuv_is_read_in_its_range(tmp_path, pixel_format):
    original = write_yuv(tmp_path / "a.yuv", pixel_format)
    video = Video("a", str(tmp_path / "a.yuv"), 1.0, width=64, height=48, pixel_format=pixel_format)
    frames, reader = decode(video)
    assert np.abs(frames.astype(int) - original).mean() < 10
    other = {"yuv420p": "yuvj420p", "yuvj420p": "yuv420p"}[pixel_format]
    wrong, _ = decode(Video("a", video.path, 1.0, width=64, height=48, pixel_format=other))
    assert np.abs(frames.astype(int) - wrong).mean() > 3  # the ranges do differ
    assert reader.header.frames == 5


def test_raw_yuv_of_the_wrong_size_says_how_many_frames_it_holds(tmp_path):
    write_yuv(tmp_path / "a.yuv", "yuv420p")
    with open(tmp_path / "a.yuv", "ab") as file:
        file.write(b"123")
    with pytest.raises(UserError, match=r"a\.yuv.*5 whole frames of 64x48 and 3 bytes more"):
        open_video(Video("a", str(tmp_path / "a.yuv"), 1.0, width=64, height=48))
    with pytest.raises(UserError, match="give width and height"):
        open_video(Video("a", str(tmp_path / "a.yuv"), 1.0))


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
@pytest.mark.parametrize("content", ["empty", "text", "noise", "audio", "folder", "cut"])
def test_what_is_no_video_is_a_user_error_naming_the_file(tmp_path, clip, content, decoder):
    path = tmp_path / "bad.mp4"
    if content == "empty":
        path.touch()
    elif content == "folder":
        path.mkdir()
    elif content == "text":
        path.write_text("this is no video\n" * 100)
    elif content == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(50_000))
    elif content == "audio":
        write_audio(path)
    elif content == "cut":
        path.write_bytes(open(clip.path, "rb").read()[:2000])  # the index at the end is gone
    with pytest.raises(UserError, match=r"bad\.mp4"):
        list(open_video(Video("bad", str(path), 1.0), decoder).frames())


def write_audio(path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_probe_reads_the_header(clip):
    header = probe(clip)
    assert (header.width, header.height, header.frames, header.pixel_format) == (64, 48, 30, "yuv420p")


def test_variable_frame_rate_gives_the_frames_the_file_holds(tmp_path):
    path = tmp_path / "vfr.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=120)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, picture in enumerate(moving_picture(20)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number * number  # ever longer gaps: a constant-rate reader would invent frames
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert len(decode(Video("vfr", str(path), 1.0))[0]) == 20


def test_decoding_memory_does_not_grow_with_length(make_clip, tmp_path):
    """Peak memory of a whole process that reads every frame slowly, short clip against long."""
    script = (
        "import re, sys, time\n"
        "from vqa.manifest import Video\nfrom vqa.video import open_video\n"
        "for frame in open_video(Video('v', sys.argv[1], 1.0)).frames(): time.sleep(0.002)\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"
    )
    peaks = []
    for frames in (30, 600):
        clip = make_clip(tmp_path / f"{frames}.mp4", frames=frames, height=360, width=640)
        run = subprocess.run([sys.executable, "-c", script, clip], capture_output=True, text=True, check=True)
        peaks.append(int(run.stdout) / 1024)
    assert peaks[1] < peaks[0] + 40  # MB; 600 frames are 415 MB


def test_videos_decoded_side_by_side_are_those_decoded_alone(make_clip, tmp_path):
    videos = [Video(str(n), str(make_clip(tmp_path / f"{n}.mp4", frames=30, seed=n)), 1.0) for n in range(6)]
    alone = [decode(video)[0] for video in videos]
    with ThreadPoolExecutor(6) as pool:
        together = [frames for frames, _ in pool.map(decode, videos * 4)]
    assert all(map(np.array_equal, together, alone * 4))
