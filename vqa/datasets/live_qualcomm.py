"""LIVE-Qualcomm (Ghadiyaram et al., IEEE TCSVT 2017): 208 raw YUV 4:2:0 videos, 1920x1080.

The label is `unBiasedMOS` (SROCC with `biasedMOS` is only 0.759). VSFA reads the files as
full-range yuvj420p, and so do we.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from vqa.datasets.common import Listing, VideoFiles, find_metadata, listing, number
from vqa.datasets.matlab import load, member
from vqa.manifest import Video, unique
from vqa.system.errors import UserError

METADATA = "qualcommSubjectiveData.mat"
# 0723_ManUnderTree_GS5_..., 0911nightScene_5s_...: date and scene name come before the phone.
_SCENE = re.compile(r"\d*_?[A-Za-z]*(?:\d{0,2}(?=_))?")


def _scene(stem: str) -> str | None:
    found = _SCENE.match(stem)
    return found[0].lower() or None if found else None


def _folder(kind: Any, folders: list[str], where: str) -> str:
    """The folder of a `distortionType`, which counts `distortionNames` from 1."""
    position = number(str(kind), f"{where}: distortionType")
    if position not in range(1, len(folders) + 1):
        raise UserError(f"{where}: distortionType {position:g} is none of 1 to {len(folders)}; download it again")
    return folders[int(position) - 1]


def read(root: Path) -> Listing:
    metadata = find_metadata(root, [], [METADATA])
    data = load(metadata, ("qualcommVideoData", "qualcommSubjectiveData"))
    videos, subjects = data["qualcommVideoData"], data["qualcommSubjectiveData"]
    names = [str(name) for name in np.atleast_1d(member(videos, "vidNames", metadata))]
    kinds = np.atleast_1d(member(videos, "distortionType", metadata))
    folders = [str(name) for name in np.atleast_1d(member(videos, "distortionNames", metadata))]
    scores = np.atleast_1d(member(subjects, "unBiasedMOS", metadata))
    if not len(names) == len(kinds) == len(scores):
        raise UserError(f"{metadata}: its fields disagree in length; download it again")
    files = VideoFiles(root, (".yuv",))
    rows = []
    for name, kind, score in zip(names, kinds, scores, strict=True):
        stem, where = Path(name).stem, f"{metadata} ({name!r})"
        folder = _folder(kind, folders, where)
        video = Video(
            video_id=stem,
            path=f"{folder}/{name}",
            mos=number(str(score), where),
            width=1920,
            height=1080,
            fps=30.0,
            pixel_format="yuvj420p",
            scene=_scene(stem),
        )
        rows.append((video, files.find(stem, folder=folder)))
    unique([video for video, _ in rows], str(metadata))
    return listing(root, metadata, rows)
