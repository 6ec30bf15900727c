"""Raw YUV 4:2:0, through swscale as ffmpeg would convert it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vqa.system.errors import UserError
from vqa.video.reader import Decoded, Frame, Header

RAW_FORMATS = ("yuv420p", "yuvj420p")


class RawReader:
    """8-bit planar YUV 4:2:0 without a header; yuvj420p is full range, yuv420p limited."""

    name = "raw"

    def __init__(self, path: Path, width: int | None, height: int | None, pixel_format: str, fps: float | None):
        import av

        self.version = f"swscale {'.'.join(map(str, av.library_versions['libswscale']))}"
        if not width or not height:
            raise UserError(f"{path}: raw YUV has no header; give width and height in the table")
        if pixel_format not in RAW_FORMATS:
            raise UserError(f"{path}: pixel_format {pixel_format!r} is not one of {', '.join(RAW_FORMATS)}")
        if width % 2 or height % 2:
            raise UserError(f"{path}: 4:2:0 needs an even size, got {width}x{height}")
        self.path, self.decoded = path, Decoded()
        self._frame_bytes = width * height * 3 // 2
        count, rest = divmod(path.stat().st_size, self._frame_bytes)
        if rest:
            raise UserError(
                f"{path}: {path.stat().st_size} bytes are {count} whole frames of {width}x{height} and "
                f"{rest} bytes more (a frame has {self._frame_bytes}); check the size or download it again"
            )
        self.header = Header(width, height, fps, count, pixel_format)
        self._file = open(path, "rb")

    def frames(self) -> Iterator[Frame]:
        import av

        rows = self.header.height * 3 // 2
        while data := self._file.read(self._frame_bytes):
            if len(data) < self._frame_bytes:
                raise UserError(f"{self.path}: became shorter while it was read; run again")
            planes = np.frombuffer(data, np.uint8).reshape(rows, self.header.width)
            frame = av.VideoFrame.from_ndarray(planes, format=self.header.pixel_format)
            self.decoded.frames += 1
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)

    def close(self) -> None:
        self._file.close()
