"""`vqa import-features`: features that others made become shards like any others, and say what they came from."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqa.config import ImportedFeatures
from vqa.config.versions import FEATURE_VERSION
from vqa.features import shards
from vqa.features.arrays import read_array
from vqa.features.bucket import write_receipt
from vqa.features.identity import imported_settings
from vqa.features.pairing import Place, listed, places, source_files
from vqa.features.sources import Seen, State, state, write_seen
from vqa.manifest import Video
from vqa.system.errors import RunError, UserError
from vqa.system.files import canonical, digest, remove_stale_parts, sha256

log = logging.getLogger("vqa")


class Reader:
    """Rows of features of each place, [T, D]: float16 where they are stored so, else float32.

    Raises `UserError` for a matrix that does not fit its names.
    """

    def __init__(self, given: ImportedFeatures):
        self.given = given
        self._matrix = None if given.path.is_dir() else self._read_matrix()

    def __call__(self, place: Place) -> NDArray[Any]:
        """Raises `UserError` for what is no matrix, or not finite."""
        if self._matrix is None or place.row is None:
            rows = read_array(place.path, self.given.variable)
            rows = rows[np.newaxis] if rows.ndim == 1 else rows
        else:
            rows = self._matrix[place.row : place.row + 1]
        if rows.ndim != 2 or not rows.size:
            raise UserError(f"{place}: has the shape {rows.shape}; a video has [rows, values] or [values]")
        with np.errstate(over="ignore"):
            rows = rows.astype(np.float16 if rows.dtype == np.float16 else np.float32)
        if not np.isfinite(rows).all():
            raise UserError(f"{place}: holds values that are not finite, or too large for float32; mend or exclude it")
        return rows

    def _read_matrix(self) -> NDArray[Any]:
        names, count = self.given.names, len(listed(self.given))
        of_names = names.column if names and names.path == self.given.path else None
        matrix = read_array(self.given.path, self.given.variable, without=of_names)
        if matrix.ndim != 2 or len(matrix) != count:
            turned = "; is it transposed?" if matrix.ndim == 2 and matrix.shape[1] == count else ""
            raise UserError(
                f"{self.given.path}: has the shape {matrix.shape}, where {count} names need as many rows{turned}"
            )
        return matrix


class _Contents:
    """Each file's state and hash, taken before it is read."""

    def __init__(self) -> None:
        self.known: dict[Path, tuple[State, str]] = {}

    def of(self, path: Path) -> str:
        if path not in self.known:
            self.known[path] = state(path), sha256(path)
        return self.known[path][1]

    def require_unchanged(self) -> None:
        for path, (then, _) in self.known.items():
            if state(path) != then:
                raise RunError(f"{path}: was replaced while it was read; run again")


def import_features(
    videos: Sequence[Video],
    name: str,
    every: int,
    given: ImportedFeatures,
    output: Path,
    receipt: Path,
    on_bad_video: str,
    stamps: Callable[[], Mapping[str, str]] = dict,
    seen: Path | None = None,
) -> None:
    """Bring the shards of the videos up to date, write a receipt, and to `seen` what was read under which stamp.

    A video without features is bad, as is one whose features are no finite numbers: they raise one `UserError`
    after all others are done, unless `on_bad_video` is `exclude`: then the receipt lists them.
    """
    source_files(given)
    remove_stale_parts(output)
    contents = _Contents()
    if given.names:
        contents.of(given.names.path)
    found = places(videos, given)
    entries, bad = _import(videos, imported_settings(name, every, given), every, Reader(given), found, contents, output)
    contents.require_unchanged()
    for key, what in (("dim", "{} values a row"), ("precision_used", "{} values")):
        _require_one(key, what, entries, found)
    if bad and on_bad_video == "fail":
        more = f" (and {len(bad) - 1} more videos)" if len(bad) > 1 else ""
        raise UserError(next(iter(bad.values())) + more)
    if seen:
        told = stamps()
        write_seen(seen, {str(p): Seen(told.get(str(p), ""), *known) for p, known in contents.known.items()})
    write_receipt(receipt, entries, bad)


def _import(
    videos: Sequence[Video],
    depends: Mapping[str, Any],
    every: int,
    read: Reader,
    found: Mapping[str, Place],
    contents: _Contents,
    output: Path,
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The attributes of each shard, and why there is none, by video_id."""
    entries: dict[str, dict[str, Any]] = {}
    bad: dict[str, str] = {}
    videos = sorted(videos, key=lambda video: video.video_id)
    paths = [output / f"{video.video_id}.h5" for video in videos]
    kept = 0
    for video, path, old in zip(videos, paths, shards.attributes_of(paths), strict=True):
        try:
            if not (place := found.get(video.video_id)):
                if path.exists():
                    raise RunError(
                        f"{read.given.path}: has no features of the video {video.video_id} any more; restore them, or "
                        "list it under `exclude:`"
                    )
                raise UserError(f"{read.given.path}: has no features of the video {video.video_id}; add or exclude it")
            origin = _origin(depends, video, place, contents.of(place.path))
            if not isinstance(old, UserError) and old.get("fingerprint") == origin["fingerprint"]:
                entries[video.video_id], kept = old, kept + 1
                continue
            entries[video.video_id] = _write(path, read(place), every, video, origin)
        except UserError as error:
            path.unlink(missing_ok=True)
            bad[video.video_id] = str(error)
    log.info("%d shards are current, %d imported, %d without features", kept, len(entries) - kept, len(bad))
    return entries, bad


def _origin(depends: Mapping[str, Any], video: Video, place: Place, content: str) -> dict[str, Any]:
    """What a shard says of where it came from."""
    row = -1 if place.row is None else place.row
    return {
        "settings": canonical(depends),
        "backbone": depends["backbone"],
        "preprocessing": f"imported from {place.path.name if row >= 0 else f'{place.path.parent.name}/'}",
        "weights_sha256": "",  # there is no network
        "decoder": "",
        "source": place.path.name,
        "source_sha256": content,
        "source_row": row,
        "feature_version": FEATURE_VERSION,
        "fingerprint": digest({"depends": depends, "source": [video.video_id, video.fps, row], "content": content}),
    }


def _write(path: Path, rows: NDArray[Any], every: int, video: Video, origin: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {
        **origin,
        "video_id": video.video_id,
        "rows": len(rows),
        "dim": rows.shape[1],
        "precision_used": str(rows.dtype),
        "clip_length": every,
        "clip_stride": every,
        "fps": video.fps if video.fps and len(rows) > 1 else -1.0,  # one row of a whole video has no rate
        "frames_decoded": -1,
        "frames_container": -1,
        "corrupt_frames": 0,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    starts = np.arange(len(rows), dtype=np.int64) * every
    return attributes | {"checksum": shards.write(path, [rows], rows.shape, str(rows.dtype), starts, attributes)}


def _require_one(key: str, what: str, entries: Mapping[str, Mapping[str, Any]], found: Mapping[str, Place]) -> None:
    """Raise `UserError` unless an attribute is the same for all."""
    kinds: dict[str, str] = {}
    for video_id, entry in entries.items():
        kinds.setdefault(str(entry[key]), video_id)
    if len(kinds) > 1:
        (kind, first), (other, second) = list(kinds.items())[:2]
        raise UserError(
            f"{found[second]}: has {what.format(other)}, where {found[first]} has {kind}; all must have the same"
        )
