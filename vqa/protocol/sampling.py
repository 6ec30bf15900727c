"""Random streams, the Sample-K strategies and frame orders.

Each purpose of a run has its own stream, derived from the run's seed, so that the orders and
experiments of one seed share splits, samples, shuffles and initial weights: tests are paired.

A sampler counts rows of features, whatever of the video a row stands for: K = 4 of rows of every eighth frame is
one frame of each 32.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Order = Literal["O", "S"]
_STREAMS = {"split": 0, "head": 1, "batches": 2, "shuffle": 3, "sample": 4, "model": 5}


def stream(seed: int, purpose: str, *keys: int | str) -> np.random.Generator:
    """The generator of one purpose of run `seed`; `keys` part it further (video_id, epoch)."""
    words = [seed, _STREAMS[purpose]]
    for key in keys:
        text = hashlib.sha256(str(key).encode()).digest()
        words.append(int.from_bytes(text[:8], "little"))
    return np.random.default_rng(np.random.SeedSequence(words))


def sample_frames(n: int, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Frame indices of Sample-K (Fang et al., section IV-C).

    The video is cut into ceil(n / k) cubes of k frames; a short last cube is replaced by the
    last k frames; one frame is drawn from each. k = 0 takes every frame. A video shorter than
    k is one cube. Returns int64 indices in ascending order, shape (ceil(n / k),): where k does not
    divide n, the last two cubes overlap, so that their draws may come in the wrong order, or twice.
    """
    if n < 1 or k < 0:
        raise ValueError(f"need n >= 1 and k >= 0, got n={n}, k={k}")
    if k == 0:
        return np.arange(n)
    starts = np.minimum(np.arange(0, n, k), max(n - k, 0))
    return np.sort(starts + rng.integers(0, min(k, n), size=len(starts)))


def rate_of(rate: float | None, places: Sequence[int] | NDArray[np.int64]) -> float | None:
    """How many of the chosen places come in a second, on average, in whatever order, where `rate` places do.

    None: not known.
    """
    span = int(np.max(places)) - int(np.min(places))
    return rate * (len(places) - 1) / span if rate and span else rate


def frame_sequence(
    video_id: str, n: int, k: int, order: Order, seed: int, epoch: int | None = None
) -> NDArray[np.int64]:
    """The frame indices fed to the head for one video, in the order they are fed.

    O and S of a seed hold the same frames. `epoch` gives each epoch its own draw;
    None is the one draw of the run.
    """
    keys = (video_id,) if epoch is None else (video_id, epoch)
    frames = sample_frames(n, k, stream(seed, "sample", *keys))
    if order == "S":
        stream(seed, "shuffle", *keys).shuffle(frames)
    return frames
