"""Iterators that run ahead in threads of their own."""

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")
_END = object()


def prefetch(sources: Sequence[Iterator[Item]], depth: int, patience: float = 1.0) -> Iterator[Item | None]:
    """The items of all `sources`, as they come: each runs in a thread, and at most `depth` items wait.

    The items of one source keep their order. None: no item came for `patience` seconds. The first exception of any
    source surfaces here and ends all.
    """
    items: queue.Queue[Any] = queue.Queue(maxsize=depth)
    stopped = threading.Event()
    threads = [
        threading.Thread(target=_run, args=(source, items, stopped), name="decoder", daemon=True) for source in sources
    ]
    for thread in threads:
        thread.start()
    try:
        running = len(threads)
        while running:
            try:
                item, error = items.get(timeout=patience)
            except queue.Empty:
                yield None
                continue
            if error is not None:
                raise error
            if item is _END:
                running -= 1
            else:
                yield item
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def _run(source: Iterator[Any], items: "queue.Queue[Any]", stopped: threading.Event) -> None:
    """The thread of a source."""

    def put(item: Any, error: BaseException | None = None) -> bool:
        while not stopped.is_set():
            try:
                items.put((item, error), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    try:
        for item in source:
            if not put(item):
                return
        put(_END)
    except BaseException as error:
        put(_END, error)
