"""A temporal convolutional network (Bai et al., 2018): dilated residual convolutions over time."""

from torch import Tensor, nn
from torch.nn import functional as F

from vqa.temporal.model import FrameScores, zero_padding


class TCN(FrameScores):
    """`layers` residual blocks with dilations 1, 2, 4, ...; causal: a frame sees none after it."""

    def __init__(
        self,
        input_size: int,
        width: int = 64,
        layers: int = 4,
        kernel: int = 3,
        causal: bool = True,
        dropout: float = 0.1,
        pooling: str = "vsfa",
    ):
        super().__init__(input_size, width, pooling)
        self.blocks = nn.ModuleList(_Block(width, kernel, 2**layer, causal, dropout) for layer in range(layers))
        self.q = nn.Linear(width, 1)

    def frame_scores(self, reduced: Tensor, lengths: Tensor) -> Tensor:
        x = reduced
        for block in self.blocks:
            x = block(x, lengths)
        q: Tensor = self.q(x)
        return q.squeeze(-1)


class _Block(nn.Module):
    """Two dilated convolutions beside the identity; the video goes on in zeros, whatever it is batched with."""

    def __init__(self, width: int, kernel: int, dilation: int, causal: bool, dropout: float):
        super().__init__()
        reach = (kernel - 1) * dilation
        self.padding = (reach, 0) if causal else (reach // 2, reach // 2)
        self.first = nn.Conv1d(width, width, kernel, dilation=dilation)
        self.second = nn.Conv1d(width, width, kernel, dilation=dilation)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, width] -> [B, T, width]"""
        y = self.dropout(self._convolve(self.first, x, lengths).relu())
        y = self.dropout(self._convolve(self.second, y, lengths).relu())
        activated: Tensor = (x + y).relu()
        return activated

    def _convolve(self, layer: nn.Conv1d, x: Tensor, lengths: Tensor) -> Tensor:
        padded = F.pad(zero_padding(x, lengths).transpose(1, 2), self.padding)
        y: Tensor = layer(padded)
        return y.transpose(1, 2)
