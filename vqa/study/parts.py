"""The parts of a study's datasets: what they come from, checked before anything runs, and written for others."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vqa import datasets
from vqa.config import DemoDataset, Study
from vqa.config.names import GIVEN_PARTS
from vqa.datasets import Listing, demo, table
from vqa.manifest import Video
from vqa.protocol.split_files import read_split_file, split_file, write_split_file
from vqa.protocol.splits import split
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
    """Raise `UserError` where the official parts or the split files do not fit the videos."""
    if study.splits.method not in GIVEN_PARTS:
        return
    seeds = study.seeds_on(dataset)
    for path in split_files(study, dataset, seeds):
        if not path.is_file():
            raise UserError(f"splits.path: there is no file {path}; `vqa splits` writes one a dataset and seed")
    try:
        for seed in seeds[:1]:
            parts_of(study, dataset, videos, seed)
    except UserError as error:
        raise UserError(f"datasets.{dataset}: {error}") from None


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
        return datasets.read(name, dataset, study.store)
    rendered = demo.table(name, study.store)
    if not rendered.is_file():
        raise UserError(f"datasets.{name}: is not rendered yet; `snakemake --cores N {rendered}` does it")
    return table.read(rendered).without(dataset.exclude, name)
