"""Checkpoints: read as tensors only, and compared with the network before they are loaded."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vqa.system.errors import RunError, UserError
from vqa.system.files import reaching

_METADATA = "_metadata"  # of a state dict, as torch names it


def read(path: Path) -> dict[str, Tensor]:
    """The state dict of a checkpoint, whatever wraps it (`state_dict:`, `module.` prefixes)."""
    try:
        with reaching(path):
            data: Any = _tensors(path)
    except (RunError, UserError):
        raise
    except FileNotFoundError:
        raise UserError(f"{path}: no such checkpoint; see `vqa weights --help` for where to get it") from None
    except Exception as error:  # torch raises many types on bytes that are no checkpoint
        raise UserError(f"{path}: not a checkpoint of tensors ({type(error).__name__}); download it again") from None
    state = data.get("state_dict", data) if isinstance(data, dict) else data
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UserError(f"{path}: holds no state dict of tensors; is it the right file?")
    named = OrderedDict((key.removeprefix("module."), value) for key, value in state.items())
    if hasattr(state, _METADATA):  # the modules' versions, which mnasnet reads
        setattr(
            named, _METADATA, {key.removeprefix("module."): value for key, value in getattr(state, _METADATA).items()}
        )
    return named


def _tensors(path: Path) -> Any:
    if path.suffix != ".safetensors":
        return torch.load(path, map_location="cpu", weights_only=True)
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise UserError(f"{path}: reading it needs safetensors: pip install 'vqa[timm]'") from None
    return load_file(path)


def load(model: nn.Module, state: dict[str, Tensor], path: Path, ignore: tuple[str, ...] = ()) -> None:
    """Load exactly; tensors whose names start with `ignore` (the classifier) may differ."""
    wanted = model.state_dict()
    metadata = getattr(state, _METADATA, getattr(wanted, _METADATA))
    state = OrderedDict((key, value) for key, value in state.items() if not (ignore and key.startswith(ignore)))
    optional = {key for key in wanted if key.endswith("num_batches_tracked")}
    problems = {
        "missing": sorted(wanted.keys() - state.keys() - optional),
        "unexpected": sorted(state.keys() - wanted.keys()),
        "of another shape": sorted(
            f"{key} {tuple(state[key].shape)} for {tuple(wanted[key].shape)}"
            for key in wanted.keys() & state.keys()
            if wanted[key].shape != state[key].shape
        ),
    }
    if any(problems.values()):
        told = "; ".join(
            f"{len(names)} {kind}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
            for kind, names in problems.items()
            if names
        )
        raise UserError(f"{path}: does not fit the backbone ({told}); give the checkpoint it was made for")
    setattr(state, _METADATA, metadata)
    model.load_state_dict(state, strict=not optional)
