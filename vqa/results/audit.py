"""How much do protocols flatter? What other protocols would have reported of the same trainings.

Selections of an epoch differ run by run: their inflation has the corrected resampled interval. A choice among runs
(best seed, first seeds, median) gives one number a cell, and no interval.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vqa.evaluation.audit import AUDITED, PROTOCOLS, Array, kept
from vqa.evaluation.statistics import compare
from vqa.results.resampling import resampling
from vqa.results.study_data import StudyData
from vqa.results.test_sets import dataset_of
from vqa.study.grid import RunId

QUESTION = "How much do protocols flatter?"
SMALLER = ("rmse_z", "rmse_fit")
FIRST = (1, 3, 5)


@dataclass(frozen=True)
class Inflation:
    """What a protocol reports of a cell: its mean over runs, and by how much it exceeds validated selection's.

    low, high: the interval of `inflation` at level 1 - alpha; NaN where a protocol gives one number a cell.
    """

    dataset: str
    experiment: str
    mode: str
    protocol: str
    metric: str
    reported: float
    inflation: float
    low: float = float("nan")
    high: float = float("nan")


def inflations(data: StudyData) -> list[Inflation]:
    """Of every cell, protocol and metric, in the order of the config."""
    return [
        found
        for name, experiment in data.study.experiments.items()
        if not experiment.predictions
        for tested in data.tested_on(name)
        for mode in experiment.modes
        for found in _cell(data, tested, name, mode)
    ]


def _cell(data: StudyData, tested: str, experiment: str, mode: str) -> Iterator[Inflation]:
    runs = data.runs_of(tested, experiment, mode)
    drawn = resampling(tested, [data.layout.run_folder(run) for run in runs], data.study.splits.method)
    trainings = [_training(data, run, tested, mode[1]) for run in runs]
    for metric in AUDITED:
        values = {
            protocol: np.array([kept(each.reached[metric], each.reached["srocc"], protocol, each.selected,
                                     metric in SMALLER) for each in trainings])
            for protocol in PROTOCOLS
        }  # fmt: skip
        validated = values["validated"]
        place = tested, experiment, mode
        yield Inflation(*place, "validated", metric, float(np.mean(validated)), 0.0)
        for protocol in PROTOCOLS[1:]:
            test = compare(values[protocol], validated, drawn.n_train, drawn.n_test, float("nan"),
                           data.study.statistics.alpha, drawn.common)  # fmt: skip
            reported = float(np.mean(values[protocol]))
            interval = (np.nan, np.nan) if drawn.one_test_set else (test.ci_low, test.ci_high)
            yield Inflation(*place, protocol, metric, reported, test.difference, *interval)
        for protocol, reported in among_runs(validated, metric in SMALLER).items():
            yield Inflation(*place, protocol, metric, reported, reported - float(np.mean(validated)))


def among_runs(values: Array, smaller: bool = False) -> dict[str, float]:
    """What is reported where some of the runs are chosen. values: of each, in the order of the seeds."""
    best = np.min if smaller else np.max
    found = {"best seed": float(best(values)), "median of seeds": float(np.median(values))}
    return found | {f"first {n} seeds": float(np.mean(values[:n])) for n in FIRST if n < len(values)}


@dataclass(frozen=True)
class _Training:
    """reached: metric -> what each epoch reached on one test set, (epochs,); selected: the place of the epoch kept."""

    reached: dict[str, Array]
    selected: int


def _training(data: StudyData, run: RunId, tested: str, test_order: str) -> _Training:
    rows = data.audit(run)
    part = tested.removeprefix(dataset_of(tested)).removeprefix(":") or "test"
    rows = rows[(rows["test_order"] == test_order) & rows["split"].isin([part, f"test:{part}"])]
    selected = int(np.flatnonzero(rows["epoch"] == data.run(run)["selected_epoch"])[0])
    return _Training({metric: rows[metric].to_numpy() for metric in AUDITED}, selected)


def sentence(found: Sequence[Inflation], alpha: float) -> str:
    """What a paper could quote: SROCC of the best epoch on test against validated selection, over cells."""
    chosen = [each for each in found if each.metric == "srocc" and each.protocol == "best epoch on test"]
    known = np.array([each.inflation for each in chosen if np.isfinite(each.inflation)])
    if not len(known):
        return "No cell has a defined SROCC in every run."
    above = sum(each.low > 0 for each in chosen)
    cells = "1 cell" if len(known) == 1 else f"{len(known)} cells"
    return (
        "Reporting each training's best epoch on the test set instead of the one that validation chose raises mean "
        f"SROCC by {known.mean():.3f} on average over {cells} ({known.min():.3f} to {known.max():.3f}); the "
        f"{100 * (1 - alpha):g} % interval lies above 0 in {above} of them."
    )


def answer(data: StudyData) -> list[tuple[str, str, list[str]]]:
    """(question, answer, no lines) of the summary; nothing where the study does not audit."""
    return [(QUESTION, sentence(inflations(data), data.study.statistics.alpha), [])] if data.study.audit else []
