"""All cells of a dataset, ranked by mean SROCC, with the groups that cannot be told apart, and the p of every pair."""

import csv
import io

import numpy as np

from vqa.results.leaderboard import boards
from vqa.results.study_data import StudyData
from vqa.results.tables.cells import Cell, Table, mean_std, notes, p_cell

_METRICS = {"srocc": "SROCC", "plcc": "PLCC", "krocc": "KROCC", "rmse": "RMSE"}


def leaderboard_table(data: StudyData) -> Table:
    """A row for each cell of every dataset that is ranked."""
    alpha = data.study.statistics.alpha
    headers = ["Dataset", "Rank", "Experiment", "Mode", *_METRICS.values(), "Group"]
    headers += ["p against first, Holm", "p against next, Holm"]
    rows = []
    for board in boards(data):
        p = np.pad(board.ranked.p, ((0, 0), (0, 1)), constant_values=np.nan)  # the last has no next
        for rank, (name, metrics) in enumerate(board.cells.items()):
            shown = [mean_std(metrics[metric]) for metric in _METRICS]
            own = [Cell(board.tested), Cell(str(rank + 1)), *map(Cell, name), *shown, Cell(board.ranked.letters[rank])]
            rows.append([*own, p_cell(p[0, rank], alpha), p_cell(p[rank, rank + 1], alpha)])
    told = [
        "Cells by mean SROCC, mean (std) over their seeds. Each pair of a dataset is tested over the seeds that both "
        f"have, as in the verdicts, Holm-adjusted over all pairs of the dataset; bold: p < {alpha:g}. A group is a "
        "longest run of ranks without such a pair: cells that share a letter cannot be told apart, which does not show "
        "them equal. Every pair's p is in leaderboard-matrix.csv."
    ]
    return Table("leaderboard", "Leaderboard", headers, rows, [*notes(data, list(data.study.experiments)), *told])


def matrix_csv(data: StudyData) -> str:
    """A row for each cell, by rank, and a column for each rank: p of the two, Holm-adjusted; empty where there is none.

    Datasets stand below each other; one of fewer cells leaves the last columns empty.
    """
    found = boards(data)
    ranks = range(1, 1 + max(len(board.cells) for board in found))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["dataset", "rank", "experiment", "mode", "group", *ranks])
    for board in found:
        for rank, (experiment, mode) in enumerate(board.cells):
            ps = ["" if np.isnan(p) else f"{p:.10g}" for p in board.ranked.p[rank]]
            own = [board.tested, rank + 1, experiment, mode, board.ranked.letters[rank]]
            writer.writerow([*own, *ps, *[""] * (len(ranks) - len(ps))])
    return buffer.getvalue()
