"""What a temporal model costs: the values that training sets, and the multiply-adds of a score."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

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
    with torch.no_grad(), _in_single_steps(), FlopCounterMode(display=False, custom_mapping=_MORE) as counter:
        model(features, lengths)
    return int(counter.get_total_flops()) // 2


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


def _lstm(x: Sequence[int], w_input: Sequence[int], w_hidden: Sequence[int], *_: object, **__: object) -> int:
    """x [T, B, D], weights [4 R, D] and [4 R, R]."""
    return 2 * x[0] * x[1] * (w_input[0] * w_input[1] + w_hidden[0] * w_hidden[1])


def _matrix_vector(a: Sequence[int], *_: object, **__: object) -> int:
    return 2 * a[0] * a[1]


def _distances(a: Sequence[int], b: Sequence[int], *_: object, **__: object) -> int:
    """a [..., P, D], b [..., R, D]"""
    return 2 * a[-2] * b[-2] * a[-1]


_MORE = {
    torch.ops.aten.mkldnn_rnn_layer: _lstm,
    torch.ops.aten.mv: _matrix_vector,
    torch.ops.aten._cdist_forward: _distances,
    torch.ops.aten._euclidean_dist: _distances,
}
