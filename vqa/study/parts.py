"""The parts of a study's datasets: what they come from, checked before anything runs, and written for others."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import combinations, product
from pathlib import Path

from vqa import datasets
from vqa.config import Study
from vqa.config.init import seen
from vqa.config.names import GIVEN_PARTS
from vqa.datasets import Listing, demo, table
from vqa.manifest import Video
from vqa.protocol.split_files import read_split_file, split_file, write_split_file
from vqa.protocol.splits import kind, split
from vqa.study.grid import Grid
from vqa.system.errors import UserError
from vqa.training.given import Scores


def split_files(study: Study, dataset: str, seeds: Iterable[int | str]) -> list[Path]:
    """The split files that splits.method files reads; none for another method."""
    return [split_file(study.splits.path, dataset, seed) for seed in seeds] if study.splits.path else []


def parts_of(
    study: Study, dataset: str, videos: Sequence[Video], seed: int, by_scene: bool = False
) -> Mapping[str, str]:
    """video_id -> part, as the trainings of `seed` have it, or those by scene that are set beside them."""
    method, permutations = "scene" if by_scene else study.splits.method, study.datasets[dataset].permutations
    stored = None
    if method == "stored" and permutations:
        from vqa.datasets.vsfa_info import stored_permutation

        stored = stored_permutation(permutations, seed)
    given = next(map(read_split_file, split_files(study, dataset, [seed])), None)
    return split(videos, seed, method, stored, given)


def scores_of(study: Study, experiment: str, dataset: str, seed: int) -> Scores:
    """The scores that others made, of an experiment which takes them."""
    chosen = study.experiments[experiment]
    path = chosen.scores(dataset, seed)
    if path is None:
        raise ValueError(f"{experiment} is trained")
    columns = {str(key): name for key, name in chosen.columns.items()}
    return Scores(path, columns, study.datasets[dataset].exclude, chosen.same_scores)


def check_parts(study: Study, dataset: str, videos: Sequence[Video]) -> None:
    """Raise `UserError` where the official parts, the scenes or the split files do not fit the videos."""
    by_scene = dataset in study.splits.scenes
    if study.splits.method not in ("scene", *GIVEN_PARTS) and not by_scene:
        return
    seeds, settings = study.seeds_on(dataset), study.datasets[dataset]
    if demo.rendered(settings):
        videos = demo.scenes(settings)
    for path in split_files(study, dataset, seeds):
        if not path.is_file():
            raise UserError(f"splits.path: there is no file {path}; `vqa splits` writes one a dataset and seed")
    try:
        if by_scene:
            parts_of(study, dataset, videos, seeds[0], by_scene)
        # Elsewhere one fails as all others.
        found = {
            seed: {part for part in parts_of(study, dataset, videos, seed).values() if kind(part) == "test"}
            for seed in (seeds if study.splits.method == "files" else seeds[:1])
        }
    except UserError as error:
        raise UserError(f"datasets.{dataset}: {error}") from None
    for seed, named in found.items():
        if named != found[seeds[0]]:
            here, first = (" and ".join(sorted(each)) for each in (named, found[seeds[0]]))
            raise UserError(
                f"datasets.{dataset}: the split file of seed {seed} names the test sets {here}, that of seed "
                f"{seeds[0]} {first}; every seed needs the same"
            )


def check_strangers(grid: Grid, listed: Callable[[str], Sequence[Video]]) -> None:
    """Raise `UserError` where a head would be tested on the very files it was trained on. listed: a dataset's videos.

    Copies under other names are told by the tables: features say what planning would have to read whole files for.
    """
    must_differ = _strangers(grid.study)
    read = [name for name in grid.decoded if any(name in pair for pair in must_differ)]  # others may have no files
    resolved = cache(Path.resolve)  # of a folder, once
    files = {
        name: {resolved((path := Path(video.path)).parent) / path.name: video.video_id for video in listed(name)}
        for name in read
    }
    for one, other in combinations(files, 2):
        where = must_differ.get((one, other)) or must_differ.get((other, one))
        if where and (shared := sorted(files[one].keys() & files[other].keys())):
            raise UserError(
                f"{where}: {shared[0]} is a video of '{one}' and of '{other}', {len(shared)} such in all: heads "
                "trained on one would be tested on what they have seen; list their video_ids under `exclude:` of one "
                f"({files[other][shared[0]]}, ...), or leave {where} out"
            )


def _strangers(study: Study) -> dict[tuple[str, str], str]:
    """(dataset trained on, another tested on) that may share no video -> the key of the config that asks for it."""
    found: dict[tuple[str, str], str] = {}
    for name in study.cross_dataset:
        for pair in product({*study.datasets_of(name), *seen(study, name)}, study.datasets):
            found[pair] = "cross_dataset"
    for name in study.experiments:
        for pair in product(seen(study, name), study.datasets_of(name)):
            found.setdefault(pair, f"experiments.{name}.init")
    return found


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
    if not demo.rendered(dataset):
        return datasets.read(name, dataset, study.store, on_disk=name in Grid(study).decoded)
    rendered = demo.table(name, study.store)
    if not rendered.is_file():
        raise UserError(f"datasets.{name}: is not rendered yet; `snakemake --cores N {rendered}` does it")
    return table.read(rendered).without(dataset.exclude, name)
