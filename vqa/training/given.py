"""Predictions that others made, in place of a training: `run.json` and `predictions.csv` of a run. Imports no torch."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vqa.config.versions import TRAINING_VERSION
from vqa.datasets import label_files
from vqa.datasets.common import number
from vqa.features.pairing import keys, matched
from vqa.manifest import Video
from vqa.protocol import predictions
from vqa.protocol.predictions import Prediction
from vqa.protocol.splits import kind
from vqa.system.errors import UserError
from vqa.system.files import write_json, write_text

log = logging.getLogger("vqa")
_SHOWN = 5
_OF_TRAININGS = ("head.pt", "history.csv")


@dataclass(frozen=True)
class Scores:
    """A file of scores. columns: its names of `video_id` and `score`; excluded: video_ids that the study leaves out;
    same: it serves every split.
    """

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    excluded: Collection[str] = ()
    same: bool = False

    def of(self, videos: Sequence[Video]) -> dict[str, float]:
        """video_id -> score, joined by name as features are (`vqa.features.pairing`); not all need one.

        Raises `UserError` for a name of no video, or of several, and for a score that is no finite number.
        """
        named = self._read()
        found = matched(videos, named, self.path, are_ids="video_id" not in self.columns)
        left_out = {video_id.lower() for video_id in self.excluded}
        others = [name for name in named.keys() - set(found.values()) if not left_out & {name.lower(), *keys(name)}]
        if others:
            raise UserError(
                f"{self.path}: {_listed(others)} {'is' if len(others) == 1 else 'are'} no video of the dataset; leave "
                "such rows out, or name the videos by video_id"
            )
        return {video_id: named[name] for video_id, name in found.items()}

    def _read(self) -> dict[str, float]:
        """Name -> score."""
        table = label_files.source(self.path, ",").table
        name, score = (
            table.required(self.columns.get(key, key), "" if key in self.columns else "; name it under `columns:`")
            for key in ("video_id", "score")
        )
        table.require_decimals(score)
        found: dict[str, float] = {}
        for line, fields in table.lines:
            where = f"{self.path} line {line}"
            if len(fields) != len(table.header):
                raise UserError(f"{where}: has {len(fields)} fields, the header {len(table.header)}")
            if (video := fields[name].strip()) in found:
                raise UserError(f"{where}: '{video}' stands twice; keep one of the rows")
            found[video] = number(fields[score], where)
        return found

    def tested(self, videos: Sequence[Video], parts: Mapping[str, str], seed: int) -> list[Prediction]:
        """The rows of predictions.csv: of the test videos of a seed, each of which needs a score."""
        scores = self.of(videos)
        tested = sorted((v for v in videos if kind(parts[v.video_id]) == "test"), key=lambda v: v.video_id)
        if missing := [video.video_id for video in tested if video.video_id not in scores]:
            raise UserError(
                f"{self.path}: has no score of {_listed(missing)}, of {len(tested)} test videos of seed {seed}; "
                "add it, or list the video under `exclude:`"
            )
        return [Prediction(v.video_id, parts[v.video_id], "O", v.mos, scores[v.video_id]) for v in tested]


def write_run(
    given: Scores,
    seed: int,
    videos: Sequence[Video],
    parts: Mapping[str, str],
    output: Path,
    made_by: Mapping[str, Any],
) -> None:
    """The files of the run, predictions last. made_by: what else run.json says."""
    rows = given.tested(videos, parts, seed)
    if given.same:
        log.info("%s: the same scores in every split; their makers may have trained on videos tested here", given.path)
    kinds = [kind(part) for part in parts.values()]
    counts = {part: kinds.count(part) for part in ("train", "val", "test")}
    log.info("scores of all %d test videos of seed %d", len(rows), seed)
    for name in _OF_TRAININGS:  # of an experiment of this name that was trained before
        (output / name).unlink(missing_ok=True)
    told = {"columns": dict(given.columns), "same_scores": given.same}
    made = {"predictions": told, "seed": seed, "order": "O", "videos": counts, "version": TRAINING_VERSION}
    write_json(output / "run.json", {**made, **made_by})
    write_text(output / "predictions.csv", predictions.to_csv(rows))


def _listed(names: Collection[str]) -> str:
    """`'a'`, `'a', 'b'` or `'a', 'b', ... (12 in all)`."""
    shown = ", ".join(f"'{name}'" for name in sorted(names)[:_SHOWN])
    return shown + (f", ... ({len(names)} in all)" if len(names) > _SHOWN else "")
