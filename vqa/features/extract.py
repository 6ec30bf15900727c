"""`vqa extract`: what is current is kept, the rest is extracted, and the receipt says what there is."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vqa.backbones.registry import spec
from vqa.config import BackboneSettings, Extraction
from vqa.features import bucket as buckets
from vqa.features.bucket import Bucket, Look
from vqa.features.extraction import Job, Made
from vqa.features.identity import settings_of
from vqa.features.sources import state, write_seen
from vqa.features.supervise import supervise
from vqa.manifest import Video
from vqa.system.errors import RunError, UserError
from vqa.system.files import create_once, remove_stale_parts, sha256
from vqa.video.versions import libraries

log = logging.getLogger("vqa")


def extract(
    videos: list[Video],
    backbone: str,
    settings: BackboneSettings,
    extraction: Extraction,
    weights: Path,
    output: Path,
    receipt: Path,
    on_bad_video: str,
    precision: Path | None = None,
    stamps: Callable[[], Mapping[str, str]] = dict,
    seen: Path | None = None,
) -> None:
    """Bring the shards of the videos up to date, write a receipt, and to `seen` what was read under which stamp.

    Bad videos do not stop the others; afterwards they raise one `UserError` naming them, unless `on_bad_video`
    is `exclude`: then the receipt lists them. Videos out of reach prove nothing: they raise a `RunError`, and
    their shards stay.
    """
    remove_stale_parts(output)
    depends, decided = settings_of(backbone, settings, extraction), _decided(extraction, precision)
    checkpoint = weights, state(weights)
    bucket = Bucket(output, videos, depends, sha256(weights), libraries(extraction.decoder), decided)
    look = bucket.look()
    bucket.precision = decided or _adopted(look, precision)
    entries = dict(look.kept)
    todo = [v for v in videos if v.video_id not in entries and v.video_id not in look.unreachable]
    log.info("%s: %d shards are current, %d to extract", backbone, len(entries), len(todo))
    job = Job(bucket, spec(backbone), settings, extraction, weights, precision)
    bad = _run(job, todo, entries, look.unreachable)
    for video_id in bad:
        (output / f"{video_id}.h5").unlink(missing_ok=True)
    if look.unreachable:
        raise RunError(_first(look.unreachable, "out of reach") + "; its shard is kept, run again when it is there")
    if bad and on_bad_video == "fail":
        raise UserError(_first(bad, "bad"))
    if seen:
        write_seen(seen, buckets.seen(bucket, look, entries, stamps(), checkpoint))
    buckets.write_receipt(receipt, entries, bad)


def _decided(extraction: Extraction, precision: Path | None) -> str | None:
    """The precision that every shard must have; None while `auto` means whatever comes first."""
    if extraction.precision != "auto":
        return extraction.precision
    return precision.read_text().strip() if precision and precision.exists() else None


def _adopted(look: Look, precision: Path | None) -> str | None:
    """That of shards made before it was recorded, as by version 0.1."""
    found = next((attributes["precision_used"] for attributes in look.kept.values()), None)
    return create_once(precision, f"{found}\n").strip() if found and precision else found


def _run(
    job: Job, todo: list[Video], entries: dict[str, dict[str, Any]], unreachable: dict[str, str]
) -> dict[str, str]:
    """Extract; fills `entries` and `unreachable`, returns the bad videos, by video_id."""
    bad: dict[str, str] = {}

    def report(made: Made) -> None:
        if made.kind == "made":
            entries[made.video_id] = made.attributes
        else:
            {"bad": bad, "unreachable": unreachable}[made.kind][made.video_id] = made.why

    def done(video: Video) -> bool:
        return any(video.video_id in each for each in (entries, bad, unreachable))

    extraction = job.extraction
    crashed = supervise(job, todo, report, extraction.decoder, extraction.stall_seconds, done, extraction.threads)
    return bad | crashed


def _first(found: dict[str, str], what: str) -> str:
    more = f" (and {len(found) - 1} more {what} videos, see the log)" if len(found) > 1 else ""
    return f"{next(iter(found.values()))}{more}"
