"""What a temporal model costs: the values that training sets, and the multiply-adds of a score."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from vqa.temporal.model import TemporalModel


def parameters(model: TemporalModel) -> int:
    """Trained values; of a fitted model, which has none, the values it is made of."""
    trained: list[Tensor] = [*model.parameters()]
    return sum(each.numel() for each in trained or model.buffers())


def multiply_adds(model: TemporalModel, rows: int) -> int:
    """Of the matrix products, convolutions and distances that score one video of `rows` feature rows.

    What is done value by value, such as an activation or a pooling, is not counted.
    """
    model = copy.deepcopy(model).cpu().eval()
    features, lengths = torch.zeros(1, rows, model.input_size), torch.tensor([rows])
    with torch.no_grad(), _in_single_steps(), _Counter() as counter:
        model(features, lengths)
    return int(counter.operations) // 2


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Torch's formulas, without `FlopCounterMode`, whose first use imports the compiler: 2 s in every job."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: int = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if formula := _FORMULAS.get(func.overloadpacket):
            self.operations += int(formula(*args, **(kwargs or {}), out_val=result))
        return result


@contextmanager
def _in_single_steps() -> Iterator[None]:
    """Without the fused kernels of attention, whose products the counter would not see."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _lstm(x: Tensor, w_input: Tensor, w_hidden: Tensor, *_: object, **__: object) -> int:
    """x [T, B, D], weights [4 R, D] and [4 R, R]."""
    return 2 * x.shape[0] * x.shape[1] * (w_input.numel() + w_hidden.numel())


def _matrix_vector(a: Tensor, *_: object, **__: object) -> int:
    return 2 * a.numel()


def _distances(a: Tensor, b: Tensor, *_: object, **__: object) -> int:
    """a [..., P, D], b [..., R, D]"""
    return 2 * a.shape[-2] * b.shape[-2] * a.shape[-1]


def _bilinear(x1: Tensor, weight: Tensor, x2: Tensor, *_: object, **__: object) -> int:
    """x1 [N, A], weight [R, A, B], x2 [N, B]: A x B products, then B, for each of N x R results."""
    return 2 * len(x1) * (weight.numel() + weight.shape[0] * weight.shape[2])


_FORMULAS = flop_registry | {
    torch.ops.aten.mkldnn_rnn_layer: _lstm,
    torch.ops.aten.mv: _matrix_vector,
    torch.ops.aten._trilinear: _bilinear,
    torch.ops.aten._cdist_forward: _distances,
    torch.ops.aten._euclidean_dist: _distances,
}
