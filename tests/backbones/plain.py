"""The plain way to a torchvision network's features, to compare ours with: the model as torchvision
itself builds it for its published weights, a forward hook, the weights' own transforms, numpy.
"""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models import WeightsEnum

_INITIALISERS = ("kaiming_uniform_", "kaiming_normal_", "normal_", "trunc_normal_", "uniform_", "xavier_uniform_")
CHANNELS_LAST = ("swin",)
TOKENS = ("vit_", "mvit_")
OWN_SIZE = ("vit_", "mvit_", "maxvit_")
NAMES = models.list_models(module=models)
VIDEO_NAMES = models.list_models(module=models.video)


@dataclass
class Plain:
    """state: the checkpoint. frames: uint8, [B, H, W, 3] or [B, 16, H, W, 3]. peak: of the maps' absolute values."""

    state: dict[str, Tensor]
    frames: np.ndarray
    features: np.ndarray
    peak: float


class _Seen(Exception):
    """The hook has its maps: the rest of the network need not run."""


def entry(name: str) -> WeightsEnum:
    return next(iter(models.get_model_weights(name)))


@contextmanager
def unset():
    """No time for initial values: they are all replaced."""
    with ExitStack() as stack:
        for name in _INITIALISERS:
            stack.enter_context(patch.object(nn.init, name, lambda tensor, *_, **__: tensor))
        yield


def network(name: str, seed: int = 0) -> tuple[nn.Module, dict[str, Tensor]]:
    """torchvision's own way to a model with weights, and their state dict; random ones in place of the published."""
    states = []

    def load(model: nn.Module, *_: object, **__: object) -> None:
        randomise(model, seed)
        state = model.state_dict()
        state.update({key: value.clone() for key, value in state.items()})
        states.append(state)

    with (
        unset(),
        patch.object(nn.Module, "load_state_dict", load),
        patch.object(WeightsEnum, "get_state_dict", lambda *_, **__: {}),
    ):
        model = models.get_model(name, weights=entry(name))
    return model.eval(), states[0]


@torch.no_grad()
def randomise(model: nn.Module, seed: int) -> None:
    """Values under which activations keep their size and rounding stays small; batch norms of any statistics,
    so that folding shows.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        if value.ndim > 1:
            value.normal_(0, value[0].numel() ** -0.5, generator=generator)
        elif name.endswith("weight"):
            value.uniform_(0.75, 1.25, generator=generator)
        else:
            value.normal_(0, 0.1, generator=generator)
    for name, value in model.named_buffers():
        if name.endswith("running_mean"):
            value.normal_(0, 0.1, generator=generator)
        if name.endswith("running_var"):
            value.uniform_(0.75, 1.25, generator=generator)


def picture(name: str, seed: int = 0) -> np.ndarray:
    """Two pictures, or one cube, with structure at several scales; small where the network takes any size."""
    video = name in VIDEO_NAMES
    batch, (height, width) = 1 if video else 2, (64, 96)
    if name.startswith(OWN_SIZE):
        batch, (height, width) = 1, (240, 304)
    if name == "inception_v3":
        height, width = 128, 160
    rng = np.random.default_rng(seed)
    total = np.zeros((batch, 16 if video else 1, height, width, 3))
    for side in (4, 16, 32):
        blocks = rng.integers(0, 256, (*total.shape[:2], -(-height // side), -(-width // side), 3))
        total += blocks.repeat(side, 2).repeat(side, 3)[:, :, :height, :width]
    frames = (total / 3).astype(np.uint8)
    return frames if video else frames[:, 0]


def pixels(name: str, frames: np.ndarray) -> Tensor:
    """As the weights' own transforms give them, at native size where the network takes any."""
    transforms = entry(name).transforms()
    first = torch.from_numpy(frames).movedim(-1, -3)  # [B, (L,) 3, H, W]
    if name.startswith(OWN_SIZE):
        return torch.stack([transforms(each) for each in first])
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (transforms.mean, transforms.std))
    pixels = (first / 255 - mean) / std
    return pixels.movedim(1, 2) if first.ndim == 5 else pixels


def plain(name: str, node: str, seed: int = 0) -> Plain:
    """Mean and unbiased std of the maps that the module `node` gives."""
    model, state = network(name, seed)
    seen: list[np.ndarray] = []

    def hook(module: nn.Module, inputs: object, maps: Tensor) -> None:
        seen.append(maps.double().numpy())
        raise _Seen

    model.get_submodule(node).register_forward_hook(hook)
    frames = picture(name, seed)
    try:
        with torch.no_grad():
            model(pixels(name, frames))
    except _Seen:
        pass
    (maps,) = seen
    if name.startswith(TOKENS):
        maps = np.moveaxis(maps[:, 1:], 2, 1)
    elif name.startswith(CHANNELS_LAST):
        maps = np.moveaxis(maps, -1, 1)
    flat = maps.reshape(*maps.shape[:2], -1)
    features = np.concatenate([flat.mean(-1), flat.std(-1, ddof=1)], axis=1)
    return Plain(state, frames, features, np.abs(flat).max())
