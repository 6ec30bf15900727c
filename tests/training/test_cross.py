"""Heads on another dataset: which videos, which scale, which frames."""

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from vqa.config import Run
from vqa.features import shards
from vqa.features.index import write_index
from vqa.manifest import Video, write_manifest
from vqa.protocol.sampling import frame_sequence
from vqa.system.errors import UserError
from vqa.system.files import write_json
from vqa.temporal.checkpoint import save_head
from vqa.temporal.registry import create
from vqa.training.cross import predict_others

DIM, SEED, SCALE = 12, 3, 80.0


@pytest.fixture
def target(tmp_path) -> tuple[str, Path, list[Path]]:
    """Three videos of another dataset; the middle one was excluded while features were extracted."""
    rng = np.random.default_rng(0)
    videos, entries = [], {}
    for number in range(3):
        name = f"w{number}"
        rows = rng.normal(size=(20 + number, DIM)).astype(np.float16)
        made = {"video_id": name, "fingerprint": name}
        checksum = shards.write(tmp_path / f"{name}.h5", [rows], rows.shape, "float16", np.arange(len(rows)), made)
        entries[name] = {"fingerprint": name, "rows": len(rows), "dim": DIM, "checksum": checksum}
        videos.append(Video(name, f"{name}.mp4", 1.5 + number))
    del entries["w1"]
    write_json(tmp_path / "receipt.json", {"shards": entries, "excluded": {"w1": "does not decode"}})
    write_manifest(tmp_path / "manifest.csv", videos)
    write_index(tmp_path / "index.csv", tmp_path, videos, [tmp_path / "receipt.json"])
    return "other", tmp_path / "manifest.csv", [tmp_path / "index.csv"]


def saved_head(path: Path, dim: int = DIM, features: dict[str, str] | None = None, **run: object) -> Path:
    made_by = {"run": Run(**run).model_dump(mode="json"), "seed": SEED, "label_scale": SCALE}
    made_by |= {"features": features or {}}
    save_head(path, create("vsfa", dim, 0), "vsfa", made_by)
    return path


@pytest.mark.parametrize("sampler,precision", [(0, "float32"), (4, "float32"), (4, "bfloat16")])
def test_scores_are_those_of_the_head_alone_on_its_own_scale_in_its_own_precision(tmp_path, target, sampler, precision):
    path = saved_head(tmp_path / "head.pt", sampler=sampler, precision=precision)
    predict_others(path, [target], tmp_path / "out.csv", 1)
    with open(tmp_path / "out.csv") as file:
        rows = list(csv.DictReader(file))
    head = create("vsfa", DIM, 0).eval()
    head.projection_dtype = getattr(torch, precision)
    assert [(row["dataset"], row["video_id"], row["mos"]) for row in rows] == [
        ("other", "w0", "1.5"), ("other", "w2", "3.5"),
    ]  # fmt: skip
    for row in rows:
        features, _ = shards.read(tmp_path / f"{row['video_id']}.h5")
        frames = frame_sequence(row["video_id"], len(features), sampler, "O", SEED)
        chosen = torch.from_numpy(features.astype(np.float32)[frames])
        with torch.no_grad():
            alone = head(chosen[None], torch.tensor([len(frames)])).item()
        assert float(row["score"]) == pytest.approx(alone * SCALE, rel=1e-5)


def test_features_of_another_size_are_refused_and_nothing_is_written(tmp_path, target):
    path = saved_head(tmp_path / "head.pt", DIM + 1)
    with pytest.raises(UserError, match=r"index\.csv: its features do not fit .*head\.pt"):
        predict_others(path, [target], tmp_path / "out.csv", 1)
    assert not (tmp_path / "out.csv").exists()


def test_features_of_another_origin_are_refused_and_nothing_is_written(tmp_path, target):
    """Of one width, so that only what the shards say tells them apart."""
    for number in (0, 2):
        with h5py.File(tmp_path / f"w{number}.h5", "r+") as shard:
            shard.attrs["settings"] = json.dumps({"backbone": "resnet18"})
            shard.attrs["precision_used"] = "float32"
            shard.attrs["weights_sha256"] = "a"
    for origin, differs in ({"backbone": "resnet50", "weights_sha256": "a"}, "backbone resnet50"), (
        {"backbone": "resnet18", "weights_sha256": "b"}, "weights_sha256 b",
    ):  # fmt: skip
        path = saved_head(tmp_path / "head.pt", features=origin)
        with pytest.raises(UserError, match=rf"head\.pt: was trained on features of {differs}; those of other are of"):
            predict_others(path, [target], tmp_path / "out.csv", 1)
        assert not (tmp_path / "out.csv").exists()
    predict_others(
        saved_head(tmp_path / "head.pt", features={"backbone": "resnet18", "weights_sha256": "a"}),
        [target], tmp_path / "out.csv", 1,
    )  # fmt: skip
    assert (tmp_path / "out.csv").is_file()


def test_a_head_that_does_not_say_what_made_it_is_refused(tmp_path, target):
    save_head(tmp_path / "head.pt", create("vsfa", DIM, 0), "vsfa", {})
    with pytest.raises(UserError, match=r"head\.pt: does not say what it was trained on"):
        predict_others(tmp_path / "head.pt", [target], tmp_path / "out.csv", 1)
