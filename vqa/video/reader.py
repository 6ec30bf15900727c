"""What every decoder gives: a header, frames one at a time, and counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqa.system.errors import UserError

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Header:
    """What the file says of itself. frames: the container's count, None where it has none."""

    width: int
    height: int
    fps: float | None
    frames: int | None
    pixel_format: str


@dataclass
class Decoded:
    """Counts that are known only after the last frame."""

    frames: int = 0
    corrupt: int = 0


class Reader(Protocol):
    """An open video. `decoded` is complete once `frames` is exhausted."""

    name: str
    version: str
    header: Header
    decoded: Decoded

    def frames(self) -> Iterator[Frame]:
        """RGB frames, uint8 (height, width, 3), in display order."""

    def close(self) -> None: ...


def unreadable(path: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).replace(str(path), "").split())[:120].strip(" :;'")
    return UserError(f"{path}: cannot be decoded as video ({reason}); download it again or exclude it")
