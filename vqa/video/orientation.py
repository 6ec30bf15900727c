"""How a file's header says that its picture is turned or flipped, which PyAV tells with decoded frames only.

MP4 and MOV hold a display matrix in each track's header and one for the whole film (ISO/IEC 14496-12, 8.3.2 and
8.2.2), Matroska and WebM three angles (`ProjectionPose...`, RFC 9559, 5.1.4.1.28). No other container has any.
"""

import struct
from collections.abc import Iterator
from typing import IO

from vqa.video.picture import turns

_MATRIX_AT = {b"mvhd": (40, 52), b"tkhd": (44, 56)}  # from the box's kind on, in its versions 0 and 1
_EBML, _UNKNOWN_SIZE = b"\x1a\x45\xdf\xa3", (1 << 56) - 1
_PARENTS = {0x18538067: "Segment", 0x1654AE6B: "Tracks", 0xAE: "TrackEntry", 0xE0: "Video", 0x7670: "Projection"}
_ANGLES = {0x7673: "yaw", 0x7674: "pitch", 0x7675: "roll"}


def orientation(file: IO[bytes]) -> list[float]:
    """[] for an upright picture, else the first matrix (9 numbers) or angle (1, in degrees) that turns it."""
    start = file.read(4)
    file.seek(0)
    if start == _EBML:
        return next((found for found in _projections(file, 1 << 62) if any(found)), [])
    return next((list(matrix) for matrix in _matrices(file) if turns(matrix)), [])


def _matrices(file: IO[bytes]) -> Iterator[tuple[int, ...]]:
    for kind, size in _boxes(file):
        if kind != b"moov":
            continue
        film = file.read(size)
        for inner, starts in _MATRIX_AT.items():
            at = film.find(inner)
            while at >= 0:
                start = at + starts[film[at + 4 : at + 5] == b"\1"]
                if len(numbers := film[start : start + 36]) == 36:
                    yield struct.unpack(">9i", numbers)
                at = film.find(inner, at + 4)


def _boxes(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """(kind, bytes of content) of each box of a file, which stands at the content when it is given."""
    position = 0
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        used = 8
        if length == 1:
            length, used = int.from_bytes(file.read(8), "big"), 16
        if length < used:  # 0: to the end of the file; less than its own head: no such file
            return
        yield kind, length - used
        position += length
        file.seek(position)


def _projections(file: IO[bytes], end: int) -> Iterator[list[float]]:
    """The angles in Matroska's elements from here to `end`, none of them inside the pictures' data."""
    while file.tell() < end and (name := _number(file, keep_marker=True)) is not None:
        size = _number(file, keep_marker=False)
        if size is None:
            return
        content = file.tell()
        if name in _PARENTS:
            yield from _projections(file, min(content + size, end))
        elif name in _ANGLES and size in (4, 8):
            data = file.read(size)
            if len(data) == size:
                yield list(struct.unpack(">f" if size == 4 else ">d", data))
        if size == _UNKNOWN_SIZE:  # of a live recording's segment or cluster
            return
        file.seek(content + size)


def _number(file: IO[bytes], keep_marker: bool) -> int | None:
    """An EBML number: the leading zeros of its first byte count the bytes that follow. None at the end."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    value = first[0] if keep_marker else first[0] & ((1 << (8 - length)) - 1)
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        return None
    return (value << (8 * len(rest))) | int.from_bytes(rest, "big")
