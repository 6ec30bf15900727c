"""PyAV, the default decoder: FFmpeg's libraries, in bounded memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from vqa.system.errors import UserError
from vqa.video.picture import Painter
from vqa.video.reader import Decoded, Frame, Header, unreadable
from vqa.video.source import open_source, out_of_reach
from vqa.video.streams import choose, declared_frames, declared_seconds, frame_rate
from vqa.video.times import Clock
from vqa.video.versions import libraries

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer


def open_container(path: Path, file: IO[bytes]) -> "InputContainer":
    """The container in an open file; raises `UserError` where it is none, `RunError` where reading fails."""
    import av

    av.logging.set_level(av.logging.PANIC)
    try:
        return av.open(file, "r")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise fault(path, error) from None


def fault(path: Path, error: Exception) -> Exception:
    """Python's own `OSError` comes from reading the file, FFmpeg's and all else from what it holds."""
    import av

    if isinstance(error, av.error.FFmpegError):
        return unreadable(path, error.strerror or "unknown error")
    return out_of_reach(path, error) if isinstance(error, OSError) else unreadable(path, str(error))


class PyavReader:
    """The first frame is decoded on opening: it says how the picture is turned."""

    name = "pyav"

    def __init__(self, path: Path, threads: int = 1):
        import av

        self.version = f"{av.__version__}, {libraries('pyav')}"
        self.path, self.decoded = path, Decoded()
        self._failure, self._every = "", 1
        self._file = open_source(path)
        try:
            self._container = open_container(path, self._file)
            self._stream = choose(self._container, path)
            self._stream.thread_type = "AUTO"
            self._stream.codec_context.thread_count = threads
            self._stream.codec_context.flags |= av.codec.context.Flags.unaligned  # crop on the left by any width
            self._seconds, self._of_video = declared_seconds(self._container, self._stream)
            self._pictures = self._paint()
            self._first = next(self._pictures, None)
            self.header = self._header()
        except BaseException:
            self.close()
            raise

    def _header(self) -> Header:
        context, rate = self._stream.codec_context, frame_rate(self._container, self._stream)
        height, width = (context.height, context.width) if self._first is None else self._first.shape[:2]
        frames = declared_frames(self._container, self._stream)
        return Header(width, height, rate, frames, str(context.pix_fmt), self._seconds)

    def frames(self, every: int = 1) -> Iterator[Frame | None]:
        self._every = every
        first, self._first = self._first, None
        if first is not None:
            yield first
        yield from self._pictures

    def _paint(self) -> Iterator[Frame | None]:
        """A frame that is not asked for is painted where its picture may be another: sizes and turns count for all."""
        import av

        painter, size = Painter(), None
        for frame in self._decode():
            if self.decoded.frames % self._every and not painter.changes(frame):
                self._count(frame)
                yield None
                continue
            try:
                rgb = painter.paint(frame)
            except av.error.FFmpegError as error:  # colours that FFmpeg knows no way to show
                raise unreadable(self.path, f"no way from {frame.format.name} to RGB: {error.strerror}") from None
            if rgb.shape != (size := size or rgb.shape):
                raise UserError(
                    f"{self.path}: frame {self.decoded.frames} is {rgb.shape[1]}x{rgb.shape[0]}, not "
                    f"{size[1]}x{size[0]}; re-encode it at one size or exclude it"
                )
            wanted = self.decoded.frames % self._every == 0
            self._count(frame)
            yield rgb if wanted else None
        if not self.decoded.frames and self._failure:
            raise unreadable(self.path, self._failure)

    def _count(self, frame: "VideoFrame") -> None:
        self.decoded.frames += 1
        self.decoded.corrupt += bool(frame.is_corrupt)

    def _decode(self) -> Iterator["VideoFrame"]:
        """Packet by packet: one that does not decode loses its own frame only, as in ffmpeg."""
        import av

        clock = Clock(self._container, self._stream, self.decoded)
        for packet in self._packets():
            try:
                frames = self._stream.codec_context.decode(packet)
            except (av.error.FFmpegError, ValueError) as error:
                self._failure = self._failure or getattr(error, "strerror", str(error))
                self.decoded.lost += 1
                self.decoded.corrupt += 1
                continue
            for frame in frames:
                if frame.time is not None:
                    clock.show(frame.time)
                yield frame

    def _packets(self) -> Iterator["Packet[Any] | None"]:
        """The stream's packets, the last of them empty, which empties the decoder.

        Where the header gives a length to the whole file only, other streams may reach it in the video's place.
        """
        import av

        try:
            for packet in self._container.demux(*([self._stream] if self._of_video else [])):
                if packet.stream.index == self._stream.index:
                    if packet.size or packet.dts is None:
                        yield packet
                elif packet.pts is not None and not self._of_video:
                    reached = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                    self.decoded.others = max(self.decoded.others, reached - (self._container.start_time or 0) / 1e6)
        except av.error.FFmpegError as error:
            self.decoded.broken = self._failure = error.strerror or "unknown error"
            yield None
        except OSError as error:
            raise out_of_reach(self.path, error) from None

    def close(self) -> None:
        if hasattr(self, "_container"):
            self._container.close()
        self._file.close()
