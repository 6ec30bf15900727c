"""One reader per native format; each lists a dataset's videos with their MOS.

Labels and files are joined by name only, never by row order.
"""

import csv
from pathlib import Path

from vqa.config import Dataset, DemoDataset, NativeDataset, TableDataset, VsfaInfoDataset
from vqa.datasets import cvd2014, demo, konvid, live_qualcomm, live_vqc, table, vsfa_info
from vqa.datasets.common import Listing
from vqa.system.errors import UserError

__all__ = ["Listing", "list_videos", "read"]

_NATIVE = {
    "konvid-1k": konvid.read,
    "cvd2014": cvd2014.read,
    "live-qualcomm": live_qualcomm.read,
    "live-vqc": live_vqc.read,
}


def list_videos(name: str, dataset: Dataset, results: Path) -> Listing:
    """What the metadata names, which of it is on disk, and which is not; exclusions applied.

    Raises `UserError` where the metadata itself is missing or wrong.
    """
    if isinstance(dataset, DemoDataset):
        listing = demo.read(name, dataset, results)
    else:
        try:
            listing = _read(dataset)
        except (UnicodeDecodeError, csv.Error) as error:
            raise UserError(f"datasets.{name}: its metadata are not a table of text ({error}); download them") from None
    return listing.without(dataset.exclude, name)


def _read(dataset: NativeDataset | TableDataset | VsfaInfoDataset) -> Listing:
    if isinstance(dataset, NativeDataset):
        return _NATIVE[dataset.reader](dataset.path)
    if isinstance(dataset, TableDataset):
        return table.read(dataset.path)
    return vsfa_info.read(dataset.path, dataset.videos)


def read(name: str, dataset: Dataset, results: Path) -> Listing:
    """As `list_videos`, but a missing video is an error."""
    listing = list_videos(name, dataset, results)
    if listing.missing:
        total = len(listing.videos) + len(listing.missing)
        first = ", ".join(listing.missing[:3]) + (", ..." if len(listing.missing) > 3 else "")
        raise UserError(
            f"datasets.{name}: {len(listing.missing)} of {total} videos are missing below "
            f"{listing.root} ({first}); restore them, or list their video_ids under `exclude:`"
        )
    if not listing.videos:
        raise UserError(f"datasets.{name}: no videos are left; check `path:` and `exclude:`")
    return listing
