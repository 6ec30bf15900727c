"""Frozen networks by name: `create(name, weights)` gives an `Extractor`."""

from pathlib import Path
from typing import TYPE_CHECKING

from vqa.backbones.registry import Spec, check_settings, spec
from vqa.config.names import ClassToken

if TYPE_CHECKING:
    from vqa.backbones.extractor import Extractor

__all__ = ["Spec", "create", "place", "spec"]


def create(
    name: str,
    weights: str | Path,
    cube_input: str = "crop112",
    node: str | None = None,
    class_token: ClassToken = "leave-out",
) -> "Extractor":
    """The extractor of a registered backbone with its weights loaded, in float32.

    Raises `UserError` for an unknown name, for a checkpoint that does not fit, and for settings
    that the backbone cannot follow, such as a node whose maps have no positions.
    """
    entry, weights = spec(name), Path(weights)
    check_settings(name, node, cube_input, class_token)
    if name == "efficientnet_lite0":
        from vqa.backbones import efficientnet_lite

        return efficientnet_lite.create(weights)
    if name == "resnet50":
        from vqa.backbones import resnet

        return resnet.create(weights)
    if name.startswith("resnet3d"):
        from vqa.backbones import resnet3d

        depth, _, release = name.removeprefix("resnet3d").partition("-")
        return resnet3d.create(int(depth), int(release or 2018), weights, cube_input)
    if ":" in name:
        from vqa.backbones import own

        return own.create(name, weights)
    if name.startswith("timm/"):
        from vqa.backbones import timm_models

        return timm_models.create(name.removeprefix("timm/"), weights, class_token)
    from vqa.backbones import torchvision_models

    return torchvision_models.create(name.removeprefix("torchvision/"), weights, entry.clip_length, node, cube_input)


def place(name: str, output: str | Path) -> None:
    """Write a backbone's checkpoint to `output`: the installed or the published one. Uses the network for most.

    Raises `UserError` for an unknown name and for checkpoints that are distributed by hand.
    """
    from vqa.backbones import weights

    weights.place(name, Path(output))
