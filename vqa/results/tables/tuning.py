"""What `tune` chose: each point of an experiment's grid, and how many runs kept it."""

import json
from collections import Counter, defaultdict
from typing import Any

from vqa.config import Run
from vqa.results.study_data import StudyData
from vqa.results.tables.cells import Cell, Table, notes


def tuning_table(data: StudyData) -> Table:
    """A row for each point of a dataset and experiment, a column for each training order."""
    runs = [run for run in data.grid.runs if run.experiment in data.contents.tuned]
    kept: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    grids: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        made = data.run(run)
        grids[run.dataset, run.experiment] = list(dict.fromkeys(_text(each["point"]) for each in made["tuned"]))
        kept[run.dataset, run.experiment, run.order][_text(chosen(made))] += 1
    orders = sorted({run.order for run in runs})
    rows = [
        [*map(Cell, (*cell, point)), *(_count(kept[*cell, order], point) for order in orders)]
        for cell, grid in grids.items()
        for point in grid
    ]
    told = ["Runs that kept a point, for its validation SROCC, by training order; the most often kept in bold."]
    if diverged := sum(each["epoch"] is None for run in runs for each in data.run(run)["tuned"]):
        told.append(f"{diverged} of {sum(len(data.run(run)['tuned']) for run in runs)} trainings diverged.")
    headers = ["Dataset", "Experiment", "Point", *(f"Kept, trained {order}" for order in orders)]
    return Table("tuning", "What tuning chose", headers, rows, [*notes(data, data.contents.tuned), *told])


def chosen(made: dict[str, Any]) -> dict[str, Any]:
    """The point of the grid that a run kept. made: its run.json."""
    run = Run(**made["chosen"])
    options = json.loads(run.head) if run.head.startswith("{") else {}
    settings = run.model_dump() | {f"head.{key}": value for key, value in options.items()}
    points: list[dict[str, Any]] = [each["point"] for each in made["tuned"]]
    return next(point for point in points if point.items() <= settings.items())


def _text(point: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in point.items())


def _count(kept: Counter[str], point: str) -> Cell:
    """`3 of 10`; nothing for an order that the experiment does not train."""
    if not kept:
        return Cell("-")
    most = kept[point] == max(kept.values())
    return Cell(f"{kept[point]} of {kept.total()}", bold=most, numbers={"": kept[point]})
