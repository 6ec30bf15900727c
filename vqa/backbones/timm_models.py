"""Any image model of timm: `timm/<architecture>`, or `timm/<architecture>.<tag>` for other weights than its first.

Its maps are what its own `forward_features` gives, whatever their layout. timm is an extra (`vqa[timm]`).
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from vqa.backbones import checkpoints, layout, nodes
from vqa.backbones.extractor import Extractor
from vqa.backbones.folding import followers
from vqa.backbones.layout import Layout, Shape
from vqa.backbones.preprocessing import Preprocessing, Triple
from vqa.config.names import ClassToken
from vqa.system.errors import RunError, UserError
from vqa.system.serialise import to_bytes

_AWKWARD = (135, 241)  # a network that takes this size takes any
_SIDES = (32, 64, 96, 128, 160, 192, 224)


def library() -> Any:
    """The package timm; raises `UserError` where it is not installed."""
    try:
        import timm
    except ImportError:
        raise UserError("timm/<name>: timm is not installed; run `pip install 'vqa[timm]'`") from None
    return timm


class Trunk(nn.Module):
    """A timm model without its head."""

    def __init__(self, network: Any):
        super().__init__()
        self.network: Any = network

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, H, W] -> maps [B, C, H', W'], [B, H', W', C] or [B, tokens, C]"""
        maps: Tensor = self.network.forward_features(x)
        return maps


@dataclass(frozen=True)
class Tried:
    """What a network gave on shapes alone.

    side: of the one size of pictures that it takes; None: any. smallest: the shortest side of those.
    """

    layout: Layout
    shape: Shape
    side: int | None
    smallest: int


def build(name: str) -> Trunk:
    """The model as its published weights want it, random and without classifier. Raises `UserError` for one that
    timm does not have.
    """
    _require(name)
    return Trunk(library().create_model(name, num_classes=0)).eval()


def _require(name: str) -> None:
    timm = library()
    architecture, having = name.partition(".")[0], f"backbone 'timm/{name}': timm {timm.__version__} has no such"
    if not timm.is_model(name):
        close = difflib.get_close_matches(architecture, timm.list_models(), n=1)
        hint = f"did you mean 'timm/{close[0]}'?" if close else "`vqa list backbones --match timm/` names those it has"
        raise UserError(f"{having} model; {hint}")
    try:
        timm.models.get_pretrained_cfg(name)
    except RuntimeError:
        tags = ", ".join(each.partition(".")[2] for each in timm.list_pretrained(architecture))
        raise UserError(f"{having} weights; after '{architecture}.' it knows {tags or 'none'}") from None


def attempt(name: str, trunk: Trunk) -> Tried:
    """The layout of a model's maps and the sizes that it takes, found on shapes alone.

    Raises `UserError` for a model whose `forward_features` gives no maps.
    """
    config = trunk.network.pretrained_cfg
    side = int(config["input_size"][1])
    if not config.get("fixed_input_size") and len(shape := _shape(trunk, _AWKWARD)) == 4:
        smallest = next((each for each in _SIDES if _shape(trunk, (each, each))), side)
        return Tried(_layout(name, trunk, shape), shape, None, smallest)
    shape = _shape(trunk, (side, side))
    return Tried(_layout(name, trunk, shape), shape, side, 1)


def _shape(trunk: Trunk, size: tuple[int, int]) -> Shape:
    """Of the maps of two pictures of `size`; empty where the network does not take them or gives no maps."""
    try:
        (maps,) = nodes.dry(trunk, [(2, 3, *size)])
    except ValueError:
        return ()
    return tuple(maps.shape) if isinstance(maps, Tensor) else ()


def _layout(name: str, trunk: Trunk, shape: Shape) -> Layout:
    """The axis of length `num_features` holds the channels. Tokens are those of no place, then those of a square."""
    channels, told = trunk.network.num_features, "x".join(map(str, shape[1:]))
    axes = [axis for axis, length in enumerate(shape) if axis and length == channels]
    try:
        if len(shape) == 4 and axes in ([1], [3]):
            return layout.with_positions(Layout(axes[0]), shape)
        if len(shape) == 3 and 2 in axes:
            beside = shape[1] - isqrt(shape[1]) ** 2
            if beside != getattr(trunk.network, "num_prefix_tokens", beside):
                raise ValueError("has tokens that form no square")
            return layout.with_positions(Layout(2, beside), shape)
        raise ValueError("is no map of each picture")
    except ValueError as error:
        raise UserError(
            f"backbone 'timm/{name}': what its forward_features gives {error} (its shape is {told or 'none'}); "
            "choose another model"
        ) from None


def preprocessing(trunk: Trunk, tried: Tried) -> Preprocessing:
    """Mean and std of the weights; native size where the network takes any, else timm's own resizing and crop."""
    data = library().data
    config = data.resolve_model_data_config(trunk.network)
    mean, std = (_of_255(config[key]) for key in ("mean", "std"))
    if tried.side is None:
        return Preprocessing(mean, std, "native size")
    # With timm's prefetcher, pictures leave its transforms as bytes, to be normalised by who takes them.
    transform = data.create_transform(**config, is_training=False, use_prefetcher=True)

    def prepare(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        from PIL import Image

        given = transform(Image.fromarray(frame))
        return np.ascontiguousarray(np.asarray(given).transpose(1, 2, 0))

    how = f"{config['interpolation']}, {config['crop_mode']} crop of {100 * config['crop_pct']:.4g} %"
    return Preprocessing(mean, std, f"{tried.side} x {tried.side} ({how})", prepare)


def _of_255(values: Sequence[float]) -> Triple:
    red, green, blue = (255 * value for value in values)
    return red, green, blue


def with_class_token(name: str, trunk: Trunk, layout: Layout, class_token: ClassToken) -> Layout:
    """Raises `UserError` for a network that has none; timm's networks have it in front of their other tokens."""
    has = layout.prefix and any(each.startswith("cls_token") for each in trunk.network._parameters)
    if class_token != "leave-out" and not has:
        raise UserError(f"backbone 'timm/{name}': has no class token; remove `class_token: {class_token}`")
    return replace(layout, class_token=class_token)


def create(name: str, weights: Path, class_token: ClassToken = "leave-out") -> Extractor:
    trunk = build(name)
    checkpoints.load(trunk.network, _without_classifier(trunk, checkpoints.read(weights)), weights)
    tried = attempt(name, trunk)
    maps = with_class_token(name, trunk, tried.layout, class_token)
    fed = preprocessing(trunk, tried)
    return Extractor(
        trunk,
        fed.mean,
        fed.std,
        clip_length=1,
        preprocessing=f"timm {library().__version__}, {fed}",
        bytes_per_pixel=300,
        prepare=fed.prepare,
        layout=maps,
        smallest=tried.smallest,
        folds=followers(trunk, (1, 3, *((tried.side,) * 2 if tried.side else _AWKWARD))),
    )


def _without_classifier(trunk: Trunk, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint as timm publishes it, or as trained further, has a classifier; no feature depends on it."""
    wanted, names = trunk.network.state_dict(), trunk.network.pretrained_cfg.get("classifier") or ()
    heads = tuple(f"{each.partition('.')[0]}." for each in ([names] if isinstance(names, str) else names))
    return {key: value for key, value in state.items() if key in wanted or not key.startswith(heads)}


def published() -> list[tuple[str, str]]:
    """Every model with published weights, under the name of these, and where timm has them from."""
    models = library().models
    configs = {name: models.get_pretrained_cfg(name) for name in models.list_pretrained()}
    return [
        (f"timm/{name}", f"timm's, weights at {config.hf_hub_id or config.url}") for name, config in configs.items()
    ]


def fetch(name: str, output: Path) -> None:
    """Write the published weights of a model, which timm takes from its hub or cache, as tensors alone.

    Raises `UserError` for a model without any, `RunError` where the hub cannot be reached.
    """
    _require(name)
    timm = library()
    if not timm.models.get_pretrained_cfg(name).has_weights:
        raise UserError(
            f"{output}: timm publishes no weights of '{name}'; name a model that has some (`vqa list backbones`), or "
            f"set backbones.timm/{name}.weights to your own"
        )
    try:
        network = timm.create_model(name, pretrained=True)  # with its classifier: only then does timm load strictly
    except Exception as error:  # the hub's client raises many types
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"timm/{name}: its weights cannot be fetched ({type(error).__name__}: {reason}); run this on a machine "
            f"with a network, or download them by hand and set backbones.timm/{name}.weights to the file"
        ) from None
    output.write_bytes(to_bytes({key: value.contiguous() for key, value in network.state_dict().items()}))
