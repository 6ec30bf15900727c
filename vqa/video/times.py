"""How long a video's frames last, by their own times."""

from math import isnan, nan
from typing import TYPE_CHECKING

from vqa.video.reader import Decoded
from vqa.video.streams import frame_rate

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_DISCONTINUOUS = 0x0200  # AVFMT_TS_DISCONT: MPEG-TS and PS
_LONGEST = 1.0  # seconds that one frame may stand for, and two at the mean rate; more is a pause, or a hole


class Clock:
    """Writes the seconds, pauses and rate of `decoded`, frame by frame."""

    def __init__(self, container: "InputContainer", stream: "VideoStream", decoded: Decoded):
        self._decoded, self._last, self._timed = decoded, nan, 0
        self._mean = 1 / (frame_rate(container, stream) or 1)
        self._longest = max(_LONGEST, 2 * self._mean)
        self._restarts = bool(int(container.format.flags) & _DISCONTINUOUS)

    def show(self, time: float) -> None:
        """The second at which the next frame is shown."""
        decoded = self._decoded
        anew = isnan(self._last) or self._jumped(time)
        step = self._mean if anew else max(time - self._last, 0)
        decoded.seconds = (decoded.seconds or 0.0) + min(step, self._longest)
        decoded.pauses += max(step - self._longest, 0)
        elapsed = decoded.seconds + decoded.pauses - self._mean
        decoded.rate = self._timed / elapsed if elapsed > 0 else None
        self._last = time if anew else max(time, self._last)
        self._timed += 1

    def _jumped(self, time: float) -> bool:
        """Whether the clock began anew, as where streams were joined: by ffmpeg's bounds, and in its formats."""
        return self._restarts and not -0.1 <= time - self._last <= 10
