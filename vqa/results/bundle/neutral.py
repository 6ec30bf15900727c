"""Text that says nothing of the machine it was written on, and what is left out of it on request."""

import csv
import getpass
import io
import re
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

_HOMES = re.compile(r"(?<![\w.])/(?:home|Users)/[^/\s\"',;:<>()]+")
_PICTURE = re.compile(r'<img class="strip"[^>]*>|(?<="strip": ")data:[^"]*')  # ">" is escaped within an attribute
ELSEWHERE = "elsewhere"  # stands for a folder that is not in the bundle


class Neutral:
    """Replaces absolute paths. places: what stands for each folder or file, the longest first."""

    def __init__(self, places: Mapping[str, str]):
        self._places = [
            (re.compile(re.escape(place) + r"(?![\w.-])"), name)
            for place, name in sorted(places.items(), key=lambda each: len(each[0]), reverse=True)
            if len(Path(place).parts) > 1 and place.startswith(("/", "~", "."))
        ]

    def text(self, text: str) -> str:
        if "/" not in text:
            return text
        for place, name in self._places:
            text = place.sub(name.replace("\\", r"\\"), text)
        return _HOMES.sub("~", text)


def elsewhere(path: Path) -> str:
    """A path as a bundle shows it: as it is within the working folder, else its last name."""
    if not path.is_absolute() and ".." not in path.parts:
        return path.as_posix()
    own = path.name in (getpass.getuser(), socket.gethostname())
    return f"{ELSEWHERE}/{'folder' if own else path.name}"


def without_columns(text: str, left_out: Iterable[str]) -> str:
    """A CSV whose columns of these names are empty."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    places = [number for number, name in enumerate(rows[0]) if name in set(left_out)] if rows else []
    if not places:
        return text
    for row in rows[1:]:
        for place in places:
            row[place] = ""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def without_pictures(text: str) -> str:
    """report.html or shown.json without the strips of videos; figures stay."""
    return _PICTURE.sub("", text)
