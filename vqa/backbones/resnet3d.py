"""3D ResNets (Hara et al., CVPR 2018) and their two releases of Kinetics checkpoints.

Stem 7x7x7 stride (1, 2, 2), max-pool 3 stride 2, four stages; shortcut B is a 1x1x1 projection,
A (depths 18 and 34 of 2018) pads channels with zeros. layer4 of a 16x112x112 cube is
(C, 1, 4, 4). The releases differ in their input normalisation, hence two named backbones.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.backbones import checkpoints
from vqa.backbones.extractor import Extractor, resize_and_crop
from vqa.backbones.registry import CUBE
from vqa.system.serialise import to_bytes

_STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_NORMALISATION = {
    2018: ((114.7748, 107.7354, 99.4750), (1.0, 1.0, 1.0)),
    2020: (
        (0.4345 * 255, 0.4051 * 255, 0.3775 * 255),
        (0.2768 * 255, 0.2713 * 255, 0.2737 * 255),
    ),
}
_SEED = 3018


class _Block(nn.Module):
    """Shared by both block types: residual branch plus shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: str):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.stride, self.outputs = stride, outputs
        self.pads = shortcut == "A" and (stride != 1 or inputs != outputs)
        self.downsample = None
        if shortcut == "B" and (stride != 1 or inputs != outputs):
            convolution = nn.Conv3d(inputs, outputs, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm3d(outputs))

    def branch(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        out = self.branch(x)
        if self.downsample is not None:
            x = self.downsample(x)
        elif self.pads:
            x = F.avg_pool3d(x, 1, stride=self.stride)
            x = F.pad(x, (0, 0) * 3 + (0, self.outputs - x.shape[1]))
        activated: Tensor = self.relu(out + x)
        return activated


class _Basic(_Block):
    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, shortcut: str):
        super().__init__(inputs, width, stride, shortcut)
        self.conv1 = nn.Conv3d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = nn.Conv3d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm3d(width)

    def branch(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        return x


class _Bottleneck(_Block):
    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, shortcut: str):
        super().__init__(inputs, width * 4, stride, shortcut)
        self.conv1 = nn.Conv3d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = nn.Conv3d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm3d(width)
        self.conv3 = nn.Conv3d(width, width * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(width * 4)

    def branch(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        return x


class ResNet3D(nn.Module):
    """The trunk: [B, 3, L, H, W] -> [B, C, ceil(L/16), ceil(H/32), ceil(W/32)]."""

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(self, depth: int, shortcut: str = "B"):
        super().__init__()
        block = _Basic if depth < 50 else _Bottleneck
        self.conv1 = nn.Conv3d(3, 64, 7, stride=(1, 2, 2), padding=3, bias=False)
        self.bn1 = nn.BatchNorm3d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        inputs = 64
        for stage, count in enumerate(_STAGES[depth]):
            blocks = []
            for number in range(count):
                stride = 2 if stage > 0 and number == 0 else 1
                blocks.append(block(inputs, 64 * 2**stage, stride, shortcut))
                inputs = 64 * 2**stage * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x


def create(depth: int, release: int, weights: Path, cube_input: str = "crop112") -> Extractor:
    """The extractor; the shortcut type is read off the checkpoint."""
    state = checkpoints.read(weights)
    projected = any(".downsample." in key for key in state)
    trunk = ResNet3D(depth, "B" if projected else "A")
    checkpoints.load(trunk, state, weights, ignore=("fc.",))
    mean, std = _NORMALISATION[release]
    crop = cube_input == "crop112"
    size = "short side to 112 and centre crop 112" if crop else "native size"
    return Extractor(
        trunk,
        mean,
        std,
        clip_length=CUBE,
        preprocessing=f"RGB, {release} release's mean and std, {size}",
        bytes_per_pixel=300,
        prepare=resize_and_crop(112) if crop else None,
    )


def random_weights(path: Path, depth: int = 18) -> None:
    """A checkpoint of seeded random weights: a stand-in that was never trained.

    Its batch norms take their statistics from one batch of noise, so that activations keep a
    sane size.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        trunk = ResNet3D(depth)
        for module in trunk.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.momentum = 1.0
        mean, std = (torch.tensor(values).view(3, 1, 1, 1) for values in _NORMALISATION[2018])
        with torch.no_grad():
            trunk.train()((255 * torch.rand(2, 3, CUBE, 112, 112) - mean) / std)
    path.write_bytes(to_bytes(trunk.state_dict()))
