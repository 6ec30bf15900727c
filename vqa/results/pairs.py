"""What is compared with what. Imports no torch: the Snakefile asks too."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vqa.config import Study
from vqa.config.init import seen

ACROSS, WAY = "cross", " > "  # the question, and what stands between the dataset trained on and the one tested on
Families = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Pair:
    """`condition` against `baseline`: (experiment, mode) each, on one dataset, or on the way from one to another."""

    family: str
    dataset: str
    condition: tuple[str, str]
    baseline: tuple[str, str]


def pairs(study: Study, families: Families) -> Iterator[Pair]:
    """Every comparison of a study, dataset by dataset. families: question -> (condition, baseline) experiments."""
    for dataset in study.datasets:
        for name, experiment in study.experiments.items():
            for mode in experiment.modes:
                if mode != "OO" and "OO" in experiment.modes and dataset in study.datasets_of(name):
                    yield Pair("modes", dataset, (name, mode), (name, "OO"))
        for family, groups in families.items():
            for name, base in groups:
                if all(dataset in study.datasets_of(each) for each in (name, base)):
                    yield Pair(family, dataset, (name, "OO"), (base, "OO"))
    yield from crossed_pairs(study, families)


def crossed_pairs(study: Study, families: Families) -> list[Pair]:
    """The same experiments on the way from one dataset to the whole of another that neither has seen."""
    crossed = set(study.cross_dataset)
    compared = dict.fromkeys(pair for groups in families.values() for pair in groups if crossed >= set(pair))
    return [
        Pair(ACROSS, f"{trained}{WAY}{tested}", (name, "OO"), (base, "OO"))
        for name, base in compared
        for trained in study.datasets
        if all(trained in study.datasets_of(each) for each in (name, base))
        for tested in study.datasets
        if tested not in {trained} | seen(study, name) | seen(study, base)
    ]
