"""Rows a second, from the shard to the pooling: the same in training, across datasets and in `vqa score`."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.conftest import vqa
from tests.temporal.test_pooling import hysteresis
from vqa.config import Run
from vqa.features import shards
from vqa.features.stream import Features
from vqa.manifest import Video, write_manifest
from vqa.protocol.sampling import frame_sequence, rate_of
from vqa.scoring import Scorer
from vqa.temporal.registry import create
from vqa.training.feeder import Feeder
from vqa.training.items import Item

FPS, HEAD = 4, '{"name":"vsfa","pooling":"hysteresis","recurrent":false}'
RUNS = [(0, "float32"), (2, "float32"), (0, "bfloat16")]


@pytest.mark.parametrize(
    "rate,places,expected",
    [
        (25.0, range(240), 25.0),
        (24.0, range(0, 240, 16), 1.5),
        (24.0, [0, 16, 32, 40], 24 * 3 / 40),  # a last cube that overlaps
        (50.0, [3, 1, 7, 5], 25.0),
        (30.0, [4], 30.0),
        (30.0, [4, 4], 30.0),
        (None, [1, 2], None),
    ],
)
def test_rows_come_at_the_frame_rate_over_the_frames_between_them(rate, places, expected):
    assert rate_of(rate, places) == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("fps,expected", [(32.0, 2.0), (-1.0, None), (None, None), (np.nan, None), (np.inf, None)])
def test_a_shard_says_how_many_rows_a_second_it_holds(tmp_path, fps, expected):
    made = {} if fps is None else {"fps": fps}
    shards.write(tmp_path / "a.h5", [np.zeros((4, 2))], (4, 2), "float32", [0, 16, 32, 48], made)
    assert [rows.rate for rows in shards.rows_of([tmp_path / "a.h5"])] == [expected]


@pytest.mark.parametrize("order", ["O", "S"])
def test_a_batch_says_how_many_frames_a_second_are_seen(order):
    rows = np.zeros((40, 3), np.float32)
    items = [Item("a", rows, 1.0, 1.0, 20.0), Item("b", rows, 1.0, 1.0)]
    batch = Feeder(Run(sampler=4), 0, order, torch.device("cpu")).batch(items)
    drawn = frame_sequence("a", 40, 4, "O", 0)
    assert batch.rates.tolist() == pytest.approx([20.0 * 9 / (drawn[-1] - drawn[0]), 30.0])
    assert Feeder(Run(), 0, order, torch.device("cpu")).batch(items).rates.tolist() == [20.0, 30.0]


def test_a_score_of_cubes_counts_their_first_frames():
    features = Features()
    features.append(np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32), list(range(0, 192, 16)))
    scorer = object.__new__(Scorer)
    scorer.head, scorer.made_by, scorer.scale = create(HEAD, 5, 0).eval(), {}, 1.0
    scorer.storage = "float32"
    for fps, window in ((16.0, 2), (32.0, 4), (None, 60)):
        quality, curve, _ = scorer._apply(Video("a", "a.mp4", 0.0), features, fps)
        assert quality == pytest.approx(hysteresis(curve, window), rel=1e-5)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, make_clip) -> Path:
    """Six clips of 4 frames a second, of 20 to 30 frames, and a head for each of `RUNS`."""
    root = tmp_path_factory.mktemp("trained")
    clips = [make_clip(root / "videos" / f"v{i}.mp4", 20 + 2 * i, seed=i, fps=FPS) for i in range(6)]
    write_manifest(root / "manifest.csv", [Video(c.stem, str(c), 20.0 + 7 * i) for i, c in enumerate(clips)])
    common = ["--manifest", root / "manifest.csv"]
    backbone = ["--weights", root / "weights.pth", "--backbone", "efficientnet_lite0", "--precision", "float32"]
    made = ["--output", root / "shards", "--receipt", root / "receipt.json"]
    index = ["--features", root / "shards", "--output", root / "shards" / "index.csv", root / "receipt.json"]
    run = ["--index", root / "shards/index.csv", "--order", "O", "--seed", 0, "--head", HEAD, "--epochs", 2]
    run += ["--batch-size", 2]
    for command in (
        ["weights", "efficientnet_lite0", "--output", root / "weights.pth"],
        ["extract", *common, *backbone, *made],
        ["index", *common, *index],
        *(
            ["train", *common, *run, "--sampler", k, "--precision", p, "--output", root / f"run-{k}-{p}"]
            for k, p in RUNS
        ),
    ):
        result = vqa(*command)
        assert result.returncode == 0, result.stderr
    return root


@pytest.mark.parametrize("sampler,precision", RUNS)
def test_training_cross_and_score_give_a_video_one_score(trained, tmp_path, sampler, precision):
    """2 s are 8 frames, or 4 of a frame of each 2."""
    run, window = trained / f"run-{sampler}-{precision}", 4 if sampler else 8
    target = f"same:{trained / 'manifest.csv'}:{trained / 'shards/index.csv'}"
    assert vqa("cross", "--head", run / "head.pt", "--output", tmp_path / "x.csv", "--dataset", target).returncode == 0
    crossed = pd.read_csv(tmp_path / "x.csv").set_index("video_id")["score"]
    scale = json.loads((run / "run.json").read_text())["label_scale"]
    for row in pd.read_csv(run / "predictions.csv").query("split == 'test' and test_order == 'O'").to_dict("records"):
        clip, curve = trained / "videos" / f"{row['video_id']}.mp4", tmp_path / "c.csv"
        given = ["--head", run / "head.pt", "--weights", trained / "weights.pth", "--curve", curve]
        scored = float(next(csv.DictReader(io.StringIO(vqa("score", clip, *given).stdout)))["quality"])
        assert crossed[row["video_id"]] == pytest.approx(row["score"], rel=1e-5)
        assert scored == pytest.approx(row["score"], rel=1e-4)
        q = pd.read_csv(curve)["quality"].to_numpy() / scale
        assert hysteresis(q, window) * scale == pytest.approx(row["score"], rel=1e-4)
        assert hysteresis(q, 60) * scale != pytest.approx(row["score"], rel=1e-4)
