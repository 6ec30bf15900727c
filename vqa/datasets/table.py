"""Any dataset given as a CSV table with columns video_id, path, mos (and any of the manifest's)."""

from dataclasses import replace
from pathlib import Path

from vqa.datasets.common import Listing, listing
from vqa.datasets.tree import Folders
from vqa.manifest import read_manifest


def read(path: Path) -> Listing:
    rows = []
    folders = Folders()
    for video in read_manifest(path, root=path.parent):
        file = Path(video.path)
        rows.append((replace(video, path=file.name), file if folders.holds(file) else None))
    return listing(path.parent, path, rows)
