"""decord: the same pixels as PyAV on H.264, but its worker decodes ahead of the consumer without bound."""

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from vqa.video.reader import Decoded, Frame, Header, unreadable


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

    def frames(self) -> Iterator[Frame]:
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
