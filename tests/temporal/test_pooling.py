"""Every pooling against a plain loop over one video, written from its definition."""

import itertools

import numpy as np
import pytest
import torch
from scipy import signal, stats

from vqa.temporal.pooling import ORDER_BLIND, POOLINGS

LENGTHS = (1, 2, 3, 7, 61, 130)
RATE = 10.0  # scores a second, so that 2 s are 20 scores


def variation(q: np.ndarray, window: int) -> float:
    if len(q) == 1:
        return 0.0
    gradient = np.abs(np.gradient(q))
    return float(gradient[gradient >= np.percentile(gradient, 90)].mean())


def vqpooling(q: np.ndarray, window: int) -> float:
    """The best of all splits of the ordered scores, by brute force."""
    if len(q) == 1:
        return float(q[0])
    ordered = np.sort(q)
    splits = [(ordered[:k], ordered[k:]) for k in range(1, len(q))]
    low, high = min(splits, key=lambda parts: sum(((part - part.mean()) ** 2).sum() for part in parts))
    weight = (1 - low.mean() / high.mean()) ** 2
    return float((low.sum() + weight * high.sum()) / (len(low) + weight * len(high)))


def hysteresis(q: np.ndarray, window: int) -> float:
    scores = []
    for t in range(len(q)):
        memory = q[0] if t == 0 else q[max(0, t - window) : t].min()
        following = np.sort(q[t : t + window])
        n = len(following)
        half = signal.windows.gaussian(2 * n - 1, (2 * n - 1) / 6)[n - 1 :]
        scores.append(0.2 * memory + 0.8 * (half / half.sum()) @ following)
    return float(np.mean(scores))


def weighted(q: np.ndarray, weights: np.ndarray) -> float:
    return float((q * weights).sum() / weights.sum())


def fading(scores: np.ndarray, window: int) -> np.ndarray:
    """exp(-0.3 a second), where `window` scores are 2 s: 0.01 a score at 30 a second."""
    return np.exp(-0.3 * scores / (window / 2))


def primacy(q: np.ndarray, window: int) -> float:
    first = q[:window]
    return weighted(first, fading(np.arange(len(first)), window))


def recency(q: np.ndarray, window: int) -> float:
    last = q[-window:]
    return weighted(last, fading(np.arange(len(last), 0, -1), window))


def hybrid(q: np.ndarray, window: int) -> float:
    t = np.arange(len(q))
    return weighted(q, fading(t, window) + fading(len(q) - t, window))


def vsfa(q: np.ndarray, window: int, tau: int = 12) -> float:
    scores = []
    for t in range(len(q)):
        ahead = q[t : t + tau]
        scores.append(
            0.5 * (ahead * np.exp(-ahead)).sum() / np.exp(-ahead).sum() + 0.5 * q[max(0, t - tau + 1) : t + 1].min()
        )
    return float(np.mean(scores))


LOOPS = {
    "mean": lambda q, _: q.mean(),
    "median": lambda q, _: np.median(q),
    "harmonic": lambda q, _: stats.hmean(q),
    "geometric": lambda q, _: stats.gmean(q),
    "minkowski": lambda q, _: np.sqrt(np.mean(q**2)),
    "percentile": lambda q, _: q[q <= np.percentile(q, 10)].mean(),
    "vqpooling": vqpooling,
    "variation": variation,
    "primacy": primacy,
    "recency": recency,
    "hybrid": hybrid,
    "hysteresis": hysteresis,
    "vsfa": vsfa,
}


@pytest.fixture(scope="module")
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Positive scores; what lies beyond a length would spoil any pooling that looked at it."""
    rng = np.random.default_rng(3)
    q = torch.from_numpy(rng.uniform(0.2, 1.5, (len(LENGTHS), max(LENGTHS))))
    for row, length in enumerate(LENGTHS):
        q[row, length:] = float("nan") if row % 2 else -1e6
    return q, torch.tensor(LENGTHS)


def test_every_pooling_has_a_loop_to_be_compared_with():
    assert LOOPS.keys() == POOLINGS.keys()


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("rated", [True, False])
def test_a_batch_equals_the_loop_over_each_video(batch, name, rated):
    q, lengths = batch
    rates = torch.full((len(lengths),), RATE) if rated else None
    found = POOLINGS[name](q, lengths, rates)
    expected = [LOOPS[name](row[:n].numpy(), 20 if rated else 60) for row, n in zip(q, LENGTHS, strict=True)]
    assert found.numpy() == pytest.approx(np.array(expected), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("level,spread", [(0.6, 1e-3), (60.0, 0.1)])
def test_scores_that_lie_close_together_are_told_apart_in_float32(name, level, spread):
    """As heads give them. Read back as doubles, so that the loop has the very same scores."""
    q = (level + spread * torch.randn(5, 90, generator=torch.Generator().manual_seed(0))).float()
    found = POOLINGS[name](q, torch.full((5,), 90), torch.full((5,), RATE))
    expected = [LOOPS[name](row.double().numpy(), 20) for row in q]
    assert found.numpy() == pytest.approx(np.array(expected), abs=0.01 * spread)


@pytest.mark.parametrize("name", ["primacy", "recency", "hybrid", "hysteresis"])
def test_time_constants_follow_each_videos_own_rate(name):
    q = torch.from_numpy(np.random.default_rng(1).uniform(0.2, 1.5, (2, 90)))
    found = POOLINGS[name](q, torch.tensor([90, 90]), torch.tensor([5.0, 30.0]))
    assert found.numpy() == pytest.approx([LOOPS[name](q[0].numpy(), 10), LOOPS[name](q[1].numpy(), 60)], rel=1e-9)


@pytest.mark.parametrize(
    "name,tolerance", [("primacy", 1e-12), ("recency", 1e-12), ("hybrid", 1e-3), ("hysteresis", 1e-2)]
)
def test_a_clip_shown_twice_as_fast_in_doubled_frames_scores_the_same(name, tolerance):
    """At 25 and at 50 a second. Half a frame's shift is left: of hybrid's two ends, of the windows of hysteresis."""
    slow = np.random.default_rng(4).uniform(0.2, 1.5, 190)
    fast = slow.repeat(2)
    q = torch.zeros(2, 380, dtype=torch.float64)
    q[0, :190], q[1] = torch.from_numpy(slow), torch.from_numpy(fast)
    found = POOLINGS[name](q, torch.tensor([190, 380]), torch.tensor([25.0, 50.0]))
    assert found.numpy() == pytest.approx([LOOPS[name](slow, 50), LOOPS[name](fast, 100)], rel=1e-9)
    assert found[0].item() == pytest.approx(found[1].item(), rel=tolerance)


def test_an_absurd_rate_takes_the_whole_clip_and_no_memory():
    q, lengths = torch.rand(1, 9, dtype=torch.float64), torch.tensor([9])
    found = [POOLINGS["hysteresis"](q, lengths, torch.tensor([rate])).item() for rate in (9.0, 1e9)]
    assert found[0] == pytest.approx(found[1], rel=1e-12)


@pytest.mark.parametrize("name", POOLINGS)
def test_gradients_are_finite_and_stay_inside_the_video(name):
    q = torch.from_numpy(np.random.default_rng(2).uniform(0.2, 1.5, (3, 40))).requires_grad_()
    POOLINGS[name](q, torch.tensor([40, 1, 13]), None).sum().backward()
    assert torch.isfinite(q.grad).all()
    assert not q.grad[1, 1:].any() and not q.grad[2, 13:].any()


@pytest.mark.parametrize("name", ["mean", "median", "minkowski", "harmonic", "geometric", "vqpooling", "hysteresis"])
def test_equal_scores_keep_finite_gradients(name):
    q = torch.zeros(2, 8, dtype=torch.float64, requires_grad=True)
    POOLINGS[name](q, torch.tensor([8, 3]), None).sum().backward()
    assert torch.isfinite(q.grad).all()


@pytest.mark.parametrize("name", POOLINGS)
def test_blindness_to_order_is_as_claimed(name):
    q = torch.from_numpy(np.random.default_rng(5).uniform(0.2, 1.5, (1, 7)))
    lengths = torch.tensor([7])
    orders = itertools.islice(itertools.permutations(range(7)), 0, 5040, 97)
    scores = np.array([POOLINGS[name](q[:, list(order)], lengths, None).item() for order in orders])
    assert (np.ptp(scores) < 1e-12) == (name in ORDER_BLIND)
