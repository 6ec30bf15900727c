"""What the pixels of a video depend on beside its bytes: its causes, and the libraries that decode it."""

from importlib import metadata
from typing import Any

from vqa.manifest import Video


def causes(video: Video) -> dict[str, Any]:
    """Why a video's pixels differ from what version 0.1 decoded; {} for an ordinary one."""
    return {}


def libraries(decoder: str) -> str:
    """The libraries whose versions decide the pixels, with these versions."""
    if decoder == "decord":
        return f"decord {metadata.version('decord')}"
    import av

    names = ("libavcodec", "libswscale")
    return ", ".join(f"{name} {'.'.join(map(str, av.library_versions[name]))}" for name in names)
