"""A simulated panel: the opinion scores that real raters would scatter around a true quality."""

import numpy as np

PANEL = 24


def true_quality(strength: float) -> float:
    """Psychometric curve: 5 (excellent) at strength 0 down to 1 (bad) at strength 1."""
    return float(1 + 4 / (1 + np.exp((strength - 0.5) / 0.16)))


def opinion(seed: int, number: int, strength: float) -> tuple[float, float]:
    """MOS and its standard deviation from a panel on the 5-level ACR scale.

    Every rater has a bias that is the same for all clips, and a noise of their own.
    """
    panel = np.random.default_rng(np.random.SeedSequence([seed, 4]))
    bias, spread = panel.normal(0, 0.3, PANEL), panel.uniform(0.3, 0.7, PANEL)
    rng = np.random.default_rng(np.random.SeedSequence([seed, 5, number]))
    votes = np.clip(np.round(true_quality(strength) + bias + rng.normal(0, spread)), 1, 5)
    return float(votes.mean()), float(votes.std(ddof=1))
