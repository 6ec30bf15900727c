"""Adam without torch.optim, whose first use imports the compiler: 1.7 s in every training job."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class Adam:
    """Kingma and Ba, ICLR 2015, with L2 weight decay: equal to `torch.optim.Adam`."""

    def __init__(self, parameters: Iterable[Tensor], weight_decay: float = 0.0):
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        self.beta1, self.beta2, self.eps = 0.9, 0.999, 1e-8
        self._mean = [torch.zeros_like(p) for p in self.parameters]
        self._square = [torch.zeros_like(p) for p in self.parameters]
        self._steps = 0

    def dump(self) -> dict[str, Any]:
        return {"mean": self._mean, "square": self._square, "steps": self._steps}

    @torch.no_grad()
    def load(self, saved: dict[str, Any]) -> None:
        for own, stored in zip(self._mean + self._square, saved["mean"] + saved["square"], strict=True):
            own.copy_(stored)
        self._steps = saved["steps"]

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """One update of every parameter that has a gradient: a user's model may freeze some, or leave them unused."""
        self._steps += 1
        correction1, correction2 = (1 - beta**self._steps for beta in (self.beta1, self.beta2))
        for parameter, mean, square in zip(self.parameters, self._mean, self._square, strict=True):
            gradient = parameter.grad
            if gradient is None:
                continue
            if self.weight_decay:
                gradient = gradient.add(parameter, alpha=self.weight_decay)
            mean.lerp_(gradient, 1 - self.beta1)
            square.mul_(self.beta2).addcmul_(gradient, gradient, value=1 - self.beta2)
            scale = square.sqrt().div_(correction2**0.5).add_(self.eps)
            parameter.addcdiv_(mean, scale, value=-lr / correction1)
