"""How heads travel from one dataset to another: the matrix that papers print."""

from itertools import combinations

import pandas as pd

from vqa.config.init import seen
from vqa.results.study_data import StudyData
from vqa.results.tables.cells import Cell, Table, copies, mean_std, notes
from vqa.results.test_sets import dataset_of

_TOLD = (
    "SROCC, mean (std) over runs; trained and tested in order.",
    "whole: on all videos of the other dataset. test part: on its test part of the same seed, which heads that were "
    "trained there are tested on.",
    "Average: weighted by the number of videos, without the datasets that the heads were trained on, before or last.",
)


def cross_table(data: StudyData) -> Table:
    """SROCC of heads trained on one dataset (rows) and tested on another (columns), the whole or its test part."""
    columns = list(
        dict.fromkeys(name for dataset in data.study.datasets for name in (dataset, *data.tested.get(dataset, ())))
    )
    rows = [
        [Cell(experiment), Cell(trained), Cell(label), *row]
        for experiment in data.study.cross_dataset
        for trained in data.study.datasets_of(experiment)
        for label, row in (
            ("whole", _on_whole(data, experiment, trained, columns)),
            ("test part", _on_test_parts(data, experiment, trained, columns)),
        )
    ]
    headers = ["Experiment", "Trained on", "Tested on", *columns, "Average"]
    told = [*notes(data, data.study.cross_dataset), *seen_twice(data), *_TOLD]
    return Table("cross-dataset", "Cross-dataset evaluation", headers, rows, told)


def _on_whole(data: StudyData, experiment: str, trained: str, columns: list[str]) -> list[Cell]:
    unseen = [d for d in data.study.datasets if d not in {trained} | seen(data.study, experiment)]
    found = {name: data.crossing.on_whole(trained, name, experiment) for name in unseen}
    return [*(_cell(found.get(name)) for name in columns), _average(list(found.values()))]


def _on_test_parts(data: StudyData, experiment: str, trained: str, columns: list[str]) -> list[Cell]:
    """Those of datasets that the heads began from are shown too: of the same seed, they were not trained on."""
    found = {
        name: metrics.set_index("seed")
        for dataset in data.study.datasets
        if dataset != trained
        for name, metrics in data.crossing.own_test(trained, dataset, experiment).items()
    }
    known = {trained} | seen(data.study, experiment)
    average = _average([metrics for name, metrics in found.items() if dataset_of(name) not in known])
    found |= {name: data.cell(name, experiment, "OO") for name in data.tested[trained]}
    return [*(_cell(found.get(name)) for name in columns), average]


def _cell(metrics: pd.DataFrame | None) -> Cell:
    return Cell("-") if metrics is None else mean_std(metrics["srocc"])


def _average(found: list[pd.DataFrame]) -> Cell:
    """Of each run, over all that it was tested on, weighted by the videos."""
    if not found:
        return Cell("-")
    weighted = pd.concat([each["srocc"] * each["n_test"] for each in found], axis=1).sum(axis=1, skipna=False)
    return mean_std(weighted / pd.concat([each["n_test"] for each in found], axis=1).sum(axis=1))


def seen_twice(data: StudyData) -> list[str]:
    """Of two datasets, how many videos of one have the features of a video of the other, bit for bit."""
    told = {}
    for experiment in data.study.cross_dataset:
        trained = {*data.study.datasets_of(experiment), *seen(data.study, experiment)}
        for one, other in combinations(data.study.datasets, 2):
            count = copies(data, experiment, one, other) if trained & {one, other} else 0
            if count:
                told[one, other] = (
                    f"NOT strangers: {count} videos of {one} stand in {other} too, under other names; heads of either "
                    "were trained on some that they are tested on here. Exclude them from one of the two."
                )
    return list(told.values())
