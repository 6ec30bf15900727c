"""InceptionTime (Ismail Fawaz et al., 2020), as PatchVQ uses it: convolutions of three lengths, side by side."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.temporal.model import Projected, mean_over_time, zero_padding
from vqa.temporal.pooling import mask


class InceptionTime(Projected):
    """`blocks` of three modules with a residual connection each, then the mean over time and a linear layer."""

    def __init__(self, input_size: int, width: int = 64, filters: int = 16, blocks: int = 2, longest: int = 39):
        super().__init__(input_size, width)
        sizes = [width] + [4 * filters] * blocks
        self.blocks = nn.ModuleList(_Residual(a, filters, longest) for a in sizes[:-1])
        self.q = nn.Linear(4 * filters, 1)

    def score(self, reduced: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
        x = zero_padding(reduced, lengths)
        for block in self.blocks:
            x = block(x, lengths)
        q: Tensor = self.q(mean_over_time(x, lengths))
        return q.squeeze(-1)


class _Residual(nn.Module):
    def __init__(self, inputs: int, filters: int, longest: int):
        super().__init__()
        sizes = [inputs, 4 * filters, 4 * filters]
        self.parts = nn.ModuleList(_Inception(size, filters, longest) for size in sizes)
        self.shortcut = nn.Linear(inputs, 4 * filters, bias=False)
        self.norm = _Norm(4 * filters)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, inputs] -> [B, T, 4 filters], zero beyond each length"""
        y = x
        for part in self.parts:
            y = part(y, lengths)
        return zero_padding((y + self.norm(self.shortcut(x), lengths)).relu(), lengths)


class _Inception(nn.Module):
    """A bottleneck into three convolutions, and a maximum over three steps beside them."""

    def __init__(self, inputs: int, filters: int, longest: int):
        super().__init__()
        self.bottleneck = nn.Conv1d(inputs, filters, 1, bias=False)
        kernels = [longest, longest // 2 | 1, longest // 4 | 1]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(filters, filters, kernel, padding=kernel // 2, bias=False) for kernel in kernels
        )
        self.after_maximum = nn.Conv1d(inputs, filters, 1, bias=False)
        self.norm = _Norm(4 * filters)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, inputs], zero beyond each length -> [B, T, 4 filters], likewise"""
        channels = x.transpose(1, 2)
        narrow = self.bottleneck(channels)
        inside = mask(x[..., 0], lengths).unsqueeze(1)
        highest = F.max_pool1d(channels.masked_fill(~inside, -torch.inf), 3, stride=1, padding=1)
        parts = [convolution(narrow) for convolution in self.convolutions]
        parts.append(self.after_maximum(highest.masked_fill(~inside, 0)))
        y: Tensor = self.norm(torch.cat(parts, 1).transpose(1, 2), lengths)
        return zero_padding(y.relu(), lengths)


class _Norm(nn.Module):
    """Batch norm over the frames that there are; padding has no part in its statistics."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, width] -> [B, T, width]"""
        inside = mask(x[..., 0], lengths)
        frames = x[inside]
        alone = self.training and len(frames) == 1  # one value has no variance
        normed = F.batch_norm(
            frames, self.norm.running_mean, self.norm.running_var, self.norm.weight, self.norm.bias, training=False
        ) if alone else self.norm(frames)  # fmt: skip
        return torch.zeros_like(x).masked_scatter(inside.unsqueeze(-1), normed)
