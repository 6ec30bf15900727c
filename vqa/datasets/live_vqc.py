"""LIVE-VQC (Sinno and Bovik, IEEE TIP 2019): 585 mp4 in 18 resolutions."""

from pathlib import Path

import numpy as np

from vqa.datasets.common import Listing, VideoFiles, find_metadata, listing, number
from vqa.datasets.matlab import load
from vqa.manifest import Video, unique
from vqa.system.errors import UserError


def read(root: Path) -> Listing:
    metadata = find_metadata(root, [], ["data.mat"])
    data = load(metadata, ("video_list", "mos"))
    names = [str(name) for name in np.atleast_1d(data["video_list"])]
    scores = np.atleast_1d(data["mos"])
    if len(names) != len(scores):
        raise UserError(f"{metadata}: {len(names)} names but {len(scores)} scores; download it again")
    files = VideoFiles(root, (".mp4",))
    rows = []
    for name, score in zip(names, scores, strict=True):
        stem = Path(name).stem
        video = Video(stem, f"Video/{name}", number(str(score), f"{metadata} ({name!r})"))
        rows.append((video, files.find(stem, folder="Video")))
    unique([video for video, _ in rows], str(metadata))
    return listing(root, metadata, rows)
