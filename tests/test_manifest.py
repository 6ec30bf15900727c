import pytest

from vqa.manifest import Video, read_manifest, write_manifest
from vqa.system.errors import UserError

HEADER = "video_id,path,mos\n"


def test_manifest_comes_back_as_written(tmp_path):
    videos = [
        Video("a", "x/a b,'\".mp4", 1.25),
        Video("b-2", "b.yuv", -6.5, 0.5, 1920, 1080, 29.97, 526, "yuvj420p", "scene 1"),
    ]
    write_manifest(tmp_path / "m.csv", videos)
    assert read_manifest(tmp_path / "m.csv") == videos


def test_the_column_split_stands_only_where_a_video_has_one(tmp_path):
    write_manifest(tmp_path / "m.csv", [Video("a", "a.mp4", 1.5, scene="s")])
    assert (tmp_path / "m.csv").read_text() == (
        "video_id,path,mos,mos_std,width,height,fps,frames,pixel_format,scene\na,a.mp4,1.5,,,,,,,s\n"
    )
    videos = [Video("a", "a.mp4", 1.5, split="test:1080p"), Video("b", "b.mp4", 2.0)]
    write_manifest(tmp_path / "m.csv", videos)
    assert (tmp_path / "m.csv").read_text().splitlines()[0].endswith(",scene,split")
    assert read_manifest(tmp_path / "m.csv") == videos


@pytest.mark.parametrize(
    "text,words",
    [
        ("video_id,path\na,a.mp4\n", ["column mos is missing"]),
        (HEADER, ["holds no videos"]),
        ("", ["missing"]),
        (HEADER + "a,a.mp4,nan\n", ["line 2", "'nan'"]),
        (HEADER + "a,a.mp4,inf\n", ["line 2", "'inf'"]),
        (HEADER + "a,a.mp4,\n", ["line 2", "mos is empty"]),
        (HEADER + "a,a.mp4,good\n", ["line 2", "'good'"]),
        (HEADER + "a,a.mp4,1\nb,b.mp4,2\nA,c.mp4,3\n", ["'A'", "rows 1 and 3"]),
        (HEADER + "../a,a.mp4,1\n", ["line 2", "video_id"]),
        (HEADER + "-rf,a.mp4,1\n", ["line 2", "video_id"]),
        (HEADER + "a b,a.mp4,1\n", ["line 2", "video_id"]),
        (HEADER + "a,,1\n", ["line 2", "path is empty"]),
        (HEADER + "a,a.mp4\n", ["line 2", "fields"]),
        (HEADER + "a,a.mp4,1,2\n", ["line 2", "fields"]),
        (HEADER + '"a,a.mp4,1\n', ["not valid CSV"]),
    ],
)
def test_bad_rows_name_the_file_and_line(tmp_path, text, words):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        read_manifest(tmp_path / "m.csv")
    assert "m.csv" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_missing_and_binary_files_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_manifest(tmp_path / "no.csv")
    (tmp_path / "m.csv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UserError, match="UTF-8"):
        read_manifest(tmp_path / "m.csv")
