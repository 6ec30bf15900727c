"""VSFA's head (Li et al., ACM MM 2019) and its order-blind controls.

features (D) -> FC 128, linear -> GRU 32 -> FC 1 per frame -> temporal pooling -> mean.
The controls drop the GRU, the pooling, or both.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.temporal.gru import gru
from vqa.temporal.pooling import POOLINGS


class VSFA(nn.Module):
    """Frame features to one quality score a video.

    With `gru=False` a frame's score is linear in its features; with `pooling="mean"` the
    video's score is the plain mean of its frames'. With both it ignores frame order.
    """

    def __init__(
        self,
        input_size: int = 4096,
        reduced_size: int = 128,
        hidden_size: int = 32,
        gru: bool = True,
        pooling: str = "vsfa",
    ):
        super().__init__()
        self.pooling = pooling
        self.projection_dtype = torch.float32
        self.fc0 = nn.Linear(input_size, reduced_size)
        self.rnn = nn.GRU(reduced_size, hidden_size, batch_first=True) if gru else None
        self.q = nn.Linear(hidden_size if gru else reduced_size, 1)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """features [B, T, D], lengths [B] (frames beyond a length are ignored) -> scores [B]."""
        return self.pool(self.frame_scores(self.project(features), lengths), lengths)

    def project(self, features: Tensor) -> Tensor:
        """[..., D] -> [..., reduced_size] float32; the product runs in `projection_dtype`."""
        dtype = self.projection_dtype
        product = F.linear(features.to(dtype), self.fc0.weight.to(dtype))
        return product.float() + self.fc0.bias

    def frame_scores(self, reduced: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, reduced_size] -> [B, T]. The GRU is causal: padding at the end cannot reach back."""
        if self.rnn is not None:
            reduced = gru(reduced, self.rnn) if reduced.device.type == "cpu" else self.rnn(reduced)[0]
        q: Tensor = self.q(reduced)
        return q.squeeze(-1)

    def pool(self, q: Tensor, lengths: Tensor) -> Tensor:
        """[B, T] -> [B]"""
        return POOLINGS[self.pooling](q, lengths)
