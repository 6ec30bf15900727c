"""KoNViD-1k (Hosu et al., QoMEX 2017): 1200 mp4, joined on flickr_id.

`KoNViD_1k_mos.csv` (10 decimals) is preferred to `KoNViD_1k_attributes.csv` (2 decimals).
"""

import csv
import re
from pathlib import Path

from vqa.datasets.common import Listing, VideoFiles, find_metadata, listing, number
from vqa.manifest import Video, unique
from vqa.system.errors import UserError

_STEM = re.compile(r"(\d+)(?:_(?:original|cut)_centercrop_960x540_8s)?")


def read(root: Path) -> Listing:
    metadata = find_metadata(root, ["KoNViD_1k_metadata"], ["KoNViD_1k_mos.csv", "KoNViD_1k_attributes.csv"])
    files = VideoFiles(root, (".mp4",))
    stems: dict[str, str] = {}
    for stem in files.stems():
        if match := _STEM.fullmatch(stem):
            other = stems.setdefault(match[1], stem)
            if other != stem:
                raise UserError(f"{root}: both {other}.mp4 and {stem}.mp4 exist; keep one of them")
    rows = []
    with open(metadata, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns = {name.strip().lower(): name for name in reader.fieldnames or ()}
        if not {"flickr_id", "mos"} <= columns.keys():
            raise UserError(f"{metadata}: has no columns flickr_id and mos; compare it with the original")
        for row in reader:
            where = f"{metadata} line {reader.line_num}"
            flickr_id = (row[columns["flickr_id"]] or "").strip()
            if not flickr_id.isdigit():
                raise UserError(f"{where}: flickr_id {flickr_id!r} is not a number")
            video = Video(flickr_id, f"{flickr_id}.mp4", number(row[columns["mos"]] or "", where))
            rows.append((video, files.find(stems[flickr_id]) if flickr_id in stems else None))
    unique([video for video, _ in rows], str(metadata))
    return listing(root, metadata, rows)
