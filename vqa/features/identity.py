"""What a feature depends on, and which bucket extracts it. Imports no torch: the Snakefile plans with it."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from vqa.backbones.registry import recipe, source
from vqa.config import BackboneSettings, Extraction, ImportedFeatures, identity
from vqa.config.base import PERFORMANCE
from vqa.manifest import Video
from vqa.system.files import digest

# Part of every fingerprint, and never raised: a shard of version 0.1 that is still right stays. What changes for
# some videos enters by their causes; FEATURE_VERSION makes every bucket look.
_FORMULA = 1
_PYAV_RIGHT_SINCE = 17  # before, BT.709 was converted with BT.601's matrix


def bucket_of(video_id: str, buckets: int) -> int:
    """The stable bucket of a video: other videos coming or going never move it."""
    return int.from_bytes(hashlib.sha1(video_id.encode()).digest()[:8], "big") % buckets


def settings_of(backbone: str, settings: BackboneSettings, extraction: Extraction) -> dict[str, Any]:
    """The part of the config that a feature's value depends on; performance knobs stay out."""
    changed, code = recipe(backbone, settings.node), source(backbone)
    return {
        **({"recipe": changed} if changed else {}),
        **({"code": code} if code else {}),
        "version": _FORMULA,
        "backbone": backbone,
        **identity(settings, exclude={"network", "imported", "weights"}),  # weights count by their content
        **identity(extraction, exclude=PERFORMANCE),
    }


def recipe_of(origin: Mapping[str, Any]) -> int | None:
    """The recipe of the features that a head or run names as its origin. Version 0.1's name neither it nor a storage
    type; those that name the latter alone had today's.
    """
    today = recipe(origin.get("backbone", ""), origin.get("node"))
    made: int | None = origin.get("recipe", today if "storage" in origin else None)
    return made


def imported_settings(name: str, every: int, given: ImportedFeatures) -> dict[str, Any]:
    """The same of imported features, beside the content of their files."""
    chosen = {"variable": given.variable, "ending": given.ending, "column": given.names.column if given.names else None}
    return {"version": _FORMULA, "backbone": name, "every": every, "imported": chosen}


def fingerprint(depends: Mapping[str, Any], video: Video, content: str, causes: Mapping[str, Any]) -> str:
    """Of a shard. depends: `settings_of` and the weights' hash; content: the video's SHA-256."""
    source = {key: value for key, value in video.source().items() if key != "path"}
    parts = {"depends": dict(depends), "source": source, "content": content}
    return digest(parts | ({"causes": dict(causes)} if causes else {}))


def same_libraries(found: Mapping[str, Any], libraries: str) -> bool:
    """Whether a shard with the attributes `found` was decoded by these libraries.

    Version 0.1 recorded the decoder only: "pyav 18.1.0, libavcodec 62.28.102", "decord 0.6.0" or
    "raw swscale 9.5.102". PyAV's wheels carry libswscale of the same FFmpeg as their libavcodec.
    """
    if recorded := found.get("libraries"):
        return bool(recorded == libraries)
    decoder = str(found.get("decoder", ""))
    if raw := re.fullmatch(r"raw swscale ([\d.]+)", decoder):
        return _has(libraries, f"libswscale {raw[1]}")
    if pyav := re.fullmatch(r"pyav (\d+)\S*, (libavcodec [\d.]+)", decoder):
        return int(pyav[1]) >= _PYAV_RIGHT_SINCE and _has(libraries, pyav[2])
    return decoder == libraries


def _has(libraries: str, name: str) -> bool:
    return name in libraries.split(", ")
