"""The GRU of the head on CPUs: `torch.nn.GRU`'s recurrence, at less than half its time.

Sequences here are long and states tiny (240 steps of 16 x 32), so the cost is that of calling
operations. Each step takes five forward and three backward, into memory set aside before the loop;
all that does not depend on the recurrence is done for all steps at once.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def gru(sequence: Tensor, layer: nn.GRU) -> Tensor:
    """What a one-layer, batch-first `layer` gives: [B, T, input] -> hidden states [B, T, H].

    r, z = sigmoid(W x + U h + b);  n = tanh(W x + b + r * (U h + c));  h' = (1 - z) n + z h
    """
    split = 2 * layer.hidden_size
    input_weight, hidden_weight, input_bias, hidden_bias = layer.parameters()
    bias = torch.cat([input_bias[:split] + hidden_bias[:split], input_bias[split:]])
    gates = F.linear(sequence.transpose(0, 1), input_weight, bias)
    hidden: Tensor = _Recurrence.apply(gates, hidden_weight, hidden_bias[split:])
    return hidden.transpose(0, 1)


class _Recurrence(torch.autograd.Function):
    """gates [T, B, 3H] of the inputs, U [3H, H], c [H] -> hidden states [T, B, H]."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        steps, batch, width = gates.shape
        size = width // 3
        input_rz, input_n = (part.contiguous() for part in torch.split(gates, [2 * size, size], 2))
        weight_rz, weight_n = torch.split(weight.t(), [2 * size, size], 1)
        rz = torch.empty_like(input_rz)
        recurrent_n, n = torch.empty_like(input_n), torch.empty_like(input_n)
        hidden = gates.new_zeros(steps + 1, batch, size)
        r, z = torch.split(rz, size, 2)
        for x_rz, x_n, rz_t, r_t, z_t, u_n, n_t, before, after in zip(
            input_rz, input_n, rz, r, z, recurrent_n, n, hidden[:-1], hidden[1:], strict=True
        ):
            torch.addmm(x_rz, before, weight_rz, out=rz_t).sigmoid_()
            torch.addmm(bias, before, weight_n, out=u_n)
            torch.addcmul(x_n, r_t, u_n, out=n_t).tanh_()
            torch.lerp(n_t, before, z_t, out=after)
        ctx.save_for_backward(weight, r, z, recurrent_n, n, hidden)
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weight, r, z, recurrent_n, n, hidden = ctx.saved_tensors
        steps, batch = n.shape[:2]
        # Derivatives of h' by the three gates, before their sigmoids and tanh: [T, B, 3, H].
        by_n = (1 - z) * (1 - n * n)
        by_gates = torch.stack([by_n * recurrent_n * r * (1 - r), (hidden[:-1] - n) * z * (1 - z), by_n], 2)
        by_recurrent = by_gates.clone()
        by_recurrent[:, :, 2] *= r
        grad_hidden = grad.clone(memory_format=torch.contiguous_format)
        grad_recurrent = torch.empty_like(by_recurrent)
        total, part, flat = grad_hidden.unbind(), grad_recurrent.unbind(), grad_recurrent.view(steps, batch, -1)
        for t in range(steps - 1, -1, -1):
            torch.mul(total[t].unsqueeze(1), by_recurrent[t], out=part[t])
            if t:
                total[t - 1].addcmul_(total[t], z[t]).addmm_(flat[t], weight)
        grad_gates = (grad_hidden.unsqueeze(2) * by_gates).view(steps, batch, -1)
        grad_weight = flat.flatten(0, 1).t() @ hidden[:-1].flatten(0, 1)
        return grad_gates, grad_weight, grad_recurrent[:, :, 2].sum((0, 1))
