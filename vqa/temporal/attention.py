"""Attention pooling (Ilse et al., ICML 2018): a learned weight a frame, blind to order."""

import torch
from torch import Tensor, nn

from vqa.temporal.model import Projected
from vqa.temporal.pooling import mask


class AttentionPooling(Projected):
    """score = v . sum_t a_t x_t,  a = softmax over the video of w . tanh(W x_t)"""

    def __init__(self, input_size: int, width: int = 128, hidden: int = 64):
        super().__init__(input_size, width)
        self.attention = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, 1))
        self.q = nn.Linear(width, 1)

    @property
    def blind_to_order(self) -> bool:
        return True

    def score(self, reduced: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
        logits: Tensor = self.attention(reduced).squeeze(-1)
        weights = torch.softmax(logits.masked_fill(~mask(logits, lengths), -torch.inf), 1)
        q: Tensor = self.q((weights.unsqueeze(-1) * reduced).sum(1))
        return q.squeeze(-1)
