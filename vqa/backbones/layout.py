"""Which axis of a network's maps holds the channels. All others are positions, and are pooled over."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vqa.config.names import ClassToken

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """channels: their axis; the batch's is 0. prefix: leading positions that are no place of the
    picture, such as a class token. class_token: what becomes of the first of these.
    """

    channels: int = 1
    prefix: int = 0
    class_token: ClassToken = "leave-out"

    def positions(self, shape: Shape) -> int:
        """How many a map of this shape has."""
        count = 1
        for axis, length in enumerate(shape):
            count *= 1 if axis in (0, self.channels) else length
        return count - self.prefix


CHANNELS_FIRST = Layout()


def pool(maps: Tensor, layout: Layout = CHANNELS_FIRST) -> Tensor:
    """Maps to [B, 2 C]: mean over positions, then std with n - 1 (0 for a single position). [B, D] are rows already.

    With a class token appended they are [B, 3 C], of it only [B, C].
    """
    if maps.ndim == 2:
        return maps.float()
    maps = maps.movedim(layout.channels, 1).flatten(2)
    token = maps[..., 0].float()
    if layout.class_token == "only":
        return token
    places = maps[..., layout.prefix :].float()
    if places.shape[2] == 1:
        std, mean = torch.zeros_like(places[..., 0]), places[..., 0]
    else:
        std, mean = torch.std_mean(places, dim=2, correction=1)
    return torch.cat([mean, std, token] if layout.class_token == "append" else [mean, std], dim=1)


def infer(small: Shape, large: Shape) -> Layout:
    """The layout of maps seen at two input sizes that differ along every axis but the batch's.

    Positions grow with the picture, channels do not. Maps of a fixed size, such as those of an
    adaptive pooling, are [B, C, *positions]. Raises `ValueError` for maps that cannot be pooled.
    """
    axes = range(1, len(small))
    if len(small) != len(large) or small[:1] != large[:1]:
        raise ValueError("is no map of each picture")
    growing = [axis for axis in axes if small[axis] != large[axis]]
    still = [axis for axis in axes if small[axis] == large[axis]]
    if growing and not still:
        raise ValueError("has no channels: each of its axes varies with the size of the picture")
    if growing and len(still) > 1:
        raise ValueError("has more than one axis that could hold the channels")
    return with_positions(Layout(still[0]) if growing else CHANNELS_FIRST, small)


def of_own_size(shape: Shape) -> Layout:
    """The layout of a network that takes one size: [B, 1 + positions, C] or [B, C, *positions]."""
    return with_positions(Layout(2, prefix=1) if len(shape) == 3 else CHANNELS_FIRST, shape)


def with_positions(layout: Layout, shape: Shape) -> Layout:
    """`layout`, if a map of `shape` has positions to take a mean and a deviation of."""
    if len(shape) < 3:
        raise ValueError("has no positions")
    if layout.positions(shape) < 2:
        raise ValueError("has a single position, so no deviation")
    return layout


def of(shapes: Sequence[Shape]) -> Layout:
    """The layout of maps from one dry pass at a network's own size, or from two at any sizes."""
    return infer(*shapes) if len(shapes) == 2 else of_own_size(*shapes)
