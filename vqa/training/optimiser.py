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
        self._steps = [0] * len(self.parameters)  # those in which each had a gradient

    def dump(self) -> dict[str, Any]:
        return {"mean": self._mean, "square": self._square, "steps": self._steps}

    @torch.no_grad()
    def load(self, saved: dict[str, Any]) -> None:
        for own, stored in zip(self._mean + self._square, saved["mean"] + saved["square"], strict=True):
            own.copy_(stored)
        steps = saved["steps"]  # one for all, until parameters were counted apart
        self._steps = [steps] * len(self.parameters) if isinstance(steps, int) else list(steps)

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """One update of every parameter that has a gradient: a user's model may freeze some, or leave them unused.

        Each operation is launched once for all of them: a GPU waits for launches here, not for sums.
        """
        used = [number for number, parameter in enumerate(self.parameters) if parameter.grad is not None]
        if not used:
            return
        for number in used:
            self._steps[number] += 1
        parameters, means, squares = (
            [each[number] for number in used] for each in (self.parameters, self._mean, self._square)
        )
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if self.weight_decay:
            gradients = list(torch._foreach_add(gradients, parameters, alpha=self.weight_decay))
        torch._foreach_lerp_(means, gradients, 1 - self.beta1)
        torch._foreach_mul_(squares, self.beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - self.beta2)
        scales = torch._foreach_sqrt(squares)
        torch._foreach_div_(scales, [(1 - self.beta2 ** self._steps[number]) ** 0.5 for number in used])
        torch._foreach_add_(scales, self.eps)
        rates = [-lr / (1 - self.beta1 ** self._steps[number]) for number in used]
        torch._foreach_addcdiv_(parameters, means, scales, rates)
