"""A decoded frame as the RGB picture that the ffmpeg command shows: turned upright, then converted.

FFmpeg's own filters do both, in the order and the pixel formats in which its command would: the bytes are the same, for
odd sizes, ten bits and interlaced frames too. One graph serves all frames alike; made anew for each frame, the
conversion of 960x540 takes twelve times as long.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from vqa.video.reader import Frame

if TYPE_CHECKING:
    from av import VideoFrame
    from av.filter import Graph

Matrix = tuple[int, ...]
IDENTITY: Matrix = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)


class Painter:
    """Frames to RGB pictures, uint8 (height, width, 3)."""

    def __init__(self) -> None:
        self._matrix = IDENTITY
        self._rotation: int | None = None
        self._key = False
        self._made_for: tuple[Any, ...] = ()
        self._graph: Graph | None = None

    def changes(self, frame: "VideoFrame") -> bool:
        """Whether the frame's picture may be of another size, kind or orientation than the last one painted."""
        coded = frame.width, frame.height, frame.format.name
        return self._may_turn(frame) or coded != self._made_for[:3]

    def _may_turn(self, frame: "VideoFrame") -> bool:
        """Its rounded rotation changes, or, as a flip does not show in that, a group of pictures begins."""
        return frame.rotation != self._rotation or (frame.key_frame and not self._key)

    def paint(self, frame: "VideoFrame") -> Frame:
        """A display matrix holds until a frame brings another: a stream may give it once.

        It is not looked at in every frame: the look leaves the frame to the garbage collector.
        """
        if self._may_turn(frame):
            self._matrix, self._rotation = display_matrix(frame) or self._matrix, frame.rotation
        self._key = frame.key_frame
        key = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range, self._matrix)
        if self._graph is None or key != self._made_for:
            self._graph, self._made_for = _graph(frame, turns(self._matrix)), key
        self._graph.push(frame)
        painted: Any = self._graph.pull()
        return np.asarray(painted.to_ndarray(), np.uint8)


def _graph(frame: "VideoFrame", steps: Sequence[tuple[str, str]]) -> "Graph":
    from av.filter import Graph

    graph = Graph()
    if hasattr(graph, "threads"):  # from PyAV 18 on
        graph.threads = 1
    nodes = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000))]
    nodes += [graph.add(name, argument) for name, argument in [*steps, ("format", "rgb24")]]
    graph.link_nodes(*nodes, graph.add("buffersink")).configure()
    return graph


def display_matrix(frame: "VideoFrame") -> Matrix | None:
    """The nine numbers of the frame's display matrix, None where it has none."""
    side_data: Any = frame.side_data  # typed as a mapping by name, which it is not
    for data in side_data:
        if data.type.name == "DISPLAYMATRIX":
            return tuple(np.frombuffer(data, np.int32).tolist())
    return None


def turns(matrix: Matrix) -> list[tuple[str, str]]:
    """The filters that ffmpeg's `-autorotate` puts in for a display matrix (fftools/ffmpeg_filter.c).

    Eight orientations are exact; an angle between them is turned within the coded size, the corners black.
    """
    angle = _angle(matrix)
    if abs(angle - 90) < 1:
        return [("transpose", "cclock_flip" if matrix[3] > 0 else "clock")]
    if abs(angle - 180) < 1:
        return [("hflip", "")] * (matrix[0] < 0) + [("vflip", "")] * (matrix[4] < 0)
    if abs(angle - 270) < 1:
        return [("transpose", "clock_flip" if matrix[3] < 0 else "cclock")]
    if abs(angle) > 1:
        return [("rotate", f"{angle:f}*PI/180")]
    return [("vflip", "")] * (matrix[4] < 0)


def _angle(matrix: Matrix) -> float:
    """Degrees clockwise, 0 to 360, as ffmpeg's `get_rotation` rounds them; 0 for a matrix that has no angle."""
    a, b, _, c, d = matrix[:5]
    across, down = math.hypot(a, c), math.hypot(b, d)
    if not across or not down:
        return 0.0
    angle = float(round(math.degrees(math.atan2(b / down, a / across))))
    return angle - 360 * math.floor(angle / 360 + 0.9 / 360)
