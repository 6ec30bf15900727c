"""PyAV, the default decoder: FFmpeg's libraries, in bounded memory."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vqa.system.errors import UserError
from vqa.video.reader import Decoded, Frame, Header, unreadable


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

    def frames(self) -> Iterator[Frame]:
        import av

        try:
            for frame in self._container.decode(video=0):
                if (frame.width, frame.height) != (self.header.width, self.header.height):
                    raise UserError(
                        f"{self.path}: frame {self.decoded.frames} is {frame.width}x{frame.height}, not "
                        f"{self.header.width}x{self.header.height}; re-encode it at one size or exclude it"
                    )
                rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                self.decoded.frames += 1
                self.decoded.corrupt += bool(frame.is_corrupt)
                yield rgb
        except (av.error.FFmpegError, ValueError) as error:
            raise unreadable(self.path, error) from None

    def close(self) -> None:
        self._container.close()
