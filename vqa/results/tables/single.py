"""Single videos: do trainings agree on which ones a shuffle moves most, and which ones to look at."""

from typing import Any

import pandas as pd

from vqa.results.ranking import most_sensitive, worst_predicted
from vqa.results.study_data import StudyData
from vqa.results.tables.cells import Cell, Table, notes, p_cell
from vqa.results.videos import QUESTION


def sensitivity_table(data: StudyData) -> Table:
    """The test of every dataset and experiment."""
    alpha = data.study.statistics.alpha
    headers = ["Dataset", "Experiment", "Videos", "Runs", "Shift", "Spread", "Pairs", "Agreement", "p", "p, Holm"]
    rows = [
        [
            Cell(row["dataset"]), Cell(row["experiment"]), Cell(str(row["n_videos"])), Cell(str(row["n_runs"])),
            _number(row["shift"]), _number(row["spread"]), Cell(str(row["pairs"])), _number(row["agreement"], "+.2f"),
            p_cell(row["p"], alpha), p_cell(row["p_holm"], alpha), Cell(row["answer"]),
        ]
        for row in data.sensitivity.to_dict("records")
    ]  # fmt: skip
    told = [
        *notes(data, data.contents.in_order),
        "Heads trained in order. Shift: mean |score in order - score shuffled| of a test video; Spread: mean over "
        "videos of the std of the score in order over the seeds that tested it; both in MOS units. Agreement: mean "
        "rank correlation of two runs' shifts over the videos that both tested, 0 by chance; Pairs: how many such "
        "tests. p: of so much agreement by chance (shifts permuted within runs), Holm-adjusted over the experiments "
        "of a dataset. They agree: which videos a shuffle moves most is not one training's chance. "
        "It may still be noise that is larger on some videos, in either direction: see the Spread of each. "
        "Blind to order: no score moves by more than rounding.",
    ]
    return Table("sensitivity", QUESTION, [*headers, "Answer"], rows, told)


def videos_table(data: StudyData) -> Table:
    """The videos that a reader is shown."""
    headers = ["Dataset", "Among the", "Video", "MOS", "Experiment", "Tests", "Score", "Residual", "Error", "Spread"]
    rows = []
    for tested in data.videos["dataset"].unique():
        chosen = {
            "most order-sensitive": most_sensitive(data.videos, data.sensitivity, tested),
            "worst predicted": worst_predicted(data.videos, tested),
        }
        rows += [_row(tested, why, row) for why, found in chosen.items() for row in found.to_dict("records")]
    told = [
        *notes(data, data.contents.in_order),
        "At most ten each, ranked by the mean over experiments, among videos that were tested more than once where "
        "there are any. Experiment: the one that is moved, or errs, most on the video. Score: mean over the runs that "
        "tested it, in order, each mapped onto MOS by its own logistic; Residual: Score - MOS; Error: mean |residual|; "
        "Spread and Shift: see the table above, Shift of this video.",
    ]
    return Table("videos", "Videos to look at", [*headers, "Shift"], rows, told)


def _row(tested: str, why: str, row: dict[Any, Any]) -> list[Cell]:
    values = (row["score"], row["residual"], row["error"], row["spread"], row["shift"])
    return [
        Cell(tested), Cell(why), Cell(row["video_id"]), _number(row["mos"]), Cell(row["experiment"]),
        Cell(str(row["n_tests"])), _number(values[0]), _number(values[1], "+.3g"), *map(_number, values[2:]),
    ]  # fmt: skip


def _number(value: float, form: str = ".3g") -> Cell:
    return Cell("-" if pd.isna(value) else f"{value:{form}}", numbers={"": value})
