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
        ("video_id,path,mos,mos\na,a.mp4,1,5\n", ["column mos stands twice"]),
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
        (HEADER[:-1] + ",width\na,a.mp4,1," + "9" * 400 + "\n", ["line 2", "width", "finite"]),
        (HEADER[:-1] + ",width\na,a.mp4,1," + "9" * 5000 + "\n", ["line 2", "width", "finite"]),
        (HEADER[:-1] + ",frames\na,a.mp4,1,2.5\n", ["line 2", "frames", "'2.5'"]),
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


def test_a_manifest_is_utf8_with_unix_lines_and_empty_cells(tmp_path):
    write_manifest(tmp_path / "m.csv", [Video("a", "ü.mp4", 1.0), Video("b", "b.mp4", 2.0, width=64, scene="s,1")])
    assert (tmp_path / "m.csv").read_bytes().decode("utf-8") == (
        "video_id,path,mos,mos_std,width,height,fps,frames,pixel_format,scene\n"
        'a,ü.mp4,1.0,,,,,,,\nb,b.mp4,2.0,,64,,,,,"s,1"\n'
    )


def test_tables_as_people_save_them_are_read(tmp_path):
    """A byte order mark, Windows lines, blanks around numbers and ids, columns of their own, a line break in a cell."""
    text = '\ufeffvideo_id,mos,path,width,height,fps,note\r\n a , 3.5 ,v/ü.mp4, 64 ,48,29.97,"two\r\nlines"\r\n'
    (tmp_path / "m.csv").write_bytes(text.encode())
    assert read_manifest(tmp_path / "m.csv") == [Video("a", "v/ü.mp4", 3.5, width=64, height=48, fps=29.97)]


def test_relative_paths_start_at_the_root_that_is_given(tmp_path):
    (tmp_path / "m.csv").write_text(HEADER + "a,v/a.mp4,1\nb,/abs/b.mp4,2\n")
    found = read_manifest(str(tmp_path / "m.csv"), tmp_path / "root")
    assert [video.path for video in found] == [str(tmp_path / "root/v/a.mp4"), "/abs/b.mp4"]


def test_a_header_in_any_letter_case_is_read_and_texts_are_stripped(tmp_path):
    text = "Video_ID, PATH,mos,FPS,Split,scene \na,a.mp4,1,25,test ,beach \nb,b.mp4,2,,train, beach\n"
    (tmp_path / "m.csv").write_text(text)
    a, b = read_manifest(tmp_path / "m.csv")
    assert (a.fps, a.split, a.scene, b.fps, b.split, b.scene) == (25.0, "test", "beach", None, "train", "beach")
    (tmp_path / "m.csv").write_text("video_id,path,mos,fps,FPS\na,a.mp4,1,25,30\n")
    assert read_manifest(tmp_path / "m.csv")[0].fps == 25.0  # its own name counts
    (tmp_path / "m.csv").write_text("video_id,path,mos,Fps,FPS\na,a.mp4,1,25,30\n")
    with pytest.raises(UserError, match="column fps stands twice"):
        read_manifest(tmp_path / "m.csv")


def test_a_damaged_row_behind_good_ones_is_named_by_its_line(tmp_path):
    (tmp_path / "m.csv").write_text(HEADER + "a,a.mp4,1\nb,b.mp4,2\nc,c.mp4,x\n")
    with pytest.raises(UserError, match=r"m\.csv line 4: mos is 'x'"):
        read_manifest(tmp_path / "m.csv")


@pytest.mark.parametrize("column", ["mos_std", "width", "height", "fps", "frames"])
def test_every_number_is_checked_and_its_place_told(tmp_path, column):
    (tmp_path / "m.csv").write_text(f"video_id,path,mos,{column}\na,a.mp4,1,\nb,b.mp4,1,x\n")
    with pytest.raises(UserError, match=rf"m\.csv line 3: {column} is 'x'"):
        read_manifest(tmp_path / "m.csv")


@pytest.mark.parametrize(
    "column,text",
    [
        ("mos", "1_2"), ("mos", "٣"), ("fps", "3_0"), ("fps", "0"), ("fps", "-5"), ("fps", "1e308"), ("width", "-1"),
        ("height", "0"), ("frames", "-1"), ("frames", "1" + "0" * 200),
    ],
)  # fmt: skip
def test_what_only_python_takes_for_a_number_is_refused(tmp_path, column, text):
    row = {"mos": "1", "fps": "25", "width": "4", "height": "4", "frames": "9"} | {column: text}
    (tmp_path / "m.csv").write_text(f"video_id,path,{','.join(row)}\na,a.mp4,{','.join(row.values())}\n")
    with pytest.raises(UserError, match=rf"m\.csv line 2: {column} is"):
        read_manifest(tmp_path / "m.csv")


def test_every_missing_column_is_named(tmp_path):
    (tmp_path / "m.csv").write_text("video_id,score\na,1\n")
    with pytest.raises(UserError, match=r"column path, mos is missing; needed are video_id, path, mos$"):
        read_manifest(tmp_path / "m.csv")


@pytest.mark.parametrize("length,allowed", [(200, True), (201, False)])
def test_ids_fit_into_file_names(tmp_path, length, allowed):
    (tmp_path / "m.csv").write_text(HEADER + f"{'a' * length},a.mp4,1\n")
    if allowed:
        assert len(read_manifest(tmp_path / "m.csv")[0].video_id) == 200
    else:
        with pytest.raises(UserError, match="video_id 'aaa"):
            read_manifest(tmp_path / "m.csv")


def test_a_path_with_a_zero_byte_is_refused(tmp_path):
    (tmp_path / "m.csv").write_bytes(HEADER.encode() + b"a,a\0b.mp4,1\n")
    with pytest.raises(UserError, match=r"m\.csv line 2"):
        read_manifest(tmp_path / "m.csv")


def test_what_decoding_depends_on_leaves_the_labels_out():
    video = Video("a", "a.yuv", 3.0, 0.5, 64, 48, 30.0, 9, "yuvj420p", "park")
    expected = {"video_id": "a", "path": "a.yuv", "width": 64, "height": 48, "pixel_format": "yuvj420p"}
    assert video.source() == expected
