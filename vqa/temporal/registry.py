"""The temporal models by name."""

import torch

from vqa.system.errors import UserError
from vqa.temporal.vsfa import VSFA

# head name -> (GRU, pooling of frame scores)
HEADS = {
    "vsfa": (True, "vsfa"),
    "gru-mean": (True, "mean"),
    "fc-pooling": (False, "vsfa"),
    "fc-mean": (False, "mean"),
}


def build(name: str, input_size: int, reduced_size: int = 128, hidden_size: int = 32) -> VSFA:
    """A head of that name; raises `UserError` for an unknown one."""
    if name not in HEADS:
        raise UserError(f"head '{name}' is unknown; known are {', '.join(HEADS)}")
    gru, pooling = HEADS[name]
    return VSFA(input_size, reduced_size, hidden_size, gru=gru, pooling=pooling)


def create(name: str, input_size: int, seed: int = 0) -> VSFA:
    """A freshly initialised head for features of `input_size` values a frame.

    Equal seeds share the weights of every layer whose shape agrees. Raises `UserError` for an unknown name.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(name, input_size)
