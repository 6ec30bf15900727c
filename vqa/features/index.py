"""The index of a dataset's features: what training depends on instead of thousands of shards."""

import csv
import io
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from vqa.features import shards
from vqa.features.joined import join
from vqa.manifest import Video
from vqa.system.errors import MEND, UserError
from vqa.system.files import reaching, write_text

log = logging.getLogger("vqa")
_COLUMNS = ("video_id", "rows", "dim", "checksum")
_ORIGIN = (
    "backbone", "recipe", "cube_input", "node", "class_token", "imported", "every", "code", "decoder", "storage",
)  # fmt: skip
_COMPARED = ("fingerprint", "checksum", "precision_used")  # of all attributes: they cost most of an index's time


@dataclass(frozen=True)
class Entry:
    """A video's features. parts: of those that are joined, each backbone's; their checksums then count together."""

    video_id: str
    rows: int
    dim: int
    checksum: str
    shard: Path
    parts: tuple["Entry", ...] = ()


def write_index(output: Path, folder: Path, videos: list[Video], receipts: list[Path]) -> None:
    """Join the receipts of all buckets with the manifest; every shard must be there and current.

    Shards that no longer belong to a video are reported, never deleted.
    """
    known: dict[str, dict[str, Any]] = {}
    excluded: dict[str, str] = {}
    for receipt in receipts:
        content = read_receipt(receipt)
        known |= content["shards"]
        excluded |= content["excluded"]
    wanted = sorted(video.video_id for video in videos if video.video_id not in excluded)
    for video_id in wanted:
        if video_id not in known:
            raise UserError(f"{folder}: no receipt names video '{video_id}'; run `{MEND}`")
    _check_shards(folder, wanted, known)
    orphans = sorted({path.stem for path in folder.glob("*.h5")} - set(wanted))
    if orphans:
        names = ", ".join(orphans[:5])
        log.warning("%s: %d shards belong to no video any more (`vqa clean`): %s", folder, len(orphans), names)
    for video_id, reason in sorted(excluded.items()):
        log.warning("excluded %s: %s", video_id, reason)
    if not wanted:
        raise UserError(f"{folder}: every video is excluded; mend the videos first")
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow((*_COLUMNS, "fps"))  # which no checksum covers, and poolings in seconds train by
    writer.writerows(
        [video_id, *(known[video_id][key] for key in _COLUMNS[1:]), known[video_id].get("fps", "")]
        for video_id in wanted
    )
    write_text(output, buffer.getvalue())
    log.info("indexed %d shards, %d excluded", len(wanted), len(excluded))


def _check_shards(folder: Path, wanted: list[str], known: dict[str, dict[str, Any]]) -> None:
    """Every shard is what its receipt names, and all were made in one precision."""
    paths = [folder / f"{video_id}.h5" for video_id in wanted]
    made_in: dict[str, list[str]] = {}
    for video_id, path, found in zip(wanted, paths, shards.attributes_of(paths, _COMPARED), strict=True):
        if isinstance(found, UserError):
            raise found
        entry = known[video_id]
        if (found.get("fingerprint"), found.get("checksum")) != (entry["fingerprint"], entry["checksum"]):
            raise UserError(f"{path}: is not the shard its receipt names; run `{MEND}`")
        made_in.setdefault(found.get("precision_used", ""), []).append(video_id)
    if len(made_in) > 1:
        told = " and ".join(f"{name} ({len(ids)}, as {ids[0]})" for name, ids in sorted(made_in.items()))
        raise UserError(f"{folder}: mixes precisions, {told}; set extraction.precision to one of them, or run `{MEND}`")


def read_receipt(path: Path) -> dict[str, dict[str, Any]]:
    try:
        with reaching(path):
            content = json.loads(path.read_text())
        return {"shards": content["shards"], "excluded": content["excluded"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path}: is no receipt; delete it and run `snakemake --cores N`") from None


def read_index(path: Path) -> dict[str, Entry]:
    """video_id -> entry; shards lie beside the index."""
    try:
        with reaching(path), open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        entries = [
            Entry(r["video_id"], int(r["rows"]), int(r["dim"]), r["checksum"], path.parent / f"{r['video_id']}.h5")
            for r in rows
        ]
    except (OSError, KeyError, ValueError, TypeError, UnicodeDecodeError):
        raise UserError(f"{path}: is no feature index; delete it and run `snakemake --cores N`") from None
    if not entries:
        raise UserError(f"{path}: names no shards; run `{MEND}`")
    if len({entry.dim for entry in entries}) > 1:
        raise UserError(f"{path}: mixes feature sizes; run `{MEND}`")
    return {entry.video_id: entry for entry in entries}


def read_indexes(paths: Sequence[Path]) -> dict[str, Entry]:
    """`read_index`; of several, the videos that all of them have, with their features joined."""
    first, *others = map(read_index, paths)
    if not others:
        return first
    found = {name: [first[name], *(other[name] for other in others)] for name in first if all(map(_has(name), others))}
    if not found:
        raise UserError(f"{' and '.join(map(str, paths))}: have no video in common; join features of one dataset")
    if dropped := len(first.keys() | set().union(*others)) - len(found):
        log.warning("%d videos lack the features of one of the joined backbones, and are left out", dropped)
    return {name: _joined(parts) for name, parts in found.items()}


def _has(name: str) -> Callable[[dict[str, Entry]], bool]:
    return lambda index: name in index


def _joined(parts: Sequence[Entry]) -> Entry:
    rows, dim = max(part.rows for part in parts), sum(part.dim for part in parts)
    checksum = "+".join(part.checksum for part in parts)
    return Entry(parts[0].video_id, rows, dim, checksum, parts[0].shard, tuple(parts))


def open_features(entries: Sequence[Entry], megabytes: int = 0) -> list[shards.Rows]:
    """The features and the rate of each entry (`shards.rows_of`); raises `UserError` for a shard that is not the one
    indexed.
    """
    parts = [part for entry in entries for part in entry.parts or (entry,)]
    opened = iter(_open(parts, megabytes))
    joined = [part.shard for entry in entries for part in entry.parts]
    times = iter(shards.times_of(joined) if joined else ())
    return [
        join(list(islice(opened, len(entry.parts))), list(islice(times, len(entry.parts))))
        if entry.parts
        else next(opened)
        for entry in entries
    ]


def _open(entries: Sequence[Entry], megabytes: int) -> list[shards.Rows]:
    found = shards.rows_of([entry.shard for entry in entries], [entry.checksum for entry in entries], megabytes)
    for entry, rows in zip(entries, found, strict=True):
        if rows.features.shape != (entry.rows, entry.dim):
            raise UserError(f"{entry.shard}: is not the shard that was indexed; run `{MEND}`")
    return found


def feature_origin(entries: dict[str, Entry]) -> dict[str, Any]:
    """The backbone, weights and settings that made the features, read off the first shard; of each that is joined."""
    first = next(iter(entries.values()))
    if first.parts:
        return {"joined": [origin_of(shards.attributes(part.shard)) for part in first.parts]}
    return origin_of(shards.attributes(first.shard))


def origin_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """What made a shard with the attributes `found`; empty where they do not say."""
    settings = json.loads(found.get("settings", "{}"))
    origin = {key: settings[key] for key in _ORIGIN if settings.get(key)}
    if not origin:
        return {}
    return origin | {"precision": found["precision_used"], "weights_sha256": found["weights_sha256"]}
