"""Train, validation and test parts: 60 / 20 / 20 % of a dataset's videos, or those that others fixed."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from vqa.manifest import Video
from vqa.protocol.sampling import stream
from vqa.system.errors import UserError

Part = Literal["train", "val", "test"]
MIN_VIDEOS = 5
_INSTEAD = "use splits.method random, and leave the dataset out of splits.scenes"
_NAMED_TEST = re.compile(r"test(:[A-Za-z0-9][A-Za-z0-9_.-]*)?")


def kind(part: str) -> Part:
    """train, val or test, the last of `test:NAME` too."""
    return "test" if part.startswith("test:") else cast(Part, part)


def split(
    videos: Sequence[Video],
    seed: int,
    method: str = "random",
    stored: tuple[Sequence[str], NDArray[np.int64]] | None = None,
    given: Mapping[str, str] | None = None,
) -> Mapping[str, str]:
    """video_id -> train, val, test or test:NAME, the same for every experiment and order of `seed`.

    random: validation and test take round(n / 5) videos each, training the rest.
    scene: whole scenes, dealt at random to the part that lacks most of its share.
    stored: `stored` is VSFA's (video_ids, 0-based permutation); see `_stored`.
    official: the manifest's column `split`; see `_fixed`. Without any such part, as random.
    files: `given`, a file's video_id -> part; it may name more videos.
    """
    if len(videos) < MIN_VIDEOS:
        raise UserError(
            f"{len(videos)} videos are too few to split into train, val and test; give at least {MIN_VIDEOS}"
        )
    ids = sorted(video.video_id for video in videos)
    if method == "stored":
        if stored is None:
            raise UserError("splits.method stored needs `permutations:` in the dataset")
        return _stored(ids, *stored)
    if method == "files":
        given = given or {}
        if unknown := sorted(set(ids) - set(given)):
            raise UserError(f"the split file gives no part to video '{unknown[0]}'; add it, or write the files again")
        return _fixed({video_id: given[video_id] for video_id in ids}, seed)
    if method == "official" and any(video.split for video in videos):
        return _fixed({video.video_id: video.split for video in videos}, seed)
    rng = stream(seed, "split")
    if method == "scene":
        return _by_scene(videos, rng)
    held_out = round_fifth(len(ids))
    shuffled = [ids[i] for i in rng.permutation(len(ids))]
    return {
        video_id: "test" if rank < held_out else "val" if rank < 2 * held_out else "train"
        for rank, video_id in enumerate(shuffled)
    }


def _fixed(named: Mapping[str, str | None], seed: int) -> dict[str, str]:
    """The parts as they are named. Without a validation part, a fifth of the training part is drawn by seed."""
    for video_id, part in named.items():
        if part not in ("train", "val") and not (part and _NAMED_TEST.fullmatch(part)):
            says = f"the split {part!r}; it must be train, val, test or test:NAME" if part else "no official split"
            raise UserError(f"video '{video_id}' has {says}; mend the labels, or use splits.method random")
    parts = {video_id: str(part) for video_id, part in named.items()}
    tests = {part for part in parts.values() if kind(part) == "test"}
    if {"test", "test:test"} <= tests:
        raise UserError("the test sets 'test' and 'test:test' are one name; rename the latter")
    train = sorted(video_id for video_id, part in named.items() if part == "train")
    if len(train) < 2 or not tests:
        raise UserError(
            f"the parts given hold {len(train)} training videos and {len(tests)} test sets; both are needed"
        )
    if "val" not in parts.values():
        drawn = stream(seed, "split").permutation(len(train))[: max(round_fifth(len(train)), 1)]
        parts |= dict.fromkeys((train[i] for i in drawn), "val")
    return parts


def round_fifth(n: int) -> int:
    """n / 5 to the nearest integer, in exact arithmetic: 240 of 1200, 117 of 585."""
    return (2 * n + 5) // 10


def sizes(parts: Mapping[str, str]) -> dict[str, int]:
    """How many videos are training, validation, and in each test set."""
    counted = Counter(parts.values())
    tests = sorted(part for part in counted if kind(part) == "test")
    return {part: counted[part] for part in ("train", "val", *tests)}


def _by_scene(videos: Sequence[Video], rng: np.random.Generator) -> dict[str, Part]:
    scenes: dict[str, list[str]] = defaultdict(list)
    for video in sorted(videos, key=lambda v: v.video_id):
        if video.scene is None:
            raise UserError(f"video '{video.video_id}' has no scene in the manifest; {_INSTEAD}")
        scenes[video.scene].append(video.video_id)
    if len(scenes) < 3:
        raise UserError(f"{len(scenes)} scenes cannot be split into three parts; {_INSTEAD}")
    held_out = round_fifth(len(videos))
    wanted: dict[Part, int] = {"test": held_out, "val": held_out, "train": len(videos) - 2 * held_out}
    names = sorted(scenes)
    shuffled = [names[i] for i in rng.permutation(len(names))]
    filled: dict[Part, int] = dict.fromkeys(wanted, 0)
    parts: dict[str, Part] = {}
    for rank, name in enumerate(shuffled):
        empty = [part for part in wanted if filled[part] == 0]
        candidates = empty if len(shuffled) - rank <= len(empty) else list(wanted)
        part = max(candidates, key=lambda p: (wanted[p] - filled[p]) / wanted[p])
        filled[part] += len(scenes[name])
        parts |= dict.fromkeys(scenes[name], part)
    return parts


def _stored(ids: Sequence[str], names: Sequence[str], permutation: NDArray[np.int64]) -> dict[str, Part]:
    """VSFA's rule: train = first ceil((1 - .2 - .2) N) of the permutation, test from ceil(.8 N).

    Computed in floats as VSFA does, which gives 721/239/240 for N = 1200.
    """
    n = len(names)
    train_end, test_start = math.ceil((1 - 0.2 - 0.2) * n), math.ceil((1 - 0.2) * n)
    parts: dict[str, Part] = {
        names[video]: "train" if rank < train_end else "val" if rank < test_start else "test"
        for rank, video in enumerate(permutation)
    }
    if unknown := sorted(set(ids) - set(parts)):
        raise UserError(f"video '{unknown[0]}' has no place in the stored permutations")
    return {video_id: parts[video_id] for video_id in ids}
