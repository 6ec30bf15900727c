"""The SVR against scikit-learn used by hand, as published protocols use it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.svm import SVR as Reference

from tests.training.test_pieces import items
from tests.training.test_training import make_study, train
from vqa.config import Run
from vqa.evaluation.metrics import srocc
from vqa.features import shards
from vqa.features.index import read_index
from vqa.manifest import read_manifest
from vqa.protocol.splits import split
from vqa.temporal.svr import GAMMA, C
from vqa.training import regress


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("study"), 30)


def by_hand(study, seed: int, refit: bool) -> tuple[dict[str, float], list[float]]:
    """Scores of the test videos, on the MOS scale; losses of training and validation, and its SROCC, before a refit."""
    videos, index = read_manifest(study / "manifest.csv"), read_index(study / "index.csv")
    parts, scale = split(videos, seed), max(video.mos for video in videos)
    x = {name: shards.read(entry.shard)[0].astype(float).mean(0) for name, entry in index.items()}
    y = {video.video_id: video.mos / scale for video in videos}
    ids = {part: [name for name in sorted(y) if parts[name] == part] for part in ("train", "val", "test")}

    def fitted(names, c, gamma):
        train = np.stack([x[name] for name in names])
        mean, std = train.mean(0), train.std(0)
        model = Reference(C=c, gamma=gamma / train.shape[1], epsilon=0.01)
        model.fit((train - mean) / std, [y[name] for name in names])
        return lambda wanted: model.predict((np.stack([x[name] for name in wanted]) - mean) / std)

    def validation(point):
        return srocc(fitted(ids["train"], *point)(ids["val"]), np.array([y[name] for name in ids["val"]]))

    best = max([(c, gamma) for c in C for gamma in GAMMA], key=validation)
    chosen = fitted(ids["train"], *best)
    losses = [np.abs(chosen(ids[part]) - [y[name] for name in ids[part]]).mean() for part in ("train", "val")]
    final = fitted(ids["train"] + ids["val"] if refit else ids["train"], *best)(ids["test"])
    return dict(zip(ids["test"], final * scale, strict=True)), [*losses, validation(best)]


@pytest.mark.parametrize("refit", [False, True])
def test_scores_are_those_of_scikit_learn(study, tmp_path, refit):
    head = '{"name":"svr","refit":true}' if refit else "svr"
    result = train(study, tmp_path / "run", "--head", head, seed=2)
    assert result.returncode == 0, result.stderr
    found = pd.read_csv(tmp_path / "run" / "predictions.csv").query("split == 'test'")
    expected, reached = by_hand(study, 2, refit)
    (line,) = pd.read_csv(tmp_path / "run" / "history.csv").to_dict("records")
    assert list(line.values()) == [1, 1, *(pytest.approx(value, rel=1e-5) for value in reached)]
    for order in "OS":
        rows = found[found["test_order"] == order]
        assert rows["score"].to_numpy() == pytest.approx([expected[name] for name in rows["video_id"]], rel=1e-5)


def test_an_svr_is_fitted_on_the_cpu_whatever_is_asked(study, tmp_path):
    for device in ("cpu", "cuda"):
        result = train(study, tmp_path / device, "--head", "svr", "--device", device)
        assert result.returncode == 0, result.stderr
        assert ("an SVR is fitted on the CPU" in result.stderr) == (device == "cuda")
    assert (tmp_path / "cpu/predictions.csv").read_bytes() == (tmp_path / "cuda/predictions.csv").read_bytes()


class Remembers:
    """A head that knows only the point it was last fitted at."""

    refit = False

    def fit(self, rows: object, labels: object, *point: float) -> None:
        self.point = point

    def eval(self) -> "Remembers":
        return self


@pytest.mark.parametrize("best", [(C[1], GAMMA[2]), (C[-1], GAMMA[-1])])
def test_the_point_of_the_best_validation_is_kept_and_one_without_a_rank_never(monkeypatch, best):
    def predict(head, feeder, members):
        labels = np.array([item.label for item in members])
        return labels if head.point == best else labels * 0 if head.point[1] == GAMMA[0] else -labels

    monkeypatch.setattr(regress, "predict", predict)
    parts = {"train": items(4), "val": items(3)}
    outcome = regress.regress(Run(head="svr"), 0, "O", parts, Remembers())
    assert outcome.head.point == best and outcome.selected.val_srocc == 1
