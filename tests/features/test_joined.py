"""Joined features: beside each row of the finer stands the right row of the other, by a plain loop."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import assert_one_line_error, vqa
from vqa.config import Run, parse
from vqa.features import shards
from vqa.features.index import feature_origin, open_features, read_indexes
from vqa.features.joined import Joined, nearest
from vqa.features.mapping import Mapped
from vqa.features.shards import Times
from vqa.manifest import Video, write_manifest
from vqa.study.grid import Grid
from vqa.study.resources import Sizes, joined
from vqa.system.errors import UserError
from vqa.training.feeder import Feeder
from vqa.training.items import load_items

COMMON = {"fingerprint": "f", "precision_used": "float32", "weights_sha256": "w", "fps": 24.0}


def starts(frames: int, length: int, every: int) -> list[int]:
    """Of frames (length 1) or cubes with their tail, every `every`-th."""
    whole = list(range(0, frames - length + 1, length))
    return (whole + [frames - length] * (frames % length > 0 and frames > length) or [0])[::every]


def by_loop(s: int, other: list[int], length: int) -> int:
    """The last row that holds frame s, else the nearest, the earlier of two."""
    holding = [row for row, start in enumerate(other) if start <= s < start + length]
    distance = [max(start - s, s - (start + length - 1)) for start in other]
    return holding[-1] if holding else distance.index(min(distance))


@pytest.mark.parametrize("fine,coarse", [((1, 1), (16, 1)), ((1, 4), (16, 1)), ((1, 1), (16, 3)), ((1, 3), (1, 7)),
                                         ((16, 1), (1, 40))])  # fmt: skip
def test_each_row_stands_beside_the_row_that_holds_its_first_frame_or_is_nearest(fine, coarse):
    for frames in (1, 5, 16, 17, 70, 97):
        mine, other = starts(frames, *fine), starts(frames, *coarse)
        found = nearest(np.array(mine), Times(np.array(other), coarse[0]))
        assert found.tolist() == [by_loop(s, other, coarse[0]) for s in mine]


def write(folder: Path, name: str, frames: int, length: int, dtype: str, dim: int, seed: int) -> np.ndarray:
    at = starts(frames, length, 1)
    rows = np.random.default_rng(seed).normal(size=(len(at), dim)).astype(dtype)
    settings = json.dumps({"backbone": folder.name})
    made = COMMON | {"clip_length": length, "settings": settings}
    checksum = shards.write(folder / f"{name}.h5", [rows], rows.shape, dtype, at, made)
    index = folder / "index.csv"
    head = "" if index.exists() else "video_id,rows,dim,checksum\n"
    with open(index, "a") as file:
        file.write(f"{head}{name},{len(at)},{dim},{checksum}\n")
    return rows


@pytest.fixture
def two(tmp_path):
    """Frames and cubes of six videos, of which the cubes lack one."""
    for folder in ("frames", "cubes"):
        (tmp_path / folder).mkdir()
    made = {}
    for number in range(6):
        name, frames = f"v{number}", 20 + 9 * number
        made[name] = (write(tmp_path / "frames", name, frames, 1, "float16", 5, number),
                      write(tmp_path / "cubes", name, frames, 16, "float32", 3, 50 + number) if number < 5 else None,
                      starts(frames, 16, 1))  # fmt: skip
    return tmp_path, made


def expected(made, name: str) -> np.ndarray:
    frames, cubes, at = made[name]
    return np.array([[*row, *cubes[by_loop(t, at, 16)]] for t, row in enumerate(frames)], np.float32)


@pytest.mark.parametrize("order", ["O", "S"])
def test_training_sees_the_joined_rows_whatever_it_samples(two, order):
    folder, made = two
    index = read_indexes([folder / "frames" / "index.csv", folder / "cubes" / "index.csv"])
    assert list(index) == ["v0", "v1", "v2", "v3", "v4"] and {entry.dim for entry in index.values()} == {8}
    videos = [Video(name, f"{name}.mp4", 1.0 + i) for i, name in enumerate(made)]
    parts = dict(zip(made, ["train", "train", "train", "val", "test", "test"], strict=True))
    items, _ = load_items(videos, index, parts, "dataset")
    item = items["train"][2]
    assert isinstance(item.features, Joined) and item.features.shape == (38, 8) and item.rate == 24.0
    assert all(isinstance(part, Mapped) for part in item.features.parts)
    whole = expected(made, "v2")
    assert np.array_equal(np.asarray(item.features), whole)
    for k in (0, 4):
        feeder = Feeder(Run(sampler=k), 0, order, torch.device("cpu"))
        batch = feeder.batch(items["train"])
        seen = batch.frames[batch.position[2, : batch.lengths[2]]]
        assert np.array_equal(seen.numpy(), whole[feeder.sequence(item, False, 0)])


def test_columns_follow_the_names_and_each_backbone_is_told(two):
    folder, made = two
    index = read_indexes([folder / "cubes" / "index.csv", folder / "frames" / "index.csv"])
    (rows,) = open_features([index["v1"]])
    assert np.array_equal(np.asarray(rows.features)[:, 3:], made["v1"][0].astype(np.float32))
    origin = feature_origin(index)
    assert [each["backbone"] for each in origin["joined"]] == ["cubes", "frames"]


def test_indexes_of_different_videos_are_refused(two):
    folder, _ = two
    (folder / "other").mkdir()
    write(folder / "other", "x", 20, 1, "float16", 5, 0)
    with pytest.raises(UserError, match="have no video in common"):
        read_indexes([folder / "frames" / "index.csv", folder / "other" / "index.csv"])


def test_a_head_of_joined_features_is_trained_tested_elsewhere_and_refused_by_score(two):
    folder, made = two
    write_manifest(folder / "manifest.csv", [Video(name, f"{name}.mp4", 1.0 + i) for i, name in enumerate(made)])
    first, second = (folder / name / "index.csv" for name in ("frames", "cubes"))
    words = ["--manifest", folder / "manifest.csv", "--index", first, "--join", second, "--order", "O", "--seed", 0]
    done = vqa("train", *words, "--output", folder / "run", "--epochs", 1, "--batch-size", 2)
    assert done.returncode == 0, done.stderr
    told = json.loads((folder / "run" / "run.json").read_text())
    assert len(told["features"]["joined"]) == 2 and set(told["inputs"]) == {"manifest", "index", "index-2"}
    target = f"d:{folder / 'manifest.csv'}:{first}:{second}"
    done = vqa("cross", "--head", folder / "run/head.pt", "--dataset", target, "--output", folder / "cross.csv")
    assert done.returncode == 0 and len((folder / "cross.csv").read_text().splitlines()) == 6, done.stderr
    (folder / "a.mp4").touch()
    refused = vqa("score", folder / "a.mp4", "--head", folder / "run/head.pt", "--weights", folder / "a.mp4")
    assert_one_line_error(refused, "was trained on joined features, of frames and cubes")


def study(backbone):
    experiments = {"e": {"backbone": backbone}, "f": {"backbone": "resnet50"}}
    backbones = {"sparse": {"network": "resnet3d18", "every": 2}}
    return parse(
        {"seeds": 1, "datasets": {"d": {"reader": "demo"}}, "backbones": backbones, "experiments": experiments}
    )


def test_an_experiment_names_what_it_joins():
    chosen = study(["resnet50", "sparse"])
    assert chosen.experiments["e"].backbone == "resnet50+sparse" and study("resnet50+sparse") == chosen
    grid = Grid(chosen)
    assert [variant.name for variant in grid.variants_of("e")] == ["resnet50", "sparse"]
    assert grid.slugs == ["resnet50", "sparse"] and grid.features == [("d", "resnet50"), ("d", "sparse")]
    assert joined([Sizes((10, 20), 4), Sizes((2, 3), 6)]) == Sizes((10, 20), 10)


@pytest.mark.parametrize("backbone", [[], ["sparse", "sparse"], ["sparse", 3], "sparse+"])
def test_a_join_that_is_none_is_one_line(backbone):
    with pytest.raises(UserError, match=r"experiments\.e\.backbone"):
        study(backbone)
