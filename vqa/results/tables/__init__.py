"""The paper's tables I-VII from a study's metrics, with the paper's value beside ours, and more."""

from collections.abc import Callable
from pathlib import Path

from vqa.results.contents import MATRIX
from vqa.results.study_data import StudyData
from vqa.results.tables.audit import audit_table
from vqa.results.tables.cells import SYNTHETIC, Cell, Table
from vqa.results.tables.crossed import cross_table
from vqa.results.tables.datasets import datasets_table
from vqa.results.tables.leaderboard import leaderboard_table, matrix_csv
from vqa.results.tables.performance import (
    heads_table,
    init_table,
    model_cost_table,
    performance_table,
    sampling_table,
)
from vqa.results.tables.scenes import scenes_table
from vqa.results.tables.single import sensitivity_table, videos_table
from vqa.results.tables.tests import modes_ttest_table, samplers_ttest_table, verdicts_table
from vqa.results.tables.tuning import tuning_table
from vqa.results.tables.writers import write_table
from vqa.system.files import write_text

__all__ = ["SYNTHETIC", "Cell", "Table", "all_tables", "write_tables"]


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
        "leaderboard": leaderboard_table,
        "verdicts": verdicts_table,
        "sensitivity": sensitivity_table,
        "videos": videos_table,
        "scenes": scenes_table,
        "audit": audit_table,
    }
    tables = []
    for name in data.contents.tables:
        table = makers[name](data) if name in makers else performance_table(data, name)
        tables.append(table)
    return tables


def write_tables(data: StudyData, folder: Path) -> None:
    """Write `data.contents.table_files` to `folder`."""
    for table in all_tables(data):
        write_table(folder, table)
    if MATRIX in data.contents.table_files:
        write_text(folder / MATRIX, matrix_csv(data))
    else:
        (folder / MATRIX).unlink(missing_ok=True)
