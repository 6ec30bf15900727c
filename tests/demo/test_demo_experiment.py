"""The demo is a real experiment: its features predict quality, and permuted labels predict nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import vqa
from vqa.config import Run
from vqa.evaluation.metrics import evaluate
from vqa.features.index import read_index
from vqa.manifest import read_manifest
from vqa.protocol.splits import split
from vqa.training.feeder import Feeder
from vqa.training.fit import fit
from vqa.training.items import load_items
from vqa.training.predict import predict

pytestmark = pytest.mark.studies


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """A reduced demo: 40 clips of one second, 128x96, with their frame features."""
    root = tmp_path_factory.mktemp("demo")
    size = ["--videos", 40, "--scenes", 8, "--width", 128, "--height", 96, "--seconds", 1]
    commands = [
        ["demo-data", "--output", root, *size],
        ["weights", "efficientnet_lite0", "--output", root / "w.pth"],
    ]
    (root / "study.yaml").write_text(
        f"seeds: 5\nresults: {root}\ndatasets:\n  d: {{reader: table, path: {root}/table.csv}}\n"
        "experiments:\n  frame-level: {backbone: efficientnet_lite0}\n"
    )
    commands += [
        ["manifest", "--config", root / "study.yaml", "--dataset", "d", "--output", root / "manifest.csv"],
        ["extract", "--manifest", root / "manifest.csv", "--weights", root / "w.pth",
         "--backbone", "efficientnet_lite0", "--output", root / "shards", "--receipt", root / "receipt.json",
         "--precision", "float32"],
        ["index", "--manifest", root / "manifest.csv", "--features", root / "shards",
         "--output", root / "shards/index.csv", root / "receipt.json"],
    ]  # fmt: skip
    for command in commands:
        result = vqa(*command)
        assert result.returncode == 0, result.stderr
    return root


def held_out_srocc(demo, seed: int, permuted: bool) -> float:
    videos = read_manifest(demo / "manifest.csv")
    if permuted:
        labels = np.random.default_rng(seed).permutation([video.mos for video in videos])
        videos = [replace(video, mos=float(mos)) for video, mos in zip(videos, labels, strict=True)]
    run = Run(epochs=30, lr=5e-4, batch_size=8)
    items, _ = load_items(videos, read_index(demo / "shards/index.csv"), split(videos, seed), "dataset")
    outcome = fit(run, seed, "O", items, "cpu")
    scores = predict(outcome.head, Feeder(run, seed, "O", torch.device("cpu")), items["test"])
    return evaluate(scores, np.array([item.label for item in items["test"]])).srocc


def test_frame_features_predict_quality_and_permuted_labels_nothing(demo):
    real = [held_out_srocc(demo, seed, permuted=False) for seed in range(5)]
    assert np.mean(real) > 0.6, real
    chance = [held_out_srocc(demo, seed, permuted=True) for seed in range(15)]  # standard error about 0.1
    assert abs(np.nanmean(chance)) < 0.25, chance
