"""The file under a video, read through Python: a fault of the disk or the network is no fault of the video.

FFmpeg's demuxers give EIO for a short file as for a broken disk. Python's own `OSError` leaves no doubt.
"""

import errno
import os
from pathlib import Path
from typing import IO

from vqa.system.errors import RunError, UserError

_CHUNK = 1 << 22


def status(path: Path) -> os.stat_result:
    """What `stat` says; raises `RunError` where the file is out of reach, `UserError` where it can hold no video."""
    try:
        found = path.stat()
    except OSError as error:
        raise out_of_reach(path, error) from None
    if path.is_dir():
        raise UserError(f"{path}: is a folder, not a video; give the file")
    if found.st_size == 0:
        raise UserError(f"{path}: is empty; download it again or exclude it")
    return found


def open_source(path: Path) -> IO[bytes]:
    """The file, opened to read; raises `RunError` where it is out of reach."""
    try:
        return open(str(path), "rb")
    except OSError as error:
        raise out_of_reach(path, error) from None


def require_readable(path: Path) -> None:
    """Read the whole file, for a decoder that reads it by itself; raises `RunError` where that fails."""
    try:
        with open_source(path) as file:
            while file.read(_CHUNK):
                pass
    except OSError as error:
        raise out_of_reach(path, error) from None


def out_of_reach(path: Path, error: OSError) -> RunError:
    """A fault of the run: nothing is known of the video, so the same command may succeed later."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return RunError(f"{path}: no such file; restore it or bring its disk back, and run again")
    return RunError(f"{path}: cannot be read ({error.strerror or error}); mend that and run again")
