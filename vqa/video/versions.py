"""Whose pixels these are: the libraries that a decoder's output depends on. Imports no torch."""

from importlib import metadata

_OF_PIXELS = ("libavcodec", "libavfilter", "libswscale")


def libraries(decoder: str) -> str:
    """E.g. "libavcodec 62.28.102, libavfilter 11.14.102, libswscale 9.5.102", not the wheel's version.

    Wheels of one PyAV version differ in them, and equal ones give equal pixels under any. decord does not tell
    which it holds: its own version stands for them.
    """
    if decoder == "decord":
        return f"decord {metadata.version('decord')}"
    import av

    return ", ".join(f"{name} {'.'.join(map(str, av.library_versions[name]))}" for name in _OF_PIXELS)
