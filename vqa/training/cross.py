"""Cross-dataset evaluation: heads trained on one dataset, tested on the whole of another."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import torch

from vqa.config import Run
from vqa.features.index import feature_origin, open_features, read_indexes
from vqa.manifest import read_manifest
from vqa.system.errors import UserError
from vqa.system.files import write_text
from vqa.temporal.checkpoint import load_head
from vqa.training.feeder import Feeder
from vqa.training.initial import require_same_origin
from vqa.training.items import Item
from vqa.training.predict import predict


def predict_others(
    head_path: Path, targets: Sequence[tuple[str, Path, list[Path]]], output: Path, threads: int
) -> None:
    """targets: (dataset, manifest, indexes) each, several of joined features. Writes `dataset, video_id, mos, score`.

    Scores are on the MOS scale of the head's own dataset: only rank and shape compare.
    """
    torch.set_num_threads(threads)
    head, made_by = load_head(head_path)
    if not made_by:
        raise UserError(f"{head_path}: does not say what it was trained on; give a head.pt of this package")
    feeder = Feeder(Run(**made_by["run"]), made_by["seed"], "O", torch.device("cpu"))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["dataset", "video_id", "mos", "score"])
    for name, manifest, indexes in targets:
        index = read_indexes(indexes)
        if index:
            origin = feature_origin(index)
            require_same_origin(head_path, made_by.get("features", {}), origin, f"those of {name}")
        videos = [video for video in read_manifest(manifest) if video.video_id in index]
        found = open_features([index[video.video_id] for video in videos])
        items = [
            Item(video.video_id, rows.features, video.mos, 0.0, rows.rate)
            for video, rows in zip(videos, found, strict=True)
        ]
        if items and items[0].features.shape[1] != head.input_size:
            raise UserError(f"{indexes[0]}: its features do not fit {head_path}; use those of the same backbone")
        scores = predict(head, feeder, items) * made_by["label_scale"]
        for item, score in zip(items, scores, strict=True):
            writer.writerow([name, item.video_id, repr(item.mos), repr(float(score))])
    write_text(output, buffer.getvalue())
