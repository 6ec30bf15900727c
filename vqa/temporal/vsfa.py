"""VSFA's head (Li et al., ACM MM 2019) and its order-blind controls.

features (D) -> FC 128, linear -> GRU 32 -> FC 1 per frame -> temporal pooling -> mean.
The controls drop the GRU, the pooling, or both.
"""

from torch import Tensor, nn

from vqa.temporal.gru import gru
from vqa.temporal.model import FrameScores


class VSFA(FrameScores):
    """Frame features to one quality score a video.

    With `recurrent=False` a frame's score is linear in its features; with `pooling="mean"` the
    video's score is the plain mean of its frames'. With both it ignores frame order.
    """

    def __init__(
        self,
        input_size: int,
        width: int = 128,
        hidden: int = 32,
        recurrent: bool = True,
        pooling: str = "vsfa",
    ):
        super().__init__(input_size, width, pooling)
        self.rnn = nn.GRU(width, hidden, batch_first=True) if recurrent else None
        self.q = nn.Linear(hidden if recurrent else width, 1)

    @property
    def blind_to_order(self) -> bool:
        return self.rnn is None and self.pooled_blindly

    def frame_scores(self, reduced: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, width] -> [B, T]. The GRU is causal: padding at the end cannot reach back."""
        if self.rnn is not None:
            reduced = gru(reduced, self.rnn) if reduced.device.type == "cpu" else self.rnn(reduced)[0]
        q: Tensor = self.q(reduced)
        return q.squeeze(-1)
