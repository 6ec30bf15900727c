"""Any dataset given as a CSV table with columns video_id, path, mos (and any of the manifest's)."""

from dataclasses import replace
from pathlib import Path

from vqa.datasets.common import Listing, listing
from vqa.manifest import read_manifest


def read(path: Path) -> Listing:
    rows = []
    for video in read_manifest(path, root=path.parent):
        file = Path(video.path)
        rows.append((replace(video, path=file.name), file if file.is_file() else None))
    return listing(path.parent, path, rows)
