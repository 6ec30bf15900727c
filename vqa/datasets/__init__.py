"""One reader per format; each lists a dataset's videos with their MOS.

Labels and files are joined by name only, never by row order.
"""

import csv
from dataclasses import replace
from pathlib import Path

from vqa.config import (
    Dataset,
    DemoDataset,
    LabelsDataset,
    NativeDataset,
    PresetDataset,
    TableDataset,
    VsfaInfoDataset,
)
from vqa.datasets import cvd2014, demo, konvid, labelled, live_qualcomm, live_vqc, presets, table, vsfa_info
from vqa.datasets.common import Listing
from vqa.manifest import read_manifest
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
    if dataset.manifest:
        return _chosen(_given(dataset, dataset.manifest), dataset, name)
    if isinstance(dataset, DemoDataset):
        listing = demo.read(name, dataset, results)
    else:
        try:
            listing = _read(dataset)
        except (UnicodeDecodeError, csv.Error) as error:
            raise UserError(f"datasets.{name}: its metadata are not a table of text ({error}); download them") from None
    return _chosen(listing, dataset, name).without(dataset.exclude, name)


def _given(dataset: Dataset, manifest: Path) -> Listing:
    """As a manifest says, which names no excluded video; none needs to be on disk."""
    videos = [video for video in read_manifest(manifest) if video.video_id not in dataset.exclude]
    return Listing(root=manifest.parent, videos=videos, metadata=[manifest], excluded=sorted(dataset.exclude))


def _read(dataset: NativeDataset | PresetDataset | LabelsDataset | TableDataset | VsfaInfoDataset) -> Listing:
    if isinstance(dataset, NativeDataset) and not dataset.files:
        return _NATIVE[dataset.reader](dataset.path)
    if isinstance(dataset, NativeDataset | PresetDataset):
        return presets.read(dataset)
    if isinstance(dataset, LabelsDataset):
        return labelled.read_labels(dataset)
    if isinstance(dataset, TableDataset):
        return table.read(dataset.path) if dataset.plain and dataset.path else labelled.read_table(dataset)
    return vsfa_info.read(dataset.path, dataset.videos)


def _chosen(listing: Listing, dataset: Dataset, name: str) -> Listing:
    """The listing without the test sets that `test_sets` leaves out."""
    if isinstance(dataset, DemoDataset | VsfaInfoDataset) or not dataset.test_sets:
        return listing
    wanted = {"test" if test_set == "test" else f"test:{test_set}" for test_set in dataset.test_sets}
    there = {part for part in listing.parts.values() if part and part.startswith("test")}
    if unknown := sorted(wanted - there):
        raise UserError(
            f"datasets.{name}.test_sets: there is no test set '{unknown[0].removeprefix('test:')}'; "
            f"the labels have {', '.join(sorted(there)) or 'none'}"
        )
    left_out = {video_id for video_id, part in listing.parts.items() if part in there - wanted}
    return replace(
        listing,
        videos=[video for video in listing.videos if video.video_id not in left_out],
        lost=[video for video in listing.lost if video.video_id not in left_out],
    )


def read(name: str, dataset: Dataset, results: Path, on_disk: bool = True) -> Listing:
    """As `list_videos`, but a missing video is an error, or, where none needs to be on disk, one like any other."""
    listing = list_videos(name, dataset, results)
    if not on_disk:
        listing = listing.off_disk()
    if isinstance(dataset, LabelsDataset) and dataset.videos is None and on_disk:
        raise UserError(
            f"datasets.{name}.videos: is needed where features are extracted; give the folder of the videos"
        )
    if listing.missing:
        raise UserError(f"datasets.{name}: {missing_videos(listing)}")
    if not listing.videos:
        raise UserError(f"datasets.{name}: no videos are left; check `path:` and `exclude:`")
    return listing


def missing_videos(listing: Listing) -> str:
    """What is missing, and what to do, in one line."""
    total = len(listing.videos) + len(listing.missing)
    first = ", ".join(listing.missing[:3]) + (", ..." if len(listing.missing) > 3 else "")
    if not listing.videos and listing.labelled:
        labels = ", ".join(str(path) for path in listing.metadata)
        return (
            f"none of the {total} videos that {labels} names is below {listing.root} ({first}); "
            "is it the label file of another dataset, or another folder?"
        )
    return (
        f"{len(listing.missing)} of {total} videos are missing below {listing.root} ({first}); "
        "restore them, or list their video_ids under `exclude:`"
    )
