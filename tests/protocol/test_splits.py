import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqa.manifest import Video
from vqa.protocol.sampling import stream
from vqa.protocol.splits import kind, sizes, split
from vqa.system.errors import UserError


def videos(n: int, scenes: int | None = None) -> list[Video]:
    return [Video(f"v{i}", f"v{i}.mp4", float(i), scene=f"s{i % scenes}" if scenes else None) for i in range(n)]


@pytest.mark.parametrize(
    "n,expected", [(1200, (720, 240, 240)), (234, (140, 47, 47)), (208, (124, 42, 42)), (585, (351, 117, 117))]
)
def test_random_split_has_the_papers_sizes(n, expected):
    assert tuple(sizes(split(videos(n), 0)).values()) == expected


@given(n=st.integers(5, 200), seed=st.integers(0, 1000))
def test_parts_cover_all_videos_and_none_is_empty(n, seed):
    parts = split(videos(n), seed)
    assert set(parts) == {f"v{i}" for i in range(n)} and min(sizes(parts).values()) >= 1


def test_split_depends_on_the_seed_and_not_on_row_order():
    rows = videos(50)
    assert split(rows, 3) == split(rows[::-1], 3)
    assert split(rows, 3) != split(rows, 4)


@given(n=st.integers(12, 150), scenes=st.integers(3, 12), seed=st.integers(0, 100))
def test_scene_split_shares_no_scene(n, scenes, seed):
    rows = videos(n, scenes)
    parts = split(rows, seed, "scene")
    for scene in {row.scene for row in rows}:
        assert len({parts[row.video_id] for row in rows if row.scene == scene}) == 1
    assert min(sizes(parts).values()) >= 1


@pytest.mark.parametrize("seed", range(20))
def test_scenes_are_dealt_as_a_plain_loop_deals_them(seed):
    """One at a time, in the seed's order, to the part that lacks most of its share; the last ones to empty parts."""
    counts = {"a": 9, "b": 1, "c": 4, "d": 2, "e": 14, "f": 3, "g": 7}
    rows = [Video(f"{scene}{i}", "x.mp4", 1.0, scene=scene) for scene, n in counts.items() for i in range(n)]
    wanted, held = {"test": 8, "val": 8, "train": 24}, {"test": [], "val": [], "train": []}
    queue = [sorted(counts)[i] for i in stream(seed, "split").permutation(len(counts))]
    while queue:
        scene = queue.pop(0)
        best, most = None, -np.inf
        for part in wanted:
            filled = sum(counts[s] for s in held[part])
            lack = (wanted[part] - filled) / wanted[part]
            must = sum(not h for h in held.values()) > len(queue)
            if lack > most and not (must and held[part]):
                best, most = part, lack
        held[best].append(scene)
    expected = {f"{scene}{i}": part for part, own in held.items() for scene in own for i in range(counts[scene])}
    assert split(rows, seed, "scene") == expected


def test_scene_split_fills_parts_by_their_shares():
    """Forty scenes of one video: every part gets just what it would by video."""
    assert tuple(sizes(split(videos(40, 40), 1, "scene")).values()) == (24, 8, 8)


def test_scene_split_needs_scenes():
    with pytest.raises(UserError, match="no scene"):
        split(videos(20), 0, "scene")
    with pytest.raises(UserError, match="2 scenes"):
        split(videos(20, scenes=2), 0, "scene")


@pytest.mark.parametrize("n,expected", [(1200, (721, 239, 240)), (234, (141, 47, 46)), (585, (352, 116, 117))])
def test_stored_split_follows_vsfas_float_arithmetic(n, expected):
    names = [f"v{i}" for i in range(n)]
    permutation = np.random.default_rng(0).permutation(n)
    parts = split(videos(n), 0, "stored", (names, permutation))
    assert tuple(sizes(parts).values()) == expected
    assert parts[names[permutation[0]]] == "train" and parts[names[permutation[-1]]] == "test"


def test_too_few_videos_are_refused():
    with pytest.raises(UserError, match="4 videos are too few"):
        split(videos(4), 0)


def official(**parts: int) -> list[Video]:
    """That many videos of each part; `test_x` stands for test:x, `none` for no part."""
    rows = []
    for name, count in parts.items():
        part = None if name == "none" else name.replace("_", ":")
        rows += [Video(f"{name}{i}", "x.mp4", 1.0, split=part) for i in range(count)]
    return rows


def test_official_parts_are_kept_and_seeds_share_the_test_set():
    rows = official(train=10, val=3, test=4)
    assert split(rows, 0, "official") == split(rows, 1, "official") == {row.video_id: row.split for row in rows}


def test_several_test_sets_keep_their_names():
    parts = split(official(train=10, val=3, test=2, test_1080p=4), 0, "official")
    assert sizes(parts) == {"train": 10, "val": 3, "test": 2, "test:1080p": 4}
    assert {kind(part) for part in parts.values()} == {"train", "val", "test"}


@given(train=st.integers(2, 60), test=st.integers(3, 20), seed=st.integers(0, 100))
def test_without_a_validation_part_a_fifth_of_training_is_drawn_by_seed(train, test, seed):
    rows = official(train=train, test=test)
    parts = split(rows, seed, "official")
    assert sizes(parts) == {"train": train - max(round(train / 5), 1), "val": max(round(train / 5), 1), "test": test}
    assert {video_id for video_id, part in parts.items() if part == "test"} == {f"test{i}" for i in range(test)}
    assert parts == split(rows[::-1], seed, "official")


def test_the_drawn_validation_part_differs_between_seeds():
    rows = official(train=40, test=5)
    assert split(rows, 0, "official") != split(rows, 1, "official")


def test_a_dataset_without_official_parts_is_split_at_random():
    assert split(videos(50), 3, "official") == split(videos(50), 3)


@pytest.mark.parametrize(
    "parts,words",
    [
        ({"train": 5, "test": 3, "none": 1}, "'none0' has no official split"),
        ({"train": 5, "test": 3, "training": 1}, "the split 'training'; it must be train, val, test or test:NAME"),
        ({"train": 5, "test": 3, "test_test": 1}, "'test' and 'test:test' are one name; rename the latter"),
        ({"train": 5, "val": 3}, "5 training videos and 0 test sets"),
        ({"test": 5}, "0 training videos"),
    ],
)
def test_official_parts_that_do_not_fit_are_refused(parts, words):
    with pytest.raises(UserError, match=words):
        split(official(**parts), 0, "official")


def test_given_parts_are_kept_and_must_name_every_video():
    rows = videos(6)
    given_parts = {f"v{i}": part for i, part in enumerate(["train", "train", "val", "test", "test", "train", "train"])}
    assert split(rows, 9, "files", given=given_parts) == {f"v{i}": given_parts[f"v{i}"] for i in range(6)}
    del given_parts["v4"]
    with pytest.raises(UserError, match="no part to video 'v4'"):
        split(rows, 9, "files", given=given_parts)


def test_a_split_is_that_of_every_study_so_far():
    parts = split(videos(10), 3)
    assert {video for video, part in parts.items() if part == "test"} == {"v6", "v9"}
    assert {video for video, part in parts.items() if part == "val"} == {"v0", "v2"}


@pytest.mark.parametrize("n", range(5, 60))
def test_validation_and_test_are_a_fifth_to_the_nearest_video(n):
    found = sizes(split(videos(n), 0))
    fifth = next(k for k in range(n) if abs(5 * k - n) <= 2)
    assert found == {"train": n - 2 * fifth, "val": fifth, "test": fifth}


def test_five_videos_are_enough_and_three_scenes_too():
    assert sizes(split(videos(5), 0)) == {"train": 3, "val": 1, "test": 1}
    assert min(sizes(split(videos(5, scenes=3), 0, "scene")).values()) >= 1


def test_every_video_needs_a_scene():
    rows = videos(20, scenes=4)
    rows[7] = Video("v7", "v7.mp4", 1.0)
    with pytest.raises(UserError, match="video 'v7' has no scene"):
        split(rows, 0, "scene")


def test_a_stored_split_leaves_out_what_the_dataset_lacks_and_refuses_what_it_does_not_know():
    names = [f"v{i}" for i in range(20)]
    whole = split(videos(20), 0, "stored", (names, np.arange(20)))
    assert [whole[name] for name in names] == ["train"] * 13 + ["val"] * 3 + ["test"] * 4
    fewer = split(videos(15), 0, "stored", (names, np.arange(20)))
    assert fewer == {name: whole[name] for name in names[:15]}
    with pytest.raises(UserError, match="video 'v18' has no place in the stored permutations"):
        split(videos(20), 0, "stored", (names[:18], np.arange(18)))
    with pytest.raises(UserError, match=r"^splits\.method stored needs `permutations:` in the dataset$"):
        split(videos(20), 0, "stored")
