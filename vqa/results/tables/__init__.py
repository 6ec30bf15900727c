"""The paper's tables I-VII from a study's metrics, with the paper's value beside ours, and more."""

from collections.abc import Callable

from vqa.results.study_data import StudyData
from vqa.results.tables.cells import SYNTHETIC, Cell, Table
from vqa.results.tables.crossed import cross_table
from vqa.results.tables.datasets import datasets_table
from vqa.results.tables.performance import (
    heads_table,
    init_table,
    model_cost_table,
    performance_table,
    sampling_table,
)
from vqa.results.tables.tests import modes_ttest_table, samplers_ttest_table, verdicts_table
from vqa.results.tables.tuning import tuning_table

__all__ = ["SYNTHETIC", "Cell", "Table", "all_tables"]


def all_tables(data: StudyData) -> list[Table]:
    """Every table of `data.contents.tables`, in that order."""
    makers: dict[str, Callable[[StudyData], Table]] = {
        "datasets": datasets_table,
        "sampling": sampling_table,
        "ttest-modes": modes_ttest_table,
        "ttest-samplers": samplers_ttest_table,
        "heads": heads_table,
        "model-cost": model_cost_table,
        "pre-training": init_table,
        "cross-dataset": cross_table,
        "tuning": tuning_table,
        "verdicts": verdicts_table,
    }
    tables = []
    for name in data.contents.tables:
        table = makers[name](data) if name in makers else performance_table(data, name)
        tables.append(table)
    return tables
