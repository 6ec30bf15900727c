"""Any torchvision classification or video model: `torchvision/<name>`, cut at a node of its graph."""

from pathlib import Path
from typing import Any

from torch import nn
from torchvision import models

from vqa.backbones import checkpoints, nodes
from vqa.backbones.extractor import Extractor
from vqa.backbones.families import family
from vqa.backbones.layout import Shape
from vqa.backbones.nodes import Cut, Tried
from vqa.backbones.preprocessing import Preprocessing, cropped, native, published
from vqa.backbones.registry import CUBE
from vqa.system.errors import UserError

_TRIED = ((128, 160), (192, 256))  # sizes of the dry passes


def weights_entry(name: str) -> Any:
    """torchvision's first published weights of a model: V1 for ImageNet, Kinetics for video."""
    try:
        entries = list(models.get_model_weights(name))
    except ValueError:
        raise UserError(f"backbone 'torchvision/{name}': torchvision has no such model") from None
    return entries[0]


def build(name: str) -> nn.Module:
    """The model as its published weights want it, random."""
    options: dict[str, Any] = {}
    if name.startswith("vit_"):
        options = {"image_size": weights_entry(name).meta["min_size"][0]}
    if name in ("googlenet", "inception_v3"):
        # Weights ported from TensorFlow: the model itself turns ImageNet's mean and std into 0.5 and 0.5.
        options = {"transform_input": True, "init_weights": False}
    network: nn.Module = models.get_model(name, weights=None, **options)
    return network.eval()


def preprocessing(name: str, clip_length: int, cube_input: str) -> Preprocessing:
    """Mean and std of the weights' own transforms; native size where the model takes any."""
    transforms = weights_entry(name).transforms()
    if not hasattr(transforms, "mean"):
        raise UserError(f"backbone 'torchvision/{name}': its weights state no mean and std; name another model")
    if family(name).own_size:
        return published(transforms)
    if clip_length > 1 and cube_input == "crop112":
        return cropped(transforms, 112)
    return native(transforms)


def inputs(name: str, clip_length: int) -> list[Shape]:
    """Shapes of the dry passes: two of different sizes, or the one size that the model takes."""
    if family(name).own_size:
        side = weights_entry(name).meta["min_size"][0]
        return [(2, 3, CUBE, side, side) if clip_length > 1 else (2, 3, side, side)]
    if clip_length > 1:
        return [(2, 3, CUBE * times, *size) for times, size in enumerate(_TRIED, start=1)]
    return [(2, 3, *size) for size in _TRIED]


def cut(name: str, network: nn.Module, clip_length: int, node: str) -> Cut:
    """The network up to `node`, tried without data; raises `UserError` for one that cannot be pooled."""
    known = family(name)
    try:
        return nodes.cut(network, node, Tried(inputs(name, clip_length), known.nodes, known.modules))
    except ValueError as problem:
        default = f" [default: {known.node}]" if known.node else ""
        raise UserError(
            f"backbone 'torchvision/{name}': {problem}; set backbones.torchvision/{name}.node{default}"
        ) from None


def create(name: str, weights: Path, clip_length: int, node: str | None, cube_input: str) -> Extractor:
    fed = preprocessing(name, clip_length, cube_input)
    network = build(name)
    checkpoints.load(network, checkpoints.read(weights), weights)
    chosen = node or family(name).node
    made = cut(name, network, clip_length, chosen)
    return Extractor(
        made.trunk,
        fed.mean,
        fed.std,
        clip_length=clip_length,
        preprocessing=f"{fed}, node {chosen}",
        bytes_per_pixel=300,
        prepare=fed.prepare,
        layout=made.layout,
        smallest=smallest(name) if fed.prepare is None else 1,
    )


def smallest(name: str) -> int:
    """The shortest side, in pixels, of frames at native size."""
    return 1 if family(name).smaller else min(weights_entry(name).meta.get("min_size", (1, 1)))
