"""Tables and figures of experiments that the study no longer has."""

import logging
from collections.abc import Collection
from pathlib import Path

from vqa.system.files import write_text

log = logging.getLogger("vqa")
_WRITTEN = ".written"  # in each folder: what the study wrote there, a name a line


def remove_leftovers(folder: Path, names: Collection[str], suffixes: Collection[str]) -> None:
    """Delete what the study wrote to `folder` and no longer has; `names` are what it has. Files of others stay."""
    record = folder / _WRITTEN
    written = record.read_text().split("\n") if record.is_file() else []
    for name in sorted({*written} - {*names, ""}):
        log.info("%s: %s is no part of the study any more, removed", folder, name)
        for suffix in suffixes:
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
    write_text(record, "".join(f"{name}\n" for name in names))
