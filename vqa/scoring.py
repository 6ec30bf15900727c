"""The quality of any video, by a trained head."""

import csv
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vqa.backbones.extractor import Extractor
from vqa.backbones.registry import require_checkpoint
from vqa.config import BackboneSettings, Extraction
from vqa.features.clips import Failed
from vqa.features.stream import Features, load_extractor, stream
from vqa.manifest import Video
from vqa.protocol.sampling import frame_sequence
from vqa.system.errors import UserError
from vqa.system.files import sha256, write_text
from vqa.temporal.checkpoint import load_head
from vqa.temporal.model import FrameScores

log = logging.getLogger("vqa")
SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".wmv", ".flv", ".ts", ".yuv")


@dataclass(frozen=True)
class Score:
    """start: first frame of each frame (or cube) the head saw, (T,); curve: the quality of each, where the head has
    frame scores.
    """

    path: Path
    quality: float
    curve: np.ndarray | None
    start: np.ndarray


class Scorer:
    """A head with the backbone it was trained on."""

    def __init__(
        self,
        head_path: str | Path,
        weights: str | Path,
        backbone: str | None = None,
        memory_mb: int = 1000,
        threads: int = 2,
        device: str = "cpu",
    ):
        head_path, weights = Path(head_path), Path(weights)
        self.head, self.made_by = load_head(head_path)
        origin = self.made_by.get("features", {})
        name = backbone or origin.get("backbone") or "resnet50"
        self._check(head_path, name, weights, origin)
        settings = BackboneSettings(cube_input=origin.get("cube_input") or "crop112", node=origin.get("node") or None)
        self.extraction = Extraction(
            decoder=origin.get("decoder", "pyav"), precision=origin.get("precision", "auto"),
            memory_mb=memory_mb, threads=threads,
        )  # fmt: skip
        self.extractor: Extractor = load_extractor(name, weights, settings, self.extraction, device)
        self.scale = self.made_by.get("label_scale", 1.0)

    @staticmethod
    def _check(head_path: Path, name: str, weights: Path, origin: dict[str, Any]) -> None:
        if origin and name != origin["backbone"]:
            raise UserError(f"{head_path}: was trained on {origin['backbone']} features, not on {name}'s")
        require_checkpoint(name, weights)
        if origin and sha256(weights) != origin["weights_sha256"]:
            raise UserError(
                f"{weights}: is not the checkpoint whose features {head_path} was trained on; give that one"
            )

    def score(self, videos: Sequence[Video | str | Path]) -> tuple[list[Score], list[str]]:
        """Scores on the training dataset's MOS scale, and the errors of videos that cannot be read."""
        listed = [v if isinstance(v, Video) else Video(Path(v).stem, str(v), mos=0.0) for v in videos]
        scores, errors = [], []
        for found in stream(listed, self.extractor, self.extraction.decoder, self.extraction.memory_mb):
            if isinstance(found, Failed):
                errors.append(str(found.error))
                continue
            clip, features = found
            if features.dim != self.head.input_size:
                raise UserError(f"the head takes {self.head.input_size} features, the backbone gives {features.dim}")
            quality, curve, start = self._apply(clip.video, features)
            scores.append(Score(Path(clip.video.path), quality, curve, start))
        return scores, errors

    @torch.inference_mode()
    def _apply(self, video: Video, features: Features) -> tuple[float, np.ndarray | None, np.ndarray]:
        head = self.head
        # Stored features are float16; the same rounding here gives the same scores as in the study.
        reduced = torch.cat([head.project(torch.from_numpy(rows.astype(np.float16))) for rows in features.chunks()])
        run = self.made_by.get("run", {})
        k = run.get("sampler", 0) if run.get("sample_test", True) else 0
        frames = frame_sequence(video.video_id, len(reduced), k, "O", self.made_by.get("seed", 0))
        lengths = torch.tensor([len(frames)])
        seen = reduced[frames].unsqueeze(0)
        quality = head.score(seen, lengths).item() * self.scale
        curve = head.frame_scores(seen, lengths)[0].numpy() * self.scale if isinstance(head, FrameScores) else None
        return quality, curve, np.array(features.starts)[frames]


def find_videos(path: Path, width: int | None, height: int | None, pixel_format: str | None) -> list[Video]:
    """The video itself, or every video file below a folder."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
        if not files:
            raise UserError(f"{path}: holds no videos ({', '.join(SUFFIXES)})")
    elif path.exists():
        files = [path]
    else:
        raise UserError(f"{path}: no such file or folder")
    return [
        Video(
            p.stem,
            str(p),
            0.0,
            width=width,
            height=height,
            pixel_format=pixel_format if p.suffix.lower() == ".yuv" else None,
        )
        for p in files
    ]


def scores_csv(scores: Sequence[Score]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["path", "quality", "frames"])
    writer.writerows([score.path, f"{score.quality:.6g}", len(score.start)] for score in scores)
    return buffer.getvalue()


def write_curves(output: Path, scores: Sequence[Score]) -> None:
    """One row a frame: `path, frame, quality`."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["path", "frame", "quality"])
    for score in scores:
        if score.curve is None:
            raise UserError("--curve: this head scores whole videos, not frames; leave the option out")
        writer.writerows([score.path, start, f"{q:.6g}"] for start, q in zip(score.start, score.curve, strict=True))
    write_text(output, buffer.getvalue())
