"""Random splits and splits by scene, side by side."""

from dataclasses import replace
from math import isnan, nan

import pandas as pd

from vqa.results.scenes import QUESTION, Flattery, flatteries, sentence
from vqa.results.study_data import StudyData
from vqa.results.tables.cells import Cell, Table, mean_std, notes, p_cell

_NAMES = {"srocc": "SROCC", "plcc": "PLCC"}


def scenes_table(data: StudyData) -> Table:
    """A row a cell and metric."""
    found, alpha = flatteries(data), data.study.statistics.alpha
    headers = ["Dataset", "Experiment", "Metric", "Shared", "Random splits", "By scene", "Difference"]
    told = [
        *notes(data, list(dict.fromkeys(each.experiment for each in found))),
        sentence(found, alpha),
        "Mean (std) over runs, trained and tested in order; difference: random less by scene. Shared: of the random "
        "splits' test videos, how many show a scene that is trained on, too. Intervals and p: corrected resampled, not "
        "adjusted for several comparisons. -: of fewer than three runs, or of test sets too much alike. Test sets of "
        "whole scenes are less varied, which moves SROCC as well.",
    ]
    return Table(
        "scenes", QUESTION, [*headers, f"{100 * (1 - alpha):g} % interval", "p"], [_row(e, alpha) for e in found], told
    )


def _row(each: Flattery, alpha: float) -> list[Cell]:
    test = each.test if each.told_apart else replace(each.test, ci_low=nan, ci_high=nan, p_corrected=nan)
    interval = f"{test.ci_low:+.3f} to {test.ci_high:+.3f}" if each.told_apart else "-"
    return [
        *map(Cell, (each.dataset, each.experiment, _NAMES[each.metric])),
        Cell(f"{100 * each.shared:.0f} %", numbers={"": each.shared}),
        *(mean_std(pd.Series(values)) for values in (each.random, each.by_scene)),
        Cell("-" if isnan(test.difference) else f"{test.difference:+.3f}", numbers={"": test.difference}),
        Cell(interval, numbers={" low": test.ci_low, " high": test.ci_high}),
        p_cell(test.p_corrected, alpha),
    ]
