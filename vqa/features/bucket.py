"""One bucket of a dataset: extract what is missing or out of date, write a receipt.

A shard carries the fingerprint of what it depends on. The receipt (video_id -> fingerprint) is
the workflow's record of a bucket; shards whose fingerprint matches are kept, so an edited video
re-extracts itself alone and a crash loses nothing that was finished.
"""

import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from vqa.backbones.registry import Spec, spec
from vqa.config import BackboneSettings, Extraction
from vqa.features import shards
from vqa.manifest import Video
from vqa.system.devices import lease
from vqa.system.errors import UserError
from vqa.system.files import canonical, digest, remove_stale_parts, sha256, write_json

if TYPE_CHECKING:
    from vqa.backbones.extractor import Extractor
    from vqa.features.clips import Clip

log = logging.getLogger("vqa")


class Bucket:
    """The videos of one job, their shards and what these must say to be current."""

    def __init__(self, folder: Path, videos: list[Video], depends: dict[str, Any], weights_sha256: str):
        self.folder = folder
        self.videos = videos
        self.depends = {**depends, "weights": weights_sha256}

    def shard(self, video: Video) -> Path:
        return self.folder / f"{video.video_id}.h5"

    def fingerprint(self, video: Video, content: str) -> str:
        source = {key: value for key, value in video.source().items() if key != "path"}
        return digest({"depends": self.depends, "source": source, "content": content})

    def current(self, video: Video) -> dict[str, Any] | None:
        """The attributes of the video's shard if it is up to date.

        Size and mtime of the source decide at once; if only the mtime differs, its content does.
        """
        try:
            found = shards.attributes(self.shard(video))
            status = Path(video.path).stat()
        except (UserError, OSError):
            return None
        content = found.get("source_sha256", "")
        if found.get("fingerprint") != self.fingerprint(video, content):
            return None
        if found["source_size"] != status.st_size:
            return None
        if found["source_mtime_ns"] != status.st_mtime_ns and sha256(video.path) != content:
            return None
        return found


def receipt_entry(attributes: dict[str, Any]) -> dict[str, Any]:
    keys = ("fingerprint", "rows", "dim", "checksum", "frames_decoded", "frames_container", "corrupt_frames")
    return {key: attributes[key] for key in keys}


def extract_bucket(
    bucket: Bucket,
    backbone: str,
    settings: BackboneSettings,
    extraction: Extraction,
    weights: Path,
    receipt: Path,
    on_bad_video: str,
) -> None:
    """Bring the bucket's shards up to date and write its receipt.

    Bad videos do not stop the others; afterwards they raise one `UserError` naming them,
    unless `on_bad_video` is `exclude`: then the receipt lists them.
    """
    remove_stale_parts(bucket.folder)
    entries = {v.video_id: found for v in bucket.videos if (found := bucket.current(v))}
    todo = [video for video in bucket.videos if video.video_id not in entries]
    log.info("%s: %d shards are current, %d to extract", backbone, len(entries), len(todo))
    bad: dict[str, str] = {}
    if todo:
        with lease(extraction.device) as device:
            made, bad = _extract(bucket, todo, spec(backbone), settings, extraction, weights, device)
        entries |= made
    if bad and on_bad_video == "fail":
        first = next(iter(bad.values()))
        more = f" (and {len(bad) - 1} more bad videos, see the log)" if len(bad) > 1 else ""
        raise UserError(f"{first}{more}")
    shards_made = {video_id: receipt_entry(entries[video_id]) for video_id in sorted(entries)}
    write_json(receipt, {"shards": shards_made, "excluded": dict(sorted(bad.items()))})


def _extract(
    bucket: Bucket,
    videos: list[Video],
    entry: Spec,
    settings: BackboneSettings,
    extraction: Extraction,
    weights: Path,
    device: str,
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Extract `videos`; returns the attributes of the shards made, and the errors, by video_id."""
    from vqa.features.clips import Failed
    from vqa.features.stream import load_extractor, stored, stream

    extractor = load_extractor(entry.name, weights, settings, extraction, device)
    common = _provenance(bucket.depends, entry, extractor)
    made, bad = {}, {}
    started, frames = time.perf_counter(), 0
    progress = tqdm(total=len(videos), desc=entry.name, unit="video", disable=None)
    for found in stream(videos, extractor, extraction.decoder, extraction.memory_mb):
        progress.update()
        if isinstance(found, Failed):
            bad[found.video.video_id] = str(found.error)
            bucket.shard(found.video).unlink(missing_ok=True)
            log.error("%s", found.error)
            continue
        clip, features = found
        attributes = common | _attributes(clip, len(features.starts), features.dim)
        attributes["fingerprint"] = bucket.fingerprint(clip.video, attributes["source_sha256"])
        shape = (len(features.starts), features.dim)
        shard = bucket.shard(clip.video)
        rows = stored(features, clip.video, extraction.storage)
        checksum = shards.write(shard, rows, shape, extraction.storage, features.starts, attributes)
        made[clip.video.video_id] = attributes | {"checksum": checksum}
        frames += clip.decoded.frames
        _report_differences(clip)
    progress.close()
    seconds = time.perf_counter() - started
    log.info("extracted %d videos, %d frames in %.1f s (%.1f frames/s)", len(made), frames, seconds, frames / seconds)
    return made, bad


def _provenance(depends: dict[str, Any], entry: Spec, extractor: "Extractor") -> dict[str, Any]:
    """The attributes that all shards of a job share; None has no HDF5 type and becomes empty."""
    attributes = {
        **depends,
        "settings": canonical(depends),
        "weights_sha256": depends["weights"],
        "weights_trained": entry.pretrained,
        "preprocessing": extractor.preprocessing,
        "clip_length": entry.clip_length,
        "clip_stride": entry.clip_length,
        "precision_used": str(extractor.precision).removeprefix("torch."),
    }
    return {key: "" if value is None else value for key, value in attributes.items()}


def _attributes(clip: "Clip", rows: int, dim: int) -> dict[str, Any]:
    return {
        "video_id": clip.video.video_id,
        "rows": rows,
        "dim": dim,
        "decoder": clip.decoder,
        "frames_decoded": clip.decoded.frames,
        "frames_container": clip.header.frames or -1,
        "corrupt_frames": clip.decoded.corrupt,
        "width": clip.header.width,
        "height": clip.header.height,
        "fps": clip.header.fps or -1.0,
        "pixel_format": clip.header.pixel_format,
        "source": clip.video.path,
        "source_size": clip.source.size,
        "source_mtime_ns": clip.source.mtime_ns,
        "source_sha256": clip.source.sha256,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _report_differences(clip: "Clip") -> None:
    decoded, container = clip.decoded, clip.header.frames
    if container and decoded.frames != container:
        log.warning("%s: %d frames decoded, the container says %d", clip.video.path, decoded.frames, container)
    if decoded.corrupt:
        log.warning("%s: %d frames are corrupt and were concealed", clip.video.path, decoded.corrupt)
