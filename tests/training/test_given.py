"""Predictions that others made: joined by name, complete, and written as a run."""

import csv
import json
from pathlib import Path

import pytest

from tests.conftest import vqa
from vqa.features.pairing import matched
from vqa.manifest import Video, write_manifest
from vqa.protocol.splits import split
from vqa.system.errors import UserError
from vqa.training.given import Scores

VIDEOS = [Video(f"v{number:02d}", f"/far/clips/v{number:02d}.mp4", float(number)) for number in range(20)]
SCORES = {video.video_id: video.mos / 100 for video in VIDEOS}


def write(path: Path, rows: dict[str, object], header: tuple[str, str] = ("video_id", "score")) -> Path:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows.items()])
    return path


def chosen(seed: int) -> list[str]:
    return sorted(name for name, part in split(VIDEOS, seed).items() if part == "test")


@pytest.mark.parametrize("form", ["{}", "clips/{}.mp4", "{}.MP4", "\\clips\\{}.avi"])
def test_scores_are_joined_by_name_in_whatever_order_they_stand(tmp_path, form):
    rows = {form.format(name): score for name, score in reversed(SCORES.items())}
    assert Scores(write(tmp_path / "s.csv", rows)).of(VIDEOS) == SCORES


def test_columns_have_the_names_of_their_maker_and_others_are_passed_over(tmp_path):
    (tmp_path / "s.csv").write_text("rank,name,pred\n" + "".join(f"1,{n},{s}\n" for n, s in SCORES.items()))
    assert Scores(tmp_path / "s.csv", {"video_id": "name", "score": "pred"}).of(VIDEOS) == SCORES
    with pytest.raises(UserError, match=r"s.csv: has no column 'video_id'; name it under `columns:`; its columns are"):
        Scores(tmp_path / "s.csv").of(VIDEOS)


def test_a_file_of_the_test_videos_alone_serves_its_seed(tmp_path):
    names = chosen(3)
    found = Scores(write(tmp_path / "s.csv", {name: SCORES[name] for name in names}))
    rows = found.tested(VIDEOS, split(VIDEOS, 3), 3)
    assert [row.video_id for row in rows] == names
    assert {(row.split, row.test_order) for row in rows} == {("test", "O")}
    assert all(row.score == SCORES[row.video_id] and row.mos == row.score * 100 for row in rows)


def test_test_videos_without_a_score_are_named(tmp_path):
    first, second, *_ = chosen(0)
    rows = {name: score for name, score in SCORES.items() if name not in (first, second)}
    with pytest.raises(UserError, match=rf"s.csv: has no score of '{first}', '{second}', of 4 test videos of seed 0"):
        Scores(write(tmp_path / "s.csv", rows)).tested(VIDEOS, split(VIDEOS, 0), 0)


def test_names_of_files_are_not_taken_for_the_ids_of_others():
    """Ids and files are both numbers, in another order."""
    videos = [Video(str(i), f"/d/v/{(3 * i + 1) % 7}.mp4", 1.0) for i in range(7)]
    own = {video.video_id: Path(video.path).name for video in videos}
    for form in ("{}", "v/{}", "/d/v/{}", "/from/root/d/v/{}"):
        names = [form.format(name) for name in own.values()]
        assert matched(videos, names, Path("s.csv")) == dict(zip(own, names, strict=True))
    bare = [str(i) for i in range(7)]
    with pytest.raises(UserError, match=r"s\.csv: '0' may be the video 0 or 2, by its video_id or its file"):
        matched(videos, bare, Path("s.csv"))
    assert matched(videos, bare, Path("s.csv"), are_ids=True) == dict(zip(own, bare, strict=True))


def test_a_name_in_another_folder_is_another_video():
    videos = [Video(f"crf23__clip{i}", f"/d/crf23/clip{i}.mp4", 1.0) for i in (1, 2)]
    both = [f"crf{crf}/clip{i}.mp4" for crf in (23, 28) for i in (1, 2)]
    expected = {"crf23__clip1": "crf23/clip1.mp4", "crf23__clip2": "crf23/clip2.mp4"}
    assert matched(videos, both, Path("s.csv")) == expected
    with pytest.raises(UserError, match=r"names none of the 2 videos, .* another folder"):
        matched(videos, both[2:], Path("s.csv"))


def test_ids_of_folders_and_files_are_names_however_stems_repeat():
    paths = ("x.mp4", "y.mp4", "a/x.mp4", "a/y.mp4")
    videos = [Video(path[:-4].replace("/", "__"), f"/d/{path}", 1.0) for path in paths]
    own = [video.video_id for video in videos]
    for names in (own, list(paths), [f"/d/{path}" for path in paths]):
        assert matched(videos, names, Path("s.csv")) == dict(zip(own, names, strict=True))


def test_names_of_no_video_are_told_unless_the_study_leaves_them_out(tmp_path):
    path = write(tmp_path / "s.csv", SCORES | {"x.mp4": 1, "y": 2})
    with pytest.raises(UserError, match=r"s.csv: 'x.mp4', 'y' are no video of the dataset; leave such rows out"):
        Scores(path).of(VIDEOS)
    assert Scores(path, excluded=("x", "y")).of(VIDEOS) == SCORES


def test_many_names_are_counted_after_the_first(tmp_path):
    path = write(tmp_path / "s.csv", SCORES | {f"x{number}": 1 for number in range(9)})
    with pytest.raises(UserError, match=r"'x4', \.\.\. \(9 in all\) are no video"):
        Scores(path).of(VIDEOS)


@pytest.mark.parametrize(
    "rows,words",
    [
        (["v00,1", "V00.mp4,2"], "'v00' and 'V00.mp4' may both be the video v00"),
        (["v00,1", "v00,2"], "line 3: 'v00' stands twice"),
        (["v00,nan"], "line 2: 'nan' is not a number"),
        (["v00,"], "line 2: '' is not a number"),
        (["v00,990", 'v01,"1,200"'], "s.csv: '1,200' may be over a thousand or a decimal"),
        (["v00"], "line 2: has 1 fields, the header 2"),
        ([], "names none of the 20 videos"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_in_a_line(tmp_path, rows, words):
    (tmp_path / "s.csv").write_text("\n".join(["video_id,score", *rows]) + "\n")
    with pytest.raises(UserError) as refused:
        Scores(tmp_path / "s.csv").of(VIDEOS)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_decimal_commas_are_read_where_they_can_be_nothing_else(tmp_path):
    rows = "v00,3\n" + 'v01,"3,125"\n' + 'v02,"3,5"\n'
    (tmp_path / "s.csv").write_text(f"video_id,score\n{rows}")
    assert Scores(tmp_path / "s.csv").of(VIDEOS) == {"v00": 3.0, "v01": 3.125, "v02": 3.5}
    (tmp_path / "s.csv").write_text('video_id,score\nv00,"3,250"\nv01,"3,125"\n')
    assert Scores(tmp_path / "s.csv").of(VIDEOS) == {"v00": 3.25, "v01": 3.125}


@pytest.mark.parametrize(
    "text,words",
    [
        ("x", "'x' is not JSON"),
        ("[1]", "is no JSON object"),
        ('{"score":5}', "names other than video_id and score"),
        ('{"mos":"x"}', "names other than video_id and score"),
    ],
)
def test_columns_that_are_none_are_one_line(tmp_path, text, words):
    result = imported(tmp_path, "--columns", text)
    assert result.returncode == 2 and words in result.stderr and "Traceback" not in result.stderr


def imported(folder: Path, *arguments: object):
    write_manifest(folder / "manifest.csv", VIDEOS)
    write(folder / "s.csv", SCORES)
    options = ("--manifest", folder / "manifest.csv", "--scores", folder / "s.csv", "--seed", 1)
    return vqa("import-predictions", *options, "--output", folder / "run", *arguments)


def test_the_command_writes_the_files_of_a_run_and_takes_away_those_of_a_training(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "head.pt").touch()
    done = imported(tmp_path, "--same-scores")
    assert done.returncode == 0, done.stderr
    assert "the same scores in every split" in done.stderr
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["predictions.csv", "run.json"]
    made = json.loads((tmp_path / "run" / "run.json").read_text())
    assert made["videos"] == {"train": 12, "val": 4, "test": 4}
    assert made["predictions"] == {"columns": {}, "same_scores": True}
    assert set(made["inputs"]) == {"manifest", "predictions"}
    with open(tmp_path / "run" / "predictions.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["video_id"] for row in rows] == chosen(1)
    assert all(float(row["score"]) == SCORES[row["video_id"]] for row in rows)


def test_the_command_takes_the_parts_of_a_split_file(tmp_path):
    parts = {video.video_id: "test" if video.mos >= 15 else "train" for video in VIDEOS}
    write(tmp_path / "parts.csv", parts, ("video_id", "split"))
    done = imported(tmp_path, "--split", "files", "--split-file", tmp_path / "parts.csv")
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "run" / "predictions.csv") as file:
        assert [row["video_id"] for row in csv.DictReader(file)] == [f"v{number}" for number in range(15, 20)]
