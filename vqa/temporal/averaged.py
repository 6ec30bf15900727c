"""Models of features averaged over time: what a video's frames are, whatever their order."""

from torch import Tensor, nn

from vqa.temporal.model import Projected, mean_over_time


class MLP(Projected):
    """The projected frames' mean through one hidden layer."""

    def __init__(self, input_size: int, width: int = 128, hidden: int = 64, dropout: float = 0.1):
        super().__init__(input_size, width)
        self.layers = nn.Sequential(nn.ReLU(), nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout))
        self.q = nn.Linear(hidden, 1)

    @property
    def blind_to_order(self) -> bool:
        return True

    def score(self, reduced: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
        q: Tensor = self.q(self.layers(mean_over_time(reduced, lengths)))
        return q.squeeze(-1)
