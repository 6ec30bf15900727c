"""Shards that no study needs any more: who runs on a store notes there which it uses."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vqa import datasets
from vqa.config import Study
from vqa.features.index import read_index, read_receipt
from vqa.study.grid import Grid
from vqa.study.layout import Layout
from vqa.system.errors import UserError
from vqa.system.files import digest, write_if_changed
from vqa.system.locks import FolderLock

Claim = Mapping[tuple[str, str], set[str]]  # (dataset, backbone) -> video_ids


@dataclass(frozen=True)
class Orphans:
    """Shards of one folder that no study uses; size: bytes."""

    folder: Path
    shards: list[Path]
    size: int


def write_claim(layout: Layout, slugs: Iterable[str], videos: Mapping[str, Iterable[str]]) -> None:
    """Note which shards a study uses. videos: dataset -> video_ids."""
    layout.results.mkdir(parents=True, exist_ok=True)
    claim = {"results": str(layout.results.resolve()), "backbones": sorted(slugs),
             "datasets": {name: sorted(ids) for name, ids in videos.items()}}  # fmt: skip
    write_if_changed(_claim_file(layout), json.dumps(claim, indent=1, sort_keys=True) + "\n")


def orphans(study: Study) -> list[Orphans]:
    """Shards in the study's store that no study which started there claims, and no index and no receipt names."""
    layout = Layout.of(study)
    grid = Grid(study)
    slugs = grid.slugs
    listed = {name: {v.video_id for v in datasets.read(name, dataset, study.store, name in grid.decoded).videos}
              for name, dataset in study.datasets.items()}  # fmt: skip
    used: dict[tuple[str, str], set[str]] = defaultdict(set)
    others = sorted(set(_claims(layout)) - {_claim_file(layout)})
    for claim in (_product(listed, slugs), *map(_read_claim, others)):
        for place, ids in claim.items():
            used[place] |= ids
    folders = [folder for folder in (layout.store / "features").glob("*/*") if folder.is_dir()]
    found = [_orphans_of(folder, used[folder.parent.name, folder.name]) for folder in sorted(folders)]
    return [each for each in found if each.shards]


def remove(found: Iterable[Orphans]) -> None:
    for each in found:
        for path in each.shards:
            path.unlink(missing_ok=True)


def hold(study: Study) -> list[FolderLock]:
    """Keep Snakemake from the study's folders; raises `UserError` while one works on them."""
    layout = Layout.of(study)
    return [FolderLock(folder) for folder in dict.fromkeys([layout.results, layout.store]) if folder.is_dir()]


def _orphans_of(folder: Path, used: set[str]) -> Orphans:
    index = folder / "index.csv"
    named = set(used)
    if index.is_file():
        named |= read_index(index).keys()
    for receipt in (folder / "receipts").glob("*.json"):
        named |= read_receipt(receipt)["shards"].keys()
    shards = sorted(path for path in folder.glob("*.h5") if path.stem not in named)
    return Orphans(folder, shards, sum(path.stat().st_size for path in shards))


def _claims(layout: Layout) -> Iterable[Path]:
    return (layout.store / "studies").glob("*.json")


def _claim_file(layout: Layout) -> Path:
    """Machines that share a store may have folders of one name: their inodes differ."""
    folder = layout.results.resolve()
    return layout.store / "studies" / f"{digest([str(folder), folder.stat().st_ino if folder.exists() else 0])}.json"


def _read_claim(path: Path) -> Claim:
    try:
        claim = json.loads(path.read_text())
        return _product({name: set(ids) for name, ids in claim["datasets"].items()}, claim["backbones"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            f"{path}: does not say what a study uses; run that study's Snakemake, which writes it"
        ) from None


def _product(videos: Mapping[str, set[str]], slugs: Iterable[str]) -> Claim:
    return {(name, slug): ids for slug in slugs for name, ids in videos.items()}
