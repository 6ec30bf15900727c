"""`vqa check`: what is found, what is missing, and whether it is the paper's."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.conftest import assert_one_line_error, vqa
from tests.datasets.files import place, touch
from tests.datasets.test_readers import konvid
from vqa.config import parse
from vqa.manifest import Video
from vqa.protocol.splits import split
from vqa.study.check import check_datasets


def check(tmp_path: Path, dataset: str) -> object:
    (tmp_path / "c.yaml").write_text(
        f"seeds: 1\ndatasets:\n  d: {dataset}\nexperiments:\n  e: {{backbone: efficientnet_lite0}}\n"
    )
    return vqa("check", "--config", tmp_path / "c.yaml")


def test_check_reports_a_ready_table(tmp_path, tiny):
    place(tiny, *(tmp_path / f"{i}.mp4" for i in range(5)))
    rows = "".join(f"v{i},{i}.mp4,{i}.5\n" for i in range(5))
    (tmp_path / "t.csv").write_text("video_id,path,mos\n" + rows)
    result = check(tmp_path, f"{{reader: table, path: {tmp_path}/t.csv}}")
    assert result.returncode == 0, result.stderr
    for words in ("5 of 5 found", "0.500 to 4.500", "5 of 5 open and decode", "ready"):
        assert words in result.stdout
    (tmp_path / "3.mp4").write_bytes(b"broken")
    result = check(tmp_path, f"{{reader: table, path: {tmp_path}/t.csv}}")
    assert_one_line_error(result, "not every dataset is ready")
    assert "4 of 5 open" in result.stdout and "3.mp4" in result.stdout


def demo(videos: int) -> str:
    return f"{{reader: demo, videos: {videos}, scenes: 3}}"


def test_check_warns_of_a_test_part_too_small_for_any_metric(tmp_path):
    few = check(tmp_path, demo(6))
    assert few.returncode == 0 and "parts    train 4, val 1, test 1" in few.stdout
    assert "WARNING: a test part of 1 is too small for any metric, which needs 3 videos" in few.stdout
    for videos, warned in ((12, True), (13, False)):
        assert ("WARNING" in check(tmp_path, demo(videos)).stdout) == warned


def test_check_gives_the_range_of_sizes_where_seeds_differ(tmp_path):
    rows = "".join(f"v{i},{i}.mp4,{i}.5,s{min(i // 2, 3)}\n" for i in range(20))
    (tmp_path / "t.csv").write_text("video_id,path,mos,scene\n" + rows)
    for i in range(20):
        (tmp_path / f"{i}.mp4").touch()
    (tmp_path / "c.yaml").write_text(
        f"seeds: 8\nsplits: {{method: scene}}\ndatasets:\n  d: {{reader: table, path: {tmp_path}/t.csv}}\n"
        "experiments:\n  e: {backbone: efficientnet_lite0}\n"
    )
    result = vqa("check", "--config", tmp_path / "c.yaml", "--no-headers")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "test 2 to 14" in result.stdout and "WARNING: a test part of 2" in result.stdout


def test_check_compares_the_four_with_the_papers_table(tmp_path, tiny):
    konvid(tmp_path / "k", tiny, "{}.mp4", "KoNViD_1k_mos.csv", ".")
    result = check(tmp_path, f"{{reader: konvid-1k, path: {tmp_path}/k}}")
    assert result.returncode == 2 and "NOT the paper's (1200 videos, MOS 1.220 to 4.640)" in result.stdout


def summary(dataset: dict[str, Any], method: str = "random", scenes: tuple[str, ...] = ()) -> tuple[str, bool]:
    raw = {"seeds": 1, "datasets": {"d": dataset}, "experiments": {"e": {"backbone": "efficientnet_lite0"}}}
    return check_datasets(parse(raw | {"splits": {"method": method, "scenes": scenes}}), headers=False, workers=1)


def test_own_checkpoints_are_loaded_where_they_will_be_used(tmp_path):
    weights = tmp_path / "w.pth"
    raw = {"seeds": 1, "datasets": {"d": {"reader": "demo"}}, "experiments": {"e": {"backbone": "resnet50"}},
           "backbones": {"resnet50": {"weights": str(weights)}}}  # fmt: skip

    def told(**dataset: str) -> tuple[str, bool]:
        return check_datasets(parse(raw | {"datasets": {"d": {"reader": "demo", **dataset}}}), False, 1)

    assert f"PROBLEM: backbones.resnet50.weights: there is no file {weights}" in told()[0]
    torch.save({"conv.weight": torch.zeros(3)}, weights)
    summary, ready = told()
    assert not ready and f"PROBLEM: {weights}" in summary
    weights.unlink()
    assert "backbones" not in told(manifest=str(tmp_path / "m.csv"))[0]


def ugc(tmp_path: Path, count: int, high: float = 4.677) -> dict[str, Any]:
    names = [f"v{i}.mp4" for i in range(count)]
    touch(tmp_path / "v", *names)
    scores = [1.242, high, *[3.0] * (count - 2)]
    rows = [f"{name}, -1, -1, {score}\n" for name, score in zip(names, scores, strict=True)]
    (tmp_path / "labels.txt").write_text("".join(rows))
    return {"reader": "youtube-ugc", "path": tmp_path / "v", "files": [{"path": tmp_path / "labels.txt"}]}


def test_check_says_which_public_copy_the_labels_are(tmp_path):
    told, ready = summary(ugc(tmp_path, 1147), method="official")
    assert ready and "all: 1,147 rows, as in DOVER's list; 1,380 in ReLaX-VQA's table" in told
    assert "none is official, they are drawn at random" in told
    told, ready = summary(ugc(tmp_path, 1150))
    assert ready and "1,150 rows, as in no known copy; 1,380 in" in told
    told, ready = summary(ugc(tmp_path, 1147, high=93.4))
    assert not ready and "MOS 1.242 to 93.400 are not those of any known copy" in told


def test_check_counts_the_official_parts(tmp_path):
    touch(tmp_path, *(f"{i}.mp4" for i in range(14)))
    parts = ["train"] * 10 + ["test"] * 3 + ["test:x"]
    table = "".join(f"v{i},{i}.mp4,{i}.5,{part}\n" for i, part in enumerate(parts))
    (tmp_path / "t.csv").write_text("video_id,path,mos,split\n" + table)
    dataset = {"reader": "table", "path": tmp_path / "t.csv"}
    told, ready = summary(dataset | {"test_sets": ["test"]}, method="official")
    assert ready and "parts    train 8, val 2, test 3" in told
    told, ready = summary(dataset, method="official")
    assert ready and "parts    train 8, val 2, test 3, test:x 1" in told and "a test part of 1 is too small" in told


def test_check_counts_the_parts_by_scene(tmp_path):
    """Of scenes of 38 videos, 1 and 1."""
    touch(tmp_path, *(f"{i}.mp4" for i in range(40)))
    table = "".join(f"v{i},{i}.mp4,{i}.5,{'ab'[i == 1] if i < 2 else 'c'}\n" for i in range(40))
    (tmp_path / "t.csv").write_text("video_id,path,mos,scene\n" + table)
    dataset = {"reader": "table", "path": tmp_path / "t.csv"}
    told, ready = summary(dataset, method="random")
    assert ready and "parts    train 24, val 8, test 8" in told and "by scene" not in told
    told, ready = summary(dataset, method="random", scenes=("d",))
    assert ready and "parts    train 1, val 1, test 38 by scene" in told


def test_check_tells_labels_of_another_dataset(tmp_path):
    touch(tmp_path, "a.mp4")
    (tmp_path / "l.txt").write_text("x.mp4, -1, -1, 2\ny.mp4, -1, -1, 3\n")
    told, ready = summary({"reader": "labels", "path": tmp_path / "l.txt", "videos": tmp_path})
    assert not ready and "none of the 2 videos" in told and "label file of another dataset" in told


def test_parts_lose_the_videos_without_imported_features(tmp_path):
    """What trainings will be left with, as their own log counts it; nothing left is a problem, not `ready`."""
    rows = "".join(f"v{i},{i}.mp4,{i}.5\n" for i in range(20))
    (tmp_path / "t.csv").write_text("video_id,path,mos\n" + rows)
    videos = [Video(f"v{i}", f"{i}.mp4", float(i)) for i in range(20)]
    for named, words in ((15, "parts    train "), (3, "PROBLEM: seed ")):
        shutil.rmtree(tmp_path / "f", ignore_errors=True)
        (tmp_path / "f").mkdir()
        for number in range(named):
            np.save(tmp_path / "f" / f"v{number}.npy", np.ones((2, 3), np.float32))
        (tmp_path / "c.yaml").write_text(
            f"seeds: 4\ndatasets: {{d: {{reader: table, path: {tmp_path}/t.csv, on_bad_video: exclude}}}}\n"
            f"backbones: {{imp: {{import: {{d: {{path: {tmp_path}/f}}}}}}}}\n"
            "experiments: {e: {backbone: imp}}\n"
        )
        result = vqa("check", "--config", tmp_path / "c.yaml")
        assert f"excluded {20 - named} videos without features" in result.stdout, result.stdout + result.stderr
        assert words in result.stdout
        assert (result.returncode == 0) == (named == 15)
        if named == 15:
            left = [Counter(p for v, p in split(videos, s, "random").items() if int(v[1:]) < 15) for s in range(4)]
            low, high = (pick(each["train"] for each in left) for pick in (min, max))
            assert f"train {low}" + (f" to {high}" if high > low else "") in result.stdout


def test_parts_lose_what_their_own_backbone_lacks(tmp_path):
    """Of 20 videos one backbone has the first twelve, the other the last: both run, and joined they would not."""
    (tmp_path / "t.csv").write_text("video_id,path,mos\n" + "".join(f"v{i},{i}.mp4,{i}.5\n" for i in range(20)))
    for name, numbers in (("a", range(12)), ("b", range(8, 20))):
        (tmp_path / name).mkdir()
        for number in numbers:
            np.save(tmp_path / name / f"v{number}.npy", np.ones((2, 3), np.float32))
    videos = [Video(f"v{i}", f"{i}.mp4", float(i)) for i in range(20)]
    drawn = {seed: split(videos, seed, "random") for seed in range(50)}
    seed, parts = next((s, p) for s, p in drawn.items() if "val" not in {p[f"v{i}"] for i in range(8, 12)})
    imports = ", ".join(f"{name}: {{import: {{d: {{path: {tmp_path}/{name}}}}}}}" for name in "ab")
    study = (
        f"seeds: [{seed}]\ndatasets: {{d: {{reader: table, path: {tmp_path}/t.csv, on_bad_video: exclude}}}}\n"
        f"backbones: {{{imports}}}\nexperiments: {{of-a: {{backbone: a}}, of-b: {{backbone: b}}%s}}\n"
    )
    (tmp_path / "c.yaml").write_text(study % "")
    result = vqa("check", "--config", tmp_path / "c.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    for name, numbers in (("of-a", range(12)), ("of-b", range(8, 20))):
        left = Counter(parts[f"v{number}"] for number in numbers)
        told = f"parts    train {left['train']}, val {left['val']}, test {left['test']} of {name}"
        assert told in result.stdout
    (tmp_path / "c.yaml").write_text(study % ", of-both: {backbone: [a, b]}")
    result = vqa("check", "--config", tmp_path / "c.yaml")
    assert result.returncode == 2 and f"PROBLEM: seed {seed}: no val video has features" in result.stdout, result.stdout
