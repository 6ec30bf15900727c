"""What every decoder gives: a header, frames one at a time, and counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vqa.system.errors import UserError

Frame = NDArray[np.uint8]
MIN_DECODED = 0.9  # of what the container declares; less means a truncated file


@dataclass(frozen=True)
class Header:
    """What the file says of itself, as it is to be seen: turned upright, cut by its edit list.

    frames: those the container counts; seconds: how long they last. None where it does not say.
    """

    width: int
    height: int
    fps: float | None
    frames: int | None
    pixel_format: str
    seconds: float | None = None


@dataclass
class Decoded:
    """What was found of a video, complete after its last frame.

    corrupt: frames that were concealed or lost; lost: packets that do not decode.
    seconds: how long the frames last, an interval counting for one second at most, or for two at the mean rate. None
    if times are unknown.
    pauses: seconds that intervals last beyond that.
    rate: frames a second by their own times, pauses included; None if these are unknown.
    others: the second at which the file's other streams end, where these share its declared length, else 0.
    broken: why the container could not be read to its end, empty if it could.
    """

    frames: int = 0
    corrupt: int = 0
    lost: int = 0
    seconds: float | None = None
    pauses: float = 0.0
    rate: float | None = None
    others: float = 0.0
    broken: str = ""


class Reader(Protocol):
    """An open video. `decoded` is complete once `frames` is exhausted."""

    name: str
    version: str
    header: Header
    decoded: Decoded

    def frames(self, every: int = 1) -> Iterator[Frame | None]:
        """RGB frames, uint8 (height, width, 3), in display order; None for those decoded between every `every`-th.

        Raises `UserError` where the file is no sound video, `RunError` where it cannot be read.
        """

    def close(self) -> None: ...


def frames_per_second(header: Header, decoded: Decoded) -> float | None:
    """The declared rate, or that of the frames' own times where it is another: Matroska, FLV or NUT declare one and
    hold frames of any times.
    """
    declared, found = header.fps, decoded.rate
    return found if found and not (declared and rates_agree(found, declared, decoded.frames)) else declared


def rates_agree(found: float, declared: float, frames: int) -> bool:
    """To 5 %, and to two frames, by which a container without times of its own, as AVI, may shift the last."""
    return abs(found - declared) <= (0.05 + 2 / frames) * declared


def unreadable(path: Path, reason: str) -> UserError:
    """A bad file. reason: the decoder's words, without the path, which stands whole before them."""
    return UserError(f"{path}: cannot be decoded as video ({reason}); download it again or exclude it")


def incomplete(path: Path, header: Header, decoded: Decoded, share: float) -> UserError | None:
    """What is wrong if less than `share` of a video decoded, by the container's count and by its duration.

    Either may be wrong in a sound file (a count of empty packets, a variable rate): both must fall short. Where
    something was corrupt, the frames alone count, against the count or, without one, the duration times the rate.
    A container with neither, as MPEG-TS and PS, cannot show that its end is missing.
    """
    if decoded.frames == 0:
        return UserError(f"{path}: holds no video frames; download it again or exclude it")
    if decoded.frames < share * (decoded.frames + decoded.lost):
        return UserError(
            f"{path}: {decoded.lost} packets beside {decoded.frames} frames do not decode, the file is damaged; "
            "download it again or exclude it"
        )
    shares = []
    if header.frames:
        shares.append((decoded.frames / header.frames, f"{decoded.frames} of {header.frames} frames"))
    elif decoded.corrupt and header.seconds and header.fps:
        expected = header.seconds * header.fps
        shares.append((decoded.frames / expected, f"{decoded.frames} of about {expected:.0f} frames"))
    seconds = max(decoded.seconds or 0, decoded.others)
    if header.seconds and decoded.seconds is not None and not (shares and decoded.corrupt):
        shares.append((seconds / header.seconds, f"{seconds:.1f} of {header.seconds:.1f} seconds"))
    if not shares and decoded.broken:
        return unreadable(path, decoded.broken)
    if not shares or max(shares)[0] >= share:
        return None
    if not decoded.corrupt and not header.frames and seconds + decoded.pauses >= share * (header.seconds or 0):
        return UserError(
            f"{path}: its frames pause for {decoded.pauses:.1f} s, or these are lost; if it is whole, put it into a "
            "container that counts frames (`ffmpeg -i FILE -c copy FILE.mp4`), else download it again or exclude it"
        )
    only = ", ".join(text for _, text in shares)
    return UserError(
        f"{path}: only {only} decode, the file seems truncated or damaged; download it again or exclude it"
    )
