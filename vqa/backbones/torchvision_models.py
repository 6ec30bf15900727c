"""Any torchvision classification or video model: `torchvision/<name>`, cut at a named node."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torchvision import models
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from vqa.backbones import checkpoints
from vqa.backbones.efficientnet_lite import IMAGENET_MEAN, IMAGENET_STD
from vqa.backbones.extractor import Extractor, resize_and_crop
from vqa.system.errors import UserError

_KINETICS_MEAN = (0.43216 * 255, 0.394666 * 255, 0.37645 * 255)
_KINETICS_STD = (0.22803 * 255, 0.22145 * 255, 0.216989 * 255)
_DEFAULT_NODES = ("layer4", "features", "trunk_output")


class _Trunk(nn.Module):
    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.network(x)["maps"]
        return maps


def weights_entry(name: str) -> Any:
    """torchvision's first published weights of a model: V1 for ImageNet, Kinetics for video."""
    try:
        entries = list(models.get_model_weights(name))
    except ValueError:
        raise UserError(f"backbone 'torchvision/{name}': torchvision has no such model") from None
    return entries[0]


def create(name: str, weights: Path, clip_length: int, node: str | None, cube_input: str) -> Extractor:
    weights_entry(name)
    network = models.get_model(name, weights=None).eval()
    checkpoints.load(network, checkpoints.read(weights), weights)
    nodes = get_graph_node_names(network)[1]
    chosen = node or next((n for n in _DEFAULT_NODES if any(m.split(".")[0] == n for m in nodes)), None)
    if chosen is None or not any(m == chosen or m.startswith(f"{chosen}.") for m in nodes):
        raise UserError(
            f"backbone 'torchvision/{name}': no node '{chosen or '?'}'; set backbones.torchvision/{name}.node "
            f"to one of {', '.join(nodes[-6:])} or an earlier one"
        )
    cubes = clip_length > 1
    crop = cubes and cube_input == "crop112"
    return Extractor(
        _Trunk(create_feature_extractor(network, {chosen: "maps"})),
        _KINETICS_MEAN if cubes else IMAGENET_MEAN,
        _KINETICS_STD if cubes else IMAGENET_STD,
        clip_length=clip_length,
        preprocessing=f"RGB, {'Kinetics' if cubes else 'ImageNet'} mean and std, "
        f"{'112 crop' if crop else 'native size'}, node {chosen}",
        bytes_per_pixel=300,
        prepare=resize_and_crop(112) if crop else None,
    )
