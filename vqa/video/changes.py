"""What makes a video's pixels differ from those that version 0.1 read with the same libraries.

Version 0.1 took the first stream, as it lay, and converted by swscale alone what ffmpeg converts by its filters.
An edit list is no cause: its frames were the same, or refused.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from vqa.manifest import Video
from vqa.system.errors import UserError
from vqa.video.picture import display_matrix, turns
from vqa.video.pyav import fault, open_container
from vqa.video.raw import is_raw
from vqa.video.reader import Decoded, rates_agree
from vqa.video.source import open_source, status
from vqa.video.streams import choose, declared_seconds
from vqa.video.times import Clock

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

Cause = str | int | list[int]
_AS_EVER = {*(f"yuv{kind}{layout}p" for kind in ("", "j", "a") for layout in ("420", "422")), "yuyv422", "uyvy422"}
_PROGRESSIVE = (0, 1)  # AVFieldOrder: unknown, progressive


def causes(video: Video) -> dict[str, Cause]:
    """{} for a video whose pixels are version 0.1's, else what makes them differ. Costs what `probe` costs.

    stream: the position of the stream taken, if it is not the first video stream.
    matrix: the display matrix of a turned or flipped picture.
    pixel_format: one with halved colours, other than the usual 8-bit ones.
    interlaced: 1.
    cropped: 1 for a picture cut on its left by less than the decoder's memory is aligned to.
    The first frame is decoded, since most containers leave it to the coded stream to say what is shown.
    Raises as `open_video`: `UserError` for what is no video, `RunError` for what cannot be read.
    """
    path = Path(video.path)
    status(path)
    if is_raw(video):
        return {}
    with open_source(path) as file, open_container(path, file) as container:
        stream = choose(container, path)
        frame = _first_frame(container, stream, path)
        found: dict[str, Cause] = {}
        if position := [each.index for each in container.streams.video].index(stream.index):
            found["stream"] = position
        found |= _of_frame(frame, stream.codec_context.field_order not in _PROGRESSIVE)
        return found | ({"cropped": 1} if frame.width != stream.codec_context.width else {})


def other_rate(video: Video, frames: int, fps: float) -> bool:
    """Whether a video of so many decoded frames comes at another rate than `fps`: by the length that it declares, or
    by the times of its packets, which are read but not decoded.
    """
    path = Path(video.path)
    if is_raw(video) or not frames:
        return False
    with open_source(path) as file, open_container(path, file) as container:
        stream = choose(container, path)
        mov, hides = container.format.name.startswith("mov"), any(entry.is_discard for entry in stream.index_entries)
        if mov and stream.frames and not hides:
            return False  # its rate is that of its frames; a fragmented file's is guessed
        seconds, of_video = declared_seconds(container, stream)
        says = seconds if of_video and (stream.frames or not mov) else None
        found = frames / says if says else _rate_of_packets(container, stream, path)
    return found is not None and not rates_agree(found, fps, frames)


def _rate_of_packets(container: "InputContainer", stream: "VideoStream", path: Path) -> float | None:
    import av

    clock = Clock(container, stream, counted := Decoded())
    try:
        for packet in container.demux(stream):
            if packet.dts is not None and packet.size and not packet.is_discard:
                clock.show(float(packet.dts * packet.time_base))
    except av.error.FFmpegError:
        pass  # as far as it can be read, as when it is decoded
    except OSError as error:
        raise fault(path, error) from None
    return counted.rate


def _of_frame(frame: "VideoFrame", interlaced: bool) -> dict[str, Cause]:
    found: dict[str, Cause] = {}
    if (matrix := display_matrix(frame)) and turns(matrix):
        found["matrix"] = list(matrix)
    layout = frame.format
    if layout.name not in _AS_EVER and (layout.chroma_width(64), layout.chroma_height(64)) != (64, 64):
        found["pixel_format"] = layout.name
    if frame.interlaced_frame or interlaced:
        found["interlaced"] = 1
    return found


def _first_frame(container: "InputContainer", stream: "VideoStream", path: Path) -> "VideoFrame":
    import av

    try:
        for packet in container.demux(stream):
            try:
                frames = stream.codec_context.decode(packet)
            except av.error.FFmpegError:
                continue
            if frames:
                return frames[0]
    except (av.error.FFmpegError, OSError) as error:
        raise fault(path, error) from None
    raise UserError(f"{path}: holds no video frames; download it again or exclude it")
