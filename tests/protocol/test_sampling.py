import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqa.protocol.sampling import frame_sequence, sample_frames, stream


@given(n=st.integers(1, 900), k=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_one_frame_comes_from_each_cube_and_a_short_tail_uses_the_last_k(n, k, seed):
    frames = sample_frames(n, k, np.random.default_rng(seed))
    assert len(frames) == -(-n // k) and frames.tolist() == sorted(frames)
    cubes = [(first, min(first, max(n - k, 0)), min(first + k, n) - 1) for first in range(0, n, k)]
    *ordinary, tail = [(min(start, first), last) for start, first, last in cubes]
    for frame, (first, last) in zip(frames, ordinary[:-1], strict=False):
        assert first <= frame <= last
    # The last two cubes overlap where k does not divide n: either may have given the earlier frame.
    pairs = [frames[-2:], frames[-2:][::-1]]
    assert any(all(c[0] <= f <= c[1] for f, c in zip(pair, [*ordinary[-1:], tail], strict=True)) for pair in pairs)


@pytest.mark.parametrize("n,k", [(240, 16), (241, 16), (250, 8), (30, 4), (5, 16)])
def test_o_is_in_temporal_order_and_draws_are_as_before_where_no_cubes_overlap(n, k):
    """Against the rule of version 0.1, whose last two draws could stand in the wrong order."""
    out_of_order = 0
    for seed in range(300):
        rng, again = (np.random.default_rng(seed) for _ in range(2))
        drawn = np.minimum(np.arange(0, n, k), max(n - k, 0)) + rng.integers(0, min(k, n), size=-(-n // k))
        found = sample_frames(n, k, again)
        assert (np.diff(found) >= 0).all() and sorted(drawn) == found.tolist()
        out_of_order += drawn.tolist() != found.tolist()
    assert (out_of_order > 0) == (n > k and n % k != 0)


@given(n=st.integers(1, 500))
def test_sample_0_is_every_frame_in_order(n):
    assert sample_frames(n, 0, np.random.default_rng(0)).tolist() == list(range(n))


def test_every_frame_of_a_cube_is_drawn_equally_often():
    rng = np.random.default_rng(0)
    draws = np.concatenate([sample_frames(8, 4, rng) for _ in range(4000)])
    counts = np.bincount(draws, minlength=8)
    assert counts.min() > 900 and counts.max() < 1100


@pytest.mark.parametrize("n,k", [(0, 4), (-1, 0), (5, -1)])
def test_nonsense_is_refused(n, k):
    with pytest.raises(ValueError, match=f"got n={n}, k={k}"):
        sample_frames(n, k, np.random.default_rng(0))


@given(n=st.integers(1, 300), k=st.sampled_from([0, 4, 8, 16]), seed=st.integers(0, 100))
def test_orders_of_a_seed_hold_the_same_frames(n, k, seed):
    ordered, shuffled = (frame_sequence("a", n, k, order, seed) for order in "OS")
    assert sorted(ordered) == sorted(shuffled)
    assert k > 0 or ordered.tolist() == list(range(n))


def test_draws_differ_by_video_seed_and_epoch_but_repeat():
    base = frame_sequence("a", 200, 0, "S", 1)
    assert base.tolist() == frame_sequence("a", 200, 0, "S", 1).tolist()
    others = [("b", 1, None), ("a", 2, None), ("a", 1, 1), ("a", 1, 2)]
    drawn = [frame_sequence(video, 200, 0, "S", seed, epoch).tolist() for video, seed, epoch in others]
    assert base.tolist() not in drawn and drawn[2] != drawn[3]


def test_streams_of_a_seed_are_independent():
    purposes = ("split", "head", "batches", "shuffle", "sample")
    first = [stream(0, purpose).random() for purpose in purposes]
    assert len(set(first)) == len(purposes)


def test_draws_are_those_of_every_study_so_far():
    """A change here changes the splits, samples and initial weights of every seed ever reported."""
    drawn = {purpose: stream(3, purpose).integers(1000, size=4).tolist() for purpose in ("split", "head", "batches")}
    assert drawn == {"split": [811, 85, 179, 236], "head": [978, 253, 579, 407], "batches": [844, 25, 566, 743]}
    assert stream(3, "sample", "clip-1").integers(1000, size=4).tolist() == [786, 64, 618, 498]
    assert frame_sequence("clip-1", 20, 4, "O", 3).tolist() == [3, 4, 10, 13, 19]
    assert frame_sequence("clip-1", 20, 4, "S", 3).tolist() == [4, 19, 10, 3, 13]
    assert frame_sequence("clip-1", 20, 4, "S", 3, epoch=2).tolist() == [19, 15, 2, 5, 11]


@pytest.mark.parametrize("n,k", [(1, 0), (1, 1), (1, 4), (3, 4), (4, 4)])
def test_a_video_of_one_cube_or_one_frame_is_sampled(n, k):
    frames = sample_frames(n, k, np.random.default_rng(0))
    assert len(frames) == (1 if k else n) and set(frames) <= set(range(n))


def test_a_short_video_gives_each_of_its_frames():
    drawn = {int(sample_frames(3, 8, np.random.default_rng(seed))[0]) for seed in range(60)}
    assert drawn == {0, 1, 2}
