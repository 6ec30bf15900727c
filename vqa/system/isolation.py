"""C libraries that crash or hang on damaged files, kept away from the study."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import Any, TypeVar

from vqa.system.errors import RunError, UserError

Result = TypeVar("Result")
_SECONDS = 60  # for the answer about one file, however many are asked about
_COMPUTING = 0.5  # of that time: a reader that computes so long runs in circles, one that waits has a slow disk


class ReaderCrash(UserError):
    """The file's reader did not survive it."""


def guarded(function: Callable[..., Result], path: Any, *arguments: Any, hint: str) -> Result:
    """`function(path, *arguments)` in a forked process; what it returns or raises is pickled back.

    Raises `ReaderCrash` naming `path` when the process dies, `RunError` when none can be started or none answers.
    """
    (found,) = guarded_each(function, [path], *arguments, hint=hint)
    if isinstance(found, UserError):
        raise found
    return found


def guarded_each(
    function: Callable[..., Result], paths: Sequence[Any], *arguments: Any, hint: str
) -> Generator[Result | UserError, None, None]:
    """`function(path, *arguments)` of each path, all in one forked process: a fork a file costs 10 to 40 ms.

    Yields what it returns, or the `UserError` that it raises. A path whose reader dies is a `ReaderCrash`, and a
    new process goes on behind it. Raises `RunError` where the machine, not the file, is at fault.
    """
    left = deque(paths)
    while left:
        child, receiver = _fork(function, list(left), arguments)
        try:
            while left:
                if not receiver.poll(_SECONDS):
                    raise RunError(
                        f"{left[0]}: no answer from its reader within {_SECONDS} s, is the file system slow? "
                        f"Try again; if only this file hangs, {hint}"
                    )
                try:
                    returned, value = receiver.recv()
                except EOFError:
                    yield _crash(child, left.popleft(), hint)
                    break
                left.popleft()
                if not returned and not isinstance(value, UserError):
                    raise value
                yield value
        finally:
            child.kill()
            child.join()
            receiver.close()


def _fork(function: Callable[..., Any], paths: list[Any], arguments: tuple[Any, ...]) -> tuple[ForkProcess, Connection]:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(sender, function, paths, arguments))
    try:
        child.start()
    except OSError as error:
        receiver.close()
        raise RunError(f"no process can be started to read {paths[0]} ({error.strerror}); try again") from None
    finally:
        sender.close()
    return child, receiver


def _crash(child: ForkProcess, path: Any, hint: str) -> ReaderCrash:
    child.join()
    if child.exitcode == -signal.SIGPROF:
        return ReaderCrash(f"{path}: is damaged, its reader finds no end; {hint}")
    if child.exitcode == -signal.SIGKILL:  # of the machine's, as when memory is short; no reader ends so
        raise RunError(f"{path}: its reader was killed, is memory short? Try again")
    return ReaderCrash(f"{path}: is damaged, its reader crashes; {hint}")


def _answer(sender: Connection, function: Callable[..., Any], paths: list[Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for path in paths:
        signal.setitimer(signal.ITIMER_PROF, _SECONDS * _COMPUTING)
        try:
            answer = True, function(path, *arguments)
        except Exception as error:
            answer = False, error
        sender.send(answer)


def end_with_parent() -> None:
    """In a worker process: end as soon as its parent has, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: Any) -> None:
    parent.join()
    os._exit(1)
