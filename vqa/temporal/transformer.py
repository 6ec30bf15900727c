"""A Transformer encoder over frames (Vaswani et al., 2017). Without positions it sees a set, not a sequence."""

import math

import torch
from torch import Tensor, nn

from vqa.temporal.model import FrameScores
from vqa.temporal.pooling import mask


class Transformer(FrameScores):
    """Frames attend to all frames of their video; sinusoidal `positions` tell them apart in time."""

    def __init__(
        self,
        input_size: int,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        positions: bool = True,
        dropout: float = 0.1,
        pooling: str = "mean",
    ):
        super().__init__(input_size, width, pooling)
        self.positions = positions
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.q = nn.Linear(width, 1)

    @property
    def blind_to_order(self) -> bool:
        return not self.positions and self.pooled_blindly

    def frame_scores(self, reduced: Tensor, lengths: Tensor) -> Tensor:
        x = reduced + sinusoids(reduced.shape[1], reduced.shape[2], reduced.device) if self.positions else reduced
        q: Tensor = self.q(self.encoder(x, src_key_padding_mask=~mask(x[..., 0], lengths)))
        return q.squeeze(-1)


def sinusoids(steps: int, width: int, device: torch.device) -> Tensor:
    """Positions of the original Transformer: [steps, width], sines in even places, cosines in odd."""
    t = torch.arange(steps, device=device).unsqueeze(1)
    rates = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10_000.0) / width))
    return torch.stack([torch.sin(t * rates), torch.cos(t * rates)], -1).flatten(1)
