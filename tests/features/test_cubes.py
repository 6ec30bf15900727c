"""Cubes of a video as it streams by: nothing is lost, and nothing is hoarded."""

import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from vqa.features.clips import chosen, cubes


@pytest.mark.parametrize("length", [2, 3, 4, 16])
def test_every_short_tail_is_the_last_frames(length):
    for n in range(1, 3 * length + 1):
        frames = [np.full((1, 1, 3), t, np.uint8) for t in range(n)]
        found = [(start, cube[:, 0, 0, 0].tolist()) for start, cube in cubes(iter(frames), length)]
        starts = list(range(0, n - length + 1, length))
        if n % length:
            starts.append(max(0, n - length))
        assert found == [(start, [min(start + i, n - 1) for i in range(length)]) for start in starts]


@pytest.mark.parametrize("length", [2, 4, 16])
def test_no_more_than_two_cubes_of_frames_are_held(length):
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def frames() -> Iterator[np.ndarray]:
        nonlocal most
        for t in range(10 * length):
            frame = np.full((1, 1, 3), t % 256, np.uint8)
            alive.append(weakref.ref(frame))
            most = max(most, sum(reference() is not None for reference in alive))
            yield frame

    for _ in cubes(frames(), length):
        pass
    assert length <= most <= 2 * length + 1  # the window, and the frame that comes in


@pytest.mark.parametrize("every", [1, 2, 3, 50])
def test_every_kth_cube_is_one_of_all_cubes(every):
    for n in range(1, 60):
        frames = [np.full((1, 1, 3), t, np.uint8) for t in range(n)]
        whole = list(cubes(iter(frames), 4))
        found = list(chosen(iter(frames), 4, every))
        assert [start for start, _ in found] == [whole[i][0] for i in range(0, len(whole), every)]
        assert all(np.array_equal(cube, whole[i * every][1]) for i, (_, cube) in enumerate(found))
