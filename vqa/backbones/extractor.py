"""A frozen CNN as a feature extractor: normalise, run the trunk, pool.

The pooled feature of a frame or cube is concat(mean, unbiased std) of the last feature maps
over space (and time): VSFA's content-aware features (Li et al., ACM MM 2019).
"""

from collections.abc import Callable, Collection

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.backbones.folding import fold_batch_norms
from vqa.backbones.layout import CHANNELS_FIRST, Layout, pool
from vqa.system.errors import UserError

Prepare = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class Extractor(nn.Module):
    """uint8 RGB frames [B, H, W, 3], or cubes [B, L, H, W, 3], to features [B, 2 C] float32, or as `layout` has them.

    prepare: applied to each frame (H, W, 3) in the decoder's thread, e.g. resize and crop.
    bytes_per_pixel: of activations at the network's peak, per input pixel and float32 value.
    layout: of the trunk's maps.
    smallest: the shortest side of a frame that the trunk takes, in pixels.
    folds: the trunk's batch norms that may be folded; None: all that stand behind a convolution.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        trunk: nn.Module,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        clip_length: int,
        preprocessing: str,
        bytes_per_pixel: float,
        prepare: Prepare | None = None,
        layout: Layout = CHANNELS_FIRST,
        smallest: int = 1,
        folds: Collection[nn.Module] | None = None,
    ):
        super().__init__()
        self.trunk = trunk.eval().requires_grad_(False)
        self.clip_length = clip_length
        self.preprocessing = preprocessing
        self.bytes_per_pixel = bytes_per_pixel
        self.prepare = prepare or (lambda frame: frame)
        self.layout = layout
        self.smallest = smallest
        self.folds = folds
        self.precision = torch.float32
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))

    @torch.inference_mode()
    def forward(self, frames: Tensor) -> Tensor:
        pixels = (frames.to(torch.float32) - self.mean) / self.std
        # Channels last in memory is exactly what the trunk's layout wants: no copy here.
        pixels = pixels.to(self.precision).movedim(-1, 1)
        try:
            return pool(self.trunk(pixels), self.layout)
        except NotImplementedError as error:
            if self.precision == torch.float32:
                raise
            name = str(self.precision).removeprefix("torch.")
            raise UserError(
                f"the network does not run in {name} here ({error}); set extraction.precision: float32"
            ) from None

    def optimise(self, precision: torch.dtype) -> "Extractor":
        """Fold batch norms, choose the memory layout, set the precision."""
        fold_batch_norms(self.trunk, self.folds)
        cubes = self.clip_length > 1
        layout = torch.channels_last_3d if cubes else torch.channels_last
        self.trunk.to(precision).to(memory_format=layout)
        self.precision = precision
        return self

    def batch_size(self, pixels: int, memory_mb: int) -> int:
        """Frames (or cubes) of `pixels` each that fit the budget for activations, 1 to 64."""
        scale = torch.finfo(self.precision).bits / 32
        each = pixels * self.clip_length * self.bytes_per_pixel * scale
        return int(min(64, max(1, memory_mb * 1e6 // each)))


def resize_and_crop(side: int) -> Prepare:
    """Short side to `side` (bilinear, anti-aliased, as PIL does), then the central square."""

    def prepare(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = frame.shape[:2]
        size = [side * length // min(height, width) for length in (height, width)]
        image = torch.from_numpy(frame).permute(2, 0, 1).unsqueeze(0)
        resized = F.interpolate(image, size, mode="bilinear", antialias=True)[0]
        top, left = (round((length - side) / 2) for length in size)
        cropped = resized[:, top : top + side, left : left + side].permute(1, 2, 0)
        return np.ascontiguousarray(cropped.numpy())

    return prepare
