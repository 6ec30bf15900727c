"""torch.save whose bytes depend on the value alone."""

import io
from typing import Any

import torch


def to_bytes(value: Any) -> bytes:
    """A checkpoint of `value`. torch.save to a path writes the file's name into it; a buffer has none."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()
