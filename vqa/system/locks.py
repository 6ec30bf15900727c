"""One holder at a time of a folder that several working copies, or machines, may write to."""

import fcntl
import getpass
import json
import os
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from vqa.system.errors import UserError

_LOCK = ".lock"


class FolderLock:
    """Held until `release` or the end of the process, however it ends.

    The kernel drops the file's lock with its holder, so that a dead one of this host holds nothing. What
    is written in the file tells a holder on another host, to which the kernel's lock need not reach.
    """

    def __init__(self, folder: Path):
        """Raises `UserError` that names the holder where there is one."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / _LOCK
        self._file: IO[str] = open(self.path, "a+")
        locked = self._lock()
        held = self._holder()
        if not locked or held.get("host", socket.gethostname()) != socket.gethostname():
            self._file.close()
            raise UserError(f"{folder}: {self._explain(held)}")
        self._write(json.dumps(_self()))

    def _lock(self) -> bool:
        """False where a process that the kernel knows of holds it."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            held = self._holder()
            return not (held and Path("/proc", str(held["pid"])).exists())
        return True

    def _holder(self) -> dict[str, Any]:
        self._file.seek(0)
        return _read(self._file)

    def _explain(self, held: dict[str, Any]) -> str:
        if not held:
            return "another Snakemake is working on it; wait for it"
        who = "{user} has been working on it since {since}, from {folder} on {host}, process {pid}".format(**held)
        return f"{who}; wait for it, or delete {self.path} if that process has died"

    def _write(self, text: str) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(text)
        self._file.flush()

    def release(self) -> None:
        with suppress(OSError):
            self._write("")
        self._file.close()


def holder(folder: Path) -> dict[str, Any]:
    """Who says to hold a folder, without a touch of it: host, pid, user, folder, since. Empty where nobody does, or one
    that this host knows to be dead.
    """
    try:
        with open(folder / _LOCK) as file:
            held = _read(file)
    except OSError:
        return {}
    own = held.get("host") == socket.gethostname()
    return {} if own and not Path("/proc", str(held["pid"])).exists() else held


def _read(file: IO[str]) -> dict[str, Any]:
    try:
        held = json.load(file)
    except ValueError:
        return {}
    return held if isinstance(held, dict) and {"host", "pid", "user", "folder", "since"} <= held.keys() else {}


def _self() -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "user": getpass.getuser(),
        "folder": str(Path.cwd()),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
