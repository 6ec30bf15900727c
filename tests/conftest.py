"""Shared fixtures: real encoded clips, and commands run as a user runs them."""

import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests import forked
from vqa.cli import main
from vqa.demo.render import encode

REPO = Path(__file__).parents[1]


def changed(text: str, *changes: tuple[str, str]) -> str:
    """A user's file with some of its text replaced; what is replaced must be there."""
    text = textwrap.dedent(text)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def moving_picture(frames: int, height: int = 48, width: int = 64, seed: int = 0) -> list[np.ndarray]:
    """RGB frames of a texture that pans, so that every frame differs."""
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    return [np.ascontiguousarray(np.roll(base, (t, 2 * t), (0, 1))) for t in range(frames)]


def encode_clip(path: Path, frames: int = 20, height: int = 48, width: int = 64, seed: int = 0, fps: int = 24) -> Path:
    """An H.264 mp4 of `moving_picture`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(path, moving_picture(frames, height, width, seed), (width, height), fps, crf=20)
    return path


@pytest.fixture(scope="session")
def make_clip() -> Callable[..., Path]:
    return encode_clip


@pytest.fixture(scope="session")
def tiny(make_clip, tmp_path_factory) -> Path:
    return make_clip(tmp_path_factory.mktemp("tiny") / "tiny.mp4", frames=4)


def vqa(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the `vqa` command in a process of its own."""
    return forked.run(main, ("vqa", *map(str, arguments)), cwd)


def assert_one_line_error(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit status 2 and one `vqa: error:` line with `words`, no traceback."""
    assert result.returncode == 2, result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("vqa: error:")]
    assert len(errors) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in errors[0]
