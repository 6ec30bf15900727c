"""CVD2014 (Nuutinen et al., IEEE TIP 2016): 234 avi; the label is the *Realignment* MOS.

The file also holds "Original MOS", whose SROCC with the right column is only 0.846.
"""

import csv
from pathlib import Path

from vqa.datasets.common import Listing, VideoFiles, find_metadata, listing, number
from vqa.manifest import Video, unique
from vqa.system.errors import UserError


def read(root: Path) -> Listing:
    metadata = find_metadata(root, ["CVD2014_ratings"], ["Realignment_MOS.csv"])
    files = VideoFiles(root, (".avi",))
    rows = []
    with open(metadata, newline="", encoding="latin-1") as file:
        reader = csv.DictReader(file, delimiter=";")
        for column in ("Content", "File_name", "Realignment MOS"):
            if column not in (reader.fieldnames or ()):
                raise UserError(f"{metadata}: has no column '{column}'; compare it with the original")
        for row in reader:
            stem = (row["File_name"] or "").strip()
            if not stem:
                continue  # the file ends in some 168 rows of bare semicolons
            mos = number(row["Realignment MOS"] or "", f"{metadata} line {reader.line_num}")
            scene = (row["Content"] or "").strip()
            video = Video(stem, f"{stem}.avi", mos, scene=scene.lower().replace(" ", "-") or None)
            rows.append((video, files.find(stem, folder=scene.replace(" ", "_"))))
    unique([video for video, _ in rows], str(metadata))
    return listing(root, metadata, rows)
