"""A training that begins from a trained head, by hand: what it begins with, what it says, what it refuses."""

import json
import math
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.conftest import assert_one_line_error
from tests.training.test_resume import FILES, killed
from tests.training.test_training import make_study, train
from vqa.config import Run
from vqa.features import shards
from vqa.features.index import Entry
from vqa.protocol.sampling import frame_sequence
from vqa.system.errors import UserError
from vqa.system.files import sha256
from vqa.temporal.checkpoint import load_head, save_head
from vqa.temporal.registry import create
from vqa.training.initial import initial_head


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    return make_study(tmp_path_factory.mktemp("study"), 30)


@pytest.fixture(scope="module")
def first(study, tmp_path_factory) -> Path:
    """A head that another seed trained."""
    folder = tmp_path_factory.mktemp("first")
    assert train(study, folder, seed=1).returncode == 0
    return folder / "head.pt"


def test_zero_shot_is_the_head_alone_on_the_new_datasets_scale(study, first, tmp_path):
    result = train(study, tmp_path / "run", "--epochs", 0, "--init", first)
    assert result.returncode == 0, result.stderr
    head, _ = load_head(first)
    rows = pd.read_csv(tmp_path / "run" / "predictions.csv")
    mos = pd.read_csv(study / "manifest.csv")["mos"].abs().max()
    for row in rows[rows["split"] == "test"].to_dict("records"):
        features, _ = shards.read(study / f"{row['video_id']}.h5")
        frames = frame_sequence(row["video_id"], len(features), 0, row["test_order"], 0)
        with torch.no_grad():
            alone = head(torch.from_numpy(features.astype(np.float32)[frames])[None], torch.tensor([len(frames)]))
        assert row["score"] == pytest.approx(alone.item() * mos, rel=1e-5)
    made = json.loads((tmp_path / "run" / "run.json").read_text())
    assert made["inputs"]["init"] == sha256(first)
    assert (made["selected_epoch"], made["optimiser_steps"]) == (0, 0)
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert list(history["epoch"]) == [0] and math.isnan(history["train_loss"][0])
    assert history["val_srocc"][0] == pytest.approx(made["selected_val_srocc"], abs=1e-7)


def test_fine_tuning_begins_with_the_trained_weights_and_leaves_them(study, first, tmp_path):
    for name, lr in (("still", "1e-30"), ("moved", "1e-3")):
        assert train(study, tmp_path / name, "--init", first, "--lr", lr).returncode == 0
    (start, _), (still, _), (moved, _) = (
        load_head(p) for p in (first, tmp_path / "still/head.pt", tmp_path / "moved/head.pt")
    )
    same = [all(torch.allclose(a, b, atol=1e-12) for a, b in zip(start.parameters(), each.parameters(), strict=True))
            for each in (still, moved)]  # fmt: skip
    assert same == [True, False]


def test_adam_begins_anew(study, first, tmp_path):
    """The first step of Adam moves each weight by the learning rate, whatever the gradient's size."""
    settings = ("--init", first, "--epochs", 1, "--batch-size", 18, "--lr", "1e-3")
    assert train(study, tmp_path / "run", *settings).returncode == 0
    (start, _), (after, _) = load_head(first), load_head(tmp_path / "run/head.pt")
    moved = torch.cat(
        [(a - b).detach().abs().flatten() for a, b in zip(start.parameters(), after.parameters(), strict=True)]
    )
    assert moved.max() <= 1e-3 * 1.001 and moved.median() == pytest.approx(1e-3, rel=0.01)


def test_a_killed_fine_tuning_goes_on_to_the_same_bytes_and_only_from_its_own_head(study, first, tmp_path):
    settings = ("--init", first)
    assert train(study, tmp_path / "whole", *settings, order="S", seed=3).returncode == 0
    assert killed(study, tmp_path / "killed", 4, *settings).returncode == -signal.SIGKILL
    state = (tmp_path / "killed/checkpoint-0.pt").read_bytes()
    again = train(study, tmp_path / "killed", *settings, order="S", seed=3)
    assert again.returncode == 0 and "resumed after epoch 4" in again.stderr
    for name in FILES:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    (tmp_path / "killed/checkpoint-0.pt").write_bytes(state)
    anew = train(study, tmp_path / "killed", order="S", seed=3)
    assert anew.returncode == 0 and "is of another training" in anew.stderr


def test_tuning_may_choose_the_head_as_it_is(study, first, tmp_path):
    assert train(study, tmp_path / "run", "--init", first, "--tune", '{"epochs":[0,1],"lr":[10.0]}').returncode == 0
    made = json.loads((tmp_path / "run" / "run.json").read_text())
    reached = {each["point"]["epochs"]: each["val_srocc"] for each in made["tuned"]}
    assert reached[0] > reached[1] and made["chosen"]["epochs"] == 0


def test_a_fitted_head_is_taken_as_it_is_or_not_at_all(study, tmp_path):
    assert train(study, tmp_path / "svr", "--head", "svr").returncode == 0
    init = ("--head", "svr", "--init", tmp_path / "svr/head.pt")
    assert train(study, tmp_path / "zero", *init, "--epochs", 0).returncode == 0
    scores = [pd.read_csv(tmp_path / name / "predictions.csv")["score"] for name in ("svr", "zero")]
    np.testing.assert_allclose(*scores, rtol=1e-6)
    assert_one_line_error(train(study, tmp_path / "run", *init), "an svr", "--epochs 0")


@pytest.mark.parametrize(
    "more,words",
    [
        (["--head", "gru-mean"], ["is a head 'vsfa'", "asks for 'gru-mean'"]),
        (["--tune", '{"head.width":[8]}'], ["head.width"]),
    ],
)
def test_a_head_that_is_not_the_runs_is_refused(study, first, tmp_path, more, words):
    assert_one_line_error(train(study, tmp_path / "run", "--init", first, *more), "head.pt", *words)
    assert not (tmp_path / "run" / "head.pt").exists()


@pytest.mark.parametrize("size,origin,words", [(25, {}, "takes 25 values a frame"), (24, {"backbone": "x"}, "")])
def test_features_of_another_size_are_refused(study, tmp_path, size, origin, words):
    made = {"run": {"head": "vsfa"}, "features": origin}
    save_head(tmp_path / "head.pt", create("vsfa", size), "vsfa", made)
    result = train(study, tmp_path / "run", "--init", tmp_path / "head.pt")
    if words:
        assert_one_line_error(result, words)
    else:
        assert result.returncode == 0, "these features do not say what made them"


@pytest.mark.parametrize(
    "trained,here,words",
    [
        (("a", "b"), ("b", "a"), "backbone a; these features are of b"),
        (("a", "b"), ("a", "b", "c"), "2 joined backbones; these features are of 3"),
        (("a",), ("a", "b"), "1 joined backbones; these features are of 2"),
    ],
)
def test_joined_features_of_another_order_or_number_are_refused(tmp_path, trained, here, words):
    theirs, ours = ({"joined": [{"backbone": name} for name in names]} for names in (trained, here))
    save_head(tmp_path / "head.pt", create("vsfa", 6, 0), "vsfa", {"run": {"head": "vsfa"}, "features": theirs})
    index = {"v": Entry("v", 4, 6, "c", tmp_path / "v.h5")}
    initial_head(tmp_path / "head.pt", Run(), index, theirs)
    with pytest.raises(UserError, match=words):
        initial_head(tmp_path / "head.pt", Run(), index, ours)


def test_imported_features_are_told_from_extracted_ones_and_by_name(tmp_path):
    """A backbone's name may be an import's: other columns or files of the same name pass, other names do not."""
    imported = {"backbone": "brisque", "imported": {"variable": "feats"}}
    index = {"v": Entry("v", 4, 6, "c", tmp_path / "v.h5")}
    for trained, here in ((imported, {"backbone": "brisque"}), ({"backbone": "brisque"}, imported)):
        save_head(tmp_path / "head.pt", create("vsfa", 6, 0), "vsfa", {"run": {"head": "vsfa"}, "features": trained})
        words = f"features of imported {'imported' in trained}; these features are of {'imported' in here}"
        with pytest.raises(UserError, match=words):
            initial_head(tmp_path / "head.pt", Run(), index, here)
    save_head(tmp_path / "head.pt", create("vsfa", 6, 0), "vsfa", {"run": {"head": "vsfa"}, "features": imported})
    assert initial_head(tmp_path / "head.pt", Run(), index, imported | {"imported": {"variable": "x"}}).input_size == 6
    with pytest.raises(UserError, match="features of backbone brisque; these features are of niqe"):
        initial_head(tmp_path / "head.pt", Run(), index, imported | {"backbone": "niqe"})


def test_features_of_another_backbone_are_refused(tmp_path):
    made = {"run": {"head": "vsfa"}, "features": {"backbone": "resnet50", "weights_sha256": "a"}}
    save_head(tmp_path / "head.pt", create("vsfa", 24), "vsfa", made)
    index = {"v": Entry("v", 3, 24, "sum", tmp_path / "v.h5")}
    for other in ({"backbone": "resnet18", "weights_sha256": "a"}, {"backbone": "resnet50", "weights_sha256": "b"}):
        with pytest.raises(UserError, match=r"head\.pt: was trained on features of (backbone|weights_sha256)"):
            initial_head(tmp_path / "head.pt", Run(), index, other)
    assert initial_head(tmp_path / "head.pt", Run(), index, made["features"]).input_size == 24


def test_no_epochs_without_a_head_are_refused(study, tmp_path):
    assert_one_line_error(train(study, tmp_path / "run", "--epochs", 0), "--epochs 0", "--init")
