"""Training on small synthetic shards whose truth is known, through the `vqa train` command and in process."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.conftest import assert_one_line_error, vqa
from vqa.config import Run
from vqa.evaluation.metrics import evaluate
from vqa.features import shards
from vqa.features.index import read_index, write_index
from vqa.manifest import Video, write_manifest
from vqa.protocol.splits import split
from vqa.system.files import write_json
from vqa.temporal.checkpoint import load_head
from vqa.training.feeder import Feeder
from vqa.training.fit import fit
from vqa.training.items import load_items
from vqa.training.optimiser import Adam
from vqa.training.predict import predict

DIM = 24


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """30 videos whose MOS is a noisy linear function of their features, of lengths 5..40."""
    return make_study(tmp_path_factory.mktemp("study"), 30)


def make_study(folder: Path, n: int) -> Path:
    rng = np.random.default_rng(0)
    direction = rng.normal(size=DIM)
    videos, entries = [], {}
    for number in range(n):
        level = rng.normal()
        rows = (rng.normal(size=(int(rng.integers(5, 41)), DIM)) + level * direction).astype(np.float16)
        name = f"v{number:02d}"
        made = {"video_id": name, "fingerprint": f"f{number}"}
        checksum = shards.write(folder / f"{name}.h5", [rows], rows.shape, "float16", np.arange(len(rows)), made)
        entries[name] = {"fingerprint": f"f{number}", "rows": len(rows), "dim": DIM, "checksum": checksum}
        videos.append(Video(name, f"{name}.mp4", round(50 + 20 * level, 2), scene=f"s{number % 6}"))
    write_json(folder / "receipt.json", {"shards": entries, "excluded": {}})
    write_manifest(folder / "manifest.csv", videos)
    write_index(folder / "index.csv", folder, videos, [folder / "receipt.json"])
    return folder


def train(study: Path, output: Path, *more: object, order: str = "O", seed: int = 0):
    return vqa(
        "train", "--manifest", study / "manifest.csv", "--index", study / "index.csv", "--order", order, "--seed", seed,
        "--output", output, "--epochs", 8, "--lr", "3e-3", "--batch-size", 6, *more,
    )  # fmt: skip


def items_of(study: Path, seed: int = 0, **run):
    from vqa.manifest import read_manifest

    videos = read_manifest(study / "manifest.csv")
    settings = Run(epochs=8, lr=3e-3, batch_size=6, **run)
    items, scale = load_items(videos, read_index(study / "index.csv"), split(videos, seed), settings.label_scale)
    return settings, items, scale


def test_two_runs_of_one_training_give_the_same_bytes(study, tmp_path):
    for name in ("first", "second"):
        result = train(study, tmp_path / name, "--sampler", 4, order="S")
        assert result.returncode == 0, result.stderr
    for file in ("predictions.csv", "history.csv", "head.pt"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes(), file


def test_predictions_hold_validation_once_and_test_in_both_orders(study, tmp_path):
    assert train(study, tmp_path / "run").returncode == 0
    frame = pd.read_csv(tmp_path / "run" / "predictions.csv")
    assert list(frame.columns) == ["video_id", "split", "test_order", "mos", "score"]
    counts = frame.groupby(["split", "test_order"]).size().to_dict()
    assert counts == {("test", "O"): 6, ("test", "S"): 6, ("val", "O"): 6}
    ordered, shuffled = (frame[(frame["split"] == "test") & (frame["test_order"] == o)] for o in "OS")
    assert ordered["video_id"].tolist() == shuffled["video_id"].tolist()
    assert ordered["mos"].tolist() == shuffled["mos"].tolist()
    assert (ordered["score"].to_numpy() != shuffled["score"].to_numpy()).all()


def test_orders_of_a_seed_share_split_and_initial_weights(study):
    settings, items, _ = items_of(study)
    zero = settings.model_copy(update={"lr": 1e-30, "epochs": 1})
    heads = {order: fit(zero, 0, order, items, "cpu").head.state_dict() for order in "OS"}
    assert all(torch.allclose(heads["O"][key], heads["S"][key], atol=1e-12) for key in heads["O"])


def test_the_order_blind_head_gives_one_score_in_both_orders(study):
    settings, items, _ = items_of(study, head="fc-mean")
    outcome = fit(settings, 0, "O", items, "cpu")
    feeder = Feeder(settings, 0, "O", torch.device("cpu"))
    ordered, shuffled = (predict(outcome.head, feeder, items["test"], order) for order in "OS")
    np.testing.assert_allclose(ordered, shuffled, rtol=1e-6)


@pytest.mark.parametrize("head", ["vsfa", "fc-mean"])
def test_batched_predictions_equal_the_head_on_each_video_alone(study, head):
    settings, items, _ = items_of(study, head=head, sampler=4)
    outcome = fit(settings, 0, "S", items, "cpu")
    feeder = Feeder(settings, 0, "S", torch.device("cpu"))
    batched = predict(outcome.head, feeder, items["test"])
    for score, item in zip(batched, items["test"], strict=True):
        sequence = feeder.sequence(item, training=False, epoch=0)
        features = torch.from_numpy(np.asarray(item.features, np.float32)[sequence]).unsqueeze(0)
        with torch.no_grad():
            alone = outcome.head(features, torch.tensor([len(sequence)])).item()
        assert score == pytest.approx(alone, abs=1e-5)


def test_selection_keeps_the_first_epoch_of_highest_validation_srocc(study):
    settings, items, _ = items_of(study)
    outcome = fit(settings, 0, "O", items, "cpu")
    values = [epoch.val_srocc for epoch in outcome.history]
    assert outcome.selected.epoch == 1 + int(np.argmax(values))
    feeder = Feeder(settings, 0, "O", torch.device("cpu"))
    scores = predict(outcome.head, feeder, items["val"])
    assert evaluate(scores, np.array([i.label for i in items["val"]])).srocc == pytest.approx(
        outcome.selected.val_srocc
    )


def test_the_test_set_cannot_influence_training(study):
    settings, items, _ = items_of(study)
    poisoned = items | {
        "test": [replace(item, label=0.0, features=np.zeros(item.features.shape)) for item in items["test"]]
    }
    first, second = (fit(settings, 0, "O", each, "cpu") for each in (items, poisoned))
    assert first.history == second.history
    assert all(torch.equal(a, b) for a, b in zip(first.head.parameters(), second.head.parameters(), strict=True))


def test_training_learns_what_is_there_and_nothing_from_permuted_labels(study):
    def mean_srocc(permuted: bool) -> float:
        found = []
        for seed in range(5):
            settings, items, _ = items_of(study, seed)
            settings = settings.model_copy(update={"epochs": 25})
            if permuted:
                pool = [item for part in items.values() for item in part]
                labels = np.random.default_rng(seed).permutation([item.label for item in pool])
                relabelled = dict(zip([item.video_id for item in pool], labels, strict=True))
                items = {p: [replace(i, label=relabelled[i.video_id]) for i in part] for p, part in items.items()}
            outcome = fit(settings, seed, "O", items, "cpu")
            scores = predict(outcome.head, Feeder(settings, seed, "O", torch.device("cpu")), items["test"])
            found.append(evaluate(scores, np.array([item.label for item in items["test"]])).srocc)
        return float(np.nanmean(found))

    assert mean_srocc(permuted=False) > 0.7
    assert abs(mean_srocc(permuted=True)) < 0.5  # 5 test sets of 6: the standard error alone is 0.2


def test_redraw_every_epoch_changes_the_draw_and_once_a_run_does_not(study):
    for redraw, same in (("run", True), ("epoch", False)):
        settings, items, _ = items_of(study, sampler=4, redraw=redraw)
        feeder = Feeder(settings, 0, "S", torch.device("cpu"))
        long = max(items["train"], key=lambda item: len(item.features))
        first, second = (feeder.sequence(long, True, epoch).tolist() for epoch in (1, 2))
        assert (first == second) == same
        assert feeder.sequence(long, False, 1).tolist() == feeder.sequence(long, False, 2).tolist()


def test_sample_test_off_feeds_every_frame_at_test(study):
    settings, items, _ = items_of(study, sampler=4, sample_test=False)
    feeder = Feeder(settings, 0, "O", torch.device("cpu"))
    item = items["test"][0]
    assert len(feeder.sequence(item, False, 0)) == len(item.features) > len(feeder.sequence(item, True, 0))


def test_label_scale_of_the_training_part_ignores_the_others(study):
    _, items, dataset_scale = items_of(study)
    _, _, train_scale = items_of(study, label_scale="train")
    everything = [item.mos for part in items.values() for item in part]
    assert dataset_scale == max(everything) and train_scale == max(item.mos for item in items["train"])


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adam_equals_pytorchs(weight_decay):
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(5, 4, generator=generator), torch.randn(3, generator=generator)]
    ours, theirs = ([p.clone().requires_grad_() for p in start] for _ in range(2))
    adam, reference = Adam(ours, weight_decay), torch.optim.Adam(theirs, lr=3e-3, weight_decay=weight_decay)
    for step in range(50):  # the second is left unused in every third
        gradients = [torch.randn(p.shape, generator=generator) for p in start]
        for parameters in (ours, theirs):
            for number, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
                parameter.grad = None if number and step % 3 == 0 else gradient.clone()
        adam.step(3e-3)
        reference.step()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_step_schedule_lowers_the_learning_rate(study):
    settings, items, _ = items_of(study)
    stepped = settings.model_copy(update={"schedule": "step", "step_epochs": 1, "step_gamma": 1e-9})
    constant, after = (fit(each, 0, "O", items, "cpu").history for each in (settings, stepped))
    assert constant[0] == after[0]
    assert after[1].val_loss == pytest.approx(after[-1].val_loss, rel=1e-4)
    assert constant[1].val_loss != pytest.approx(constant[-1].val_loss, rel=1e-3)


def test_head_file_says_what_made_it(study, tmp_path):
    assert train(study, tmp_path / "run", "--sampler", 4, "--head", "gru-mean").returncode == 0
    _, made_by = load_head(tmp_path / "run" / "head.pt")
    assert made_by["run"]["sampler"] == 4 and made_by["run"]["head"] == "gru-mean"
    assert made_by["optimiser_steps"] == 8 * 3 and made_by["videos"] == {"train": 18, "val": 6, "test": 6}
    assert made_by["label_scale"] > 0 and 1 <= made_by["selected_epoch"] <= 8


def test_a_batch_as_large_as_the_training_set_is_warned_of(study, tmp_path):
    result = train(study, tmp_path / "run", "--batch-size", 4096)
    assert result.returncode == 0 and "batch size 4096 >= 18 training videos" in result.stderr


def test_lost_shard_is_named_with_the_command_that_mends_it(tmp_path):
    study = make_study(tmp_path / "study", 10)
    (study / "v03.h5").unlink()
    result = train(study, tmp_path / "run")
    assert_one_line_error(result, "v03.h5", "--forcerun extract import_features --until index")
    assert not (tmp_path / "run").exists()


def test_too_few_videos_are_refused_before_anything_is_written(tmp_path):
    study = make_study(tmp_path / "study", 4)
    assert_one_line_error(train(study, tmp_path / "run"), "4 videos are too few")
    assert not (tmp_path / "run").exists()


def test_divergence_is_a_failure_of_the_run(study, tmp_path):
    result = train(study, tmp_path / "run", "--lr", "1e30")
    assert result.returncode == 1 and "vqa: failed: the training loss became" in result.stderr
    assert not (tmp_path / "run" / "predictions.csv").exists()


@pytest.mark.parametrize("head", ["vsfa", "transformer"])
def test_a_training_does_not_import_the_compiler(study, tmp_path, head):
    """It takes as long as torch itself, in every job."""
    arguments = [
        "train", "--manifest", study / "manifest.csv", "--index", study / "index.csv", "--order", "O", "--seed", 0,
        "--output", tmp_path, "--epochs", 2, "--head", head,
    ]  # fmt: skip
    asked = f"import sys; from vqa.cli import cli; cli({list(map(str, arguments))}, standalone_mode=False)\n"
    watched = "print('torch' in sys.modules, 'torch._dynamo' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", asked + watched], capture_output=True, text=True)
    assert result.stdout.split() == ["True", "False"], result.stderr


HEAD = """
import torch
from torch import nn


class Mine(nn.Module):
    def __init__(self, input_size: int):
        super().__init__()
        self.q = nn.Linear(input_size, 1)

    def forward(self, features, lengths):
        inside = torch.arange(features.shape[1]) < lengths[:, None]
        scores = self.q((features * inside[..., None]).sum(1) / lengths[:, None])
        return {}
"""


@pytest.mark.parametrize(
    "given,words",
    [
        ("scores", "gives scores of shape (6, 1) for 6 videos"),
        ("scores.squeeze(-1) * (1 if self.training else float('nan'))", "as nan"),
    ],
)
def test_scores_of_a_users_head_that_are_not_one_finite_number_a_video_are_told(study, tmp_path, given, words):
    (tmp_path / "mine.py").write_text(HEAD.format(given))
    result = train(study, tmp_path / "run", "--head", f"{tmp_path}/mine.py:Mine")
    assert result.returncode and words in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "run" / "predictions.csv").exists()
