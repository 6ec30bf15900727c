"""A simulated panel: the opinion scores that real raters would scatter around a true quality."""

import numpy as np
from numpy.typing import NDArray

from vqa.config.names import Control

PANEL = 24
RECENCY = 3.0  # the last moment weighs exp(3) times as much as the first


def true_quality(strength: float) -> float:
    """Psychometric curve: 5 (excellent) at strength 0 down to 1 (bad) at strength 1."""
    return float(1 + 4 / (1 + np.exp((strength - 0.5) / 0.16)))


def remembered(damage: NDArray[np.float64], longest: int, control: Control) -> float:
    """A control's strength of damage as the panel sums it up, from that of each frame, (frames,).

    A mean over frames, weighted by exp(3 t), t from 0 to 1, for a positive control; 1 is the worst that can be: damage
    of strength 1 in the last `longest` frames.
    """
    rate = RECENCY if control == "positive" else 0.0
    weights = np.exp(rate * (np.arange(len(damage)) + 0.5) / len(damage))
    return float(damage @ weights / weights[-longest:].sum())


def opinion(seed: int, number: int, strength: float) -> tuple[float, float]:
    """MOS and its standard deviation from a panel on the 5-level ACR scale.

    Every rater has a bias that is the same for all clips, and a noise of their own.
    """
    panel = np.random.default_rng(np.random.SeedSequence([seed, 4]))
    bias, spread = panel.normal(0, 0.3, PANEL), panel.uniform(0.3, 0.7, PANEL)
    rng = np.random.default_rng(np.random.SeedSequence([seed, 5, number]))
    votes = np.clip(np.round(true_quality(strength) + bias + rng.normal(0, spread)), 1, 5)
    return float(votes.mean()), float(votes.std(ddof=1))
