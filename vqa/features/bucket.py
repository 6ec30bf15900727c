"""One bucket of a dataset: extract what is missing or out of date, write a receipt.

A shard carries the fingerprint of what it depends on. The receipt (video_id -> fingerprint) is
the workflow's record of a bucket; shards whose fingerprint matches are kept, so an edited video
re-extracts itself alone and a crash loses nothing that was finished.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vqa.config.versions import FEATURE_VERSION
from vqa.features import identity, shards
from vqa.features.sources import Seen, State, state
from vqa.manifest import Video
from vqa.system.errors import RunError, UserError
from vqa.system.files import sha256, write_json
from vqa.system.isolation import guarded
from vqa.video.changes import causes, other_rate
from vqa.video.raw import is_raw

log = logging.getLogger("vqa")
_RECEIPT = ("fingerprint", "rows", "dim", "checksum", "frames_decoded", "frames_container", "corrupt_frames",
            "precision_used", "decoder", "fps")  # fmt: skip


class Bucket:
    """The videos of one job, their shards and what these must say to be current.

    precision: what `auto` means in this study, if that is decided, or what is set.
    """

    def __init__(
        self, folder: Path, videos: list[Video], depends: Mapping[str, Any], weights_sha256: str, libraries: str,
        precision: str | None = None,
    ):  # fmt: skip
        self.folder = folder
        self.videos = videos
        self.depends = {**depends, "weights": weights_sha256}
        self.libraries = libraries
        self.precision = precision

    def shard(self, video: Video) -> Path:
        return self.folder / f"{video.video_id}.h5"

    def fingerprint(self, video: Video, content: str, why: Mapping[str, Any]) -> str:
        return identity.fingerprint(self.depends, video, content, why)

    def look(self) -> "Look":
        """Which shards are up to date, and which videos are out of reach."""
        look = Look()
        found = shards.attributes_of([self.shard(video) for video in self.videos])
        for video, attributes in zip(self.videos, found, strict=True):
            try:
                look.states[video.video_id] = now = state(video.path)
                if not isinstance(attributes, UserError) and self._current(video, attributes, now):
                    look.kept[video.video_id] = attributes
            except OSError as error:
                look.unreachable[video.video_id] = f"{video.path}: {error.strerror}"
            except RunError as error:
                look.unreachable[video.video_id] = str(error)
        return look

    def _current(self, video: Video, found: dict[str, Any], now: State) -> bool:
        """Size and time stamp of the source decide at once; if only the stamp differs, its content does."""
        content = found.get("source_sha256", "")
        return (
            identity.same_libraries(found, self.libraries)
            and found.get("precision_used") == (self.precision or found.get("precision_used"))
            and found.get("source_size") == now.size
            and (not is_raw(video) or _as_told(video, found))
            and found.get("fingerprint") == self.fingerprint(video, content, self._causes(video, found))
            and (found.get("source_mtime_ns") == now.mtime_ns or sha256(video.path) == content)
        )

    def _causes(self, video: Video, found: dict[str, Any]) -> dict[str, Any]:
        """As this version sees them: recorded, or looked up in the file."""
        try:
            if found.get("feature_version") == FEATURE_VERSION:
                return dict(json.loads(found["causes"]))
            of = int(found["frames_decoded"]), float(found["fps"])
            return guarded(_causes_of, video.path, video, of, hint="download it again or exclude it")
        except (UserError, KeyError, TypeError, ValueError):
            return {"unknown": True}  # no shard has that: decoding will say what is wrong


def _as_told(video: Video, found: Mapping[str, Any]) -> bool:
    """Whether a shard of raw YUV has the rate and the length that the labels alone say."""
    return found.get("fps") == (video.fps or -1.0) and video.frames in (None, found.get("frames_container"))


@dataclass
class Look:
    """states: of the sources there are; kept: attributes of the current shards; unreachable: why, all by video_id."""

    states: dict[str, State] = field(default_factory=dict)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    unreachable: dict[str, str] = field(default_factory=dict)


def _causes_of(path: str, video: Video, of: tuple[int, float]) -> dict[str, Any]:
    """What a video's pixels are, and whether an earlier shard `of` so many frames at such a rate has another rate."""
    return causes(video) | ({"rate": 1} if other_rate(video, *of) else {})


def write_receipt(path: Path, entries: dict[str, dict[str, Any]], bad: dict[str, str]) -> None:
    made = {video_id: {key: entries[video_id][key] for key in _RECEIPT} for video_id in sorted(entries)}
    write_json(path, {"shards": made, "excluded": dict(sorted(bad.items()))})


def seen(
    bucket: Bucket,
    look: Look,
    entries: dict[str, dict[str, Any]],
    stamps: Mapping[str, str],
    weights: tuple[Path, State],
) -> dict[str, Seen]:
    """What this job read, by path, as it was before it was read: what changed since is another source.

    weights: the checkpoint and its state before it was hashed.
    """
    found = {}
    for video in bucket.videos:
        then = look.states[video.video_id]
        if entry := entries.get(video.video_id):
            content = entry["source_sha256"]
            if video.video_id not in look.kept:
                then = State(entry["source_size"], entry["source_mtime_ns"])
        else:
            content = sha256(video.path) if state(video.path) == then else ""
        found[video.path] = Seen(stamps.get(video.path, ""), then, content)
    checkpoint, then = weights
    found[str(checkpoint)] = Seen(stamps.get(str(checkpoint), ""), then, bucket.depends["weights"])
    return found
