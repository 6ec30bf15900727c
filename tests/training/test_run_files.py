"""From shards to the files of a run, in process: items, predictions, what run.json says, what is refused."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from vqa.config import Run
from vqa.config.versions import TRAINING_VERSION
from vqa.features import shards
from vqa.features.index import Entry, read_index, write_index
from vqa.manifest import Video
from vqa.protocol import predictions
from vqa.protocol.sampling import frame_sequence
from vqa.system.errors import UserError
from vqa.system.files import write_json
from vqa.temporal.checkpoint import load_head
from vqa.training import job
from vqa.training.fit import fit
from vqa.training.items import load_items
from vqa.training.job import train
from vqa.training.tune import points

DIM = 6
PARTS = {f"v{n}": "train" if n < 6 else "val" if n < 8 else "test" for n in range(10)}


@pytest.fixture(scope="module")
def indexed(tmp_path_factory) -> tuple[list[Video], dict[str, Entry]]:
    """Ten videos, last first in the manifest, of -9 to 0 points, of 8 to 17 frames."""
    folder = tmp_path_factory.mktemp("shards")
    rng = np.random.default_rng(0)
    videos, entries = [], {}
    for n in reversed(range(10)):
        rows = rng.normal(size=(8 + n, DIM)).astype(np.float16)
        made = {"video_id": f"v{n}", "fingerprint": f"f{n}"}
        checksum = shards.write(folder / f"v{n}.h5", [rows], rows.shape, "float16", np.arange(len(rows)), made)
        entries[f"v{n}"] = {"fingerprint": f"f{n}", "rows": len(rows), "dim": DIM, "checksum": checksum}
        videos.append(Video(f"v{n}", f"v{n}.mp4", float(n - 9)))
    write_json(folder / "receipt.json", {"shards": entries, "excluded": {}})
    write_index(folder / "index.csv", folder, videos, [folder / "receipt.json"])
    return videos, read_index(folder / "index.csv")


def test_items_are_sorted_and_labelled_by_the_largest_absolute_score(indexed):
    videos, index = indexed
    items, scale = load_items(videos, index, PARTS, "dataset")
    assert scale == 9.0
    assert {part: [item.video_id for item in members] for part, members in items.items()} == {
        "train": ["v0", "v1", "v2", "v3", "v4", "v5"], "val": ["v6", "v7"], "test": ["v8", "v9"],
    }  # fmt: skip
    for item in items["val"]:
        n = int(item.video_id[1:])
        assert (item.mos, item.label, item.features.shape) == (n - 9.0, (n - 9.0) / 9, (8 + n, DIM))
        assert np.array_equal(item.features, shards.read(index[item.video_id].shard)[0])


def test_the_scale_of_the_training_part_is_its_own(indexed):
    videos, index = indexed
    parts = PARTS | {"v0": "test", "v9": "train"}
    assert load_items(videos, index, parts, "train")[1] == 8.0 and load_items(videos, index, parts, "dataset")[1] == 9.0


def test_videos_without_features_are_left_out(indexed):
    videos, index = indexed
    items, scale = load_items(videos, {k: v for k, v in index.items() if k != "v0"}, PARTS, "dataset")
    assert scale == 8.0 and [item.video_id for item in items["train"]] == ["v1", "v2", "v3", "v4", "v5"]


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_a_part_that_lost_all_its_videos_is_named(indexed, part):
    videos, index = indexed
    left = {name: entry for name, entry in index.items() if PARTS[name] != part}
    with pytest.raises(UserError, match=rf"no {part} videos are left after the split; give more videos"):
        load_items(videos, left, PARTS, "dataset")


def test_scores_that_are_all_zero_scale_nothing(indexed):
    videos, index = indexed
    zero = [Video(video.video_id, video.path, 0.0) for video in videos]
    with pytest.raises(UserError, match="all MOS are zero"):
        load_items(zero, index, PARTS, "dataset")
    with pytest.raises(UserError, match="no training video is left"):
        load_items(videos, index, dict.fromkeys(PARTS, "test"), "train")


@pytest.mark.parametrize("changed", [{"rows": 99}, {"dim": 7}])
def test_another_shard_than_was_indexed_is_refused(indexed, changed):
    videos, index = indexed
    other = index | {"v3": replace(index["v3"], **changed)}
    with pytest.raises(UserError, match=r"v3\.h5: is not the shard that was indexed; run "):
        load_items(videos, other, PARTS, "dataset")


@pytest.mark.parametrize("order", ["O", "S"])
def test_a_run_leaves_what_it_says(indexed, tmp_path, order, caplog):
    videos, index = indexed
    run = Run(epochs=3, batch_size=4, sampler=4, lr=1e-3)
    with caplog.at_level(logging.INFO, "vqa"):
        outcome = train(run, 2, order, videos, index, PARTS, tmp_path, {"study": "s"})
    told = json.loads((tmp_path / "run.json").read_text())
    seconds, frames = told.pop("seconds"), told.pop("train_frames")
    assert told.pop("parameters") == sum(each.numel() for each in outcome.head.parameters())
    assert told.pop("multiply_adds") > 0 and 50 < told.pop("memory_mb") < 50_000
    assert told.pop("version") == TRAINING_VERSION
    assert 0 < seconds < 100 and frames == sum(-(-(8 + n) // 4) for n in range(6))
    assert told == load_head(tmp_path / "head.pt")[1]
    assert told | {"torch": "", "run": {}} == {
        "study": "s", "seed": 2, "order": order, "videos": {"train": 6, "val": 2, "test": 2}, "run": {},
        "label_scale": 9.0, "steps_per_epoch": 2, "optimiser_steps": 6, "selected_epoch": outcome.selected.epoch,
        "selected_val_srocc": outcome.selected.val_srocc, "torch": "",
    }  # fmt: skip
    assert told["run"]["sampler"] == 4 and told["torch"].startswith("2.")
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 4
    selected = f"selected epoch {outcome.selected.epoch}, validation SROCC {outcome.selected.val_srocc:.4f}"
    said = ["train 6, val 2, test 2 videos", "3 epochs of 2 optimiser steps each", selected]
    assert [message for message in caplog.messages if message in said] == said
    assert "one step an epoch" not in caplog.text


def test_run_json_alone_names_the_stored_permutations(indexed, tmp_path):
    """Version 0.1 did not hash them: a head of the same training keeps its bytes."""
    videos, index = indexed
    for name, inputs in (("before", {"index": "i"}), ("now", {"index": "i", "permutations": "p"})):
        train(Run(epochs=1), 0, "O", videos, index, PARTS, tmp_path / name, {"inputs": inputs})
        assert json.loads((tmp_path / name / "run.json").read_text())["inputs"] == inputs
    assert (tmp_path / "before/head.pt").read_bytes() == (tmp_path / "now/head.pt").read_bytes()


def test_a_run_trains_in_its_own_order(indexed, tmp_path):
    videos, index = indexed
    run = Run(epochs=3, batch_size=4, lr=1e-2)
    items, _ = load_items(videos, index, PARTS, "dataset")
    found = {}
    for order in ("O", "S"):
        found[order] = train(run, 2, order, videos, index, PARTS, tmp_path / order, {}).history
        expected = fit(run, 2, order, items, "cpu").history
        assert [epoch.train_loss for epoch in found[order]] == [epoch.train_loss for epoch in expected]
    assert found["O"][-1].train_loss != found["S"][-1].train_loss


def test_every_point_resumes_only_its_own_state(indexed, tmp_path, monkeypatch):
    videos, index = indexed
    run, asked = Run(epochs=1, tune={"lr": [1e-3, 1e-2]}), []
    monkeypatch.setattr(job, "_identity", lambda *of: asked.append(of) or "same")
    train(run, 2, "S", videos, index, PARTS, tmp_path, {})
    rates = dict.fromkeys(index)
    assert asked == [(point.run, 2, "S", videos, index, PARTS, rates, None, False) for point in points(run)]


@pytest.mark.parametrize("order", ["O", "S"])
def test_predictions_are_on_the_mos_scale_in_the_order_they_name(indexed, tmp_path, order):
    videos, index = indexed
    outcome = train(Run(epochs=1, sampler=4), 2, order, videos, index, PARTS, tmp_path, {})
    frame = predictions.read(tmp_path / "predictions.csv")
    rows = [(row.video_id, row.split, row.test_order, row.mos) for row in frame.itertuples()]
    expected = [("v6", "val", order), ("v7", "val", order)]
    expected += [(name, "test", each) for each in "OS" for name in ("v8", "v9")]
    assert rows == [(*row, int(row[0][1:]) - 9.0) for row in expected]
    for row in frame.itertuples():
        features, _ = shards.read(index[row.video_id].shard)
        sequence = frame_sequence(row.video_id, len(features), 4, row.test_order, 2)
        chosen = torch.from_numpy(features.astype(np.float32)[sequence])
        with torch.no_grad():
            alone = outcome.head(chosen[None], torch.tensor([len(sequence)])).item()
        assert row.score == pytest.approx(9.0 * alone, abs=1e-4)


@pytest.mark.parametrize("batch_size,warned", [(5, False), (6, True), (7, True)])
def test_one_step_an_epoch_is_warned_of_from_the_size_of_the_training_part_on(
    indexed, tmp_path, caplog, batch_size, warned
):
    videos, index = indexed
    train(Run(epochs=1, batch_size=batch_size), 0, "O", videos, index, PARTS, tmp_path, {})
    assert (f"batch size {batch_size} >= 6 training videos: one step an epoch" in caplog.messages) == warned
