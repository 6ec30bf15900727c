"""Poolings: the frame scores of a video to its one score.

Each is a function of q [B, T], lengths [B] and, where they are known, rates [B] (scores a second), gives [B], and can
be trained through. Time constants are seconds: where no rate is known it counts as 30 a second, so that 2 s are 60
scores. VSFA's alone counts scores. Formulas: Tu et al., ICIP 2020, and its sources.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

Pooling = Callable[..., Tensor]
RATE = 30.0  # scores a second where none is known
SECONDS = 2.0
_DECAY = 0.3  # of primacy and recency, a second: 0.01 a score at 30 a second
_SMALL = 1e-4  # harmonic and geometric means are of positive scores: what is smaller counts as this


def rates_of(known: Sequence[float | None]) -> Tensor:
    """[B]: the rate of each video, `RATE` where it is not known."""
    return torch.tensor([RATE if rate is None else rate for rate in known])


def mask(q: Tensor, lengths: Tensor) -> Tensor:
    """[B, T], [B] -> [B, T]: True at the first `lengths` places of each row.

    Lengths that lie on a GPU are taken as they are: to look at them the CPU would have to wait.
    """
    if lengths.device.type == "cpu" and (lengths.min() < 1 or lengths.max() > q.shape[1]):
        raise ValueError(f"lengths must lie in 1..{q.shape[1]}, got {lengths.tolist()}")
    return torch.arange(q.shape[1], device=q.device) < lengths.to(q.device).unsqueeze(1)


def masked_mean(q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
    """The mean of the scores.

    [B, T], [B] -> [B]: of the first `lengths` entries of each row.
    """
    return torch.where(mask(q, lengths), q, 0).sum(1) / lengths.to(q.device)


def temporal_pooling(
    q: Tensor, lengths: Tensor, rates: Tensor | None = None, tau: int = 12, beta: float = 0.5
) -> Tensor:
    """Subjectively-inspired temporal pooling (Li et al., ACM MM 2019, equations 6-9).

    l[t] = min(q[max(0, t - tau + 1) .. t])                              memory
    m[t] = sum(q exp(-q)) / sum(exp(-q)) over q[t .. min(T-1, t+tau-1)]   current
    score = mean over t of beta m[t] + (1 - beta) l[t]

    q [B, T], lengths [B] -> [B]. tau counts frames, whatever their rate. The weights are a softmax, so no
    magnitude overflows.
    """
    valid = mask(q, lengths)
    q = torch.where(valid, q, 0)
    memory = -F.max_pool1d(F.pad(-q, (tau - 1, 0), value=-torch.inf).unsqueeze(1), tau, stride=1)
    window = F.pad(q, (0, tau - 1)).unfold(1, tau, 1)
    inside = F.pad(valid, (0, tau - 1)).unfold(1, tau, 1)
    # A padded position has an empty window; its weights are masked off the mean below.
    logits = (-window).masked_fill(~inside & valid.unsqueeze(-1), -torch.inf)
    current = (torch.softmax(logits, dim=-1) * window).sum(-1)
    return masked_mean(beta * current + (1 - beta) * memory.squeeze(1), lengths)


def median(q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
    """The middle score, or the mean of the two (Tu et al., ICIP 2020)."""
    return _quantile(_ascending(q, mask(q, lengths)), lengths, 0.5).squeeze(1)


def harmonic_mean(q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
    """1 / mean(1 / q), of positive scores (Tu et al., ICIP 2020)."""
    return 1 / masked_mean(1 / q.clamp(min=_SMALL), lengths)


def geometric_mean(q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
    """exp(mean(log q)), of positive scores (Tu et al., ICIP 2020)."""
    return masked_mean(q.clamp(min=_SMALL).log(), lengths).exp()


def minkowski(q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
    """sqrt(mean(q^2)) (Tu et al., ICIP 2020)."""
    return masked_mean(q**2, lengths).clamp(min=_SMALL**2).sqrt()


def percentile(q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
    """The mean of the scores up to the 10th percentile (Tu et al., ICIP 2020)."""
    valid = mask(q, lengths)
    worst = valid & (q <= _quantile(_ascending(q, valid), lengths, 0.1))
    return _weighted(q, worst.to(q.dtype))


def vq_pooling(q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
    """VQPooling (Park et al., IEEE TIP 2013): the better of two clusters counts less.

    The scores' best split into two (2-means), with means low and high, w = (1 - low / high)^2:
    (sum of low scores + w * sum of high scores) / (their number + w * theirs). One score is its own.
    """
    ordered = _ascending(q, mask(q, lengths))
    n = lengths.to(q.device).unsqueeze(1)
    places = torch.arange(1, q.shape[1] + 1, device=q.device)
    filled = torch.where(places <= n, ordered, 0)
    low_sums, total = filled.cumsum(1), filled.sum(1, keepdim=True)
    with torch.no_grad():  # the best split has the largest sum of squares between its parts, about the mean
        below = torch.where(places <= n, ordered - total / n, 0).cumsum(1)  # as much lies above
        spread = below**2 * (1 / places + 1 / (n - places).clamp(min=1))
        split = spread.masked_fill(places >= n, -torch.inf).argmax(1, keepdim=True)
    low_sum, count = low_sums.gather(1, split), split + 1
    high_sum, high_count = total - low_sum, (n - count).clamp(min=0)
    high = high_sum / high_count.clamp(min=1)
    ratio = (low_sum / count) / torch.where(high == 0, 1, high)
    weight = torch.where(high_count > 0, (1 - ratio) ** 2, 0)
    return ((low_sum + weight * high_sum) / (count + weight * high_count)).squeeze(1)


def variation(q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
    """The mean of |gradient of q| from its 90th percentile up (Ninassi et al., 2009); 0 for one score."""
    last = lengths.to(q.device).unsqueeze(1) - 1
    t = torch.arange(q.shape[1], device=q.device).expand_as(q)
    after, before = torch.minimum(t + 1, last), torch.minimum((t - 1).clamp(min=0), last)
    gradient = ((q.gather(1, after) - q.gather(1, before)) / (after - before).clamp(min=1)).abs()
    valid = mask(q, lengths)
    steep = valid & (gradient >= _quantile(_ascending(gradient, valid), lengths, 0.9))
    return _weighted(gradient, steep.to(q.dtype))


def primacy(q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
    """The first 2 s, weighted by exp(-0.3 (seconds from the start)) (Tu et al., ICIP 2020)."""
    t = torch.arange(q.shape[1], device=q.device)
    early = mask(q, lengths) & (t < _windows(q, rates))
    return _weighted(q, _fading(t, q, rates) * early)


def recency(q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
    """The last 2 s, weighted by exp(-0.3 (seconds to the end)) (Tu et al., ICIP 2020)."""
    left = lengths.to(q.device).unsqueeze(1) - torch.arange(q.shape[1], device=q.device)
    late = mask(q, lengths) & (left <= _windows(q, rates))
    return _weighted(q, _fading(left, q, rates) * late)


def primacy_and_recency(q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
    """The whole clip, weighted by the sum of both (Tu et al., ICIP 2020)."""
    t = torch.arange(q.shape[1], device=q.device)
    left = lengths.to(q.device).unsqueeze(1) - t
    return _weighted(q, (_fading(t, q, rates) + _fading(left, q, rates)) * mask(q, lengths))


def hysteresis(q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
    """Seshadrinathan and Bovik, ICASSP 2011: quick to resent, slow to forgive.

    l[t] = the least of the previous 2 s (q[0] at t = 0); m[t] = the next 2 s, t included, in ascending order under a
    falling half Gaussian of sigma (2 n - 1) / 6 for n scores; the mean over t of 0.2 l + 0.8 m.
    """
    valid = mask(q, lengths)
    widths = _windows(q, rates).unsqueeze(2)
    widest = min(int(widths.max()), q.shape[1])
    back = torch.arange(widest, 0, -1, device=q.device)  # places before t, the farthest first
    past = F.pad(torch.where(valid, q, 0), (widest, 0), value=torch.inf).unfold(1, widest, 1)[:, :-1]
    least = past.masked_fill(back > widths, torch.inf).amin(2)
    memory = torch.cat([q[:, :1], least[:, 1:]], 1)
    ahead = torch.arange(widest, device=q.device)
    future = F.pad(q.masked_fill(~valid, torch.inf), (0, widest - 1), value=torch.inf).unfold(1, widest, 1)
    ordered = future.masked_fill(ahead >= widths, torch.inf).sort(dim=2).values
    inside = torch.isfinite(ordered)
    sigma = (2 * inside.sum(2, keepdim=True).to(q.dtype) - 1).clamp(min=1) / 6
    weights = torch.exp(-0.5 * (ahead / sigma) ** 2) * inside
    present = (torch.where(inside, ordered, 0) * weights).sum(2) / weights.sum(2).clamp(min=math.ulp(1.0))
    return masked_mean(0.2 * memory + 0.8 * present, lengths)


def _rates(q: Tensor, rates: Tensor | None) -> Tensor:
    """Scores a second of each row, [B, 1]."""
    known = torch.full((len(q),), RATE) if rates is None else rates
    return known.to(q.device, q.dtype).unsqueeze(1)


def _windows(q: Tensor, rates: Tensor | None) -> Tensor:
    """The time constant of each row in scores, [B, 1], at least 1."""
    return (SECONDS * _rates(q, rates)).round().clamp(min=1).long()


def _ascending(q: Tensor, valid: Tensor) -> Tensor:
    """Each row's valid scores in ascending order, the padding (as infinity) last."""
    return q.masked_fill(~valid, torch.inf).sort(dim=1).values


def _quantile(ascending: Tensor, lengths: Tensor, share: float) -> Tensor:
    """[B, 1]: the linearly interpolated quantile of each row, as numpy's."""
    position = (share * (lengths.to(ascending.device) - 1).to(ascending.dtype)).unsqueeze(1)
    below, above = (ascending.gather(1, place.long()) for place in (position.floor(), position.ceil()))
    return torch.lerp(below, above, position - position.floor())


def _fading(scores: Tensor, q: Tensor, rates: Tensor | None) -> Tensor:
    """The weight of what lies so many scores away, in q's type."""
    return torch.exp(-_DECAY * scores.clamp(min=0).to(q.dtype) / _rates(q, rates))


def _weighted(q: Tensor, weights: Tensor) -> Tensor:
    return (torch.where(weights > 0, q, 0) * weights).sum(1) / weights.sum(1)


POOLINGS: dict[str, Pooling] = {
    "mean": masked_mean,
    "median": median,
    "harmonic": harmonic_mean,
    "geometric": geometric_mean,
    "minkowski": minkowski,
    "percentile": percentile,
    "vqpooling": vq_pooling,
    "variation": variation,
    "primacy": primacy,
    "recency": recency,
    "hybrid": primacy_and_recency,
    "hysteresis": hysteresis,
    "vsfa": temporal_pooling,
}
# Those whose time constants are seconds.
IN_SECONDS = frozenset({"primacy", "recency", "hybrid", "hysteresis"})
# Those whose score does not depend on the order of the frames.
ORDER_BLIND = frozenset({"mean", "median", "harmonic", "geometric", "minkowski", "percentile", "vqpooling"})
