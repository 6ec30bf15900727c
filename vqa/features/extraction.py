"""The worker of a bucket: decode, network, shards. Runs under `supervise`, and reports each video as it is done."""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tqdm import tqdm

from vqa.backbones.registry import Spec
from vqa.config import BackboneSettings, Extraction
from vqa.config.versions import FEATURE_VERSION
from vqa.features import shards
from vqa.features.bucket import Bucket
from vqa.features.supervise import Report, Watch
from vqa.manifest import Video
from vqa.system.devices import lease
from vqa.system.errors import RunError
from vqa.system.files import canonical, create_once

if TYPE_CHECKING:
    from vqa.backbones.extractor import Extractor
    from vqa.features.clips import Clip
    from vqa.features.stream import Features

log = logging.getLogger("vqa")


@dataclass(frozen=True)
class Made:
    """A video that was extracted, bad, or out of reach; attributes: of its shard."""

    video_id: str
    kind: Literal["made", "bad", "unreachable"]
    attributes: dict[str, Any]
    why: str = ""


@dataclass(frozen=True)
class Job:
    """What the videos of a bucket are extracted with. precision: a file that says what `auto` means in this study."""

    bucket: Bucket
    entry: Spec
    settings: BackboneSettings
    extraction: Extraction
    weights: Path
    precision: Path | None

    def __call__(self, videos: list[Video], watch: Watch, report: Report) -> None:
        sharers = self.extraction.jobs_per_gpu if self.extraction.jobs_per_gpu > 1 else None
        with lease(self.extraction.device, sharers) as device:
            self._extract(videos, watch, report, device)

    def _extract(self, videos: list[Video], watch: Watch, report: Report, device: str) -> None:
        from vqa.features.clips import Failed
        from vqa.features.network import Network
        from vqa.features.stream import Features, load_extractor, stream

        chosen = self.extraction.model_copy(update={"precision": self._precision(device)})
        extractor = load_extractor(self.entry.name, self.weights, self.settings, chosen, device)
        common = self._provenance(extractor)
        started, frames, made = time.perf_counter(), 0, 0
        network = Network(extractor, chosen.memory_mb, chosen.gpu_mb, chosen.threads)
        spooled = stream(
            videos, network, chosen.decoder, self.settings.every,
            lambda: Features(self.bucket.folder, chosen.storage), watch.video,
        )  # fmt: skip
        for found in tqdm(spooled, desc=self.entry.name, total=len(videos), unit="video", disable=None):
            if isinstance(found, Failed):
                kind: Literal["bad", "unreachable"] = "unreachable" if isinstance(found.error, RunError) else "bad"
                log.error("%s", found.error)
                report(Made(found.video.video_id, kind, {}, str(found.error)))
                continue
            clip, features = found
            report(Made(clip.video.video_id, "made", self._write(clip, features, common)))
            frames, made = frames + clip.decoded.frames, made + 1
            _report_differences(clip)
        seconds = time.perf_counter() - started
        log.info("extracted %d videos, %d frames in %.1f s (%.1f frames/s)", made, frames, seconds, frames / seconds)

    def _precision(self, device: str) -> str:
        """What is set, or what `auto` meant to the first job of the study that asked."""
        from vqa.features.stream import resolve_precision

        if self.extraction.precision != "auto":
            return self.extraction.precision
        decided = self.bucket.precision or str(resolve_precision("auto", device)).removeprefix("torch.")
        return create_once(self.precision, f"{decided}\n").strip() if self.precision else decided

    def _write(self, clip: "Clip", features: "Features", common: dict[str, Any]) -> dict[str, Any]:
        from vqa.features.stream import stored

        attributes = common | _attributes(clip, len(features.starts), features.dim)
        attributes["causes"] = canonical(clip.causes)
        attributes["fingerprint"] = self.bucket.fingerprint(clip.video, clip.source.sha256, clip.causes)
        shape = (len(features.starts), features.dim)
        shard, storage = self.bucket.shard(clip.video), self.extraction.storage
        rows = stored(features, clip.video, storage)
        checksum = shards.write(shard, rows, shape, storage, features.starts, attributes)
        return attributes | {"checksum": checksum}

    def _provenance(self, extractor: "Extractor") -> dict[str, Any]:
        """The attributes that all shards of a job share; None has no HDF5 type and becomes empty."""
        depends = self.bucket.depends
        attributes = {
            **depends,
            "settings": canonical(depends),
            "weights_sha256": depends["weights"],
            "weights_trained": self.entry.pretrained,
            "preprocessing": extractor.preprocessing,
            "clip_length": self.entry.clip_length,
            "clip_stride": self.entry.clip_length * self.settings.every,
            "precision_used": str(extractor.precision).removeprefix("torch."),
            "libraries": self.bucket.libraries,
            "feature_version": FEATURE_VERSION,
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
        "fps": clip.fps or -1.0,
        "pixel_format": clip.header.pixel_format,
        "source": Path(clip.video.path).name,  # not where it lay: shards travel
        "source_size": clip.source.size,
        "source_mtime_ns": clip.source.mtime_ns,
        "source_sha256": clip.source.sha256,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _report_differences(clip: "Clip") -> None:
    decoded, container = clip.decoded, clip.header.frames
    if container and decoded.frames != container:
        log.warning("%s: %d frames decoded, the container says %d", clip.video.path, decoded.frames, container)
    if clip.fps != (declared := clip.header.fps):
        log.warning(
            "%s: its frames come at %.4g a second, the container says %.4g", clip.video.path, clip.fps, declared or 0
        )
    if decoded.corrupt:
        log.warning("%s: %d frames are corrupt and were concealed", clip.video.path, decoded.corrupt)
