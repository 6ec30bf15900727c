"""The in-capture distortions of the paper's datasets, at graded strength."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from vqa.config.names import Control

KINDS = ("compression", "defocus", "noise", "under-exposure", "judder", "shake", "mixed")
_MIXABLE = ("compression", "defocus", "noise", "under-exposure", "shake")
_GOLDEN = (5**0.5 - 1) / 2
_WEAKEST = 0.6  # of the strengths at which the light fails


@dataclass(frozen=True)
class Plan:
    """What is wrong with a clip. strength: 0 (pristine) .. 1 (worst) for each distortion."""

    kind: str
    strength: float
    parts: dict[str, float]


def plan(seed: int, number: int) -> Plan:
    """The distortion of clip `number`: kinds in turn, strengths evenly spread over 0..1."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 2, number]))
    strength = _spread(seed, number)
    kind = KINDS[(number + number // len(KINDS)) % len(KINDS)]
    if kind != "mixed":
        return Plan(kind, strength, {kind: strength})
    first, second = rng.choice(_MIXABLE, size=2, replace=False)
    share = rng.uniform(0.6, 0.9)
    return Plan(kind, strength, {str(first): strength * share, str(second): strength * share})


def failures(seed: int, number: int, frames: int, control: Control) -> tuple[Plan, np.ndarray]:
    """When the light fails in a control's clip `number`: for a third of the time at one go, or here and there.

    Returns the plan and how much of its strength each frame has, (frames,), 0 or 1. Frames of a negative control are
    exchangeable: shuffled, they are as likely as in order.
    """
    strength = _WEAKEST + (1 - _WEAKEST) * _spread(seed, number)
    rng = np.random.default_rng(np.random.SeedSequence([seed, 7, number]))
    most, share = longest(frames, control), np.zeros(frames)
    if control == "positive":
        start = int(rng.integers(frames - most + 1))
        share[start : start + most] = 1
    else:
        share[rng.permutation(frames)[: rng.integers(most // 3, most + 1)]] = 1
    return Plan("under-exposure", strength, {"under-exposure": strength}), share


def longest(frames: int, control: Control) -> int:
    """In how many frames of a control's clip the light fails at most."""
    return max(1, frames // (3 if control == "positive" else 2))


def _spread(seed: int, number: int) -> float:
    """In 0..1, evenly spread over the clips of a dataset."""
    offset = np.random.default_rng(np.random.SeedSequence([seed, 3])).random()
    return float((offset + number * _GOLDEN) % 1)


def clock(parts: dict[str, float], frames: int) -> tuple[np.ndarray, int]:
    """Judder: the camera lowers its frame rate and exposes longer.

    Returns which instant each of the frames shows, (frames,) indices, and the hold in frames.
    """
    hold = 1 + round(9 * parts.get("judder", 0))
    return np.arange(frames) // hold * hold, hold


def shake(parts: dict[str, float], frames: int, rng: np.random.Generator) -> np.ndarray:
    """Camera offsets in pixels, (frames, 2)."""
    path = ndimage.gaussian_filter1d(rng.normal(size=(frames, 2)), 1.0, axis=0)
    return path * 20 * parts.get("shake", 0)


def apply(picture: np.ndarray, parts: dict[str, float], motion: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Distort one frame (height, width, 3) in 0..1, in the order a camera would.

    motion: the shake's displacement since the last frame, which blurs the exposure.
    """
    if sigma := 3.2 * parts.get("defocus", 0):
        picture = ndimage.gaussian_filter(picture, (sigma, sigma, 0))
    if parts.get("shake"):
        lengths = np.minimum(np.abs(motion) * 0.8, 11)
        picture = ndimage.uniform_filter(picture, (*(1 + lengths.round().astype(int)), 1))
    dark = parts.get("under-exposure", 0)
    if dark:
        picture = picture ** (1 + 0.8 * dark) * (1 - 0.75 * dark)
    sigma = 0.16 * parts.get("noise", 0) + 0.03 * dark
    if sigma:
        picture = picture + rng.normal(0, sigma, picture.shape) * (0.6 + 0.4 * np.sqrt(np.clip(picture, 0, 1)))
    return np.asarray(np.clip(picture, 0, 1))


def rate_factor(parts: dict[str, float]) -> int:
    """x264's constant rate factor: 16 is transparent, 48 a ruin."""
    return round(16 + 32 * parts.get("compression", 0))
