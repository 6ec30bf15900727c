"""What a source is: a file by its content. Size and time stamp only say when to look at the content again.

The workflow plans with stamps: an opaque text a source, which changes when its content does. A task gives an
extraction its videos and their stamps; beside the receipt it writes what it read under each. Where a file has
that size and time, or that content, the stamp still stands: a touched file is the same source, and one
replaced by an older file is another. Imports no torch.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vqa.manifest import Video
from vqa.system.errors import UserError
from vqa.system.files import reaching, write_if_changed


@dataclass(frozen=True)
class State:
    """What tells without reading a file that it is as it was."""

    size: int
    mtime_ns: int


def state(path: str | Path) -> State:
    """Raises `OSError` for a file that is not there or cannot be reached."""
    status = Path(path).stat()
    return State(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class Seen:
    """A source as an extraction read it, and the stamp under which it was planned."""

    stamp: str
    state: State
    sha256: str


@dataclass(frozen=True)
class Task:
    """A bucket as it was planned. stamps: path -> stamp, of its videos and its checkpoint."""

    videos: list[Video]
    stamps: dict[str, str]


def write_task(path: Path, task: Task) -> None:
    videos = [{key: value for key, value in asdict(video).items() if value is not None} for video in task.videos]
    write_if_changed(path, _text({"videos": videos, "stamps": task.stamps}))


def read_task(path: Path) -> Task:
    try:
        with reaching(path):
            content = json.loads(path.read_text())
        return Task([Video(**video) for video in content["videos"]], dict(content["stamps"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path}: is no task of an extraction; run `snakemake --cores N`, which writes it") from None


def write_seen(path: Path, seen: Mapping[str, Seen]) -> None:
    write_if_changed(path, _text({name: asdict(each) for name, each in seen.items()}))


def read_seen(path: Path) -> dict[str, Seen]:
    """Path of each source -> what was read; empty where nothing usable was written."""
    try:
        with reaching(path):
            content: dict[str, Any] = json.loads(path.read_text())
        return {name: Seen(each["stamp"], State(**each["state"]), each["sha256"]) for name, each in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _text(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
