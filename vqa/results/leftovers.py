"""Tables and figures of experiments that the study no longer has."""

import logging
from collections.abc import Collection
from pathlib import Path

from vqa.system.files import write_text

log = logging.getLogger("vqa")
WRITTEN = ".written"  # in each folder: what the study wrote there, a name a line


def remove_leftovers(folder: Path, names: Collection[str], suffixes: Collection[str]) -> None:
    """Delete what the study wrote to `folder` and no longer has; `names` are what it has. Files of others stay.

    Without a record of what it wrote, what looks like it is told.
    """
    record = folder / WRITTEN
    written = record.read_text().split("\n") if record.is_file() else []
    if not record.is_file() and (others := _of_all(folder, suffixes) - {*names}):
        log.warning("%s: %s: no part of the study; delete what it wrote earlier", folder, ", ".join(sorted(others)))
    for name in sorted(name for name in {*written} - {*names, ""} if Path(name).name == name):
        log.info("%s: %s is no part of the study any more, removed", folder, name)
        for suffix in suffixes:
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
    write_text(record, "".join(f"{name}\n" for name in names))


def _of_all(folder: Path, suffixes: Collection[str]) -> set[str]:
    """What stands there with every suffix."""
    return set.intersection(*({path.stem for path in folder.glob(f"*{suffix}")} for suffix in suffixes))
