"""Each reader's whole answer, field by field: what was found, what is missing, and where it was read."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from vqa import datasets
from vqa.config import DemoDataset, NativeDataset, TableDataset, VsfaInfoDataset
from vqa.datasets import demo, matlab, vsfa_info
from vqa.datasets.common import Listing
from vqa.manifest import Video
from vqa.system.errors import UserError

RESULTS = Path("results")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def cells(names: list[str]) -> np.ndarray:
    return np.array([[name] for name in names], dtype=object)


def listed(reader: str, root: Path, **settings: object) -> Listing:
    return datasets.list_videos("d", NativeDataset(reader=reader, path=root, **settings), RESULTS)


def test_konvid(tmp_path):
    root = touch(tmp_path, "KoNViD_1k_videos/3001.mp4", "KoNViD_1k_videos/notes.mp4", "KoNViD_1k_videos/30013.mp4")
    metadata = tmp_path / "konvid_1k_METADATA" / "konvid_1K_MOS.csv"
    metadata.parent.mkdir()
    metadata.write_bytes('\ufeff"Flickr_ID"," MOS "\r\n" 3001 ","2.5"\r\n"3002","3,5"\r\n'.encode())
    video = Video("3001", str(root / "KoNViD_1k_videos/3001.mp4"), 2.5)
    assert listed("konvid-1k", root) == Listing(root, [video], [metadata], [Video("3002", "3002.mp4", 3.5)], [])


@pytest.mark.parametrize(
    "rows,words",
    [
        ("flickr_id,mos\n3001,2\nx3,2\n", r"mos\.csv line 3: flickr_id 'x3' is not a number"),
        ("flickr_id,mos\n3001,2\n3002\n", r"mos\.csv line 3: '' is not a number"),
        ("flickr_id,mos\n3001,2\n,2\n", r"mos\.csv line 3: flickr_id '' is not a number"),
        ("flickr_id,mos\n3001,2\n3001,2\n", r"mos\.csv: video_id '3001' stands in rows 1 and 2"),
        ("flickr_id,score\n3001,2\n", r"mos\.csv: has no columns flickr_id and mos; compare"),
        ("video,mos\n3001,2\n", r"mos\.csv: has no columns flickr_id and mos"),
        ("", r"mos\.csv: has no columns flickr_id and mos"),
    ],
)
def test_konvid_rows_that_are_wrong_name_file_and_line(tmp_path, rows, words):
    (tmp_path / "KoNViD_1k_mos.csv").write_text(rows)
    with pytest.raises(UserError, match=words):
        listed("konvid-1k", tmp_path)


def test_cvd2014(tmp_path):
    root = touch(tmp_path, "Test1/Talking_head/a.avi", "Test2/City/a.avi", "b.avi")
    metadata = tmp_path / "CVD2014_ratings" / "Realignment_MOS.csv"
    metadata.parent.mkdir()
    rows = [
        "Content;File_name;Original MOS;Realignment MOS",
        " Talking head ; a ;1;2,5",
        ";b;1;-3",
        "City;;;",
        "City;c;1;4",
    ]
    metadata.write_bytes("\r\n".join([*rows, "Caf\xe9;d;1;5"]).encode("latin-1"))
    found = [
        Video("a", str(root / "Test1/Talking_head/a.avi"), 2.5, scene="talking-head"),
        Video("b", str(root / "b.avi"), -3.0),
    ]
    lost = [Video("c", "c.avi", 4.0, scene="city"), Video("d", "d.avi", 5.0, scene="caf\xe9")]
    assert listed("cvd2014", root) == Listing(root, found, [metadata], lost, [])
    assert listed("cvd2014", root).missing == ["c (c.avi)", "d (d.avi)"]


@pytest.mark.parametrize(
    "header,row,words",
    [
        ("Content;File_name;Realignment MOS", "City;a;x", r"line 2: 'x' is not a number"),
        ("Content;File_name;Realignment MOS", "City;a", r"line 2: '' is not a number"),
        ("File_name;Realignment MOS", "a;1", "has no column 'Content'; compare it with the original"),
        ("Content;Realignment MOS", "City;1", "has no column 'File_name'"),
        ("Content;File_name;MOS", "City;a;1", "has no column 'Realignment MOS'"),
        ("Content;File_name;Realignment MOS", "City;a;1\nCity;A;2", "video_id 'A' stands in rows 1 and 2"),
    ],
)
def test_cvd2014_rows_that_are_wrong_name_file_and_line(tmp_path, header, row, words):
    (tmp_path / "Realignment_MOS.csv").write_text(f"{header}\n{row}\n")
    with pytest.raises(UserError, match=rf"Realignment_MOS\.csv.*{words}"):
        listed("cvd2014", tmp_path)


def test_live_vqc(tmp_path):
    root = touch(tmp_path, "Video/A001.mp4", "other/A001.mp4", "B002.MP4")
    scipy.io.savemat(
        root / "data.mat", {"video_list": cells(["A001.mp4", "B002.mp4", "C003.mp4"]), "mos": [[1.5], [2], [3]]}
    )
    found = [Video("A001", str(root / "Video/A001.mp4"), 1.5), Video("B002", str(root / "B002.MP4"), 2.0)]
    assert listed("live-vqc", root) == Listing(
        root, found, [root / "data.mat"], [Video("C003", "Video/C003.mp4", 3.0)], []
    )


@pytest.mark.parametrize(
    "content,words",
    [
        ({"video_list": cells(["a.mp4", "b.mp4"]), "mos": [[1.0]]}, r"data\.mat: 2 names but 1 scores; download"),
        ({"video_list": cells(["a.mp4", "b.mp4"]), "mos": [[1.0], [np.nan]]}, r"data\.mat \('b\.mp4'\): 'nan' is not"),
        ({"video_list": cells(["a.mp4", "A.mp4"]), "mos": [[1.0], [2.0]]}, r"data\.mat: video_id 'A' stands in rows 1"),
        ({"video_list": cells(["a.mp4"])}, r"data\.mat: holds no variable 'mos'; compare"),
        ({"mos": [[1.0]]}, r"data\.mat: holds no variable 'video_list'"),
    ],
)
def test_live_vqc_metadata_that_are_wrong_say_what_is(tmp_path, content, words):
    scipy.io.savemat(tmp_path / "data.mat", content)
    with pytest.raises(UserError, match=words):
        listed("live-vqc", tmp_path)


def test_one_video_alone_is_a_dataset_too(tmp_path):
    """MATLAB has no lists of one: a single name or score arrives without its axis."""
    scipy.io.savemat(touch(tmp_path, "a.mp4") / "data.mat", {"video_list": cells(["a.mp4"]), "mos": [[1.5]]})
    assert [video.mos for video in listed("live-vqc", tmp_path).videos] == [1.5]


def test_live_qualcomm(tmp_path):
    names = ["0723_ManUnderTree_GS5_1.yuv", "0911nightScene_5s_2.yuv", "1_2.yuv"]
    root = touch(tmp_path, f"Color/{names[0]}", f"Focus/{names[1]}", f"Color/{names[1]}")
    videos = {"vidNames": cells(names), "distortionType": [[1], [2], [2]], "distortionNames": cells(["Color", "Focus"])}
    scores = {"unBiasedMOS": [[1.5], [2.5], [3.5]]}
    metadata = root / "qualcommSubjectiveData.mat"
    scipy.io.savemat(metadata, {"qualcommVideoData": videos, "qualcommSubjectiveData": scores})
    found = [
        Video(Path(name).stem, str(root / folder / name), mos, None, 1920, 1080, 30.0, None, "yuvj420p", scene)
        for name, folder, mos, scene in zip(
            names[:2], ["Color", "Focus"], [1.5, 2.5], ["0723_manundertree", "0911nightscene"], strict=True
        )
    ]
    listing = listed("live-qualcomm", root)
    assert listing == Listing(root, found, [metadata], listing.lost, []) and listing.missing == ["1_2 (Focus/1_2.yuv)"]


@pytest.mark.parametrize(
    "struct,field", [("videos", "vidNames"), ("videos", "distortionNames"), ("scores", "unBiasedMOS")]
)
def test_live_qualcomm_fields_that_lack_are_named(tmp_path, struct, field):
    made = {"videos": {"vidNames": cells(["a.yuv"]), "distortionType": [[1]], "distortionNames": cells(["Color"])},
            "scores": {"unBiasedMOS": [[1.0]], "biasedMOS": [[1.0]]}}  # fmt: skip
    del made[struct][field]
    path = tmp_path / "qualcommSubjectiveData.mat"
    scipy.io.savemat(path, {"qualcommVideoData": made["videos"], "qualcommSubjectiveData": made["scores"]})
    with pytest.raises(UserError, match=rf"Data\.mat: its struct has no field '{field}'; compare it"):
        listed("live-qualcomm", tmp_path)


def test_a_mat_file_gives_the_variables_that_are_asked_for(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"x": [[1.0, 2.0]], "y": "text"})
    assert matlab.load(tmp_path / "a.mat", ("x",))["x"].tolist() == [1.0, 2.0]
    assert set(matlab.load(tmp_path / "a.mat", ("x", "y"))) == {"x", "y"}


def vsfa(path: Path, names: list[str], **changed: object) -> Path:
    with h5py.File(path, "w") as file:
        for number, name in enumerate(names):
            file[f"#refs#/{number}"] = np.array([[ord(c)] for c in name], np.uint16)
        references = [file[f"#refs#/{number}"].ref for number in range(len(names))]
        file["video_names"] = np.array([references], dtype=h5py.ref_dtype)
        fields = {"scores": [np.arange(1.0, len(names) + 1)], "width": [[64.0]], "height": [[48.0]]}
        fields |= {"video_format": [[ord(c)] for c in "YUV420"], "index": np.arange(1.0, len(names) + 1)[:, None]}
        for key, value in (fields | changed).items():
            file[key] = np.array(value)
    return path


@pytest.mark.parametrize("video_format,raw", [("YUV420", True), ("RGB", False)])
def test_vsfa_info(tmp_path, video_format, raw):
    names = ["City/a.yuv", "Focus\\b c.yuv", "d.yuv"]
    root = touch(tmp_path / "videos", "City/a.yuv", "d.yuv")
    letters = [[ord(c)] for c in video_format]
    path = vsfa(tmp_path / "info.mat", names, ref_ids=[[1.0, 1.0, 2.0]], video_format=letters)
    size = {"width": 64, "height": 48, "pixel_format": "yuvj420p"} if raw else {}
    found = [Video("a", str(root / "City/a.yuv"), 1.0, scene="scene-1", **size),
             Video("d", str(root / "d.yuv"), 3.0, scene="scene-2", **size)]  # fmt: skip
    lost = [Video("b_c", "Focus\\b c.yuv", 2.0, scene="scene-1", **size)]
    expected = Listing(root, found, [path], lost, [])
    settings = VsfaInfoDataset(reader="vsfa-info", path=path, videos=root)
    assert datasets.list_videos("d", settings, RESULTS) == expected
    assert vsfa_info.names(path) == names
    order = vsfa_info.stored_permutation(path, 5)
    assert order[0] == ["a", "b_c", "d"] and order[1].tolist() == [0, 1, 2]


@pytest.mark.parametrize("references", [None, [[1.0, 2.0, 3.0]], [[7.0, 7.0, 7.0]]])
def test_references_that_group_nothing_are_no_scenes(tmp_path, references):
    changed = {} if references is None else {"ref_ids": references}
    path = vsfa(tmp_path / "info.mat", ["a.yuv", "b.yuv", "c.yuv"], **changed)
    listing = vsfa_info.read(path, touch(tmp_path, "a.yuv", "b.yuv", "c.yuv"))
    assert [video.scene for video in listing.videos] == [None] * 3


def test_permutations_are_the_columns_in_turn(tmp_path):
    path = vsfa(
        tmp_path / "info.mat", ["a.yuv", "b.yuv", "c.yuv"], index=np.array([[1.0, 3.0], [2.0, 1.0], [3.0, 2.0]])
    )
    found = [vsfa_info.permutation(path, k) for k in (0, 1, 2)]
    assert [column.tolist() for column in found] == [[0, 1, 2], [2, 0, 1], [0, 1, 2]]
    assert {column.dtype for column in found} == {np.dtype(np.int64)}


@pytest.mark.parametrize("column", [[0, 1, 2], [1, 1, 3], [1, 2, 4]])
def test_a_column_that_permutes_nothing_is_refused(tmp_path, column):
    path = vsfa(tmp_path / "info.mat", ["a.yuv", "b.yuv", "c.yuv"], index=np.array(column, float)[:, None])
    with pytest.raises(UserError, match=r"info\.mat: column 4 of `index` is not a permutation"):
        vsfa_info.permutation(path, 4)


def test_vsfa_info_names_and_scores_must_agree(tmp_path):
    path = vsfa(tmp_path / "info.mat", ["a.yuv", "b.yuv"], scores=[[1.0]])
    with pytest.raises(UserError, match=r"info\.mat: 2 names but 1 scores"):
        vsfa_info.read(path, tmp_path)


@pytest.mark.parametrize(
    "name,expected",
    [("Test1/City/a_D01.avi", "a_D01"), ("x\\y\\b.c.mp4", "b.c"), ("_-.é ü.mp4", "video"), ("..a b!.mp4", "a_b_")],
)
def test_ids_are_safe_file_names(name, expected):
    assert vsfa_info.video_id(name) == expected


def test_a_table(tmp_path):
    (tmp_path / "t.csv").write_text("video_id,path,mos\na,v/a.mp4,1\nb,v/b.mp4,2\n")
    root = touch(tmp_path, "v/a.mp4")
    expected = Listing(root, [Video("a", str(root / "v/a.mp4"), 1.0)], [root / "t.csv"], [Video("b", "b.mp4", 2.0)], [])
    assert datasets.list_videos("d", TableDataset(reader="table", path=tmp_path / "t.csv"), RESULTS) == expected


def test_the_demo_is_known_before_its_clips_are_made():
    settings = DemoDataset(reader="demo", videos=5, exclude=("clip-003",))
    listing = datasets.list_videos("d", settings, RESULTS)
    folder = RESULTS / "data" / "d"
    kept = [Video(f"clip-{n:03d}", str(folder / f"clip-{n:03d}.mp4"), 0.0, width=320, height=240) for n in (0, 1, 2, 4)]
    assert listing == Listing(folder, kept, [folder / "table.csv"], [], ["clip-003"])
    assert demo.table("d", RESULTS) == folder / "table.csv"


@pytest.mark.parametrize("content", [b"flickr_id,mos\n\xff\xfe,1\n", b'flickr_id,mos\n"' + b"1" * 200_000 + b'",1\n'])
def test_metadata_that_are_no_text_name_the_dataset(tmp_path, content):
    (tmp_path / "KoNViD_1k_mos.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"datasets\.d: its metadata are not a table of text \(.+\); download them"):
        listed("konvid-1k", tmp_path)


@pytest.mark.parametrize("missing,told", [(2, r"\(3000 \(3000\.mp4\), 3001 \(3001\.mp4\)\)"), (3, r"3002\.mp4\)\)"),
                                          (4, r"3002\.mp4\), \.\.\.\)")])  # fmt: skip
def test_missing_videos_are_told_three_at_most(tmp_path, missing, told):
    (tmp_path / "KoNViD_1k_mos.csv").write_text("flickr_id,mos\n" + "".join(f"{3000 + n},1\n" for n in range(5)))
    touch(tmp_path, *(f"{3000 + n}.mp4" for n in range(missing, 5)))
    with pytest.raises(
        UserError, match=rf"datasets\.d: {missing} of 5 videos are missing below .*{told}; restore them"
    ):
        datasets.read("d", NativeDataset(reader="konvid-1k", path=tmp_path), RESULTS)


def test_a_dataset_of_which_all_is_excluded_is_refused(tmp_path):
    (touch(tmp_path, "3000.mp4") / "KoNViD_1k_mos.csv").write_text("flickr_id,mos\n3000,1\n")
    settings = NativeDataset(reader="konvid-1k", path=tmp_path, exclude=("3000",))
    with pytest.raises(UserError, match=r"datasets\.d: no videos are left; check `path:` and `exclude:`"):
        datasets.read("d", settings, RESULTS)


def test_videos_behind_links_are_found(tmp_path):
    touch(tmp_path / "disk", "3000.mp4")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "videos").symlink_to(tmp_path / "disk")
    (tmp_path / "set" / "KoNViD_1k_mos.csv").write_text("flickr_id,mos\n3000,1\n")
    assert listed("konvid-1k", tmp_path / "set").videos[0].path == str(tmp_path / "set/videos/3000.mp4")


def test_metadata_are_looked_for_in_the_root_first_and_told_where(tmp_path):
    touch(tmp_path, "3000.mp4")
    for folder, mos in ((tmp_path, 1), (tmp_path / "KoNViD_1k_metadata", 2)):
        folder.mkdir(exist_ok=True)
        (folder / "KoNViD_1k_mos.csv").write_text(f"flickr_id,mos\n3000,{mos}\n")
    assert listed("konvid-1k", tmp_path).metadata == [tmp_path / "KoNViD_1k_mos.csv"]
    (tmp_path / "KoNViD_1k_mos.csv").rename(tmp_path / "old.csv")
    (tmp_path / "KoNViD_1k_mos.csv").mkdir()
    assert listed("konvid-1k", tmp_path).videos[0].mos == 2.0
    (tmp_path / "KoNViD_1k_metadata" / "KoNViD_1k_mos.csv").unlink()
    told = rf"looked in {tmp_path}, {tmp_path}/KoNViD_1k_metadata$"
    with pytest.raises(UserError, match=rf"found no KoNViD_1k_mos\.csv or KoNViD_1k_attributes\.csv; {told}"):
        listed("konvid-1k", tmp_path)
