"""Decoding: native frames of any file as RGB, one at a time, in bounded memory.

PyAV is the default decoder. decord gives the same pixels on H.264, but its worker decodes ahead
of the consumer without bound: on a 60 s clip of 1280x720 its peak is 2.6 GB against 80 MB.
Raw YUV 4:2:0 goes through swscale, as ffmpeg would convert it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Protocol

import numpy as np

from vqa.errors import UserError
from vqa.manifest import Video

RAW_FORMATS = ("yuv420p", "yuvj420p")


@dataclass(frozen=True)
class Header:
    """What the file says of itself. frames: the container's count, None where it has none."""

    width: int
    height: int
    fps: float | None
    frames: int | None
    pixel_format: str


@dataclass
class Decoded:
    """Counts that are known only after the last frame."""

    frames: int = 0
    corrupt: int = 0


class Reader(Protocol):
    """An open video. `decoded` is complete once `frames` is exhausted."""

    name: str
    version: str
    header: Header
    decoded: Decoded

    def frames(self) -> Iterator[np.ndarray]:
        """RGB frames, uint8 (height, width, 3), in display order."""

    def close(self) -> None: ...


def open_video(video: Video, decoder: str = "pyav", threads: int = 1) -> Reader:
    """Open a video; raises `UserError` naming the file when it cannot be read as video."""
    path = Path(video.path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; restore it or exclude video '{video.video_id}'")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: is empty; download it again or exclude it")
    if path.suffix.lower() == ".yuv" or video.pixel_format in RAW_FORMATS:
        return RawReader(path, video.width, video.height, video.pixel_format or "yuv420p", video.fps)
    return {"pyav": PyavReader, "decord": DecordReader}[decoder](path, threads)


def probe(video: Video) -> Header:
    """Read a header without decoding more than the first frame, which must decode."""
    reader = open_video(video)
    try:
        next(reader.frames(), None)
        if reader.decoded.frames == 0:
            raise UserError(f"{video.path}: holds no video frames; download it again or exclude it")
        return reader.header
    finally:
        reader.close()


def unreadable(path: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).replace(str(path), "").split())[:120].strip(" :;'")
    return UserError(f"{path}: cannot be decoded as video ({reason}); download it again or exclude it")


class PyavReader:
    name = "pyav"

    def __init__(self, path: Path, threads: int = 1):
        import av

        av.logging.set_level(av.logging.PANIC)
        self.version = f"{av.__version__}, libavcodec {'.'.join(map(str, av.library_versions['libavcodec']))}"
        self.path, self.decoded = path, Decoded()
        try:
            self._container = av.open(f"file:{path.absolute()}")
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise unreadable(path, error) from None
        if not self._container.streams.video:
            self._container.close()
            raise UserError(f"{path}: holds no video stream; download it again or exclude it")
        stream = self._container.streams.video[0]
        if stream.codec_context is None:
            self._container.close()
            raise UserError(f"{path}: no decoder is known for its video stream; re-encode it or exclude it")
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        rate = stream.average_rate
        self.header = Header(
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            fps=float(rate) if rate else None,
            frames=stream.frames or None,
            pixel_format=str(stream.codec_context.pix_fmt),
        )

    def frames(self) -> Iterator[np.ndarray]:
        import av

        try:
            for frame in self._container.decode(video=0):
                if (frame.width, frame.height) != (self.header.width, self.header.height):
                    raise UserError(
                        f"{self.path}: frame {self.decoded.frames} is {frame.width}x{frame.height}, not "
                        f"{self.header.width}x{self.header.height}; re-encode it at one size or exclude it"
                    )
                rgb = frame.to_ndarray(format="rgb24")
                self.decoded.frames += 1
                self.decoded.corrupt += bool(frame.is_corrupt)
                yield rgb
        except (av.error.FFmpegError, ValueError) as error:
            raise unreadable(self.path, error) from None

    def close(self) -> None:
        self._container.close()


class DecordReader:
    name = "decord"

    def __init__(self, path: Path, threads: int = 1):
        import decord

        decord.logging.set_level(decord.logging.QUIET)
        self.version = metadata.version("decord")
        self.path, self.decoded = path, Decoded()
        try:
            self._reader = decord.VideoReader(str(path.absolute()), ctx=decord.cpu(0), num_threads=threads)
            height, width = self._reader[0].shape[:2]
            self._reader.seek(0)
        except (decord.DECORDError, RuntimeError, IndexError) as error:
            raise unreadable(path, Exception(str(error).strip().splitlines()[-1])) from None
        self.header = Header(width, height, float(self._reader.get_avg_fps()), len(self._reader), "unknown")

    def frames(self) -> Iterator[np.ndarray]:
        import decord

        try:
            for _ in range(len(self._reader)):
                rgb = self._reader.next().asnumpy()
                self.decoded.frames += 1
                yield rgb
        except StopIteration:
            return
        except (decord.DECORDError, RuntimeError) as error:
            raise unreadable(self.path, Exception(str(error).strip().splitlines()[-1])) from None

    def close(self) -> None:
        del self._reader


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

    def frames(self) -> Iterator[np.ndarray]:
        import av

        rows = self.header.height * 3 // 2
        while data := self._file.read(self._frame_bytes):
            if len(data) < self._frame_bytes:
                raise UserError(f"{self.path}: became shorter while it was read; run again")
            planes = np.frombuffer(data, np.uint8).reshape(rows, self.header.width)
            frame = av.VideoFrame.from_ndarray(planes, format=self.header.pixel_format)
            self.decoded.frames += 1
            yield frame.to_ndarray(format="rgb24")

    def close(self) -> None:
        self._file.close()
