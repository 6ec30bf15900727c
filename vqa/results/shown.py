"""shown.json: what the report shows of single videos beside their numbers, curves and strips of pictures."""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from vqa.config import Study
from vqa.manifest import Video, read_manifest
from vqa.results import ranking
from vqa.results.curves import Curves
from vqa.results.test_sets import dataset_of
from vqa.results.thumbnails import strip
from vqa.study.layout import Layout
from vqa.system.errors import RunError, UserError, snakemake
from vqa.system.files import reaching, write_json

log = logging.getLogger("vqa")


def show(study: Study, videos: pd.DataFrame, tests: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """What is tested -> video_id -> `curve`, `strip` and `note`, which says what there should be and is not."""
    curves, manifest = Curves(study), Layout.of(study).manifest
    found: dict[str, dict[str, Any]] = {}
    failed: list[UserError | RunError] = []
    for tested in videos["dataset"].unique():
        files = {video.video_id: video for video in read_manifest(manifest(dataset_of(tested)))}
        found[tested] = {}
        for video_id in ranking.shown(videos, tests, tested):
            told: dict[str, Any] = {"curve": None, "strip": "", "note": ""}
            try:
                told["curve"] = _curve(curves, videos, tested, video_id)
            except UserError as error:
                failed.append(error)
                told["note"] = "No curve: the head or the features are not there any more."
            try:
                told["strip"] = _strip(study, files.get(video_id)) if study.plots.thumbnails else ""
            except (UserError, RunError) as error:
                failed.append(error)
                told["note"] = f"{told['note']} No pictures: the video cannot be read.".strip()
            found[tested][video_id] = told
    if failed:
        log.warning("of %d videos something is not shown, first: %s", len(failed), failed[0])
    return found


def _curve(curves: Curves, videos: pd.DataFrame, tested: str, video_id: str) -> dict[str, Any] | None:
    """By the experiment whose score a shuffle moves most, of those with frame scores."""
    moved = ranking.by_experiment(videos, tested, video_id, "shift")
    made = (curves.of(tested, experiment, video_id) for experiment in moved)
    return next((asdict(curve) for curve in made if curve), None)


def _strip(study: Study, video: Video | None) -> str:
    if video is None:
        raise UserError("a video that is shown stands in no manifest; run `snakemake --cores N`")
    return strip(video, study.extraction.decoder)


def write(path: Path, found: dict[str, dict[str, Any]]) -> None:
    write_json(path, found)


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Raises `UserError` where the file cannot be read."""
    try:
        with reaching(path):
            found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); run `{snakemake()}`") from None
    return found
