"""The two formats of public code, in miniature: labels without a header, and tables with names of their own."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.datasets.files import touch
from vqa import datasets
from vqa.config import Dataset
from vqa.datasets import Listing
from vqa.system.errors import UserError

SETTINGS: TypeAdapter[Any] = TypeAdapter(Dataset)


def read(**settings: Any) -> Listing:
    return datasets.read("d", SETTINGS.validate_python(settings), Path("results"))


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def rows(listing: Listing) -> dict[str, tuple[str, float]]:
    return {v.video_id: (str(Path(v.path).relative_to(listing.root)), v.mos) for v in listing.videos}


def test_labels_are_joined_with_videos_by_name(tmp_path):
    touch(tmp_path / "set", "Test3/City/Test03_City_D12.avi", "Video/A001.mp4", "x, y.mp4")
    path = written(
        tmp_path / "labels.txt",
        "Test3/City/Test03_City_D12.avi, 14.948471, 29.099967117037156, -6.5\n"
        "\nVideo/A001.mp4, -1, -1, 80.232\nx, y.mp4, 1.057142857, 1.142857143, 1.057142857",
    )
    listing = read(reader="labels", path=path, videos=tmp_path / "set")
    assert rows(listing) == {
        "Test03_City_D12": ("Test3/City/Test03_City_D12.avi", -6.5),
        "A001": ("Video/A001.mp4", 80.232),
        "x__y": ("x, y.mp4", 1.057142857),
    }
    assert listing.metadata == [path] and {v.split for v in listing.videos} == {None}


def test_rows_must_satisfy_the_condition_of_their_file_and_that_of_the_dataset(tmp_path):
    touch(tmp_path, *(f"{i}.mp4" for i in range(4)))
    table = written(tmp_path / "t.csv", "name,mos,part,good\n0,1,a,1\n1,2,a,0\n2,3,b,1\n3,4,b,0\n")
    files = [{"path": table, "where": "part == a", "split": "train"}, {"path": table, "where": "part == b"}]
    columns = {"video_id": "name", "mos": "mos"}
    listing = read(reader="table", files=files, where="good == 1", columns=columns, videos=tmp_path, extension=".mp4")
    assert sorted(v.video_id for v in listing.videos) == ["0", "2"]


def test_a_dataset_of_several_files_has_the_parts_they_name(tmp_path):
    touch(tmp_path, *(f"b{i}/{j}.mp4" for i in range(3) for j in range(2)))
    parts = ("train", "test", "test:1080p")
    files = [
        {"path": written(tmp_path / f"{i}.txt", f"b{i}/0.mp4, -1, -1, 1\nb{i}/1.mp4, -1, -1, 2\n"), "split": part}
        for i, part in enumerate(parts)
    ]
    listing = read(reader="labels", files=files, videos=tmp_path, ids="path")
    assert {v.video_id: v.split for v in listing.videos} == {f"b{i}__{j}": parts[i] for i in range(3) for j in range(2)}
    chosen = read(reader="labels", files=files, videos=tmp_path, ids="path", test_sets=["1080p"])
    assert {v.split for v in chosen.videos} == {"train", "test:1080p"}
    with pytest.raises(UserError, match=r"d\.test_sets: there is no test set '720p'; the labels have test, test:1080p"):
        read(reader="labels", files=files, videos=tmp_path, ids="path", test_sets=["720p"])
    with pytest.raises(UserError, match=r"1\.txt line 1: 'b1/0.mp4' and 'b0/0.mp4' .*'0'; set `ids: path`"):
        read(reader="labels", files=files, videos=tmp_path)


def test_of_two_rows_that_lead_to_one_file_the_nearer_has_it(tmp_path):
    path = written(tmp_path / "l.txt", "x/b/722.mp4, 1, 1, 1\ny/b/722.mp4, 1, 1, 2\n")
    touch(tmp_path / "v", "x/b/722.mp4")
    with pytest.raises(UserError, match=r"1 of 2 videos are missing .*y__b__722 \(y/b/722\.mp4\)"):
        read(reader="labels", path=path, videos=tmp_path / "v", ids="path")
    listing = read(reader="labels", path=path, videos=tmp_path / "v", ids="path", exclude=["y__b__722"])
    assert rows(listing) == {"x__b__722": ("x/b/722.mp4", 1.0)}
    touch(tmp_path / "w", "b/722.mp4")
    with pytest.raises(UserError, match=r"l\.txt line 2: .*both lead to .*w/b/722\.mp4"):
        read(reader="labels", path=path, videos=tmp_path / "w", ids="path")


LSVQ = (
    "name,p1,p2,height,width,mos_p1,mos,is_test,is_valid\n"
    'a/722,"[263, 1031, 251]","[0, 1920]",1080,1920,68.7,78.774,True,False\n'
    'a/Winter_Pt._1,"[263, 1031, 251]","[0, 1920]",540,960,68.7,59.5,False,True\n'
    'b/722,"[1, 2]","[0, 1]",540,960,68.7,70.5,False,True\n'
)


def test_a_table_is_read_by_its_own_columns_and_conditions(tmp_path):
    touch(tmp_path, "a/722.mp4", "a/Winter_Pt._1.mp4", "b/722.mp4")
    path = written(tmp_path / "own.csv", LSVQ)
    own = {"reader": "table", "path": path, "columns": {"video_id": "name", "mos": "MOS"}, "ids": "path"}
    assert rows(read(**own, extension=".mp4")) == {
        "a__722": ("a/722.mp4", 78.774),
        "a__Winter_Pt._1": ("a/Winter_Pt._1.mp4", 59.5),
        "b__722": ("b/722.mp4", 70.5),
    }
    for where, ids in {
        "is_test == 0": {"a__Winter_Pt._1", "b__722"},
        "is_test == true": {"a__722"},
        "height < 1080 and mos >= 60": {"b__722"},
        "name != 'a/722'": {"a__Winter_Pt._1", "b__722"},
    }.items():
        assert set(rows(read(**own, where=where))) == ids, where
    parts = [{"path": path, "where": f"is_test == {i}", "split": part} for i, part in enumerate(("train", "test"))]
    del own["path"]
    assert {v.video_id: v.split for v in read(**own, files=parts).videos} == {
        "a__Winter_Pt._1": "train", "b__722": "train", "a__722": "test",
    }  # fmt: skip


def test_a_table_may_have_another_separator_and_the_manifests_columns(tmp_path):
    touch(tmp_path, "0001.mp4", "0002.mp4")
    path = written(tmp_path / "info.txt", "file|prompt|mos\n0001.mp4|a cat, a dog|61,5\n0002.mp4|rain|3\n")
    listing = read(reader="table", path=path, separator="|", columns={"video_id": "file"})
    assert rows(listing) == {"0001": ("0001.mp4", 61.5), "0002": ("0002.mp4", 3.0)}
    path = written(tmp_path / "t.csv", "video_id,path,mos,scene,split\nA-1,sub/0001.mp4,2,park,train\n")
    listing = read(reader="table", path=path, videos=tmp_path)
    assert [(v.video_id, v.scene, v.split) for v in listing.videos] == [("A-1", "park", "train")]
    assert rows(listing) == {"A-1": ("0001.mp4", 2.0)}


def test_raw_videos_get_the_geometry_that_is_given(tmp_path):
    touch(tmp_path, "Focus/a.yuv", "b.mp4")
    path = written(tmp_path / "l.txt", "Focus/a.yuv, -1, -1, 41.6\nb.mp4, -1, -1, 3\n")
    raw = {"width": 1920, "height": 1080, "pixel_format": "yuvj420p"}
    first, second = read(reader="labels", path=path, videos=tmp_path, raw=raw).videos
    assert (first.width, first.height, first.pixel_format) == (1920, 1080, "yuvj420p") and second.width is None


def test_an_identifier_depends_on_the_name_alone_and_is_safe(tmp_path):
    long = "n" * 240
    touch(tmp_path, f"{long}.mp4", "-é b.mp4")
    path = written(tmp_path / "l.txt", f"{long}.mp4, 1, 1, 1\n-é b.mp4, 1, 1, 1\n")
    ids = [v.video_id for v in read(reader="labels", path=path, videos=tmp_path).videos]
    assert ids[1] == "b" and len(ids[0]) == 200 and ids[0].startswith("n" * 183 + "-")


@pytest.mark.parametrize(
    "text,words",
    [
        ("a.mp4, 1, 1, 2\na.mp4, 1, 1, 3\n", ["line 2", "'a.mp4' already stands in", "line 1"]),
        ("a.mp4, 1, 1, 2\na.avi, 1, 1, 3\n", ["line 2", "one video_id, 'a'"]),
        ("a.mp4, 1, 1, good\n", ["line 1", "'good' is not a MOS", "reader: table"]),
        ("a.mp4, 1, 1, 2\nb.mp4, 1, 1, nan\n", ["line 2", "'nan' is not a number"]),
        ("a.mp4 1 1 2\n", ["line 1", "has 1 columns"]),
        ("a.mp4, 1, 1, 1\n, 1, 1, 2\n", ["line 2", "names no video"]),
        ("\n", ["holds no row"]),
        ("..., 1, 1, 2\n", ["names no video"]),
        ("é.mp4, 1, 1, 2\n", ["gives no video_id"]),
        ("a.mp4, 1, 1, 2\nb.mp4, 1, 1, 3\n", ["1 of 2 videos are missing", "b (b.mp4)"]),
        ("c.mp4, 1, 1, 2\n", ["none of the 1 videos", "label file of another dataset"]),
    ],
)
def test_a_bad_label_file_is_told_in_one_line(tmp_path, text, words):
    touch(tmp_path / "v", "a.mp4")
    path = written(tmp_path / "l.txt", text)
    with pytest.raises(UserError) as caught:
        read(reader="labels", path=path, videos=tmp_path / "v")
    message = str(caught.value)
    assert "\n" not in message and (str(path) in message or "missing" in message)
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    "text,settings,words",
    [
        ("vid,score\na,1\n", {}, ["has no column 'MOSFull' (mos)", "its columns are vid, score"]),
        ("a.mp4, 1, 1, 2\n", {}, ["has no column 'vid'"]),
        ("vid,MOSFull\na\n", {}, ["line 2", "1 fields, the header 2"]),
        ('vid,MOSFull\n"a,1\n', {}, ["not a valid table"]),
        ('vid,MOSFull\n"a\nb",1\n', {}, ["names no video"]),
        ('vid,MOSFull\na,990\nb,"1,200"\n', {}, ["'1,200' may be over a thousand or a decimal"]),
        ("vid,MOSFull\na,good\n", {}, ["line 2", "'good' is not a number"]),
        ("vid,MOSFull\na,1\nA,2\n", {}, ["line 3", "already stands in"]),
        ("vid,MOSFull\n", {}, ["holds no row"]),
        ("vid,MOSFull\n10,1\n", {"where": "vid == 1_0"}, ["holds no row that satisfies `vid == 1_0`"]),
        ("vid,MOSFull\na,1\n", {"where": "vid == b"}, ["holds no row that satisfies `vid == b`"]),
        ("vid,MOSFull\na,1\n", {"where": "is_test == 0"}, ["has no column 'is_test' (of `where: is_test == 0`)"]),
        ("vid,MOSFull\na,1\n", {"where": "vid < 3"}, ["line 2", "compares a number with a text"]),
        ("vid,MOSFull\na,1\n", {"separator": ";"}, ["has no column 'vid'"]),
    ],
)
def test_a_bad_table_is_told_in_one_line(tmp_path, text, settings, words):
    touch(tmp_path / "v", "a.mp4")
    path = written(tmp_path / "t.csv", text)
    columns = {"video_id": "vid", "mos": "MOSFull"}
    with pytest.raises(UserError) as caught:
        read(reader="table", path=path, videos=tmp_path / "v", columns=columns, **settings)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    for word in words:
        assert word in message


def test_files_that_are_not_there_or_not_text_are_user_errors(tmp_path):
    labels = {"reader": "labels", "path": tmp_path / "l.txt", "videos": tmp_path}
    with pytest.raises(UserError, match=r"l\.txt: cannot be read"):
        read(**labels)
    for content in (b"\xff\xfe\x00\x80", b"a\0.mp4, 1, 1, 2"):
        (tmp_path / "l.txt").write_bytes(content)
        with pytest.raises(UserError, match=r"l\.txt: is not (UTF-8 )?text"):
            read(**labels)
    (tmp_path / "l.txt").write_text("a.mp4, 1, 1, 2\n")
    with pytest.raises(UserError, match="nowhere: is not a folder"):
        read(**labels | {"videos": tmp_path / "nowhere"})
    with pytest.raises(UserError, match="needs a table with a header"):
        read(reader="labels", files=[{"path": tmp_path / "l.txt", "where": "a == 1"}], videos=tmp_path)


@pytest.mark.parametrize("reader", ["labels", "table"])
def test_labels_alone_make_a_dataset_where_no_video_is_decoded(tmp_path, reader):
    (tmp_path / "table").write_text("name,mos,fps\na/x.mp4,1,25\ny,2,30\n")
    (tmp_path / "labels").write_text("a/x.mp4, 0, 0, 1\ny, 0, 0, 2\n")
    columns = {"columns": {"path": "name", "mos": "mos", "fps": "fps"}} if reader == "table" else {}
    raw = {"reader": reader, "path": str(tmp_path / reader), "exclude": ["y"], **columns}
    dataset: Dataset = TypeAdapter(Dataset).validate_python(raw)
    (video,) = datasets.read("d", dataset, tmp_path, on_disk=False).videos
    assert (video.video_id, video.path, video.mos, video.fps) == ("x", "a/x.mp4", 1.0, 25.0 if columns else None)
    with pytest.raises(UserError, match=r"videos: is needed" if reader == "labels" else "1 of 1 videos|none of the"):
        datasets.read("d", dataset, tmp_path)
