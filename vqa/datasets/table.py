"""Any dataset given as a CSV table with columns video_id, path, mos (and any of the manifest's)."""

from dataclasses import replace
from functools import cache
from pathlib import Path

from vqa.datasets.common import Listing, listing
from vqa.datasets.tree import Folders
from vqa.manifest import read_manifest
from vqa.system.errors import UserError


def read(path: Path) -> Listing:
    rows, folders = [], Folders()
    resolved = cache(Path.resolve)  # of a folder, once
    first: dict[Path, str] = {}
    for video in read_manifest(path, root=path.parent):
        file = Path(video.path)
        found = file if folders.holds(file) else None
        if found and (other := first.setdefault(resolved(file.parent) / file.name, video.video_id)) != video.video_id:
            raise UserError(f"{path}: '{other}' and '{video.video_id}' are both {file}; a video may stand once")
        rows.append((replace(video, path=file.name), found))
    return listing(path.parent, path, rows)
