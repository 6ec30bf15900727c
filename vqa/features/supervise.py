"""Work on videos in a process of its own: one that crashes or hangs it is named, and the others go on.

The worker says which videos it decodes, and when it waits for a frame of each. If it dies, or waits too long, those
are decoded once more, each alone: only what then fails too is called bad.
"""

import ctypes
import logging
import mmap
import multiprocessing
import os
import signal
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from vqa.manifest import Video
from vqa.system.errors import RunError, UserError
from vqa.system.files import UNREACHABLE
from vqa.video import open_video

T = TypeVar("T")
Report = Callable[[Any], None]
Work = Callable[[list[Video], "Watch", Report], None]
log = logging.getLogger("vqa")
_NONE = -1
_SLOT = struct.Struct("qd")  # the video's number, since when a frame is owed
_CHUNK = 1 << 22
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


class Watch:
    """Shared by two processes: which video each decoder has at hand, and since when it has owed a frame."""

    def __init__(self, decoders: int = 1) -> None:
        self._memory = mmap.mmap(-1, _SLOT.size * decoders)
        self._slots = range(decoders)
        for slot in self._slots:
            self._write(slot, _NONE, 0.0)

    @contextmanager
    def video(self, slot: int, number: int, video: Video) -> Iterator[Callable[[Iterator[T]], Iterator[T]]]:
        """A video at a decoder's hand, told and noted before it is opened; what is given looks on at its frames."""
        log.info("decoding %s", video.path)
        self._write(slot, number, time.monotonic())

        def frames(decoded: Iterator[T]) -> Iterator[T]:
            """Who takes the frames may take his time: only the decoder is watched."""
            while True:
                self.beat(slot)
                try:
                    frame = next(decoded)
                except StopIteration:
                    return
                finally:
                    self._write(slot, number, 0.0)
                yield frame

        try:
            yield frames
        finally:
            self._write(slot, _NONE, 0.0)

    def beat(self, slot: int = 0) -> None:
        self._write(slot, self._read(slot)[0], time.monotonic())

    @property
    def at_hand(self) -> list[int]:
        """Numbers of the videos that are decoded, from 0."""
        return [number for number, _ in map(self._read, self._slots) if number != _NONE]

    def silent(self, seconds: float) -> list[int]:
        """Numbers of those whose decoder has owed a frame for longer."""
        now = time.monotonic()
        return [number for number, since in map(self._read, self._slots) if since and now - since > seconds]

    def _read(self, slot: int) -> tuple[int, float]:
        number, since = _SLOT.unpack_from(self._memory, slot * _SLOT.size)
        return int(number), float(since)

    def _write(self, slot: int, number: int, since: float) -> None:
        first = slot * _SLOT.size
        self._memory[first : first + _SLOT.size] = _SLOT.pack(number, since)


class Broken(Exception):
    """The worker did not come to its end. how: "crashes (SIGSEGV)" or "gives no frame for 600 s".

    suspects: the videos that were decoded then, or those that gave no frame.
    """

    def __init__(self, how: str, suspects: list[Video]):
        super().__init__(how)
        self.how, self.suspects = how, suspects


def supervise(
    work: Work,
    videos: list[Video],
    report: Report,
    decoder: str,
    stall_seconds: float,
    done: Callable[[Video], bool],
    decoders: int = 1,
) -> dict[str, str]:
    """Run `work` on the videos until all are `done`; what it reports goes to `report`.

    Returns video_id -> why for those that crash or hang their decoder. What `work` raises is raised here.
    Raises `RunError` when the worker is killed, or breaks on videos that decode alone.
    """
    bad: dict[str, str] = {}
    while left := [video for video in videos if video.video_id not in bad and not done(video)]:
        try:
            _run(work, left, report, stall_seconds, decoders)
            return bad
        except Broken as broken:
            if not (found := _verdicts(broken, decoder, stall_seconds)):
                raise RunError(
                    f"{_named(broken.suspects)}: the extraction {broken.how} while it was decoded, "
                    "yet it decodes alone; try again"
                ) from None
            bad |= found
    return bad


def _verdicts(broken: Broken, decoder: str, stall_seconds: float) -> dict[str, str]:
    """Which of the suspects are bad, and why, by video_id."""
    found = {}
    for video in broken.suspects:
        log.error("%s: the extraction %s while it was decoded; decoding it alone", video.path, broken.how)
        if why := _verdict(video, decoder, stall_seconds):
            found[video.video_id] = why
    return found


def _verdict(video: Video, decoder: str, stall_seconds: float) -> str:
    """Why the video is bad; empty if it is not."""
    path = video.path

    def decode(videos: list[Video], watch: Watch, report: Report) -> None:
        with watch.video(0, 0, video) as watched:
            with open(path, "rb") as file:  # a disk that hangs is not the decoder
                while file.read(_CHUNK):
                    watch.beat()
            report("read")
            reader = open_video(video, decoder)
            for _ in watched(reader.frames()):
                pass

    read: list[str] = []
    try:
        _run(decode, [video], read.append, stall_seconds, 1)
    except Broken as again:
        if not read:
            raise RunError(f"{path}: cannot be read to its end ({again.how}); is the disk there? Try again") from None
        return f"{path}: its decoder {again.how}; download it again, re-encode it or exclude it"
    except UserError as error:
        return str(error)
    return ""


def _run(work: Work, videos: list[Video], report: Report, stall_seconds: float, decoders: int) -> None:
    """`work` in a forked process; raises `Broken` when a video crashes it or stalls it.

    The calling process must not have computed with torch on several threads: they do not survive the fork.
    """
    watch = Watch(decoders)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(os.getpid(), sender, work, videos, watch))
    try:
        child.start()
        sender.close()
        for kind, value in _messages(receiver, watch, videos, stall_seconds):
            if kind == "end":
                return
            if kind == "raised":
                raise value
            report(value)
        child.join()
        raise _death(child.exitcode or 0, [videos[number] for number in watch.at_hand])
    except OSError as error:
        if error.errno in UNREACHABLE:
            raise RunError(f"{error.filename or 'the extraction'}: {error.strerror}; try again") from None
        raise
    finally:
        with suppress(AttributeError, ValueError):  # not started
            child.kill()
            child.join()
        receiver.close()


def _messages(receiver: Connection, watch: Watch, videos: list[Video], stall_seconds: float) -> Iterator[Any]:
    """What the worker says, until it dies; raises `Broken` when a decoder falls silent."""
    while True:
        if silent := watch.silent(stall_seconds):
            raise Broken(f"gives no frame for {stall_seconds:g} s", [videos[number] for number in silent])
        if receiver.poll(min(1.0, stall_seconds / 4)):
            try:
                yield receiver.recv()
            except EOFError:
                return


def _death(status: int, at_hand: list[Video]) -> Exception:
    at = _named(at_hand) if at_hand else "the extraction"
    if status >= 0:
        return RunError(f"{at}: the extraction ended without a word (status {status}); see above")
    name = signal.Signals(-status).name
    if -status in _CRASHES and at_hand:
        return Broken(f"crashes ({name})", at_hand)
    hint = "is memory short? Try again" if -status == signal.SIGKILL else "try again"
    return RunError(f"{at}: the extraction was ended by {name}; {hint}")


def _named(videos: list[Video]) -> str:
    return ", ".join(video.path for video in videos)


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
