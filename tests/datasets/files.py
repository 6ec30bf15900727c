"""Trees of video files as users have them on disk."""

import shutil
from pathlib import Path


def place(tiny: Path, *paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tiny, path)
