"""Which epoch is kept where validation cannot rank, and what heads say of other datasets."""

import json
import logging
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.conftest import assert_one_line_error, vqa
from tests.training.test_training import DIM, items_of, make_study, train
from vqa.cli.training import _target
from vqa.features import shards
from vqa.features.index import read_index
from vqa.manifest import read_manifest
from vqa.protocol.splits import split
from vqa.system.errors import UserError
from vqa.temporal.checkpoint import load_head
from vqa.training import job
from vqa.training.fit import Epoch, Selection, fit

NAN = float("nan")


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    return make_study(tmp_path_factory.mktemp("study"), 20)


def selected(rule: str, *values: tuple[float, float]) -> int:
    """The epoch kept of (val_loss, val_srocc) each."""
    selection, head = Selection(rule), torch.nn.Linear(1, 1)
    for number, (loss, rank) in enumerate(values, 1):
        selection.offer(Epoch(number, number, 1.0, loss, rank), head)
    return selection.epoch.epoch


def test_undefined_ranks_fall_back_to_the_loss():
    assert selected("best-val-srocc", (3.0, NAN), (1.0, NAN), (1.0, NAN), (2.0, NAN)) == 2
    assert selected("best-val-srocc", (NAN, NAN), (5.0, NAN), (NAN, NAN)) == 2
    assert selected("last-epoch", (1.0, NAN), (2.0, NAN)) == 2


def test_a_defined_rank_beats_any_loss():
    assert selected("best-val-srocc", (1.0, NAN), (9.0, -0.5), (0.1, NAN), (0.1, -0.6)) == 2
    assert selected("best-val-srocc", (9.0, 0.5), (1.0, 0.5), (1.0, 0.6)) == 3


def test_constant_validation_labels_select_on_loss_with_a_warning(study, caplog):
    settings, items, _ = items_of(study)
    flat = items | {"val": [replace(item, label=0.5) for item in items["val"]]}
    with caplog.at_level(logging.WARNING, "vqa"):
        outcome = fit(settings, 0, "O", flat, "cpu")
    losses = [epoch.val_loss for epoch in outcome.history]
    assert all(np.isnan(epoch.val_srocc) for epoch in outcome.history)
    assert outcome.selected.epoch == 1 + int(np.argmin(losses)) > 1
    assert [record.message for record in caplog.records] == [
        "validation SROCC is undefined in every epoch: the one of lowest validation loss is kept"
    ]


def test_a_rank_that_is_defined_warns_of_nothing(study, caplog):
    settings, items, _ = items_of(study)
    fit(settings.model_copy(update={"epochs": 1}), 0, "O", items, "cpu")
    assert not caplog.records


def test_seconds_leave_out_waiting_for_a_gpu(study, tmp_path, monkeypatch):
    @contextmanager
    def busy(*_):
        time.sleep(1.5)
        yield "cpu"

    monkeypatch.setattr(job, "lease", busy)
    settings, _, _ = items_of(study)
    videos = read_manifest(study / "manifest.csv")
    settings = settings.model_copy(update={"epochs": 1})
    started = time.perf_counter()
    job.train(settings, 0, "O", videos, read_index(study / "index.csv"), split(videos, 0), tmp_path / "run", {})
    took = time.perf_counter() - started
    assert json.loads((tmp_path / "run/run.json").read_text())["seconds"] <= took - 1.4


def test_a_crossed_dataset_may_lie_below_a_folder_with_a_colon(tmp_path):
    folder = tmp_path / "a:b"
    folder.mkdir()
    for name in ("m.csv", "i.csv", "j.csv"):
        (folder / name).touch()
    assert _target(f"d:{folder}/m.csv:{folder}/i.csv:{folder}/j.csv") == (
        "d", folder / "m.csv", [folder / "i.csv", folder / "j.csv"]
    )  # fmt: skip
    assert _target("d:no/m.csv:no/i.csv") == ("d", Path("no/m.csv"), [Path("no/i.csv")])
    with pytest.raises(UserError, match="NAME:MANIFEST:INDEX"):
        _target("d:no/m.csv")


def cross(head: Path, output: Path, **targets: Path):
    named = [f"--dataset={name}:{folder}/manifest.csv:{folder}/index.csv" for name, folder in targets.items()]
    return vqa("cross", "--head", head, "--output", output, *named)


def test_a_head_scores_every_video_of_each_other_dataset_on_its_own_scale(study, tmp_path):
    assert train(study, tmp_path / "run", "--epochs", 1).returncode == 0
    other = make_study(tmp_path / "other", 7)
    (other / "v03.h5").rename(other / "kept")
    lines = (other / "index.csv").read_text().splitlines()
    (other / "index.csv").write_text("\n".join(line for line in lines if not line.startswith("v03")) + "\n")
    result = cross(tmp_path / "run/head.pt", tmp_path / "cross.csv", first=study, second=other)
    assert result.returncode == 0, result.stderr
    found = pd.read_csv(tmp_path / "cross.csv")
    assert found.groupby("dataset").size().to_dict() == {"first": 20, "second": 6}
    assert found["dataset"].tolist() == ["first"] * 20 + ["second"] * 6
    assert "v03" not in found.query("dataset == 'second'")["video_id"].tolist()
    head, made_by = load_head(tmp_path / "run/head.pt")
    for folder, row in ((study, found.iloc[4]), (other, found.iloc[22])):
        entry = read_index(folder / "index.csv")[row["video_id"]]
        features = torch.from_numpy(np.asarray(_rows(entry.shard), np.float32)).unsqueeze(0)
        with torch.no_grad():
            alone = head(features, torch.tensor([features.shape[1]])).item() * made_by["label_scale"]
        assert row["score"] == pytest.approx(alone, rel=1e-4)
    by_id = pd.read_csv(study / "manifest.csv").set_index("video_id")["mos"]
    assert (found.query("dataset == 'first'").set_index("video_id")["mos"] == by_id).all()


def _rows(shard: Path) -> np.ndarray:
    return shards.memory_maps([shard])[0]


def test_features_of_another_size_are_refused(study, tmp_path, monkeypatch):
    assert train(study, tmp_path / "run", "--epochs", 1).returncode == 0
    monkeypatch.setattr("tests.training.test_training.DIM", DIM + 1)
    other = make_study(tmp_path / "other", 5)
    result = cross(tmp_path / "run/head.pt", tmp_path / "cross.csv", other=other)
    assert_one_line_error(result, "other/index.csv: its features do not fit", "use those of the same backbone")
    assert not (tmp_path / "cross.csv").exists()
