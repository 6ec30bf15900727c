"""Work on videos in a process of its own: one that crashes or hangs it is named, and the others go on.

The worker says which video it opens, and when it waits for a frame. If it dies or waits too long, the video at hand
is decoded once more, alone: only what then fails too is called bad.
"""

import ctypes
import logging
import mmap
import multiprocessing
import os
import signal
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from vqa.manifest import Video
from vqa.system.errors import RunError, UserError
from vqa.system.files import UNREACHABLE
from vqa.video import open_video
from vqa.video.reader import Frame

Report = Callable[[Any], None]
Work = Callable[[list[Video], "Watch", Report], None]
log = logging.getLogger("vqa")
_NONE = -1
_CHUNK = 1 << 22
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


class Watch:
    """Shared by two processes: which video is at hand, and since when its decoder has owed a frame."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 16)
        self._write(_NONE, 0.0)

    def each(self, videos: Iterable[Video]) -> Iterator[Video]:
        """The videos, each told and noted before it is opened."""
        for number, video in enumerate(videos):
            log.info("decoding %s", video.path)
            self._write(number, time.monotonic())
            yield video
        self._write(_NONE, 0.0)

    def frames(self, frames: Iterator[Frame | None]) -> Iterator[Frame | None]:
        """The frames of the video at hand. Who takes them may take his time: only the decoder is watched."""
        while True:
            self.beat()
            try:
                frame = next(frames)
            except StopIteration:
                return
            finally:
                self._write(self.number, 0.0)
            yield frame

    def beat(self) -> None:
        self._write(self.number, time.monotonic())

    @property
    def number(self) -> int:
        """Of the video at hand, from 0; -1 for none."""
        return int(struct.unpack_from("q", self._memory)[0])

    def silence(self) -> float:
        """Seconds for which the decoder has owed a frame; 0 when it owes none."""
        since = float(struct.unpack_from("d", self._memory, 8)[0])
        return time.monotonic() - since if since else 0.0

    def _write(self, number: int, since: float) -> None:
        self._memory[:16] = struct.pack("qd", number, since)


class Broken(Exception):
    """The worker did not come to its end. how: "crashes (SIGSEGV)" or "gives no frame for 600 s"."""

    def __init__(self, how: str, video: Video):
        super().__init__(how)
        self.how, self.video = how, video


def supervise(
    work: Work, videos: list[Video], report: Report, decoder: str, stall_seconds: float, done: Callable[[Video], bool]
) -> dict[str, str]:
    """Run `work` on the videos until all are `done`; what it reports goes to `report`.

    Returns video_id -> why for those that crash or hang their decoder. What `work` raises is raised here.
    Raises `RunError` when the worker is killed, or breaks on a video that decodes alone.
    """
    bad: dict[str, str] = {}
    while left := [video for video in videos if video.video_id not in bad and not done(video)]:
        try:
            _run(work, left, report, stall_seconds)
            return bad
        except Broken as broken:
            log.error("%s: the extraction %s while it was decoded; decoding it alone", broken.video.path, broken.how)
            bad[broken.video.video_id] = _verdict(broken, decoder, stall_seconds)
    return bad


def _verdict(broken: Broken, decoder: str, stall_seconds: float) -> str:
    """Why the video is bad; raises `RunError` if it is not."""
    path = broken.video.path

    def decode(videos: list[Video], watch: Watch, report: Report) -> None:
        for video in watch.each(videos):
            with open(video.path, "rb") as file:  # a disk that hangs is not the decoder
                while file.read(_CHUNK):
                    watch.beat()
            report("read")
            reader = open_video(video, decoder)
            for _ in watch.frames(reader.frames()):
                pass

    read: list[str] = []
    try:
        _run(decode, [broken.video], read.append, stall_seconds)
    except Broken as again:
        if not read:
            raise RunError(f"{path}: cannot be read to its end ({again.how}); is the disk there? Try again") from None
        return f"{path}: its decoder {again.how}; download it again, re-encode it or exclude it"
    except UserError as error:
        return str(error)
    raise RunError(f"{path}: the extraction {broken.how} while it was decoded, yet it decodes alone; try again")


def _run(work: Work, videos: list[Video], report: Report, stall_seconds: float) -> None:
    """`work` in a forked process; raises `Broken` when a video crashes it or stalls it.

    The calling process must not have computed with torch on several threads: they do not survive the fork.
    """
    watch = Watch()
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(os.getpid(), sender, work, videos, watch))
    try:
        child.start()
        sender.close()
        while (message := _next(receiver, watch, stall_seconds)) is not None:
            kind, value = message
            if kind == "end":
                return
            if kind == "raised":
                raise value
            report(value)
        if watch.silence() > stall_seconds:
            raise Broken(f"gives no frame for {stall_seconds:g} s", videos[watch.number])
        child.join()
        raise _death(child.exitcode or 0, videos, watch)
    except OSError as error:
        if error.errno in UNREACHABLE:
            raise RunError(f"{error.filename or 'the extraction'}: {error.strerror}; try again") from None
        raise
    finally:
        with suppress(AttributeError, ValueError):  # not started
            child.kill()
            child.join()
        receiver.close()


def _next(receiver: Connection, watch: Watch, stall_seconds: float) -> Any:
    """The worker's next message; None when it died or fell silent."""
    while watch.silence() <= stall_seconds:
        if receiver.poll(min(1.0, stall_seconds / 4)):
            try:
                return receiver.recv()
            except EOFError:
                return None
    return None


def _death(status: int, videos: list[Video], watch: Watch) -> Exception:
    at = videos[watch.number].path if watch.number != _NONE else "the extraction"
    if status >= 0:
        return RunError(f"{at}: the extraction ended without a word (status {status}); see above")
    name = signal.Signals(-status).name
    if -status in _CRASHES and watch.number != _NONE:
        return Broken(f"crashes ({name})", videos[watch.number])
    hint = "is memory short? Try again" if -status == signal.SIGKILL else "try again"
    return RunError(f"{at}: the extraction was ended by {name}; {hint}")


def _work(parent: int, sender: Connection, work: Work, videos: list[Video], watch: Watch) -> None:
    _die_with(parent)
    try:
        work(videos, watch, lambda value: sender.send(("value", value)))
        sender.send(("end", None))
    except (UserError, RunError, OSError) as error:
        sender.send(("raised", error))


def _die_with(parent: int) -> None:
    """Leave no orphan on the GPU: the kernel kills this process with the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)
