"""ResNet-50 (He et al., CVPR 2016) with ImageNet V1 weights, as VSFA and the paper use it.

torchvision's own default is V2: other weights, other features.
"""

from pathlib import Path

from torch import nn
from torchvision.models import resnet50

from vqa.backbones import checkpoints
from vqa.backbones.efficientnet_lite import IMAGENET_MEAN, IMAGENET_STD
from vqa.backbones.extractor import Extractor


def create(weights: Path) -> Extractor:
    network = resnet50(weights=None)
    network.fc = nn.Identity()
    checkpoints.load(network, checkpoints.read(weights), weights, ignore=("fc.",))
    trunk = nn.Sequential(*list(network.children())[:-2])  # up to layer4: [B, 2048, H/32, W/32]
    return Extractor(
        trunk,
        IMAGENET_MEAN,
        IMAGENET_STD,
        clip_length=1,
        preprocessing="RGB, ImageNet mean and std, native size",
        bytes_per_pixel=300,
    )
