"""Tables and figures of experiments that the study no longer has."""

import logging
from collections.abc import Collection
from pathlib import Path

log = logging.getLogger("vqa")


def remove_leftovers(folder: Path, names: Collection[str], suffixes: Collection[str]) -> None:
    """Delete what an earlier study wrote to `folder`: files of one name with all of `suffixes`. Others stay."""
    found = [{path.stem for path in folder.glob(f"*{suffix}")} for suffix in suffixes]
    for name in sorted(set.intersection(*found) - set(names)):
        log.info("%s: %s is no part of the study any more, removed", folder, name)
        for suffix in suffixes:
            (folder / f"{name}{suffix}").unlink()
