"""The temporal models, built by name: those of this package, and a user's own."""

import importlib

import torch
from torch import Tensor, nn

from vqa.config.heads import HEADS, Head, HeadError, resolve
from vqa.system.errors import UserError, one_line
from vqa.system.imports import own_class
from vqa.temporal.model import TemporalModel

__all__ = ["HEADS", "build", "create"]


class Own(TemporalModel):
    """A user's module that has only a `forward(features [B, T, D], lengths [B]) -> scores [B]`."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    @property
    def blind_to_order(self) -> bool:
        return bool(getattr(self.module, "blind_to_order", False))

    def score(self, reduced: Tensor, lengths: Tensor, rates: Tensor | None = None) -> Tensor:
        try:
            scores: Tensor = self.module(reduced, lengths)
        except (UserError, torch.OutOfMemoryError):
            raise
        except (Exception, SystemExit) as error:  # a user's code may raise anything, or end
            shape, name = " x ".join(map(str, reduced.shape)), type(self.module).__name__
            raise UserError(f"head '{name}': fails on features of {shape} ({one_line(error)})") from error
        return scores


def build(name: str, input_size: int, **sizes: int) -> TemporalModel:
    """The head `name` for features of `input_size` values a frame; `sizes` override its options.

    name: as in a config, a mapping with options as JSON. Raises `UserError` where it cannot be made.
    """
    try:
        head = resolve(name)
    except HeadError as error:
        raise UserError(f"head: {error}") from None
    cls = _load(head)
    try:
        model = cls(input_size, **head.options | sizes)
    except (Exception, SystemExit) as error:  # a user's code may raise anything, or end
        raise UserError(f"head '{head.name}': cannot be made ({one_line(error)})") from None
    if not isinstance(model, nn.Module):
        raise UserError(f"head '{head.name}': {head.cls} is no torch.nn.Module")
    model = model if isinstance(model, TemporalModel) else Own(model)
    model.input_size = input_size
    return model


def create(name: str, input_size: int, seed: int = 0) -> TemporalModel:
    """A freshly initialised head for features of `input_size` values a frame.

    Equal seeds share the weights of every layer whose shape agrees and that is made first. Raises `UserError` for an
    unknown name or option.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(name, input_size)


def declared_size(name: str) -> int | None:
    """`input_size = N` in the body of a user's class, which takes frames of N values only."""
    size = getattr(_load(resolve(name)), "input_size", None)
    return size if type(size) is int and size > 0 else None


def _load(head: Head) -> type:
    if head.own:
        return own_class(f"head '{head.name}'", head.name, head.file)
    cls: type = getattr(importlib.import_module(f"vqa.temporal.{head.file.stem}"), head.cls)
    return cls
