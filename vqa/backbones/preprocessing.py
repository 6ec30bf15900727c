"""How frames become a network's input, as its published weights want it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.transforms import functional

from vqa.backbones.extractor import Prepare, resize_and_crop

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocessing:
    """mean, std: of RGB in 0 to 255. size: in words. prepare: brings a frame to it; None: native size."""

    mean: Triple
    std: Triple
    size: str
    prepare: Prepare | None = None

    def __str__(self) -> str:
        """As a shard records it."""
        mean, std = self.stated()
        return f"RGB, mean {mean}, std {std}, {self.size}"

    def stated(self) -> tuple[str, str]:
        """Mean and std as published, of RGB in 0 to 1."""
        mean, std = (" ".join(f"{value / 255:.6g}" for value in values) for values in (self.mean, self.std))
        return mean, std


def native(transforms: Any) -> Preprocessing:
    """transforms: of torchvision's weights."""
    return Preprocessing(*_statistics(transforms), "native size")


def cropped(transforms: Any, side: int) -> Preprocessing:
    return Preprocessing(
        *_statistics(transforms), f"short side to {side} and centre crop {side}", resize_and_crop(side)
    )


def published(transforms: Any) -> Preprocessing:
    """The size of the weights' own transforms: resized, then cropped to the centre."""
    resized, crop = transforms.resize_size, transforms.crop_size
    side = crop[0]
    short = resized[0]
    smooth = getattr(transforms, "antialias", False)

    def prepare(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        image = torch.from_numpy(frame).permute(2, 0, 1)
        image = functional.resize(image, resized, interpolation=transforms.interpolation, antialias=smooth)
        image = functional.center_crop(image, crop)
        return np.ascontiguousarray(image.permute(1, 2, 0).numpy())

    how = f"{transforms.interpolation.value}{', anti-aliased' if smooth else ''}"
    size = f"short side to {short} ({how}) and centre crop {side}"
    return Preprocessing(*_statistics(transforms), size, prepare)


def _statistics(transforms: Any) -> tuple[Triple, Triple]:
    mean, std = (tuple(value * 255 for value in values) for values in (transforms.mean, transforms.std))
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])
