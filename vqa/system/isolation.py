"""C libraries that crash or hang on damaged files, kept away from the study."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from vqa.system.errors import UserError

Result = TypeVar("Result")
_SECONDS = 60


class ReaderCrash(UserError):
    """The file's reader did not survive it."""


def guarded(function: Callable[..., Result], path: Any, *arguments: Any, hint: str) -> Result:
    """`function(path, *arguments)` in a forked process; what it returns or raises is pickled back.

    Raises `ReaderCrash` naming `path` when the process dies, or gives no answer within a minute.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(sender, function, path, *arguments))
    child.start()
    sender.close()
    try:
        if not receiver.poll(_SECONDS):
            raise ReaderCrash(f"{path}: is damaged, its reader hangs; {hint}")
        returned, value = receiver.recv()
    except EOFError:
        raise ReaderCrash(f"{path}: is damaged, its reader crashes; {hint}") from None
    finally:
        child.kill()
        child.join()
        receiver.close()
    if not returned:
        raise value
    result: Result = value
    return result


def _run(sender: Connection, function: Callable[..., Any], *arguments: Any) -> None:
    try:
        answer = True, function(*arguments)
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
