"""RBF-SVR on features averaged over time: how BRISQUE, VIDEVAL and RAPIQUE regress. Fitted, not trained."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vqa.temporal.model import TemporalModel, mean_over_time

C = tuple(10.0**power for power in range(-1, 5))
GAMMA = tuple(10.0**power for power in range(-4, 1))  # over the number of features, of standardised ones


class SVR(TemporalModel):
    """score = sum_i a_i exp(-gamma |x - s_i|^2) + b, x the mean of the standardised frames.

    C and gamma are chosen on validation; with `refit` the chosen ones are fitted again to training and validation
    videos together, as the published protocols do.
    """

    support: Tensor
    weights: Tensor
    constants: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(self, input_size: int, refit: bool = False):
        super().__init__()
        self.refit = refit
        self.register_buffer("support", torch.zeros(0, input_size, dtype=torch.float64))
        self.register_buffer("weights", torch.zeros(0, dtype=torch.float64))
        self.register_buffer("constants", torch.zeros(2, dtype=torch.float64))  # b, gamma
        self.register_buffer("centre", torch.zeros(input_size, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(input_size, dtype=torch.float64))

    @property
    def blind_to_order(self) -> bool:
        return True

    def score(self, reduced: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
        x = (mean_over_time(reduced.double(), lengths) - self.centre) / self.scale
        b, gamma = self.constants
        kernel = torch.exp(-gamma * torch.cdist(x, self.support) ** 2)
        scores: Tensor = kernel @ self.weights + b
        return scores.float()

    def fit(self, x: Tensor, labels: Tensor, c: float, gamma: float) -> None:
        """Fit to averaged features x [N, D] and labels [N]."""
        from sklearn.svm import SVR as Solver

        self.centre, self.scale = x.mean(0), x.std(0, correction=0).clamp(min=1e-12)
        gamma /= x.shape[1]
        solved: Any = Solver(C=c, gamma=gamma, epsilon=0.01).fit(
            ((x - self.centre) / self.scale).numpy(), labels.numpy()
        )
        self.support = torch.from_numpy(solved.support_vectors_)
        self.weights = torch.from_numpy(solved.dual_coef_[0].copy())
        self.constants = torch.tensor([float(solved.intercept_[0]), gamma], dtype=torch.float64)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As many support vectors as were found."""
        for name in ("support", "weights"):
            setattr(self, name, torch.empty_like(state_dict[name]))
        return super().load_state_dict(state_dict, strict, assign)
