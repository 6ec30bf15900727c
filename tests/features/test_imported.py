"""Features that others made: whatever their files, each video gets its own rows, or one line says why not."""

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from tests.conftest import assert_one_line_error, vqa
from tests.datasets.test_readers import vsfa
from vqa.config import ImportedFeatures
from vqa.features import shards
from vqa.features.arrays import read_array
from vqa.features.imported import import_features
from vqa.features.index import feature_origin, read_index, write_index
from vqa.features.pairing import places
from vqa.features.sources import read_seen
from vqa.manifest import Video
from vqa.system.errors import RunError, UserError

NAMES = ["c.mp4", "sub/A.avi", "b", "extra.mp4"]  # not in the order of the videos
VIDEOS = [Video("a", "A.avi", 1.0, fps=30.0), Video("b", "videos/b.mp4", 2.0), Video("c", "c.mp4", 3.0, fps=20.0)]
MATRIX = np.random.default_rng(0).normal(size=(4, 5))
ROW_OF = {"a": 1, "b": 2, "c": 0}


def write_names(folder: Path, names: list[str] = NAMES) -> Path:
    with open(folder / "names.csv", "w", newline="") as file:
        csv.writer(file).writerows([["name", "mos"], *([name, 1] for name in names)])
    return folder / "names.csv"


def write_matrix(path: Path) -> None:
    kind = path.name.partition(".")[2]
    if kind == "csv":
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([["f1", "f2", "f3", "f4", "f5"], *MATRIX.tolist()])
    elif kind == "bare.csv":
        np.savetxt(path, MATRIX, delimiter=",", fmt="%.17g")
    elif kind == "npy":
        np.save(path, MATRIX)
    elif kind == "npz":
        np.savez(path, feats=MATRIX, other=np.zeros(3))
    elif kind == "v5.mat":
        savemat(path, {"feats": MATRIX, "other": np.zeros(3)})
    else:
        with h5py.File(path, "w") as file:  # MATLAB writes its axes reversed
            file["feats"] = MATRIX.T if kind == "v73.mat" else MATRIX
            file["other"] = np.zeros(3)


def given(folder: Path, path: str, **more) -> ImportedFeatures:
    return ImportedFeatures(path=folder / path, **more)


def run(folder: Path, chosen: ImportedFeatures, videos=VIDEOS, every: int = 1, bad: str = "fail"):
    import_features(videos, "mine", every, chosen, folder / "out", folder / "receipt.json", bad, seen=folder / "seen")
    return json.loads((folder / "receipt.json").read_text())


def rows(folder: Path, video_id: str) -> np.ndarray:
    return shards.read(folder / "out" / f"{video_id}.h5")[0]


@pytest.mark.parametrize("file", ["m.csv", "m.bare.csv", "m.npy", "m.npz", "m.v5.mat", "m.v73.mat", "m.h5"])
def test_rows_of_a_matrix_go_to_their_videos_by_name(tmp_path, file):
    write_matrix(tmp_path / file)
    several = file.endswith(("z", "mat", "h5"))
    chosen = given(tmp_path, file, names={"path": write_names(tmp_path), "column": "name"},
                   variable="feats" if several else None)  # fmt: skip
    assert sorted(run(tmp_path, chosen)["shards"]) == ["a", "b", "c"]
    for video_id, row in ROW_OF.items():
        assert np.array_equal(rows(tmp_path, video_id), MATRIX[row : row + 1].astype(np.float32))
    told = shards.attributes(tmp_path / "out" / "a.h5")
    assert (told["source"], told["source_row"], len(told["source_sha256"])) == (file, 1, 64)
    assert [each.rate for each in shards.rows_of([tmp_path / "out" / "a.h5"])] == [None]  # one row has no rate


def test_a_table_may_hold_the_names_beside_the_numbers(tmp_path):
    with open(tmp_path / "all.csv", "w", newline="") as file:
        lines = [[x, name, y] for name, (x, y) in zip(NAMES, MATRIX[:, :2].tolist(), strict=True)]
        csv.writer(file).writerows([["x", "name", "y"], *lines])
    run(tmp_path, given(tmp_path, "all.csv", names={"path": tmp_path / "all.csv", "column": "name"}))
    assert np.array_equal(rows(tmp_path, "c"), MATRIX[:1, :2].astype(np.float32))


def write_clips(folder: Path, names: list[str], kind: type = np.float32) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    folder.mkdir(exist_ok=True)
    clips = [rng.normal(size=(4 + i, 3)).astype(kind) for i in range(len(names))]
    for name, clip in zip(names, clips, strict=True):
        np.save(folder / name, clip)
    return clips


@pytest.mark.parametrize(
    "names,ending", [(["C.npy", "a.npy", "b.npy"], None), (["c.x.npy", "A.x.npy", "b.x.npy"], ".x.npy")]
)
def test_a_file_a_video_is_found_by_its_name_and_rows_have_their_time(tmp_path, names, ending):
    clips = write_clips(tmp_path / "clips", names, np.float16)
    run(tmp_path, given(tmp_path, "clips", ending=ending), every=10)
    for video_id, number in {"c": 0, "a": 1, "b": 2}.items():
        assert np.array_equal(rows(tmp_path, video_id), clips[number]) and rows(tmp_path, video_id).dtype == np.float16
    paths = [tmp_path / "out" / f"{video_id}.h5" for video_id in "abc"]
    assert [each.rate for each in shards.rows_of(paths)] == [3.0, None, 2.0]
    with h5py.File(paths[0]) as file:
        assert file["start"][:].tolist() == [0, 10, 20, 30, 40]


@pytest.mark.parametrize("first", [0, 1])
def test_vsfas_numbered_files_follow_the_names_of_its_info(tmp_path, first):
    names = [f"{number + first}_resnet-50_res5c.npy" for number in range(12)]
    clips = write_clips(tmp_path / "clips", names)
    write_clips(tmp_path / "clips", [f"{number + first}_score.npy" for number in range(12)])
    vsfa(tmp_path / "info.mat", [f"v{11 - number}.mp4" for number in range(12)])
    chosen = given(tmp_path, "clips", ending="_resnet-50_res5c.npy", names={"path": tmp_path / "info.mat"})
    run(tmp_path, chosen, [Video("v2", "v2.mp4", 1.0), Video("v11", "v11.mp4", 1.0)])
    assert np.array_equal(rows(tmp_path, "v2"), clips[9]) and np.array_equal(rows(tmp_path, "v11"), clips[0])


def test_what_is_current_is_kept_and_what_changed_is_imported_again(tmp_path):
    clips = write_clips(tmp_path / "clips", ["a.npy", "b.npy", "c.npy"])
    chosen = given(tmp_path, "clips")
    run(tmp_path, chosen)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.h5")}
    np.save(tmp_path / "clips" / "b.npy", clips[1] + 1)
    np.save(tmp_path / "clips" / "a.npy", clips[0])  # touched
    run(tmp_path, chosen)
    changed = [path.stem for path, then in before.items() if path.stat().st_mtime_ns != then]
    assert changed == ["b"] and np.array_equal(rows(tmp_path, "b"), clips[1] + 1)
    assert sorted(Path(path).name for path in read_seen(tmp_path / "seen")) == ["a.npy", "b.npy", "c.npy"]
    (tmp_path / "out" / "c.h5").write_bytes(b"damaged")
    run(tmp_path, chosen)
    assert np.array_equal(rows(tmp_path, "c"), clips[2])


def test_the_index_takes_imported_features_and_a_head_knows_them(tmp_path):
    write_clips(tmp_path / "clips", ["a.npy", "b.npy", "c.npy"])
    run(tmp_path, given(tmp_path, "clips"))
    write_index(tmp_path / "out" / "index.csv", tmp_path / "out", VIDEOS, [tmp_path / "receipt.json"])
    origin = feature_origin(read_index(tmp_path / "out" / "index.csv"))
    assert origin["backbone"] == "mine" and origin["imported"] and origin["precision"] == "float32"


def test_a_video_without_usable_features_is_excluded_where_the_dataset_says_so(tmp_path):
    clips = write_clips(tmp_path / "clips", ["a.npy", "b.npy"])
    clips[1][2, 1] = np.nan
    np.save(tmp_path / "clips" / "b.npy", clips[1])
    receipt = run(tmp_path, given(tmp_path, "clips"), bad="exclude")
    assert list(receipt["shards"]) == ["a"] and sorted(receipt["excluded"]) == ["b", "c"]
    assert "not finite" in receipt["excluded"]["b"] and "has no features of the video c" in receipt["excluded"]["c"]


def spoiled(folder: Path, what: str) -> ImportedFeatures:
    """Features with one fault each: of a matrix or its names, else of files."""
    names, matrix = list(NAMES), MATRIX.copy()
    if what in ("lacking", "twice", "two"):
        names[0 if what == "lacking" else 3] = {"lacking": "other.mp4", "twice": "b", "two": "videos/b.avi"}[what]
    elif what == "foreign":
        names = [f"x{i}" for i in range(4)]
    elif what in ("infinite", "large"):
        matrix[1, 2] = np.inf if what == "infinite" else 1e300
    write_names(folder, names)
    np.save(
        folder / "m.npy", {"transposed": matrix.T, "short": matrix[:3], "text": np.array([["a"]] * 4)}.get(what, matrix)
    )
    path, chosen = spoiled_files(folder, what, matrix)
    column = "title" if what == "column" else "name"
    if what not in ("ragged", "half", "deep", "empty", "unnamed"):
        chosen["names"] = {"path": folder / "names.csv", "column": column}
    return ImportedFeatures(path=path, **chosen)


def spoiled_files(folder: Path, what: str, matrix: np.ndarray) -> tuple[Path, dict[str, object]]:
    clips = folder / "clips"
    if what == "pickled":
        np.save(folder / "m.npy", np.array([{"run": "me"}], object), allow_pickle=True)
    elif what == "damaged":
        (folder / "m.npy").write_bytes(b"\x93NUMPY nothing")
    elif what in ("variable", "unsaid"):
        savemat(folder / "m.mat", {"feats": matrix, "more": matrix})
        return folder / "m.mat", {"variable": "feat"} if what == "variable" else {}
    elif what in ("ragged", "deep"):
        write_clips(clips, ["a.npy", "b.npy", "c.npy"])
        np.save(clips / "c.npy", np.zeros((2, 4) if what == "ragged" else (2, 4, 4)))
    elif what == "half":
        write_clips(clips, ["a.npy", "b.npy", "c.npy"])
        np.save(clips / "c.npy", np.load(clips / "b.npy").astype(np.float16))
    elif what == "gap":
        write_clips(clips, [f"{i}.npy" for i in (0, 1, 3, 4)])
    elif what == "score":
        write_clips(clips, [f"{i}_{kind}.npy" for i in range(4) for kind in ("res5c", "score")])
    elif what == "empty":
        clips.mkdir()
    return clips if clips.exists() else folder / ("none.npy" if what == "absent" else "m.npy"), {}


@pytest.mark.parametrize(
    "what,words",
    [
        ("lacking", "m.npy: has no features of the video c; add or exclude it"),
        ("twice", "names.csv: the name 'b' stands twice, 3th and 4th"),
        ("two", "names.csv: 'b' and 'videos/b.avi' may both be the video b"),
        ("foreign", "names.csv: names none of the 3 videos, but 'x0' where they have 'a'; is it of another dataset"),
        ("transposed", "m.npy: has the shape (5, 4), where 4 names need as many rows; is it transposed?"),
        ("short", "m.npy: has the shape (3, 5), where 4 names need as many rows"),
        ("infinite", "m.npy row 2: holds values that are not finite"),
        ("large", "m.npy row 2: holds values that are not finite, or too large for float32"),
        ("pickled", "m.npy: holds pickled objects, which may run code"),
        ("text", "m.npy: holds <U1, not real numbers"),
        ("damaged", "m.npy: holds no array"),
        ("variable", "m.mat: holds no variable 'feat'; it has feats, more"),
        ("unsaid", "m.mat: say by `variable:` which of its arrays holds the features; it has feats, more"),
        ("ragged", "c.npy: has 4 values a row, where"),
        ("half", "c.npy: has float16 values, where"),
        ("deep", "c.npy: has the shape (2, 4, 4)"),
        ("gap", "holds 4 numbered files for the 4 names"),
        ("score", "'0_res5c' is no number"),
        ("empty", "clips: holds no files that end in .npy"),
        ("unnamed", "m.npy: is one file for all videos; say by `names:`"),
        ("column", "names.csv: has no column 'title'"),
        ("absent", "there is no"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line_and_leaves_no_receipt(tmp_path, what, words):
    chosen = spoiled(tmp_path, what)
    with pytest.raises(UserError) as caught:
        run(tmp_path, chosen)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "receipt.json").exists()


def test_features_that_are_gone_since_fail_the_run_and_lose_no_shard(tmp_path):
    write_clips(tmp_path / "clips", ["a.npy", "b.npy", "c.npy"])
    run(tmp_path, given(tmp_path, "clips"), bad="exclude")
    (tmp_path / "clips" / "b.npy").unlink()
    with pytest.raises(RunError, match=r"clips: has no features of the video b any more; restore them"):
        run(tmp_path, given(tmp_path, "clips"), bad="exclude")
    assert (tmp_path / "out" / "b.h5").is_file()


@pytest.mark.parametrize("other", ["0.mat", "00.npy"])
def test_two_files_of_one_number_are_refused(tmp_path, other):
    write_clips(tmp_path / "clips", ["0.npy", "1.npy", "2.npy", "3.npy"])
    (tmp_path / "clips" / other).touch()
    names = {"path": write_names(tmp_path), "column": "name"}
    with pytest.raises(UserError, match=r"0\.\w+ have one number; keep one"):
        places(VIDEOS, given(tmp_path, "clips", names=names))


@pytest.mark.parametrize("index_label,words", [(None, "has a column without a name"), ("row", "counts its rows")])
def test_the_row_index_that_pandas_writes_is_no_feature(tmp_path, index_label, words):
    frame = pd.DataFrame(MATRIX, columns=list("vwxyz"))
    frame.to_csv(tmp_path / "m.csv", index_label=index_label)
    with pytest.raises(UserError, match=words):
        read_array(tmp_path / "m.csv", None)
    frame.to_csv(tmp_path / "m.csv", index=False)
    assert np.allclose(read_array(tmp_path / "m.csv", None), MATRIX)


def test_one_name_is_never_two_videos(tmp_path):
    write_names(tmp_path, ["a", "b"])
    np.save(tmp_path / "m.npy", MATRIX[:2])
    chosen = given(tmp_path, "m.npy", names={"path": tmp_path / "names.csv", "column": "name"})
    with pytest.raises(UserError, match="'a' may be the video a or x"):
        places([Video("a", "other.mp4", 1.0), Video("x", "x/a.mp4", 1.0)], chosen)


def test_the_command_takes_a_manifest_and_fails_in_one_line(tmp_path):
    (tmp_path / "manifest.csv").write_text("video_id,path,mos\na,a.mp4,1\nb,b.mp4,2\n")
    (tmp_path / "names.txt").write_text("b\na\n")
    np.save(tmp_path / "m.npy", MATRIX[:2])
    words = [
        "import-features",
        "--manifest",
        "manifest.csv",
        "--backbone",
        "mine",
        "--output",
        "out",
        "--receipt",
        "r.json",
    ]
    assert vqa(*words, "--path", "m.npy", "--names", "names.txt", cwd=tmp_path).returncode == 0
    assert np.array_equal(rows(tmp_path, "a"), MATRIX[1:2].astype(np.float32))
    assert_one_line_error(vqa(*words, "--path", "m.npy", cwd=tmp_path), "m.npy: is one file for all videos")
