import csv

import pytest

from vqa.manifest import Video
from vqa.protocol.split_files import read_split_file, split_file, write_split_file
from vqa.system.errors import UserError


def test_parts_come_back_as_written_and_any_csv_reader_reads_them(tmp_path):
    videos = [Video("b", str(tmp_path / "set/x, y.mp4"), 1.25), Video("a", "/elsewhere/a.mp4", -6.5)]
    path = split_file(tmp_path, "d", 3)
    write_split_file(path, videos, {"a": "test", "b": "train"}, tmp_path / "set")
    assert path == tmp_path / "d" / "seed-3.csv" and read_split_file(path) == {"a": "test", "b": "train"}
    with open(path, newline="") as file:
        assert list(csv.reader(file)) == [
            ["video_id", "path", "mos", "split"],
            ["a", "/elsewhere/a.mp4", "-6.5", "test"],
            ["b", "x, y.mp4", "1.25", "train"],
        ]


def test_a_file_of_other_code_needs_two_columns_only(tmp_path):
    (tmp_path / "s.csv").write_text("split,video_id\ntrain,a\ntest:x,b\n")
    assert read_split_file(tmp_path / "s.csv") == {"a": "train", "b": "test:x"}


@pytest.mark.parametrize(
    "content,words",
    [
        (b"video_id,part\na,test\n", "has no column split"),
        (b"", "has no column video_id and split"),
        (b"video_id,split\na,\n", "line 2: needs a video_id and a split"),
        (b"video_id,split\na\n", "line 2: needs a video_id and a split"),
        (b"video_id,split\na,test\na,train\n", "line 3: video_id 'a' stands twice"),
        (b'video_id,split\n"a,test\n', "not valid CSV"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_bad_split_file_is_told_in_one_line(tmp_path, content, words):
    (tmp_path / "s.csv").write_bytes(content)
    with pytest.raises(UserError, match=rf"s\.csv.*{words}"):
        read_split_file(tmp_path / "s.csv")


def test_a_missing_split_file_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="`vqa splits` writes"):
        read_split_file(tmp_path / "no.csv")
