"""What a temporal model is: features of frames in time to one quality score a video."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.temporal.pooling import ORDER_BLIND, POOLINGS


class TemporalModel(nn.Module):
    """The base of the registered models; a user's own may be any `torch.nn.Module` with such a `forward`.

    Built from `input_size` (values a frame) and options of its own, which are what a config may say of it.
    `blind_to_order`: its scores do not depend on the order of frames; checked by shuffling, never assumed.
    """

    blind_to_order: bool = False
    # The type of the projection's matrix product, which takes most of the time.
    projection_dtype: torch.dtype = torch.float32

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """features [B, T, D], lengths [B] (frames beyond a length are ignored) -> scores [B]."""
        return self.score(self.project(features), lengths)

    def project(self, features: Tensor) -> Tensor:
        """What is done to every frame by itself: [..., D] -> [..., R] float32."""
        return features.float()

    def score(self, reduced: Tensor, lengths: Tensor) -> Tensor:
        """Projected frames in the order they are seen, [B, T, R], and lengths [B] -> scores [B]."""
        raise NotImplementedError


class FrameScores(TemporalModel):
    """Models that give every frame a score, and pool these by a named pooling.

    `order_blind_scores`: a frame's score depends on its own features, or on the others as a set.
    """

    order_blind_scores: ClassVar[bool] = False

    def __init__(self, input_size: int, reduced_size: int, pooling: str):
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling '{pooling}' is unknown; known are {', '.join(POOLINGS)}")
        self.pooling = pooling
        self.fc0 = nn.Linear(input_size, reduced_size)

    def project(self, features: Tensor) -> Tensor:
        """[..., D] -> [..., reduced_size] float32; the product runs in `projection_dtype`."""
        dtype = self.projection_dtype
        product = F.linear(features.to(dtype), self.fc0.weight.to(dtype))
        return product.float() + self.fc0.bias

    def frame_scores(self, reduced: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, reduced_size] -> [B, T]"""
        raise NotImplementedError

    def pool(self, q: Tensor, lengths: Tensor) -> Tensor:
        """[B, T] -> [B]"""
        return POOLINGS[self.pooling](q, lengths)

    def score(self, reduced: Tensor, lengths: Tensor) -> Tensor:
        return self.pool(self.frame_scores(reduced, lengths), lengths)

    @property
    def pooled_blindly(self) -> bool:
        return self.pooling in ORDER_BLIND
