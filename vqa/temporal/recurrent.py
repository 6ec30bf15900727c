"""Other recurrences in the place of VSFA's GRU: LSTM, and a GRU that reads both ways."""

import torch
from torch import Tensor, nn

from vqa.temporal.gru import gru
from vqa.temporal.model import FrameScores


class LSTM(FrameScores):
    """Hochreiter and Schmidhuber, Neural Computation 1997. Causal, as VSFA's GRU."""

    def __init__(self, input_size: int, width: int = 128, hidden: int = 32, pooling: str = "vsfa"):
        super().__init__(input_size, width, pooling)
        self.rnn = nn.LSTM(width, hidden, batch_first=True)
        self.q = nn.Linear(hidden, 1)

    def frame_scores(self, reduced: Tensor, lengths: Tensor) -> Tensor:
        q: Tensor = self.q(self.rnn(reduced)[0])
        return q.squeeze(-1)


class BidirectionalGRU(FrameScores):
    """Schuster and Paliwal, IEEE TSP 1997: one GRU from each end; a frame's score sees the whole video."""

    def __init__(self, input_size: int, width: int = 128, hidden: int = 32, pooling: str = "vsfa"):
        super().__init__(input_size, width, pooling)
        self.forwards = nn.GRU(width, hidden, batch_first=True)
        self.backwards = nn.GRU(width, hidden, batch_first=True)
        self.q = nn.Linear(2 * hidden, 1)

    def frame_scores(self, reduced: Tensor, lengths: Tensor) -> Tensor:
        ahead = _states(self.forwards, reduced)
        behind = _reversed(_states(self.backwards, _reversed(reduced, lengths)), lengths)
        q: Tensor = self.q(torch.cat([ahead, behind], -1))
        return q.squeeze(-1)


def _states(layer: nn.GRU, sequence: Tensor) -> Tensor:
    if sequence.device.type == "cpu":
        return gru(sequence, layer)
    states: Tensor = layer(sequence)[0]
    return states


def _reversed(x: Tensor, lengths: Tensor) -> Tensor:
    """The first `lengths` steps of each row backwards; the padding stays behind them. [B, T, R] -> [B, T, R]"""
    t = torch.arange(x.shape[1], device=x.device)
    last = lengths.to(x.device).unsqueeze(1) - 1
    place = torch.where(t <= last, last - t, t)
    return x.gather(1, place.unsqueeze(-1).expand_as(x))
