"""Small videos of every kind: what each is called, how ffmpeg makes it, what becomes of it.

A recipe is the ending of the file and ffmpeg's arguments after the source, a pattern of 12 frames of 64x48
(65x47 where the name says odd).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.video.damage import damaged
from tests.video.ffmpeg import ffmpeg

_PATTERN = "testsrc2=s={size}:r=24:d={seconds}"
H264 = "-c:v libx264 -pix_fmt yuv420p"
_AV1 = "-c:v libsvtav1 -preset 12 -svtav1-params log=-3"
_HEVC = "-c:v libx265 -x265-params log-level=none"
_VP9 = "-c:v libvpx-vp9 -cpu-used 8"


@dataclass(frozen=True)
class Recipe:
    """copy_of: the recipe whose file is the source; before: ffmpeg's arguments ahead of the source.

    damage: what befalls the file when it is made, see `damaged`.
    """

    name: str
    ending: str
    arguments: str
    size: str = "64x48"
    seconds: float = 0.5
    copy_of: str = ""
    before: str = ""
    damage: str = ""


_CODECS = {
    "mp4": {"h264": H264, "hevc": _HEVC, "vp9": _VP9, "av1": _AV1, "mpeg4": "-c:v mpeg4", "mpeg2": "-c:v mpeg2video"},
    "mov": {"h264": H264, "prores": "-c:v prores_ks", "mjpeg": "-c:v mjpeg", "rle": "-c:v qtrle", "png": "-c:v png"},
    "mkv": {"h264": H264, "hevc": _HEVC, "vp8": "-c:v libvpx", "av1": _AV1, "mpeg4": "-c:v mpeg4", "ffv1": "-c:v ffv1"},
    "webm": {"vp8": "-c:v libvpx", "vp9": _VP9, "av1": _AV1},
    "avi": {"mpeg4": "-c:v mpeg4", "mjpeg": "-c:v mjpeg", "h264": H264, "xvid": "-c:v libxvid", "raw": "-c:v rawvideo"},
    "ts": {"h264": H264, "hevc": _HEVC, "mpeg2": "-c:v mpeg2video -bf 2"},
    "mpg": {"mpeg1": "-c:v mpeg1video", "mpeg2": "-c:v mpeg2video -bf 2"},
    "flv": {"h264": H264, "sorenson": "-c:v flv"},
    "gif": {"gif": "-c:v gif"},
    "wmv": {"wmv2": "-c:v wmv2"},
    "ogv": {"theora": "-c:v libtheora"},
}  # fmt: skip
_FORMATS = {
    "libx264": "yuv422p yuv444p yuvj420p yuvj444p gray yuv420p10le yuv422p10le yuv444p10le gray10le nv12",
    "libx265 -x265-params log-level=none": "yuv420p10le yuv422p12le gbrp",
    "ffv1": "yuv410p yuv411p yuv440p yuv420p12le yuv420p16le yuva420p gbrp gbrp10le bgr0 gray16le rgb48le",
    "libx264rgb": "rgb24",
    "mjpeg": "yuvj422p",
    "libvpx-vp9": "yuv420p10le yuv440p",
}
_TAGS = "-colorspace {0} -color_primaries {1} -color_trc {2} -color_range {3}"
_SPACES = {  # colour matrix: primaries and transfer
    "smpte170m": ("smpte170m", "smpte170m"),
    "bt470bg": ("bt470bg", "gamma28"),
    "bt709": ("bt709", "bt709"),
    "bt2020nc": ("bt2020", "bt2020-10"),
    "fcc": ("bt470m", "gamma22"),
}


def recipes() -> list[Recipe]:
    """All of them; a later one may copy an earlier one."""
    found = [*_containers(), *_pixel_formats(), *_colours(), *_sizes(), *_orientations(), *_times(), *_streams()]
    found += [*_cropped(), *_interlaced(), *_damaged()]
    assert len({recipe.name for recipe in found}) == len(found)
    return found


def _containers() -> Iterator[Recipe]:
    for ending, codecs in _CODECS.items():
        for name, arguments in codecs.items():
            yield Recipe(f"{ending}-{name}", ending, arguments)


def _pixel_formats() -> Iterator[Recipe]:
    for codec, formats in _FORMATS.items():
        for name in formats.split():
            ending = "mkv" if codec in ("ffv1", "mjpeg", "libvpx-vp9") else "mp4"
            yield Recipe(f"format-{codec.split()[0]}-{name}", ending, f"-c:v {codec} -pix_fmt {name}")


def _colours() -> Iterator[Recipe]:
    for space, named in _SPACES.items():
        for levels in ("tv", "pc"):
            yield Recipe(f"colour-{space}-{levels}", "mp4", f"{H264} {_TAGS.format(space, *named, levels)}")
    for code in (3, 200, 8, 10, 14):  # two that mean nothing; YCgCo, constant luminance and ICtCp
        tags = f"colour_primaries=1:transfer_characteristics={min(code, 3)}:matrix_coefficients={code}"
        yield Recipe(f"colour-code-{code}", "mp4", f"-c copy -bsf:v h264_metadata={tags}", copy_of="mp4-h264")
    high = _TAGS.format("bt2020nc", "bt2020", "smpte2084", "tv")
    yield Recipe("colour-hdr", "mp4", f"{_HEVC} -pix_fmt yuv420p10le {high}")


def _sizes() -> Iterator[Recipe]:
    for name, ending, arguments in (
        ("h264-444", "mp4", "-c:v libx264 -pix_fmt yuv444p"),
        ("vp9", "webm", _VP9),
        ("mpeg4", "avi", "-c:v mpeg4"),
        ("mjpeg", "mov", "-c:v mjpeg"),
        ("420", "mkv", "-c:v ffv1 -pix_fmt yuv420p"),
        ("422", "mkv", "-c:v ffv1 -pix_fmt yuv422p"),
        ("420-10", "mkv", "-c:v ffv1 -pix_fmt yuv420p10le"),
    ):
        yield Recipe(f"odd-{name}", ending, arguments, size="65x47")


def _orientations() -> Iterator[Recipe]:
    for angle in (0, 90, 180, 270):
        for flip in ("", " -display_hflip"):
            if angle or flip:
                mark = f"-display_rotation {angle}{flip}"
                name = f"{angle}{'-flipped' if flip else ''}"
                yield Recipe(f"turned-{name}", "mp4", "-c copy", copy_of="mp4-h264", before=mark)
    for angle in (30, 200):
        yield Recipe(f"turned-{angle}", "mp4", "-c copy", copy_of="mp4-h264", before=f"-display_rotation {angle}")
    for of in ("odd-h264-444", "odd-420", "odd-422", "format-libx264-yuv422p", "format-libx264-yuv420p10le"):
        for mark in ("90", "180", "270 -display_hflip"):
            name = f"turned-{mark.split()[0]}-{of}"
            yield Recipe(name, "mov", "-c copy", copy_of=of, before=f"-display_rotation {mark}")
    yield Recipe("turned-mkv", "mkv", "-c copy", copy_of="mkv-h264", before="-display_rotation 90 -display_hflip")
    stream = "-c copy -bsf:v h264_metadata=rotate=90:display_orientation=insert"
    yield Recipe("turned-in-stream", "mp4", stream, copy_of="mp4-h264")


def _times() -> Iterator[Recipe]:
    yield Recipe("long", "mp4", f"{H264} -g 24 -bf 2 -movflags +faststart", seconds=4)
    for ending in ("mp4", "mov", "mkv"):
        yield Recipe(f"edited-{ending}", ending, "-c copy", copy_of="long", before="-ss 1.6")
    yield Recipe("edited-end", "mp4", "-c copy -t 1.3", copy_of="long", before="-ss 0.7")
    yield Recipe("late", "mkv", "-c copy -output_ts_offset 3600", copy_of="long")
    yield Recipe("slow", "mkv", f"-r 1/10 {H264}", before="-r 1/10", copy_of="long")
    variable = "-vf setpts=N*N/24/TB -fps_mode vfr -enc_time_base 1/1000"
    for ending in ("mp4", "mkv"):
        yield Recipe(f"variable-{ending}", ending, f"{variable} {H264}", seconds=0.4)


def _streams() -> Iterator[Recipe]:
    second = "-f lavfi -i testsrc=s=128x96:r=24:d=0.5"
    yield Recipe("two", "ts", f"{second} -map 0 -map 1 {H264}")
    yield Recipe(
        "two-first-default", "mkv", f"{second} -map 0 -map 1 {H264} -disposition:v:0 default -disposition:v:1 0"
    )
    yield Recipe(
        "two-last-default", "mkv", f"{second} -map 0 -map 1 {H264} -disposition:v:0 0 -disposition:v:1 default"
    )
    yield Recipe("two-no-default", "mkv", f"{second} -map 0 -map 1 {H264} -default_mode passthrough -disposition:v 0")
    yield Recipe("two-mp4", "mp4", f"{second} -map 1 -map 0 {H264}")
    cover = "-f lavfi -i color=s=256x256 -map 1 -map 0 -frames:v:0 1 -c:v:0 mjpeg -c:v:1 libx264 -pix_fmt yuvj420p"
    yield Recipe("cover", "mp4", f"{cover} -disposition:v:0 attached_pic")
    sound = "-f lavfi -i sine=d=0.5 -map 0 -map 1"
    yield Recipe("sound", "mkv", f"{sound} {H264} -c:a flac")
    yield Recipe("sound-first", "mp4", f"-f lavfi -i sine=d=2 -map 1 -map 0 {H264} -c:a aac")


def _cropped() -> Iterator[Recipe]:
    """By the coded stream, as players show it."""
    yield Recipe("large", "mp4", H264, size="130x98")
    for left, right, top, bottom in ((8, 0, 0, 0), (30, 0, 0, 0), (64, 0, 0, 0), (0, 10, 0, 6), (4, 6, 2, 4)):
        crop = f"crop_left={left}:crop_right={right}:crop_top={top}:crop_bottom={bottom}"
        name = f"cropped-{left}-{right}-{top}-{bottom}"
        yield Recipe(name, "mp4", f"-c copy -bsf:v h264_metadata={crop}", copy_of="large")


def _interlaced() -> Iterator[Recipe]:
    woven = "-vf tinterlace=interleave_top -flags +ildct+ilme"
    for name, ending, codec in (
        ("h264", "mp4", H264), ("h264", "ts", H264), ("mpeg2", "mpg", "-c:v mpeg2video"),
        ("prores", "mov", "-c:v prores_ks"), ("mpeg4", "avi", "-c:v mpeg4"),
    ):  # fmt: skip
        yield Recipe(f"interlaced-{name}-{ending}", ending, f"{woven} {codec}")
    yield Recipe("interlaced-bottom", "mkv", "-c:v libx264 -pix_fmt yuv420p -x264-params bff=1")


def _damaged() -> Iterator[Recipe]:
    yield Recipe("cut-mp4", "mp4", "-c copy -movflags +faststart", copy_of="long", damage="cut")
    for ending, arguments in (
        ("mkv", "-c copy"), ("flv", "-c copy"), ("avi", "-c copy"), ("ts", "-c copy"), ("webm", _VP9),
        ("mpg", "-c:v mpeg2video"),
    ):  # fmt: skip
        yield Recipe(f"cut-{ending}", ending, arguments, copy_of="long", damage="cut")
    yield Recipe("cut-fragments", "mp4", "-c copy -movflags frag_keyframe+empty_moov", copy_of="long", damage="cut")
    sound = "-f lavfi -i sine=d=4 -map 0 -map 1 -c:v copy -c:a flac"
    yield Recipe("cut-sound", "mkv", sound, copy_of="long", damage="cut")
    for name, ending, of in (("h264", "mkv", "long"), ("mpeg4", "avi", "mpeg4"), ("mjpeg", "mov", "mjpeg")):
        yield Recipe(
            f"holed-{name}", ending, "-c copy" if of == "long" else f"-c:v {of}", copy_of="long", damage="hole"
        )
    yield Recipe("invalid-packet", "mp4", f"{H264} -bf 0", seconds=2, damage="packet")
    yield Recipe("invalid-packets", "mp4", f"{H264} -bf 0 -movflags +faststart", seconds=2, damage="packets")


class Corpus:
    """The files of the recipes, each made when it is first asked for."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._recipes = {recipe.name: recipe for recipe in recipes()}
        self._made: dict[str, Path] = {}

    def __getitem__(self, name: str) -> Path:
        if name not in self._made:
            self._made[name] = self._make(self._recipes[name])
        return self._made[name]

    def _make(self, recipe: Recipe) -> Path:
        path = self._folder / f"{recipe.name}.{recipe.ending}"
        pattern = ["-f", "lavfi", "-i", _PATTERN.format(size=recipe.size, seconds=recipe.seconds)]
        source = ["-i", self[recipe.copy_of]] if recipe.copy_of else pattern
        ffmpeg("-loglevel", "error", *recipe.before.split(), *source, *recipe.arguments.split(), path)
        if recipe.damage:
            path.write_bytes(damaged(path, recipe.damage))
        return path
