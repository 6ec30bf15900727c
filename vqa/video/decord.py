"""decord: its own, older FFmpeg; its worker decodes ahead of the consumer without bound."""

import re
from collections.abc import Iterator
from pathlib import Path

from vqa.system.errors import UserError
from vqa.video.reader import Decoded, Frame, Header, unreadable
from vqa.video.source import require_readable
from vqa.video.versions import libraries


class DecordReader:
    name = "decord"

    def __init__(self, path: Path, threads: int = 1):
        import decord

        decord.logging.set_level(decord.logging.QUIET)
        self.version = libraries("decord").removeprefix("decord ")
        self.path, self.decoded = path, Decoded()
        try:
            self._reader = decord.VideoReader(str(path.absolute()), ctx=decord.cpu(0), num_threads=threads)
            height, width, channels = self._reader[0].shape
            self._reader.seek(0)
        except (decord.DECORDError, RuntimeError, IndexError) as error:
            raise self._fault(error) from None
        if channels != 3:  # decord's own filters on a quarter turn
            raise UserError(f"{path}: decord gives no RGB for a turned picture; choose decoder pyav or exclude it")
        self.header = Header(width, height, float(self._reader.get_avg_fps()), len(self._reader), "unknown")

    def frames(self, every: int = 1) -> Iterator[Frame | None]:
        import decord

        try:
            for number in range(len(self._reader)):
                rgb = self._reader.next()
                self.decoded.frames += 1
                yield None if number % every else rgb.asnumpy()
        except StopIteration:
            return
        except (decord.DECORDError, RuntimeError) as error:
            raise self._fault(error) from None

    def _fault(self, error: Exception) -> UserError:
        """A bad file, unless Python cannot read it either, which raises `RunError`."""
        require_readable(self.path)
        reason = str(error).strip().splitlines()[-1].replace(str(self.path.absolute()), "")
        reason = re.sub(r"^\[[\d:]+\] \S+ |^.*Check failed:|Error:|\(\)|\[\]", "", reason)
        return unreadable(self.path, " ".join(reason.split()).strip(" :;'"))

    def close(self) -> None:
        del self._reader
