"""What a feature depends on, and which bucket extracts it. Imports no torch: the Snakefile plans with it."""

import hashlib
from typing import Any

from vqa.backbones.registry import recipe
from vqa.config import BackboneSettings, Extraction
from vqa.config.versions import FEATURE_VERSION


def bucket_of(video_id: str, buckets: int) -> int:
    """The stable bucket of a video: other videos coming or going never move it."""
    return int.from_bytes(hashlib.sha1(video_id.encode()).digest()[:8], "big") % buckets


def settings_of(backbone: str, settings: BackboneSettings, extraction: Extraction) -> dict[str, Any]:
    """The part of the config that a feature's value depends on; performance knobs stay out."""
    changed = recipe(backbone, settings.node)
    return {
        **({"recipe": changed} if changed else {}),
        "version": FEATURE_VERSION,
        "backbone": backbone,
        "cube_input": settings.cube_input,
        "node": settings.node,
        "decoder": extraction.decoder,
        "precision": extraction.precision,
        "storage": extraction.storage,
    }
