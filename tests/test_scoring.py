import csv
import io
import itertools
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests import forked
from tests.conftest import assert_one_line_error, vqa
from vqa.cli import main
from vqa.datasets.tree import SUFFIXES
from vqa.features.stream import Features
from vqa.manifest import Video, write_manifest
from vqa.scoring import Journal, Score, Scorer, find_videos, scores_csv, stored_type
from vqa.system.errors import UserError
from vqa.temporal.checkpoint import load_head, save_head
from vqa.temporal.registry import create
from vqa.temporal.vsfa import VSFA


@pytest.fixture(scope="module")
def trained(tmp_path_factory, make_clip) -> Path:
    """Two tiny datasets with features, and a head trained on the first: manifests, indexes, run/head.pt."""
    root = tmp_path_factory.mktemp("trained")
    assert vqa("weights", "efficientnet_lite0", "--output", root / "weights.pth").returncode == 0
    for name, offset in (("one", 0), ("two", 50)):
        folder = root / name
        videos = [
            Video(
                f"{name}{i}", str(make_clip(folder / "videos" / f"{name}{i}.mp4", 6 + i, seed=offset + i)), 20.0 + 7 * i
            )
            for i in range(6)
        ]
        write_manifest(folder / "manifest.csv", videos)
        common = ["--manifest", folder / "manifest.csv"]
        extract = ["--weights", root / "weights.pth", "--backbone", "efficientnet_lite0", "--precision", "float32"]
        made = ["--output", folder / "shards", "--receipt", folder / "receipt.json"]
        assert vqa("extract", *common, *extract, *made).returncode == 0
        index = ["--features", folder / "shards", "--output", folder / "shards" / "index.csv"]
        assert vqa("index", *common, *index, folder / "receipt.json").returncode == 0
    run = ["--manifest", root / "one/manifest.csv", "--index", root / "one/shards/index.csv", "--order", "O"]
    result = vqa("train", *run, "--seed", 0, "--output", root / "run", "--epochs", 3, "--batch-size", 2, "--lr", "1e-3")
    assert result.returncode == 0, result.stderr
    return root


def score(trained: Path, path: Path, *more: object):
    return vqa("score", path, "--head", trained / "run/head.pt", "--weights", trained / "weights.pth", *more)


def test_a_test_video_scores_as_in_the_study(trained):
    predictions = pd.read_csv(trained / "run/predictions.csv").query("split == 'test' and test_order == 'O'")
    for row in predictions.to_dict("records"):
        result = score(trained, trained / "one/videos" / f"{row['video_id']}.mp4")
        assert result.returncode == 0, result.stderr
        found = next(csv.DictReader(io.StringIO(result.stdout)))
        assert float(found["quality"]) == pytest.approx(row["score"], rel=1e-4)


def test_a_folder_gives_a_csv_and_curves(trained, tmp_path):
    result = score(trained, trained / "two/videos", "--output", tmp_path / "s.csv", "--curve", tmp_path / "c.csv")
    assert result.returncode == 0, result.stderr
    scores, curve = pd.read_csv(tmp_path / "s.csv"), pd.read_csv(tmp_path / "c.csv")
    assert scores["frames"].tolist() == [6, 7, 8, 9, 10, 11] and len(curve) == 51
    assert curve.groupby("path")["frame"].max().tolist() == [5, 6, 7, 8, 9, 10]


def test_every_kind_of_video_that_a_dataset_may_hold_is_found_in_a_folder(tmp_path):
    for suffix in SUFFIXES:
        (tmp_path / f"clip{suffix.upper()}").touch()
    for other in ("notes.txt", ".hidden.mp4"):
        (tmp_path / other).touch()
    assert {Path(video.path).suffix.lower() for video in find_videos(tmp_path, None, None, None)} == SUFFIXES


def test_a_head_of_features_that_version_0_1_made_wrong_is_refused():
    """Version 0.1 named no storage type; those that name it alone had the features of today."""
    old = {"backbone": "torchvision/inception_v3", "weights_sha256": "0"}
    for origin in (old, old | {"recipe": 1, "storage": "float16"}):
        with pytest.raises(UserError, match=r"^head\.pt: was trained on torchvision/inception_v3 .*; train it again$"):
            Scorer._check(Path("head.pt"), old["backbone"], Path("gone.pth"), origin)
    sound = (old | {"storage": "float16"}, old | {"recipe": 2}, old | {"backbone": "resnet50"})
    for origin in sound:
        with pytest.raises(UserError, match="no such checkpoint"):
            Scorer._check(Path("head.pt"), origin["backbone"], Path("gone.pth"), origin)


def test_a_bad_video_is_named_and_the_others_are_scored(trained, tmp_path, make_clip):
    make_clip(tmp_path / "v" / "good.mp4")
    for name in ("bad", "worse"):
        (tmp_path / "v" / f"{name}.mp4").write_bytes(b"no video")
    result = score(trained, tmp_path / "v", "--output", tmp_path / "s.csv")
    assert_one_line_error(result, "bad.mp4", "(and 1 more, see above)")
    assert "worse.mp4: " in result.stderr
    assert [Path(p).name for p in pd.read_csv(tmp_path / "s.csv")["path"]] == ["good.mp4"]


def dying_after_three() -> None:
    add, count = Journal.add, itertools.count(1)

    def add_and_die(self, video, score):
        add(self, video, score)
        if next(count) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.add = add_and_die
    main()


def test_a_killed_batch_goes_on_where_it_stopped(trained, tmp_path):
    given = ["score", trained / "two/videos", "--head", trained / "run/head.pt", "--weights", trained / "weights.pth"]
    out, whole = (["--output", tmp_path / f"{n}.csv", "--curve", tmp_path / f"{n}-curve.csv"] for n in ("s", "whole"))
    assert vqa(*given, *whole).returncode == 0 and not list(tmp_path.glob("*.part"))
    assert forked.run(dying_after_three, ("vqa", *map(str, [*given, *out]))).returncode == -signal.SIGKILL
    journal = tmp_path / "s.csv.part"
    assert journal.read_bytes().count(b"\n") == 4 and not (tmp_path / "s.csv").exists()
    with open(journal, "ab") as file:
        file.write(b'{"path": "cut short')
    again = vqa(*given, *out)
    assert again.returncode == 0 and "3 videos are scored already" in again.stderr
    for end in (".csv", "-curve.csv"):
        assert (tmp_path / f"s{end}").read_bytes() == (tmp_path / f"whole{end}").read_bytes()
    assert not journal.exists()


def test_a_journal_of_another_head_or_of_another_file_is_not_used(trained, tmp_path):
    video, other = Video("a", str(trained / "one/videos/one0.mp4"), 0.0), tmp_path / "b.mp4"
    made = Score(Path(video.path), 3.25, np.array([0.1], np.float32), np.array([0]))
    journal = Journal(tmp_path / "s.csv", {"head": "1"})
    journal.add(video, made)
    assert Journal(tmp_path / "s.csv", {"head": "1"}).score(video).quality == 3.25
    shutil.copy(video.path, other)
    assert Journal(tmp_path / "s.csv", {"head": "1"}).score(replace(video, path=str(other))) is None
    assert Journal(tmp_path / "s.csv", {"head": "2"}).score(video) is None


@pytest.mark.parametrize("name", ["=HYPERLINK(1).mp4", "+1.mp4", "-1.mp4", "@x.mp4", "\tx.mp4"])
def test_no_spreadsheet_runs_a_file_name(name):
    row = scores_csv([Score(Path(name), -2.5, np.zeros(3), np.arange(3))]).splitlines()[1]
    assert next(csv.reader([row])) == ["'" + name, "-2.5", "3"]


def test_scores_take_the_storage_of_the_head_s_features(trained, tmp_path):
    """A head that sees what float16 rounds away: features of 2049 become 2048, and its score with them."""
    features = Features()
    features.append(np.full((4, 10), 2049.0, np.float32), [0, 1, 2, 3])
    scores = {}
    for storage in ("float16", "float32", None):
        origin = {"storage": storage} if storage else {}
        scorer = object.__new__(Scorer)
        scorer.head, scorer.made_by, scorer.scale = create("fc-mean", 10, 0).eval(), {}, 1.0
        scorer.storage = stored_type({"backbone": "resnet50", **origin})
        scores[storage] = scorer._apply(Video("a", "a.mp4", 0.0), features)[0]
    assert scores["float16"] == scores[None] != scores["float32"]
    assert stored_type({}) == "float32"  # VSFA.pt


def test_the_origin_of_a_head_names_its_storage(trained):
    made_by = load_head(trained / "run/head.pt")[1]
    assert made_by["features"]["storage"] == "float16"


def test_a_head_says_nothing_of_the_machine_it_was_made_on(trained):
    made_by = load_head(trained / "run/head.pt")[1]
    assert made_by["manifest"] == "one/manifest.csv" and str(trained) not in str(made_by)


def test_raw_yuv_needs_its_size(trained, tmp_path):
    (tmp_path / "a.yuv").write_bytes(bytes(64 * 48 * 3 // 2 * 3))
    assert_one_line_error(score(trained, tmp_path / "a.yuv"), "a.yuv", "width and height")
    result = score(trained, tmp_path / "a.yuv", "--width", 64, "--height", 48)
    assert result.returncode == 0 and result.stdout.strip().endswith(",3")


def test_a_raw_video_says_its_rate_where_the_head_pools_in_seconds(trained, tmp_path, caplog):
    """Two seconds are other frames at 5 frames/s than at the 30 that count where nothing is known."""
    (tmp_path / "a.yuv").write_bytes(
        np.random.default_rng(0).integers(0, 256, 64 * 48 * 3 // 2 * 40, np.uint8).tobytes()
    )
    head, made_by = load_head(trained / "run/head.pt")
    pooled = create('{"name":"fc-pooling","pooling":"recency"}', head.input_size, 0)
    save_head(tmp_path / "head.pt", pooled, '{"name":"fc-pooling","pooling":"recency"}', made_by)
    scorer = Scorer(tmp_path / "head.pt", trained / "weights.pth")
    scores = {}
    for fps in (None, 30.0, 5.0):
        caplog.clear()
        [found], _ = scorer.score(find_videos(tmp_path / "a.yuv", 64, 48, "yuv420p", fps))
        scores[fps] = found.quality
        assert ("a.yuv: its frame rate is not known" in caplog.text) == (fps is None)
    assert scores[None] == scores[30.0] != scores[5.0]


def test_foreign_weights_are_refused(trained, tmp_path):
    assert vqa("weights", "resnet3d18", "--output", tmp_path / "w.pth").returncode == 0
    video = trained / "one/videos/one0.mp4"
    result = vqa("score", video, "--head", trained / "run/head.pt", "--weights", tmp_path / "w.pth")
    assert_one_line_error(result, "w.pth", "not the checkpoint")


def test_published_vsfa_checkpoint_scores_a_video(trained, tmp_path):
    from torchvision.models import resnet50

    torch.manual_seed(0)
    torch.save(resnet50(weights=None).state_dict(), tmp_path / "resnet50.pth")
    state = VSFA(4096).state_dict()
    torch.save({f"ann.{k}" if k.startswith("fc0") else k: v for k, v in state.items()}, tmp_path / "VSFA.pt")
    video = trained / "one/videos/one0.mp4"
    result = vqa("score", video, "--head", tmp_path / "VSFA.pt", "--weights", tmp_path / "resnet50.pth")
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 2


def test_cross_predicts_every_video_of_the_other_dataset(trained, tmp_path):
    target = f"two:{trained}/two/manifest.csv:{trained}/two/shards/index.csv"
    result = vqa("cross", "--head", trained / "run/head.pt", "--dataset", target, "--output", tmp_path / "c.csv")
    assert result.returncode == 0, result.stderr
    frame = pd.read_csv(tmp_path / "c.csv")
    assert frame["video_id"].tolist() == [f"two{i}" for i in range(6)] and set(frame["dataset"]) == {"two"}
    single = score(trained, trained / "two/videos/two3.mp4")
    quality = float(next(csv.DictReader(io.StringIO(single.stdout)))["quality"])
    assert frame["score"][3] == pytest.approx(quality, rel=1e-4)


def test_cross_refuses_features_of_another_size(trained, tmp_path):
    save_head(tmp_path / "head.pt", create("vsfa", 10, 0), "vsfa", {"run": {}, "seed": 0, "label_scale": 1.0})
    target = f"two:{trained}/two/manifest.csv:{trained}/two/shards/index.csv"
    result = vqa("cross", "--head", tmp_path / "head.pt", "--dataset", target, "--output", tmp_path / "c.csv")
    assert_one_line_error(result, "do not fit")
