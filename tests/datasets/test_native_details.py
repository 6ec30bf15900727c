"""What decides which file, label and folder a native row gets, and what no reader may die of."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from vqa import datasets
from vqa.config import NativeDataset
from vqa.datasets import vsfa_info
from vqa.datasets.common import Listing, VideoFiles, number
from vqa.manifest import Video
from vqa.system.errors import UserError

FOLDERS = ["Artifacts", "Color", "Exposure", "Focus", "Sharpness", "Stabilization"]


def read(reader: str, root: Path) -> Listing:
    return datasets.read("d", NativeDataset(reader=reader, path=root), Path("results"))


def cells(names: list[str]) -> np.ndarray:
    return np.array([[name] for name in names], dtype=object)


def qualcomm(root: Path, names: list[str], kinds: object, scores: object = None) -> Path:
    """Metadata of LIVE-Qualcomm, and an empty file of every name in each of the six folders."""
    scores = np.arange(1.0, len(names) + 1) if scores is None else scores
    videos = {"vidNames": cells(names), "distortionType": np.array(kinds), "distortionNames": cells(FOLDERS)}
    scipy.io.savemat(
        root / "qualcommSubjectiveData.mat",
        {"qualcommVideoData": videos, "qualcommSubjectiveData": {"unBiasedMOS": scores, "biasedMOS": scores}},
    )
    for folder in FOLDERS:
        (root / folder).mkdir()
        for name in names:
            (root / folder / name).touch()
    return root


@pytest.mark.parametrize("kind", range(1, 7))
def test_live_qualcomm_counts_its_distortion_folders_from_one(tmp_path, kind):
    root = qualcomm(tmp_path, ["0723_A_GS5.yuv", "0911_B_GS6.yuv"], [[kind], [1 + kind % 6]])
    found = [Path(video.path).parent.name for video in read("live-qualcomm", root).videos]
    assert found == [FOLDERS[kind - 1], FOLDERS[kind % 6]]


def test_live_qualcomm_names_the_folder_of_a_missing_video(tmp_path):
    root = qualcomm(tmp_path, ["0723_A_GS5.yuv"], [[4]])
    for path in root.rglob("*.yuv"):
        path.unlink()
    with pytest.raises(UserError, match=r"0723_A_GS5 \(Focus/0723_A_GS5\.yuv\)"):
        read("live-qualcomm", root)


@pytest.mark.parametrize(
    "kinds,words",
    [
        ([[0.0], [1.0]], "distortionType 0 is none of 1 to 6"),
        ([[1.0], [7.0]], r"0911_B_GS6\.yuv.*distortionType 7 is none of 1 to 6"),
        ([[1.0], [1.5]], "distortionType 1.5 is none"),
        ([[1.0], [np.nan]], "distortionType: 'nan' is not a number"),
        (cells(["1", "loud"]), "distortionType: 'loud' is not a number"),
        ([[1.0]], "disagree in length"),
        ([[1.0], [2.0], [3.0]], "disagree in length"),
    ],
)
def test_live_qualcomm_distortions_that_name_no_folder_are_refused(tmp_path, kinds, words):
    root = qualcomm(tmp_path, ["0723_A_GS5.yuv", "0911_B_GS6.yuv"], kinds)
    with pytest.raises(UserError, match=words):
        read("live-qualcomm", root)


def test_live_qualcomm_scores_of_another_length_are_refused(tmp_path):
    root = qualcomm(tmp_path, ["0723_A_GS5.yuv", "0911_B_GS6.yuv"], [[1], [2]], scores=np.array([1.0, 2.0, 3.0]))
    with pytest.raises(UserError, match="disagree in length"):
        read("live-qualcomm", root)


def test_live_qualcomm_names_that_stand_twice_are_refused(tmp_path):
    root = qualcomm(tmp_path, ["0723_A_GS5.yuv", "0723_a_gs5.yuv"], [[1], [2]])
    for path in root.rglob("*_a_*"):
        path.unlink()
    with pytest.raises(UserError, match=r"qualcommSubjectiveData\.mat: video_id '0723_a_gs5' stands in rows 1 and 2"):
        read("live-qualcomm", root)


def files(root: Path, *names: str) -> VideoFiles:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return VideoFiles(root, (".mp4",))


def test_a_single_file_of_the_name_is_taken_from_any_folder(tmp_path):
    found = files(tmp_path, "Elsewhere/a.mp4")
    assert found.find("A", folder="City") == found.find("a") == tmp_path / "Elsewhere/a.mp4"


def test_of_several_the_named_folder_decides(tmp_path):
    found = files(tmp_path, "City/a.mp4", "Traffic/a.mp4")
    assert found.find("a", folder="traffic") == tmp_path / "Traffic/a.mp4"


@pytest.mark.parametrize("folder", [None, "Newspaper"])
def test_several_that_no_folder_parts_are_refused(tmp_path, folder):
    found = files(tmp_path, "City/a.mp4", "Traffic/a.mp4")
    with pytest.raises(UserError, match=r"City/a\.mp4 and .*Traffic/a\.mp4 have the same name"):
        found.find("a", folder)


def test_two_of_one_folder_name_are_refused_and_no_third_is_taken(tmp_path):
    found = files(tmp_path, "one/City/a.mp4", "two/City/a.mp4", "Traffic/a.mp4")
    with pytest.raises(UserError, match=r"one/City/a\.mp4 and .*two/City/a\.mp4"):
        found.find("a", "City")


def test_a_name_that_is_not_there_gives_none(tmp_path):
    assert files(tmp_path, "b.mp4", ".a.mp4", "a.txt").find("a") is None


@pytest.mark.parametrize("text,value", [("3,5", 3.5), ("-6.25", -6.25), ("0", 0.0)])
def test_labels_may_have_decimal_commas(text, value):
    assert number(text, "here") == value


@pytest.mark.parametrize("text", ["", "n/a", "nan", "inf", "-inf", "1e999", "1.000,5", "1_7", "\u0663"])
def test_labels_that_are_no_finite_numbers_are_refused(text):
    with pytest.raises(UserError, match=r"here: .* is not a number"):
        number(text, "here")


def test_exclusions_leave_out_found_and_missing_videos_alike():
    lost = [Video("c", "c d.mp4", 3.0), Video("e", "e.mp4", 4.0)]
    listing = Listing(Path(), [Video("a", "a.mp4", 1.0), Video("b", "b.mp4", 2.0)], [], lost)
    left = listing.without(["c", "a"], "d")
    assert [video.video_id for video in left.videos] == ["b"]
    assert left.missing == ["e (e.mp4)"] and left.excluded == ["a", "c"]
    with pytest.raises(UserError, match=r"datasets\.d\.exclude: no video has the id 'z'"):
        listing.without(["a", "z"], "d")


def info(path: Path, name: str = "a.mp4", **changed: object) -> Path:
    with h5py.File(path, "w") as file:
        file["#refs#/0"] = np.array([[ord(c)] for c in name], np.uint16)
        file["video_names"] = np.array([[file["#refs#/0"].ref]], dtype=h5py.ref_dtype)
        fields = {"scores": [[50.0]], "index": [[1.0], [1.0]], "width": [[64.0]], "height": [[48.0]]}
        fields |= {"video_format": [[ord(c)] for c in "mp4"]}
        for key, value in (fields | changed).items():
            file[key] = np.array(value)
    return path


@pytest.mark.parametrize("index", [[1.0, 2.0], np.zeros((1, 0)), [[np.inf]], [[b"a"]], [[2.0]]])
def test_damaged_permutations_are_one_line(tmp_path, index):
    path = info(tmp_path / "info.mat", index=index)
    with pytest.raises(UserError, match=r"info\.mat") as caught:
        vsfa_info.permutation(path, 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["x" * 5000 + ".mp4", "a\0b.mp4", "\ud800.mp4"])
def test_names_no_file_system_can_hold_are_missing_videos(tmp_path, name):
    listing = vsfa_info.read(info(tmp_path / "info.mat", name), tmp_path)
    assert listing.videos == [] and len(listing.missing) == 1


@pytest.mark.parametrize("width", [[[np.nan]], [[np.inf]], np.zeros((0, 1))])
def test_a_size_that_is_no_number_is_one_line(tmp_path, width):
    with pytest.raises(UserError, match=r"info\.mat: not a VSFA info\.mat"):
        vsfa_info.read(info(tmp_path / "info.mat", width=width), tmp_path)


def test_a_score_that_is_no_number_names_its_video_in_one_line(tmp_path):
    path = info(tmp_path / "info.mat", "a\nb.mp4", scores=[[np.nan]])
    with pytest.raises(UserError, match=r"a\\nb\.mp4.*not a number") as caught:
        vsfa_info.read(path, tmp_path)
    assert "\n" not in str(caught.value)
