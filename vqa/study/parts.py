"""The parts of a study's datasets: what they come from, checked before anything runs, and written for others."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import combinations
from pathlib import Path

from vqa import datasets
from vqa.config import DemoDataset, Study
from vqa.config.names import GIVEN_PARTS
from vqa.datasets import Listing, demo, table
from vqa.manifest import Video
from vqa.protocol.split_files import read_split_file, split_file, write_split_file
from vqa.protocol.splits import split
from vqa.study.grid import Grid
from vqa.system.errors import UserError


def split_files(study: Study, dataset: str, seeds: Iterable[int | str]) -> list[Path]:
    """The split files that splits.method files reads; none for another method."""
    return [split_file(study.splits.path, dataset, seed) for seed in seeds] if study.splits.path else []


def parts_of(study: Study, dataset: str, videos: Sequence[Video], seed: int) -> Mapping[str, str]:
    """video_id -> part, as the trainings of `seed` have it."""
    method, permutations = study.splits.method, study.datasets[dataset].permutations
    stored = None
    if method == "stored" and permutations:
        from vqa.datasets.vsfa_info import stored_permutation

        stored = stored_permutation(permutations, seed)
    given = next(map(read_split_file, split_files(study, dataset, [seed])), None)
    return split(videos, seed, method, stored, given)


def check_parts(study: Study, dataset: str, videos: Sequence[Video]) -> None:
    """Raise `UserError` where the official parts, the scenes or the split files do not fit the videos."""
    if study.splits.method not in ("scene", *GIVEN_PARTS):
        return
    seeds, settings = study.seeds_on(dataset), study.datasets[dataset]
    if isinstance(settings, DemoDataset):
        videos = demo.scenes(settings)
    for path in split_files(study, dataset, seeds):
        if not path.is_file():
            raise UserError(f"splits.path: there is no file {path}; `vqa splits` writes one a dataset and seed")
    try:
        for seed in seeds if study.splits.method == "files" else seeds[:1]:  # elsewhere one fails as all others
            parts_of(study, dataset, videos, seed)
    except UserError as error:
        raise UserError(f"datasets.{dataset}: {error}") from None


def check_crossed(study: Study, listed: Mapping[str, Sequence[Video]]) -> None:
    """Raise `UserError` where a head would be tested on the very files it was trained on. listed: by dataset.

    Copies under other names are told by the table: features say what planning would have to read whole files for.
    """
    trained = {dataset for experiment in study.cross_dataset for dataset in study.datasets_of(experiment)}
    resolved = cache(Path.resolve)  # of a folder, once
    files = {
        name: {resolved((path := Path(video.path)).parent) / path.name: video.video_id for video in videos}
        for name, videos in (listed.items() if trained else ())
    }
    for one, other in combinations(files, 2):
        shared = sorted(files[one].keys() & files[other].keys())
        if shared and trained & {one, other}:
            raise UserError(
                f"cross_dataset: {shared[0]} is a video of '{one}' and of '{other}', {len(shared)} such in all: heads "
                "trained on one would be tested on what they have seen; list their video_ids under `exclude:` of one "
                f"({files[other][shared[0]]}, ...), or leave cross_dataset out"
            )


def write_parts(study: Study, output: Path) -> list[Path]:
    """Write DATASET/seed-N.csv for every dataset and seed of the study; returns the files."""
    written = []
    for name in study.datasets:
        listing = _labelled(study, name)
        for seed in study.seeds_on(name):
            path = split_file(output, name, seed)
            write_split_file(path, listing.videos, parts_of(study, name, listing.videos, seed), listing.root)
            written.append(path)
    return written


def _labelled(study: Study, name: str) -> Listing:
    """The videos with their labels; those of the demo are known once it is rendered."""
    dataset = study.datasets[name]
    if not isinstance(dataset, DemoDataset):
        return datasets.read(name, dataset, study.store, on_disk=name in Grid(study).decoded)
    rendered = demo.table(name, study.store)
    if not rendered.is_file():
        raise UserError(f"datasets.{name}: is not rendered yet; `snakemake --cores N {rendered}` does it")
    return table.read(rendered).without(dataset.exclude, name)
