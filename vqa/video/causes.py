"""What makes a video's pixels differ from those that version 0.1 read, told by its header alone.

Version 0.1 took the first stream, as it lay, and interpolated the chroma of some pixel formats that ffmpeg repeats.
An edit list is no cause: its frames were the same, or refused.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from vqa.manifest import Video
from vqa.video.orientation import orientation
from vqa.video.pyav import open_container
from vqa.video.raw import is_raw
from vqa.video.source import open_source, out_of_reach
from vqa.video.streams import choose

if TYPE_CHECKING:
    from av.video.stream import VideoStream

Cause = str | int | list[float]
_PLAIN_420 = ("yuv420p", "yuvj420p", "yuva420p")
_PROGRESSIVE = (0, 1)  # AVFieldOrder: unknown, progressive


def causes(video: Video) -> dict[str, Cause]:
    """{} for a video whose pixels are version 0.1's, else what makes them differ; milliseconds, no frame decoded.

    orientation: the display matrix or the angle of a turned or flipped picture.
    stream: the index of the stream taken, if it is not the first.
    pixel_format: one whose chroma rows 0.1 interpolated (4:2:0 of more than eight bits, 4:4:0, 4:1:1).
    field_order: of an interlaced stream (AVFieldOrder).
    An orientation that stands in the coded stream only (an SEI message) is not in the header, so not here.
    Raises as `open_video`: `UserError` for what is no video, `RunError` for what cannot be read.
    """
    if is_raw(video):
        return {}
    path = Path(video.path)
    with open_source(path) as file:
        try:
            turned = orientation(file)
            file.seek(0)
        except OSError as error:
            raise out_of_reach(path, error) from None
        with open_container(path, file) as container:
            stream = choose(container, path)
            first = container.streams.video[0].index
            found = _of_stream(stream)
            if stream.index != first:
                found["stream"] = stream.index
    return found | ({"orientation": turned} if turned else {})


def _of_stream(stream: "VideoStream") -> dict[str, Cause]:
    found: dict[str, Cause] = {}
    context = stream.codec_context
    layout = context.format
    if layout and layout.name not in _PLAIN_420 and (layout.chroma_height(64) < 64 or layout.chroma_width(64) < 32):
        found["pixel_format"] = layout.name
    if context.field_order not in _PROGRESSIVE:
        found["field_order"] = int(context.field_order)
    return found
