"""Files that are either complete or absent: write beside, fsync, rename."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vqa.system.errors import RunError, UserError

_PART = ".part"
# What a disk or a network says of a file that may be sound: it is to be tried again, and proves nothing.
UNREACHABLE = frozenset(
    {
        errno.EACCES, errno.EAGAIN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EINTR, errno.EIO, errno.EMFILE,
        errno.ENFILE, errno.ENOMEM, errno.ENOTCONN, errno.EREMOTEIO, errno.ESTALE, errno.ETIMEDOUT,
    }
)  # fmt: skip
_NAME_BYTES = 255  # the most that file systems take


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`.

    The name carries host and process, so two processes writing the same output never
    share a temporary file: the last complete one wins. On an error nothing is left.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(_part_name(path.name))
    try:
        yield part
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _part_name(name: str) -> str:
    """Hidden, of this process alone, and short enough whatever the length of `name`."""
    own = f".{socket.gethostname()[:64]}.{os.getpid()}{_PART}"
    room = _NAME_BYTES - len(own) - 1
    if len(name.encode()) > room:
        name = hashlib.sha256(name.encode()).hexdigest()
    return f".{name}{own}"


def portable(path: Path, *beside: Path) -> str:
    """`path` from the folder that holds it and those beside it: the same on every machine. Its name, if none does."""
    root = Path(os.path.commonpath([each.resolve() for each in (path, *beside)]))
    return path.name if root in (Path(root.anchor), path.resolve()) else path.resolve().relative_to(root).as_posix()


def read_text(path: Path, hint: str, save_as: str = "a UTF-8 CSV") -> str:
    """The text of a user's file, without a byte-order mark; `hint` says what to do where it cannot be read."""
    try:
        with reaching(path):
            return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {hint}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text; save it as {save_as}") from None


@contextmanager
def reaching(path: str | Path) -> Iterator[None]:
    """Around reading a file: a disk or network that fails is a `RunError`, and neither a damaged file nor a mistake."""
    try:
        yield
    except OSError as error:
        if error.errno in UNREACHABLE:
            raise RunError(f"{path}: cannot be reached ({os.strerror(error.errno)}); try again") from None
        raise


def write_text(path: str | Path, text: str) -> None:
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_if_changed(path: Path, text: str) -> None:
    """`write_text`, but a file that says the same is left as it is."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except (OSError, UnicodeDecodeError):
        pass
    write_text(path, text)


def create_once(path: Path, text: str) -> str:
    """What the first of several processes wrote to `path`: `text`, if that was this one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(_part_name(path.name))
    try:
        part.write_text(text, encoding="utf-8")
        os.link(part, path)
    except FileExistsError:
        pass
    except OSError:  # there are no links on exFAT and some network disks
        _create_without_links(path, text)
    finally:
        part.unlink(missing_ok=True)
    return path.read_text(encoding="utf-8")


def _create_without_links(path: Path, text: str) -> None:
    """No folder can take the place of one that holds something: the first to put its own there has chosen, and
    all who find it write what it holds. `path` is looked at last: once it is there, nothing else counts.
    """
    chosen = path.with_name(f".{path.name}.chosen")
    own = chosen.with_name(f"{chosen.name}.{socket.gethostname()[:64]}.{os.getpid()}")
    write_text(own / "text", text)
    with contextlib.suppress(OSError):
        own.rename(chosen)
    shutil.rmtree(own, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):  # another one has written `path`, and has cleared this away
        text = (chosen / "text").read_text(encoding="utf-8")
        if not path.exists():
            write_text(path, text)
    shutil.rmtree(chosen, ignore_errors=True)


def write_json(path: str | Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def remove_stale_parts(folder: Path) -> None:
    """Delete what a killed process of this host left in `folder`."""
    for part in folder.glob(f".*.{socket.gethostname()[:64]}.*{_PART}"):
        pid = part.name.removesuffix(_PART).rpartition(".")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            part.unlink(missing_ok=True)


def sha256(path: str | Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: Any) -> str:
    """A short stable hash of a JSON-able value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]


def canonical(value: Any) -> str:
    """The one JSON text of `value`: sorted keys, no spaces. Snakemake compares params by it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
