"""Folding batch norms into the convolutions before them."""

import re
from collections.abc import Collection
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from vqa.backbones import nodes
from vqa.backbones.layout import Shape

_STANDARDISED = re.compile("Std(Aware)?Conv")  # timm's: a scale folded into the weights is standardised away again


def followers(network: nn.Module, shape: Shape) -> set[nn.Module]:
    """The batch norms of a network that are given just what the convolution registered before them gives.

    Seen in a dry pass: RepViT registers a sum's norm behind one of its terms.
    """
    pairs = [pair for module in network.modules() for pair in pairwise(module.children()) if _foldable(*pair)]
    given: dict[nn.Module, list[Tensor]] = {conv: [] for conv, _ in pairs}
    taken: dict[nn.Module, list[Tensor]] = {norm: [] for _, norm in pairs}
    hooks = [
        *(conv.register_forward_hook(lambda conv, _, maps: given[conv].append(maps)) for conv in given),
        *(norm.register_forward_pre_hook(lambda norm, maps: taken[norm].append(maps[0])) for norm in taken),
    ]
    nodes.dry(network, [shape])
    for hook in hooks:
        hook.remove()
    return {
        norm
        for conv, norm in pairs
        if len(given[conv]) == 1 and [id(each) for each in given[conv]] == [id(each) for each in taken[norm]]
    }


def fold_batch_norms(model: nn.Module, among: Collection[nn.Module] | None = None) -> None:
    """Fold each batch norm, or each of `among`, into the convolution registered just before it."""
    for module in list(model.modules()):
        for (_, conv), (name, norm) in pairwise(list(module.named_children())):
            if _foldable(conv, norm) and (among is None or norm in among):
                conv.weight, conv.bias = _fuse(conv, norm)
                conv.requires_grad_(False)
                setattr(module, name, _beside(norm))


def _beside(norm: nn.Module) -> nn.Module:
    """What a batch norm does beside normalising: timm's BatchNormAct2d drops and activates, others nothing."""
    return nn.Sequential(norm.drop, norm.act) if hasattr(norm, "act") else nn.Identity()  # type: ignore[arg-type]


def _fuse(conv: Any, norm: Any) -> tuple[nn.Parameter, nn.Parameter]:
    return fuse_conv_bn_weights(
        conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )


def _foldable(conv: nn.Module, norm: nn.Module) -> bool:
    return (
        isinstance(conv, nn.modules.conv._ConvNd)
        and isinstance(norm, nn.modules.batchnorm._BatchNorm)
        and conv.out_channels == norm.num_features
        and norm.running_mean is not None
        and not _STANDARDISED.search(type(conv).__name__)
    )
