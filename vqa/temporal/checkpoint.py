"""head.pt: a trained head and what made it. The only module of this package that knows files."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vqa.config.heads import HeadError, source
from vqa.system.errors import RunError, UserError
from vqa.system.files import atomic, reaching
from vqa.system.serialise import to_bytes
from vqa.temporal.model import TemporalModel
from vqa.temporal.registry import build

LAYOUT = "vqa-head-1"
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# Heads whose sizes their own tensors tell, as version 0.1 wrote them.
_SELF_EVIDENT = ("vsfa", "gru-mean", "fc-pooling", "fc-mean")


def save_head(path: Path, head: TemporalModel, name: str, made_by: dict[str, Any]) -> None:
    """name: as in a config; `made_by`: what the head was trained on and how (JSON-able)."""
    state = {key: value.detach().cpu().contiguous() for key, value in head.state_dict().items()}
    content: dict[str, Any] = {"layout": LAYOUT, "head": name, "state_dict": state, "made_by": made_by}
    if name not in _SELF_EVIDENT:
        content |= {"input_size": head.input_size, "source": source(name)}
    with atomic(path) as part:
        part.write_bytes(to_bytes(content))


def load_head(path: str | Path) -> tuple[TemporalModel, dict[str, Any]]:
    """Read our `head.pt` or a checkpoint in VSFA's published `VSFA.pt` layout.

    Returns the head in eval mode, in the precision it was trained in, and what made it (empty for VSFA's). A user's
    head needs its own file beside the working directory as it was trained with: `UserError` where that is gone or
    another.
    """
    try:
        with reaching(path):
            data = torch.load(path, map_location="cpu", weights_only=True)
    except RunError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a head.pt") from None
    except Exception as error:  # torch raises many types on bytes that are no checkpoint
        raise UserError(f"{path}: not a checkpoint of tensors ({type(error).__name__}); give a head.pt") from None
    try:
        if not (isinstance(data, dict) and data.get("layout") == LAYOUT):
            data = {"head": "vsfa", "state_dict": _published_layout(data, path), "made_by": {}}
        _require_head(path, data)
        head = _rebuild(path, data)
        head.load_state_dict(data["state_dict"])
        made_by = dict(data["made_by"])
        head.projection_dtype = _PRECISIONS[made_by.get("run", {}).get("precision", "float32")]
    except (LookupError, ArithmeticError, RuntimeError, AttributeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: its tensors fit no head of this package: {reason}") from None
    return head.eval(), made_by


def _rebuild(path: str | Path, data: dict[str, Any]) -> TemporalModel:
    name, state, sizes = data["head"], data["state_dict"], {}
    if name in _SELF_EVIDENT:
        width, input_size = state["fc0.weight"].shape
        sizes = {"width": width, "hidden": state["q.weight"].shape[1]}
    else:
        input_size = int(data["input_size"])
    try:
        return build(name, input_size, **sizes)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _require_head(path: str | Path, data: dict[str, Any]) -> None:
    """Raise `UserError` for a head that is not known, or whose code is not the one that was trained."""
    try:
        found = source(data["head"])
    except HeadError as error:
        raise UserError(f"{path}: was trained with '{data['head']}', which cannot be read: {error}") from None
    recorded = data.get("source", "")
    if found != recorded:
        raise UserError(f"{path}: was trained with another '{data['head']}' ({recorded}, here {found}); restore it")


def _published_layout(data: Any, path: str | Path) -> dict[str, Tensor]:
    """`ann.fc0.*`, `rnn.*_l0`, `q.*`; `ann.fc.*` exists in the file but VSFA never uses it."""
    if not isinstance(data, dict) or "ann.fc0.weight" not in data:
        raise UserError(f"{path}: neither a head.pt of this package nor VSFA's VSFA.pt layout")
    renamed = {key.replace("ann.fc0.", "fc0."): value for key, value in data.items()}
    return {key: value for key, value in renamed.items() if not key.startswith("ann.")}
