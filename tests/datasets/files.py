"""Trees of video files as users have them on disk."""

import shutil
from pathlib import Path


def place(tiny: Path, *paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tiny, path)


def touch(root: Path, *names: str) -> Path:
    """A tree of empty files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root
