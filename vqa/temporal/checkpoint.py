"""head.pt: a trained head and what made it. The only module of this package that knows files."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vqa.system.errors import UserError
from vqa.system.files import atomic
from vqa.system.serialise import to_bytes
from vqa.temporal.registry import build
from vqa.temporal.vsfa import VSFA

LAYOUT = "vqa-head-1"


def save_head(path: Path, head: VSFA, name: str, made_by: dict[str, Any]) -> None:
    """`made_by`: what the head was trained on and how (JSON-able)."""
    state = {key: value.detach().cpu().contiguous() for key, value in head.state_dict().items()}
    with atomic(path) as part:
        part.write_bytes(to_bytes({"layout": LAYOUT, "head": name, "state_dict": state, "made_by": made_by}))


def load_head(path: str | Path) -> tuple[VSFA, dict[str, Any]]:
    """Read our `head.pt` or a checkpoint in VSFA's published `VSFA.pt` layout.

    Returns the head in eval mode and what made it (empty for VSFA's).
    """
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a head.pt") from None
    except Exception as error:  # torch raises many types on bytes that are no checkpoint
        raise UserError(f"{path}: not a checkpoint of tensors ({type(error).__name__}); give a head.pt") from None
    try:
        if isinstance(data, dict) and data.get("layout") == LAYOUT:
            name, state, made_by = data["head"], data["state_dict"], dict(data["made_by"])
        else:
            name, state, made_by = "vsfa", _published_layout(data, path), {}
        reduced_size, input_size = state["fc0.weight"].shape
        head = build(name, input_size, reduced_size, hidden_size=state["q.weight"].shape[1])
        head.load_state_dict(state)
    except (LookupError, ArithmeticError, RuntimeError, AttributeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: its tensors fit no head of this package: {reason}") from None
    return head.eval(), made_by


def _published_layout(data: Any, path: str | Path) -> dict[str, Tensor]:
    """`ann.fc0.*`, `rnn.*_l0`, `q.*`; `ann.fc.*` exists in the file but VSFA never uses it."""
    if not isinstance(data, dict) or "ann.fc0.weight" not in data:
        raise UserError(f"{path}: neither a head.pt of this package nor VSFA's VSFA.pt layout")
    renamed = {key.replace("ann.fc0.", "fc0."): value for key, value in data.items()}
    return {key: value for key, value in renamed.items() if not key.startswith("ann.")}
