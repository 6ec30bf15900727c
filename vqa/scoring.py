"""The quality of any video, by a trained head."""

import contextlib
import csv
import io
import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vqa.backbones.extractor import Extractor
from vqa.backbones.registry import recipe, require_checkpoint, source
from vqa.config import BackboneSettings, Extraction
from vqa.config.versions import FEATURE_VERSION
from vqa.datasets.tree import SUFFIXES
from vqa.features.clips import Failed
from vqa.features.identity import recipe_of
from vqa.features.network import Network
from vqa.features.stream import Features, load_extractor, stored, stream
from vqa.manifest import Video
from vqa.protocol.sampling import frame_sequence, rate_of
from vqa.system.errors import UserError
from vqa.system.files import canonical, sha256, write_text
from vqa.temporal.checkpoint import load_head
from vqa.temporal.model import FrameScores
from vqa.temporal.pooling import IN_SECONDS, RATE, rates_of

log = logging.getLogger("vqa")
Videos = Video | str | Path | Sequence[Video | str | Path]


@dataclass(frozen=True)
class Score:
    """start: first frame of each frame (or cube) the head saw, (T,); curve: the quality of each, where the head has
    frame scores.
    """

    path: Path
    quality: float
    curve: np.ndarray | None
    start: np.ndarray


def stored_type(origin: dict[str, Any]) -> str:
    """The type of the features a head was trained on. Heads of version 0.1 do not say; VSFA's are float32."""
    return str(origin.get("storage", "float16")) if origin else "float32"


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
        checksum = self._check(head_path, name, weights, origin)
        told = ("cube_input", "node", "class_token")
        settings = BackboneSettings.model_validate({key: origin[key] for key in told if origin.get(key)})
        self.extraction = Extraction(
            decoder=origin.get("decoder", "pyav"), precision=origin.get("precision", "auto"),
            memory_mb=memory_mb, threads=threads,
        )  # fmt: skip
        self.extractor: Extractor = load_extractor(name, weights, settings, self.extraction, device)
        self.every = origin.get("every", 1)
        self.scale = self.made_by.get("label_scale", 1.0)
        self.storage = stored_type(origin)
        self.identity = {
            "head": sha256(head_path), "backbone": name, "weights": checksum,
            "precision": str(self.extractor.precision), "version": FEATURE_VERSION,
        }  # fmt: skip

    @staticmethod
    def _check(head_path: Path, name: str, weights: Path, origin: dict[str, Any]) -> str:
        """The checksum of the weights."""
        if joined := origin.get("joined"):
            names = " and ".join(each["backbone"] for each in joined)
            raise UserError(
                f"{head_path}: was trained on joined features, of {names}; only heads of one backbone score"
            )
        if origin.get("imported"):
            raise UserError(f"{head_path}: was trained on imported features ({name}), which nothing here computes")
        if origin and name != origin["backbone"]:
            raise UserError(f"{head_path}: was trained on {origin['backbone']} features, not on {name}'s")
        if origin and recipe_of(origin) != recipe(name, origin.get("node")):
            raise UserError(
                f"{head_path}: was trained on {name} features that version 0.1 made, which were wrong; train it again"
            )
        if origin and source(name) != origin.get("code", ""):
            raise UserError(f"{head_path}: was trained on features of another '{name}'; restore its file")
        require_checkpoint(name, weights)
        checksum = sha256(weights)
        if origin and checksum != origin["weights_sha256"]:
            raise UserError(
                f"{weights}: is not the checkpoint whose features {head_path} was trained on; give that one"
            )
        return checksum

    def score(self, videos: Videos) -> tuple[list[Score], list[str]]:
        """Scores of one video or several, on the training dataset's MOS scale, and the errors of those that
        cannot be read.
        """
        found = list(self.each(videos))
        return (
            [each for each in found if isinstance(each, Score)],
            [str(each.error) for each in found if isinstance(each, Failed)],
        )

    def each(self, videos: Videos) -> Iterator[Score | Failed]:
        """The score of each video as it is known, in their order, or why there is none."""
        if isinstance(videos, Video | str | Path):
            videos = [videos]
        if k := self._sampler():
            log.info("one frame of each %d is seen, drawn by the video's name: another name, other frames", k)
        listed = [v if isinstance(v, Video) else Video(Path(v).stem, str(v), mos=0.0) for v in videos]
        for found in stream(
            listed, Network(self.extractor, self.extraction.memory_mb), self.extraction.decoder, self.every
        ):
            if isinstance(found, Failed):
                yield found
                continue
            clip, features = found
            if features.dim != self.head.input_size:
                raise UserError(f"the head takes {self.head.input_size} features, the backbone gives {features.dim}")
            try:
                yield Score(Path(clip.video.path), *self._apply(clip.video, features, clip.fps))
            except UserError as error:
                yield Failed(clip.video, error)

    def _sampler(self) -> int:
        run = self.made_by.get("run", {})
        return int(run.get("sampler", 0)) if run.get("sample_test", True) else 0

    @torch.inference_mode()
    def _apply(
        self, video: Video, features: Features, fps: float | None = None
    ) -> tuple[float, np.ndarray | None, np.ndarray]:
        head = self.head
        # Rounded as stored features are, and as in training: scores are the study's.
        rows = stored(features, video, self.storage)
        reduced = torch.cat([head.project(torch.from_numpy(chunk).to(head.projection_dtype)) for chunk in rows])
        frames = frame_sequence(video.video_id, len(reduced), self._sampler(), "O", self.made_by.get("seed", 0))
        lengths, seen = torch.tensor([len(frames)]), reduced[frames].unsqueeze(0)
        rate = rate_of(rate_of(fps, features.starts), frames)
        if rate is None and isinstance(head, FrameScores) and head.pooling in IN_SECONDS:
            log.warning(
                "%s: its frame rate is not known; '%s' pools in seconds and takes %g scores a second",
                video.path, head.pooling, RATE,
            )  # fmt: skip
        quality = head.score(seen, lengths, rates_of([rate])).item() * self.scale
        curve = head.frame_scores(seen, lengths)[0].numpy() * self.scale if isinstance(head, FrameScores) else None
        return quality, curve, np.array(features.starts)[frames]


def find_videos(
    path: Path, width: int | None, height: int | None, pixel_format: str | None, fps: float | None = None
) -> list[Video]:
    """The video itself, or every video file below a folder. Size, format and frame rate are of raw ones."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
        if not files:
            raise UserError(f"{path}: holds no videos ({', '.join(sorted(SUFFIXES))})")
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
            fps=fps if raw else None,
            pixel_format=pixel_format if raw else None,
        )
        for p, raw in ((p, p.suffix.lower() == ".yuv") for p in files)
    ]


class Journal:
    """What has been scored so far, a line a video, in `<output>.part`: a run that was killed goes on after it.

    The first line says by what; a journal of another head or other weights is begun anew.
    """

    def __init__(self, output: Path, made_by: dict[str, Any]):
        self.path = output.with_name(f"{output.name}.part")
        self.known: dict[str, Score] = {}
        header = canonical(made_by) + "\n"
        kept = self._read(header)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = open(self.path, "r+" if kept else "w", encoding="utf-8", newline="\n")
        self.file.seek(kept)
        self.file.truncate()  # a line cut short
        if not kept:
            self._write(header)
        if self.known:
            log.info("%s: %d videos are scored already", self.path, len(self.known))

    def _read(self, header: str) -> int:
        """The bytes of the file that are whole lines of a journal begun with `header`."""
        if not self.path.exists():
            return 0
        lines = self.path.read_bytes().splitlines(keepends=True)
        if not lines or lines[0] != header.encode():
            log.warning("%s: is of another head, other weights or another precision; begun anew", self.path)
            return 0
        kept = len(lines[0])
        with contextlib.suppress(ValueError, KeyError):  # what a crash left at the end
            for line in lines[1:]:
                row = json.loads(line if line.endswith(b"\n") else b"")
                curve = None if row["curve"] is None else np.array(row["curve"])
                self.known[row["video"]] = Score(Path(row["path"]), row["quality"], curve, np.array(row["start"]))
                kept += len(line)
        return kept

    def score(self, video: Video) -> Score | None:
        """What is known of a video whose file has not changed."""
        return self.known.get(self._name(video))

    def add(self, video: Video, score: Score) -> None:
        row = {
            "path": str(score.path),
            "quality": score.quality,
            "curve": None if score.curve is None else score.curve.tolist(),
        }
        self._write(canonical({**row, "start": score.start.tolist(), "video": self._name(video)}) + "\n")

    def remove(self) -> None:
        """The output itself holds everything."""
        self.file.close()
        self.path.unlink()

    def _write(self, line: str) -> None:
        self.file.write(line)
        self.file.flush()
        os.fsync(self.file.fileno())

    @staticmethod
    def _name(video: Video) -> str:
        try:
            status = Path(video.path).stat()
        except OSError:
            return ""  # decoding says what is wrong
        return canonical([video.source(), video.fps, status.st_size, status.st_mtime_ns])


def score_all(scorer: Scorer, videos: Sequence[Video], journal: Journal | None) -> Iterator[Score | Failed]:
    """`scorer.each`, but for what the journal knows; every new score is in the journal before it is given."""
    known = [journal.score(video) if journal else None for video in videos]
    made = scorer.each([video for video, score in zip(videos, known, strict=True) if score is None])
    for video, score in zip(videos, known, strict=True):
        found = score or next(made)
        if journal and score is None and isinstance(found, Score):
            journal.add(video, found)
        yield found


def scores_csv(scores: Sequence[Score], header: bool = True) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if header:
        writer.writerow(["path", "quality", "frames"])
    writer.writerows([_inert(score.path), f"{score.quality:.6g}", len(score.start)] for score in scores)
    return buffer.getvalue()


def write_curves(output: Path, scores: Sequence[Score]) -> None:
    """One row a frame: `path, frame, quality`."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["path", "frame", "quality"])
    for score in scores:
        if score.curve is None:
            raise UserError("--curve: this head scores whole videos, not frames; leave the option out")
        writer.writerows(
            [_inert(score.path), start, f"{q:.6g}"] for start, q in zip(score.start, score.curve, strict=True)
        )
    write_text(output, buffer.getvalue())


def _inert(path: Path) -> str:
    """A path as text that no spreadsheet takes for a formula."""
    text = str(path)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
