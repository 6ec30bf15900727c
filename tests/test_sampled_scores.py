"""`vqa score` of a head trained on Sample-K: the frames that its own run would have drawn."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vqa.backbones.weights import place
from vqa.config import Run
from vqa.protocol.sampling import frame_sequence
from vqa.scoring import Scorer
from vqa.system.files import sha256
from vqa.temporal.checkpoint import save_head
from vqa.temporal.registry import create

BACKBONE = "efficientnet_lite0"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "w.pth"
    place(BACKBONE, path)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory, make_clip) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "a.mp4", frames=40)


def scorer(folder: Path, checkpoint: Path, seed: int, **run: object) -> Scorer:
    features = {"backbone": BACKBONE, "weights_sha256": sha256(checkpoint), "precision": "float32"}
    made_by = {"run": Run(**run).model_dump(mode="json"), "seed": seed, "label_scale": 5.0, "features": features}
    save_head(folder / "head.pt", create("vsfa", 2560, 0), "vsfa", made_by)
    return Scorer(folder / "head.pt", checkpoint)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_a_sampled_score_sees_the_frames_drawn_for_that_seed_and_video(tmp_path, checkpoint, clip, seed):
    (score,), errors = scorer(tmp_path, checkpoint, seed, sampler=4).score([clip])
    assert errors == [] and score.start.tolist() == frame_sequence("a", 40, 4, "O", seed).tolist()
    assert len(score.curve) == 10 and np.isfinite(score.quality)


def test_a_head_that_tests_on_every_frame_scores_every_frame(tmp_path, checkpoint, clip):
    (score,), _ = scorer(tmp_path, checkpoint, 1, sampler=4, sample_test=False).score([clip])
    assert score.start.tolist() == list(range(40))


def test_a_score_is_the_pooled_curve_on_the_scale_of_the_labels(tmp_path, checkpoint, clip):
    made = scorer(tmp_path, checkpoint, 1, sampler=4)
    (score,), _ = made.score([clip])
    curve = torch.tensor(score.curve[None] / 5.0)
    assert score.quality == pytest.approx(5.0 * made.head.pool(curve, torch.tensor([10])).item(), rel=1e-5)
