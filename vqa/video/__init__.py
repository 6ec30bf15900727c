"""Decoding: native frames of any file as RGB, one at a time, in bounded memory.

One decoder a file behind one protocol (`Reader`). PyAV's frames are the ffmpeg command's, byte for byte, as it
gives them for `-fps_mode passthrough -pix_fmt rgb24`; decord's differ where tests/video/test_decoding.py lists it. On a
60 s clip of 1280x720 decord's peak is 2.6 GB against 80 MB.

`UserError` is a bad file and stays so; `RunError` is a file out of reach, to be tried again.
"""

from collections.abc import Callable
from pathlib import Path

from vqa.manifest import Video
from vqa.system.errors import UserError
from vqa.video.changes import causes
from vqa.video.decord import DecordReader
from vqa.video.pyav import PyavReader
from vqa.video.raw import RawReader, is_raw
from vqa.video.reader import Decoded, Header, Reader
from vqa.video.source import status
from vqa.video.versions import libraries

_DECODERS: dict[str, Callable[[Path, int], Reader]] = {"pyav": PyavReader, "decord": DecordReader}
__all__ = ["Decoded", "Header", "Reader", "causes", "libraries", "open_video", "probe"]


def open_video(video: Video, decoder: str = "pyav", threads: int = 1) -> Reader:
    """Open a video; raises `UserError` naming a bad file, `RunError` naming one that cannot be read."""
    path = Path(video.path)
    status(path)
    if is_raw(video):
        return RawReader(path, video)
    return _DECODERS[decoder](path, threads)


def probe(video: Video) -> Header:
    """Read a header without decoding more than the first frame, which must decode. Raises as `open_video`."""
    reader = open_video(video)
    try:
        next(reader.frames(), None)
        if reader.decoded.frames == 0:
            raise UserError(f"{video.path}: holds no video frames; download it again or exclude it")
        return reader.header
    finally:
        reader.close()
