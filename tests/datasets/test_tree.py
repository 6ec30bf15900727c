"""Videos found as label files name them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.datasets.files import touch
from vqa.datasets.tree import Folders, VideoTree, split_suffix
from vqa.system.errors import UserError


def find(root: Path, name: str, folder_counts: bool = False, endings: tuple[str, ...] = ()) -> str | None:
    match = VideoTree(root, endings).find(name, folder_counts)
    return match and str(Path(match.path).relative_to(root))


@pytest.mark.parametrize(
    "name",
    ["Test3/City/x_D12.avi", "x_D12.avi", "x_D12", "test3/CITY/X_d12.AVI", "Test3\\City\\x_D12.avi", "./City/x_D12.avi",
     "somewhere/else/x_D12.avi", "x_D12.mp4"],
)  # fmt: skip
def test_a_video_is_found_by_path_name_or_stem(tmp_path, name):
    touch(tmp_path, "Test3/City/x_D12.avi", "Test3/City/x_D13.avi", "notes.txt", "Test3/.x_D12.avi")
    assert find(tmp_path, name) == "Test3/City/x_D12.avi"


def test_a_dot_is_part_of_a_stem_unless_a_video_suffix_follows(tmp_path):
    assert split_suffix("Winter_Pt._1") == ("Winter_Pt._1", "") and split_suffix("a_9.21.16.MP4") == (
        "a_9.21.16",
        ".MP4",
    )
    touch(tmp_path, "a/Winter_Pt._1.mp4", "a/Winter_Pt._2.mp4")
    assert find(tmp_path, "a/Winter_Pt._2") == "a/Winter_Pt._2.mp4"
    assert find(tmp_path, "Winter_Pt") is None


def test_of_several_the_one_that_shares_most_folders_is_meant(tmp_path):
    touch(tmp_path, "b1/722.mp4", "b2/722.mp4", "old/b2/722.mp4", "deep/set/b3/9.mp4", "deep/other/b3/9.mp4")
    assert find(tmp_path, "b1/722.mp4") == "b1/722.mp4"
    assert find(tmp_path, "b2/722.mp4") == "b2/722.mp4"
    assert find(tmp_path, "old/b2/722") == "old/b2/722.mp4"
    assert find(tmp_path, "set/b3/9.mp4") == "deep/set/b3/9.mp4"


def test_two_that_are_as_near_are_an_error_that_shows_them(tmp_path):
    touch(tmp_path, "b1/722.mp4", "b2/722.mp4", "x.mkv", "x.webm")
    with pytest.raises(UserError, match=r"'722\.mp4' may be .*b1/722\.mp4 or .*b2/722\.mp4"):
        find(tmp_path, "722.mp4")
    with pytest.raises(UserError, match=r"x\.mkv or .*x\.webm"):
        find(tmp_path, "x")
    assert find(tmp_path, "x.webm") == "x.webm"


def test_where_folders_count_a_file_of_another_folder_is_another_video(tmp_path):
    touch(tmp_path, "b2/722.mp4")
    assert find(tmp_path, "b1/722.mp4", folder_counts=True) is None
    assert find(tmp_path, "b2/722", folder_counts=True) == "b2/722.mp4"
    assert find(tmp_path / "b2", "b2/722", folder_counts=True) == "722.mp4"


def test_endings_do_not_count_and_the_very_name_is_preferred(tmp_path):
    touch(tmp_path, "a_crf_10.mp4", "b.mkv", "b_crf_10.mp4")
    assert find(tmp_path, "a", endings=("_crf_10",)) == "a_crf_10.mp4"
    assert find(tmp_path, "b", endings=("_crf_10",)) == "b.mkv"
    assert find(tmp_path, "b_crf_10.mp4", endings=("_crf_10",)) == "b_crf_10.mp4"


PART = st.sampled_from(["a", "b", "c"])


@given(files=st.sets(st.tuples(PART, PART, PART), min_size=1, max_size=8), name=st.tuples(PART, PART, PART))
def test_a_plain_loop_over_all_files_finds_the_same(tmp_path_factory, files, name):
    """The rule, written out: most trailing folders in common, the path below the root first, else ambiguous."""
    root = touch(tmp_path_factory.mktemp("tree"), *("/".join(file) + ".mp4" for file in files))
    best: list[tuple[str, ...]] = []
    for length in (2, 1, 0):
        best = [f for f in files if f[2] == name[2] and f[2 - length : 2] == name[2 - length : 2]]
        if best:
            break
    if len(best) > 1:
        with pytest.raises(UserError, match="may be"):
            find(root, "/".join(name) + ".mp4")
    else:
        assert find(root, "/".join(name) + ".mp4") == (next(map("/".join, best)) + ".mp4" if best else None)


def test_existence_is_asked_a_folder_at_a_time(tmp_path, monkeypatch):
    touch(tmp_path, *(f"v{i}.mp4" for i in range(50)))
    (tmp_path / "link.mp4").symlink_to(tmp_path / "v1.mp4")
    (tmp_path / "broken.mp4").symlink_to(tmp_path / "gone.mp4")
    folders, asked = Folders(), []
    monkeypatch.setattr(Path, "is_file", lambda path: asked.append(path.name) or os.path.isfile(path))  # noqa: PTH113
    assert all(folders.holds(tmp_path / f"v{i}.mp4") for i in range(50)) and not asked
    assert folders.holds(tmp_path / "link.mp4") and not folders.holds(tmp_path / "broken.mp4")
    assert not folders.holds(tmp_path / "no" / "x.mp4") and not folders.holds(tmp_path)


def test_a_tree_is_walked_without_a_stat_a_video(tmp_path, monkeypatch):
    touch(tmp_path, *(f"b{i % 3}/v{i}.mp4" for i in range(60)))
    asked, stat = [], os.stat
    monkeypatch.setattr(os, "stat", lambda path, *more, **options: asked.append(path) or stat(path, *more, **options))
    tree = VideoTree(tmp_path)
    assert all(tree.find(f"b{i % 3}/v{i}.mp4", True) for i in range(60)) and len(asked) < 10
