"""A user's own network as a backbone: `file.py:Class` or `package.module:Class`.

The class is a `torch.nn.Module` made without arguments. It takes pictures [B, 3, H, W], or cubes [B, 3, L, H, W],
and gives maps [B, C, *positions], of which mean and std are taken, or features [B, D]. What it may say, as attributes:

clip_length: frames a row sees, written as a number in the class [default: 1].
mean, std: of RGB in 0 to 1, three numbers each, subtracted and divided by before it sees them [0 and 1].
size: of the central square that each frame is cut to, its short side resized to it [none: frames as they are].
prepare(frame): in place of `size`, of a frame (H, W, 3) uint8, to one of the same kind.
smallest: the shortest side of a frame that it takes, in pixels [1].
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vqa.backbones import checkpoints, registry
from vqa.backbones.extractor import Extractor, resize_and_crop
from vqa.backbones.preprocessing import Preprocessing, Triple
from vqa.system.errors import UserError, one_line
from vqa.system.imports import own_class
from vqa.system.serialise import to_bytes


class Trunk(nn.Module):
    """What a user's network gives, if that can be pooled."""

    def __init__(self, name: str, network: nn.Module):
        super().__init__()
        self.name, self.network = name, network

    def forward(self, x: Tensor) -> Tensor:
        maps = self.network(x)
        if not isinstance(maps, Tensor) or maps.ndim < 2 or len(maps) != len(x) or not maps.is_floating_point():
            told = f"a tensor {tuple(maps.shape)}" if isinstance(maps, Tensor) else f"a {type(maps).__name__}"
            raise UserError(
                f"backbone '{self.name}': gives {told} for {len(x)} items; it should give maps [B, C, *positions] or "
                "features [B, D]"
            )
        return maps


def build(name: str) -> nn.Module:
    """The network as its class makes it, from a fixed seed. Raises `UserError` where it cannot be made."""
    file, _ = registry.own(name)
    cls = own_class(f"backbone '{name}'", name, file)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            network = cls()
        except (Exception, SystemExit) as error:  # a user's code may raise anything, or end
            raise UserError(f"backbone '{name}': cannot be made ({one_line(error)})") from None
    if not isinstance(network, nn.Module):
        raise UserError(f"backbone '{name}': is no torch.nn.Module")
    return network


def make_weights(name: str, output: Path) -> None:
    """The checkpoint of a network that brings its weights along, or was never trained."""
    output.write_bytes(to_bytes(build(name).state_dict()))


def create(name: str, weights: Path) -> Extractor:
    network = build(name)
    checkpoints.load(network, checkpoints.read(weights), weights)
    fed, length = preprocessing(name, network), registry.spec(name).clip_length
    if getattr(network, "clip_length", 1) != length:
        raise UserError(f"backbone '{name}': write clip_length as a number in the class's own body, where it is read")
    return Extractor(
        Trunk(name, network),
        fed.mean,
        fed.std,
        clip_length=length,
        preprocessing=str(fed),
        bytes_per_pixel=300,
        prepare=fed.prepare,
        smallest=getattr(network, "smallest", 1),
        folds=(),  # it may call its layers in another order than it has them
    )


def preprocessing(name: str, network: Any) -> Preprocessing:
    """What the class says of its pictures. Raises `UserError` for a mean or std that are not three numbers."""
    mean, std = _triple(name, network, "mean", 0.0), _triple(name, network, "std", 1.0)
    size, prepare = getattr(network, "size", None), getattr(network, "prepare", None)
    if size is not None:
        return Preprocessing(mean, std, f"short side to {size} and centre crop {size}", resize_and_crop(int(size)))
    return Preprocessing(mean, std, "its own prepare" if prepare else "native size", prepare)


def _triple(name: str, network: Any, key: str, default: float) -> Triple:
    given = getattr(network, key, (default,) * 3)
    try:
        red, green, blue = (255 * float(each) for each in given)
    except (TypeError, ValueError):
        raise UserError(f"backbone '{name}': {key} must be three numbers, of RGB in 0 to 1, got {given!r}") from None
    return red, green, blue
