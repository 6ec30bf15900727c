"""Which stream of a file is the video, and how much of it there should be."""

from pathlib import Path
from typing import TYPE_CHECKING

from vqa.system.errors import UserError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_DEFAULT = 5_000_000  # pixels that the mark "default" is worth
_WHOLE = 0.9  # of the frames; an index that ends earlier was cut off, or built while looking into the file


def choose(container: "InputContainer", path: Path) -> "VideoStream":
    """The stream that the ffmpeg command takes by itself (`map_auto_video` in fftools/ffmpeg_mux_init.c).

    The largest picture, of equals the first, "default" counting for five million pixels; a cover picture
    only if there is nothing else. libavformat's `av_find_best_stream` chooses otherwise.
    """
    streams = container.streams.video
    if not streams:
        raise UserError(f"{path}: holds no video stream; download it again or exclude it")
    stream = max(streams, key=_score)
    if stream.codec_context is None:
        raise UserError(f"{path}: no decoder is known for its video stream; re-encode it or exclude it")
    return stream


def _score(stream: "VideoStream") -> int:
    from av.stream import Disposition

    if stream.codec_context is None or stream.disposition & Disposition.attached_pic:
        return 1
    area = stream.codec_context.width * stream.codec_context.height
    return area + (_DEFAULT if stream.disposition & Disposition.default else 0)


def frame_rate(container: "InputContainer", stream: "VideoStream") -> float | None:
    """The mean one, as the container says it, less the empty packets that an AVI file counts; of a DV file its own."""
    mean, base = stream.average_rate, stream.base_rate
    if not mean:
        return None
    if container.format.name == "avi" and stream.frames:
        return float(mean * (declared_frames(container, stream) or stream.frames) / stream.frames)
    return float(base if base and container.format.name == "dv" else mean)


def declared_frames(container: "InputContainer", stream: "VideoStream") -> int | None:
    """The container's count, less the frames that an edit list hides (MP4, MOV) and the empty packets (AVI)."""
    if not stream.frames:
        return None
    index = stream.index_entries
    if container.format.name.startswith("mov"):
        return sum(not entry.is_discard for entry in index) or stream.frames
    if container.format.name == "avi" and len(index):
        last = index[-1].timestamp
        reached = last + (last - index[0].timestamp) / max(len(index) - 1, 1)  # and as long as the others on the mean
        return len(index) if reached >= _WHOLE * stream.frames else stream.frames
    return stream.frames


def declared_seconds(container: "InputContainer", stream: "VideoStream") -> tuple[float | None, bool]:
    """How long the edited video lasts by the header, and whether the header says it of the video alone.

    Matroska keeps it as a tag of the track; else the whole file's duration stands in. MPEG-TS and PS say
    nothing: their duration is guessed from the last packet there is.
    """
    if container.format.name in ("mpegts", "mpeg"):
        return None, True
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate), True  # libavformat's shrinks with a cut file
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base), True
    for key, value in stream.metadata.items():
        if key.upper().split("-")[0] == "DURATION" and (seconds := _clock(value)):
            begins = float((stream.start_time or 0) * (stream.time_base or 0))  # which FFmpeg's muxer counts in
            return seconds - (begins if 0 < begins < seconds else 0), True
    if not container.duration:
        return None, False
    start = container.start_time or 0  # which FLV counts in
    return (container.duration - (start if 0 < start < container.duration else 0)) / 1e6, False


def _clock(text: str) -> float | None:
    """Seconds of `00:01:02.500000000`."""
    try:
        hours, minutes, seconds = map(float, text.split(":"))
    except ValueError:
        return None
    return 3600 * hours + 60 * minutes + seconds
