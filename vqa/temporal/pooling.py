"""Poolings: the frame scores of a video to its one score."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def temporal_pooling(q: Tensor, lengths: Tensor, tau: int = 12, beta: float = 0.5) -> Tensor:
    """Subjectively-inspired temporal pooling (Li et al., ACM MM 2019, equations 6-9).

    l[t] = min(q[max(0, t - tau + 1) .. t])                              memory
    m[t] = sum(q exp(-q)) / sum(exp(-q)) over q[t .. min(T-1, t+tau-1)]   current
    score = mean over t of beta m[t] + (1 - beta) l[t]

    q [B, T], lengths [B] -> [B]. The weights are a softmax, so no magnitude overflows.
    """
    valid = _mask(q, lengths)
    q = torch.where(valid, q, 0)
    memory = -F.max_pool1d(F.pad(-q, (tau - 1, 0), value=-torch.inf).unsqueeze(1), tau, stride=1)
    window = F.pad(q, (0, tau - 1)).unfold(1, tau, 1)
    inside = F.pad(valid, (0, tau - 1)).unfold(1, tau, 1)
    # A padded position has an empty window; its weights are masked off the mean below.
    logits = (-window).masked_fill(~inside & valid.unsqueeze(-1), -torch.inf)
    current = (torch.softmax(logits, dim=-1) * window).sum(-1)
    return masked_mean(beta * current + (1 - beta) * memory.squeeze(1), lengths)


def masked_mean(q: Tensor, lengths: Tensor) -> Tensor:
    """Mean of the first `lengths` entries of each row: [B, T], [B] -> [B]."""
    return torch.where(_mask(q, lengths), q, 0).sum(1) / lengths.to(q.device)


def _mask(q: Tensor, lengths: Tensor) -> Tensor:
    if lengths.min() < 1 or lengths.max() > q.shape[1]:
        raise ValueError(f"lengths must lie in 1..{q.shape[1]}, got {lengths.tolist()}")
    return torch.arange(q.shape[1], device=q.device) < lengths.to(q.device).unsqueeze(1)


# name -> pooling of frame scores: (q [B, T], lengths [B]) -> [B]
POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"vsfa": temporal_pooling, "mean": masked_mean}
