"""Every frame of every kind of file, byte for byte as the ffmpeg command shows it.

The command and the wheel hold libavcodecs of two generations, so this also says where these differ: in what they
make of a damaged packet, and nowhere else. `make test-decoding` runs all; `make test` a dozen.
"""

import re

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.video.corpus import Corpus, recipes
from tests.video.ffmpeg import ffmpeg, shown
from vqa.manifest import Video
from vqa.system.errors import UserError
from vqa.video import Reader, causes, open_video
from vqa.video.reader import incomplete

FAST = {
    "mp4-h264", "webm-vp9", "format-libx264-yuv420p10le", "colour-bt709-pc", "odd-420", "turned-90", "edited-mp4",
    "turned-270-flipped", "turned-in-stream", "two", "interlaced-h264-mp4", "cropped-4-6-2-4", "late",
    "cut-mkv", "invalid-packet",
}  # fmt: skip
# Levels by which the two libavcodecs' concealment of broken JPEG data may differ in the mean; 0.011 was seen.
CONCEALED = {"holed-mjpeg": 0.1}
NOT_SHOWN = {"colour-code-8", "colour-code-10", "colour-code-14"}  # neither by ffmpeg nor by 0.1
REFUSED = {
    "cut-mp4": r"24 of 96 frames",
    "cut-mkv": r"1\.2 of 4\.0 seconds",
    "cut-flv": r"1\.6 of 4\.0 seconds",
    "cut-webm": r"1\.0 of 4\.0 seconds",
    "cut-sound": r"2\.0 of 4\.0 seconds",
    "cut-fragments": r"25 of about 48 frames",
    "holed-h264": r"77 of about 96 frames",
    "invalid-packets": r"16 packets beside 22 frames do not decode",
}
CORRUPT = {"cut-mpg": 1, "holed-mpeg4": 1, "holed-mjpeg": 4, "invalid-packet": 1}
# What decord shows otherwise, by the reason.
DECORD = {
    "refused, no decoder for AV1": "mp4-av1 mkv-av1 webm-av1",
    "refused, no length in the header": "gif-gif ogv-theora",
    "MPEG-TS: refused, or frames that it loses are replaced by others": "ts-h264 ts-hevc ts-mpeg2 interlaced-h264-ts",
    "frames replaced by others": "mov-rle",
    "4:2:0 of more than 8 bits, 1 to 5 levels in the mean": (
        "format-libx264-yuv420p10le format-libx265-yuv420p10le format-ffv1-yuv420p12le format-ffv1-yuv420p16le "
        "format-libvpx-vp9-yuv420p10le colour-hdr odd-420-10 turned-180-format-libx264-yuv420p10le"
    ),
    "RGB of more than 8 bits, 1 level": "format-ffv1-gbrp10le format-ffv1-rgb48le",
    "4:1:0, 4:1:1 and 4:4:0, 2 to 5 levels": (
        "format-ffv1-yuv410p format-ffv1-yuv411p format-ffv1-yuv440p format-libvpx-vp9-yuv440p"
    ),
    "flips, and turns by other than 90 degrees, are not shown": (
        "turned-0-flipped turned-180-flipped turned-30 turned-200 "
        "turned-270-odd-h264-444 turned-270-odd-420 turned-270-odd-422"
    ),
    "quarter turns are refused": (
        "turned-90 turned-90-flipped turned-270 turned-270-flipped turned-90-format-libx264-yuv422p "
        "turned-270-format-libx264-yuv422p turned-90-format-libx264-yuv420p10le turned-270-format-libx264-yuv420p10le"
    ),
    "turned 4:2:2 is converted first": (
        "turned-90-odd-422 turned-180-odd-422 turned-180-format-libx264-yuv422p"
    ),
    "orientation in Matroska or in the coded stream is not shown": "turned-mkv turned-in-stream",
    "edit lists are not followed": "edited-mp4 edited-mov edited-end",
    "crops on the left are rounded down": "cropped-8-0-0-0 cropped-30-0-0-0 cropped-4-6-2-4",
    "another stream is chosen, or the cover": "two two-last-default two-no-default cover",
}  # fmt: skip
DECORD_DIFFERS = {name for names in DECORD.values() for name in names.split()}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Corpus:
    return Corpus(tmp_path_factory.mktemp("corpus"))


def each(names):
    return [name if name in FAST else pytest.param(name, marks=pytest.mark.decoding) for name in names]


ALL = [recipe.name for recipe in recipes() if recipe.name not in NOT_SHOWN]
WHOLE = [recipe.name for recipe in recipes() if not recipe.damage and recipe.name not in NOT_SHOWN]


def read(video: Video, decoder: str = "pyav") -> tuple[NDArray[np.uint8], Reader]:
    reader = open_video(video, decoder)
    frames = np.stack(list(reader.frames()))
    reader.close()
    return frames, reader


@pytest.mark.parametrize("name", each(ALL))
def test_frames_are_those_of_the_ffmpeg_command(corpus, name):
    path = corpus[name]
    expected = shown(path)
    frames, reader = read(Video("v", str(path), 1.0))
    assert frames.shape == expected.shape
    assert (reader.header.height, reader.header.width) == frames.shape[1:3]
    difference = np.abs(frames.astype(int) - expected).mean()
    assert difference <= CONCEALED.get(name, 0.0)
    bad = incomplete(path, reader.header, reader.decoded, 0.9)
    if name in REFUSED:
        assert str(bad).startswith(f"{path}: ") and re.search(REFUSED[name], str(bad)), bad
    else:
        assert bad is None
        assert reader.decoded.corrupt == CORRUPT.get(name, 0)


def test_a_stream_that_is_turned_midway_is_shown_as_the_ffmpeg_command_does(corpus, tmp_path):
    """A flip does not show in PyAV's rounded rotation of a frame."""
    parts = []
    for turn in ("rotate=0", "flip=vertical"):
        parts.append(tmp_path / f"{turn}.ts")
        turned = f"h264_metadata={turn}:display_orientation=insert"
        ffmpeg("-loglevel", "error", "-i", corpus["long"], "-c", "copy", "-bsf:v", turned, parts[-1])
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    expected = shown(path)
    assert not np.array_equal(expected[0], expected[96])
    np.testing.assert_array_equal(read(Video("v", str(path), 1.0))[0], expected)


def test_pauses_are_told_apart_from_a_missing_end(corpus, tmp_path):
    path = tmp_path / "screen.webm"
    pauses = "select='lt(n,20)+not(mod(n,40))'"
    source = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=30", "-vf", pauses, "-fps_mode", "vfr")
    ffmpeg("-loglevel", "error", *source, "-c:v", "libvpx-vp9", "-cpu-used", "8", path)
    _, reader = read(Video("v", str(path), 1.0))
    bad = incomplete(path, reader.header, reader.decoded, 0.9)
    assert re.search(r"its frames pause for 19\.1 s, or these are lost; if it is whole, put it into", str(bad))
    counted = tmp_path / "screen.mp4"
    ffmpeg("-loglevel", "error", "-i", path, "-c", "copy", counted)
    _, reader = read(Video("v", str(counted), 1.0))
    assert incomplete(counted, reader.header, reader.decoded, 0.9) is None


@pytest.mark.parametrize("name", each(sorted(NOT_SHOWN)))
def test_colours_that_ffmpeg_cannot_show_are_one_line(corpus, name):
    with pytest.raises(AssertionError):
        shown(corpus[name])
    with pytest.raises(UserError, match=rf"{name}\.mp4: cannot be decoded as video \(no way from yuv420p to RGB"):
        open_video(Video("v", str(corpus[name]), 1.0))


def as_version_0_1(path) -> NDArray[np.uint8]:
    """The frames by version 0.1's way: the first stream, through swscale alone."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize("name", each(WHOLE))
def test_a_video_without_causes_has_the_pixels_of_version_0_1(corpus, name):
    video = Video("v", str(corpus[name]), 1.0)
    if name == "ogv-theora":  # repeats frames by empty packets, at which 0.1 gave up
        with pytest.raises(ValueError):
            as_version_0_1(video.path)
        return
    if not np.array_equal(read(video)[0], as_version_0_1(video.path)):
        assert causes(video)


@pytest.mark.parametrize("name", each(WHOLE))
def test_decord_differs_where_it_is_said_to(corpus, name):
    video = Video("v", str(corpus[name]), 1.0)
    try:
        same = np.array_equal(read(video, "decord")[0], read(video)[0])
    except UserError:
        same = False
    assert same == (name not in DECORD_DIFFERS)
