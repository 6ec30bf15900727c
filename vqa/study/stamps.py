"""The stamp of each source: it changes with the content, and costs a stat unless size or time stamp changed.

Only a file whose time stamp changed, and its size not, is read: its hash says whether it was touched or replaced.
Such hashes are kept, so that it is read once.
"""

import contextlib
import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vqa.features.sources import Seen, State, state
from vqa.system import files

ABSENT = "absent"  # a file that the workflow is still to make, or that is gone
log = logging.getLogger("vqa")
_WORKERS = 8
_AT_ONCE = 64  # paths a worker takes: a hand-over costs more than a stat of a local file


class Stamps:
    """hashes: where the hashes of touched files are kept."""

    def __init__(self, hashes: Path):
        self._file = hashes
        self._states: dict[str, State | None] = {}
        self._hashes: dict[str, tuple[State, str]] = _read(hashes)

    def of(self, sources: Sequence[tuple[str, Seen | None]]) -> Iterator[str]:
        """The stamp of each path, given what an extraction last read there."""
        with ThreadPoolExecutor(_WORKERS) as pool:
            paths = list(dict.fromkeys(path for path, _ in sources))
            parts = (paths[first : first + _AT_ONCE] for first in range(0, len(paths), _AT_ONCE))
            list(pool.map(lambda part: [self._state(path) for path in part], parts))
            touched = [path for path, seen in sources if seen and self._touched(path, seen)]
            if unknown := [path for path in dict.fromkeys(touched) if self._known(path) is None]:
                size = sum(found.size for path in unknown if (found := self._state(path)))
                log.warning(
                    "%d files (%.1f GB) have new time stamps: reading them, are they new?", len(unknown), size / 1e9
                )
                list(pool.map(self.sha256, unknown))
                self._save()
        return iter([self._stamp(path, seen) for path, seen in sources])

    def sha256(self, path: str) -> str:
        """Of a file's content; empty for one that cannot be read."""
        now, known = self._state(path), self._known(path)
        if known is not None or now is None:
            return known or ""
        try:
            found = files.sha256(path)
        except OSError:
            return ""
        self._hashes[path] = now, found
        return found

    def _save(self) -> None:
        """At once, also of a dry run: what was read for minutes is not read again."""
        kept = {path: [now.size, now.mtime_ns, sha] for path, (now, sha) in sorted(self._hashes.items())}
        with contextlib.suppress(OSError):  # such as a read-only folder of results
            files.write_text(self._file, json.dumps(kept, indent=1) + "\n")

    def _stamp(self, path: str, seen: Seen | None) -> str:
        now = self._state(path)
        if now is None:
            return seen.stamp if seen else ABSENT
        if seen is None:
            return f"{now.size} {now.mtime_ns}"
        if now == seen.state or (self._touched(path, seen) and self.sha256(path) == seen.sha256):
            return seen.stamp
        # With what it replaces: the stamp of a file that was planned, replaced and put back is another one.
        return f"{now.size} {now.mtime_ns} after {seen.sha256[:16]}"

    def _touched(self, path: str, seen: Seen) -> bool:
        """Of the same size, at another time: touched, or replaced."""
        now = self._state(path)
        return now is not None and now != seen.state and now.size == seen.state.size

    def _known(self, path: str) -> str | None:
        found = self._hashes.get(path)
        return found[1] if found and found[0] == self._state(path) else None

    def _state(self, path: str) -> State | None:
        if path not in self._states:
            try:
                self._states[path] = state(path)
            except OSError:
                self._states[path] = None
        return self._states[path]


def _read(path: Path) -> dict[str, tuple[State, str]]:
    try:
        content = json.loads(path.read_text())
        return {name: (State(size, mtime_ns), sha) for name, (size, mtime_ns, sha) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
