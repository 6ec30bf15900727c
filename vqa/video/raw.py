"""Raw YUV 4:2:0, converted as ffmpeg would."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vqa.manifest import Video
from vqa.system.errors import RunError, UserError
from vqa.video.picture import Painter
from vqa.video.reader import MIN_DECODED, Decoded, Frame, Header
from vqa.video.source import open_source, out_of_reach, status
from vqa.video.versions import libraries

RAW_FORMATS = ("yuv420p", "yuvj420p")


def is_raw(video: Video) -> bool:
    """Whether the table or the name says so."""
    return Path(video.path).suffix.lower() == ".yuv" or video.pixel_format in RAW_FORMATS


class RawReader:
    """8-bit planar YUV 4:2:0 without a header; yuvj420p is full range, yuv420p limited."""

    name = "raw"

    def __init__(self, path: Path, video: Video):
        width, height, pixel_format = video.width, video.height, video.pixel_format or "yuv420p"
        self.version = libraries("pyav")
        if not width or not height:
            raise UserError(f"{path}: raw YUV has no header; give width and height in the table")
        if pixel_format not in RAW_FORMATS:
            raise UserError(f"{path}: pixel_format {pixel_format!r} is not one of {', '.join(RAW_FORMATS)}")
        if width % 2 or height % 2:
            raise UserError(f"{path}: 4:2:0 needs an even size, got {width}x{height}")
        self.path, self.decoded = path, Decoded()
        self._frame_bytes = width * height * 3 // 2
        size = status(path).st_size
        count, rest = divmod(size, self._frame_bytes)
        if rest:
            raise UserError(
                f"{path}: {size} bytes are {count} whole frames of {width}x{height} and "
                f"{rest} bytes more (a frame has {self._frame_bytes}); check the size or download it again"
            )
        if video.frames and video.frames < MIN_DECODED * count:
            raise UserError(
                f"{path}: {size} bytes are {count} frames of {width}x{height}, the table says {video.frames}; "
                "mend the table or the file"
            )
        self.header = Header(width, height, video.fps, video.frames or count, pixel_format)
        self._file = open_source(path)

    def frames(self, every: int = 1) -> Iterator[Frame | None]:
        import av

        rows, painter = self.header.height * 3 // 2, Painter()
        while data := self._read():
            if len(data) < self._frame_bytes:
                raise RunError(f"{self.path}: became shorter while it was read; run again")
            self.decoded.frames += 1
            if (self.decoded.frames - 1) % every:
                yield None
                continue
            planes = np.frombuffer(data, np.uint8).reshape(rows, self.header.width)
            yield painter.paint(av.VideoFrame.from_ndarray(planes, format=self.header.pixel_format))

    def _read(self) -> bytes:
        try:
            return self._file.read(self._frame_bytes)
        except OSError as error:
            raise out_of_reach(self.path, error) from None

    def close(self) -> None:
        self._file.close()
