"""What a temporal model is: features of frames in time to one quality score a video."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.temporal.pooling import ORDER_BLIND, POOLINGS, mask


class TemporalModel(nn.Module):
    """The base of the registered models. A user's own may be any module with such a `forward`.

    Built from `input_size`, the values a frame has, and options of its own, which are what a config may say of it.
    """

    # The type of the projection's matrix product, which takes most of the time.
    projection_dtype: torch.dtype = torch.float32
    input_size: int  # set when it is built

    @property
    def blind_to_order(self) -> bool:
        """The scores do not depend on the order of frames. Tests shuffle, and hold it to that."""
        return False

    def forward(self, features: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
        """features [B, T, D], lengths [B] (frames beyond a length are ignored) -> scores [B].

        rates [B]: frames a second, where they are known.
        """
        return self.score(self.project(features), lengths, rates)

    def project(self, features: Tensor) -> Tensor:
        """What is done to each frame by itself, in natural order: [..., D] -> [..., R] float32."""
        return features.float()

    def score(self, reduced: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
        """Projected frames in the order that is seen, [B, T, R], lengths [B] and rates [B] -> scores [B]."""
        raise NotImplementedError


class Projected(TemporalModel):
    """Models whose first step is VSFA's: a linear layer, the same for every frame."""

    def __init__(self, input_size: int, width: int):
        super().__init__()
        self.fc0 = nn.Linear(input_size, width)

    def project(self, features: Tensor) -> Tensor:
        """[..., D] -> [..., width] float32; the product runs in `projection_dtype`."""
        dtype = self.projection_dtype
        product = F.linear(features.to(dtype), self.fc0.weight.to(dtype))
        return product.float() + self.fc0.bias


class FrameScores(Projected):
    """Models that give every frame a score, and pool the scores by a named pooling."""

    def __init__(self, input_size: int, width: int, pooling: str):
        super().__init__(input_size, width)
        self.pooling = pooling

    @property
    def pooled_blindly(self) -> bool:
        return self.pooling in ORDER_BLIND

    def score(self, reduced: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
        return self.pool(self.frame_scores(reduced, lengths), lengths, rates)

    def frame_scores(self, reduced: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, width] -> [B, T]"""
        raise NotImplementedError

    def pool(self, q: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
        """[B, T] -> [B]"""
        return POOLINGS[self.pooling](q, lengths, rates)


def zero_padding(x: Tensor, lengths: Tensor) -> Tensor:
    """[B, T, R] with zeros beyond each length."""
    return torch.where(mask(x[..., 0], lengths).unsqueeze(-1), x, 0)


def mean_over_time(x: Tensor, lengths: Tensor) -> Tensor:
    """[B, T, R] -> [B, R]"""
    return zero_padding(x, lengths).sum(1) / lengths.to(x.device).unsqueeze(1)
