"""Tables II-V: the metrics of each cell beside the paper's."""

from dataclasses import dataclass
from math import isfinite

import numpy as np
import pandas as pd

from vqa.config.heads import HEADS, resolve
from vqa.results import published
from vqa.results.evaluation import METRICS
from vqa.results.study_data import StudyData
from vqa.results.tables.cells import Cell, Table, mean_std, notes, run_counts

_NUMBER = {"frame-level": "II", "cube-level": "III", "sample-16": "IV"}
_HEADERS = {"srocc": "SROCC", "plcc": "PLCC", "krocc": "KROCC", "rmse": "RMSE"}


def _best(cells: list[Cell], metric: str) -> list[Cell]:
    """The best of a column in bold, ties as printed."""
    shown = [round(cell.numbers[""], 3) for cell in cells]
    known = [value for value in shown if not np.isnan(value)]
    best = (min if metric == "rmse" else max)(known) if known else np.nan
    return [Cell(c.text, v == best, c.numbers) for c, v in zip(cells, shown, strict=True)]


@dataclass(frozen=True)
class _Row:
    """A row of a performance table: its labels, and the cell of the study and the paper it shows."""

    labels: tuple[str, ...]
    dataset: str
    experiment: str
    mode: str


def _performance(
    data: StudyData, name: str, title: str, labels: list[str], rows: list[_Row], paper_table: str | None
) -> Table:
    """Metrics of each row; the best of each dataset in bold; the paper's value and the difference."""
    paper = {(i, metric): _papers(data, row, metric, paper_table) for i, row in enumerate(rows) for metric in METRICS}
    with_paper = any(paper.values())
    headers, columns, distances = list(labels), [], []
    for metric in METRICS:
        cells = [mean_std(data.cell(row.dataset, row.experiment, row.mode)[metric]) for row in rows]
        for dataset in dict.fromkeys(row.dataset for row in rows):
            at = [i for i, row in enumerate(rows) if row.dataset == dataset]
            for i, cell in zip(at, _best([cells[i] for i in at], metric), strict=True):
                cells[i] = cell
        headers.append(_HEADERS[metric])
        columns.append(cells)
        if with_paper:
            headers += [f"{_HEADERS[metric]} paper", f"{_HEADERS[metric]} diff"]
            beside = [_beside(cell, paper[i, metric]) for i, cell in enumerate(cells)]
            columns += [[pair[0] for pair in beside], [pair[1] for pair in beside]]
            distances += [pair[2] for pair in beside if pair[2] is not None]
    told = notes(data, list(dict.fromkeys(row.experiment for row in rows)))
    runs = run_counts(data.study, (row.experiment for row in rows))
    told.append(f"Mean (population std) over {runs} runs; best of each dataset in bold.")
    told += _of_runs(data, rows)
    if distances:
        told += _departures(data, list(dict.fromkeys(row.experiment for row in rows)))
        one, two = (sum(abs(d) <= k for d in distances) for k in (1, 2))
        told.append(f"{one} of {len(distances)} cells lie within one of the paper's std, {two} within two.")
    body = [[*map(Cell, row.labels), *(column[i] for column in columns)] for i, row in enumerate(rows)]
    return Table(name, title, headers, body, told)


def _papers(data: StudyData, row: _Row, metric: str, paper_table: str | None) -> tuple[float, float] | None:
    """The paper's (mean, std) of the cell that a row shows; None where the paper has no such cell."""
    dataset = published.dataset_of(data.study, row.dataset)
    experiment = published.experiment_of(data.study, row.experiment)
    if not (paper_table and dataset and experiment):
        return None
    return published.value(paper_table, dataset, experiment, row.mode, metric)


def _of_runs(data: StudyData, rows: list[_Row]) -> list[str]:
    """What single runs behind the rows did that their means do not show."""
    status = pd.concat([data.cell(row.dataset, row.experiment, row.mode)["fit_status"] for row in rows])
    told = []
    if linear := int((status == "linear").sum()):
        told.append(
            f"In {linear} of {len(status)} results no logistic fitted better than a line: "
            "PLCC and RMSE are after the line."
        )
    if data.study.training.selection != "best-val-srocc":
        return told
    runs = {run for row in rows for run in data.runs_of(row.dataset, row.experiment, row.mode)} - {*data.grid.given}
    if undefined := sum(not isfinite(data.run(run)["selected_val_srocc"]) for run in runs):
        told.append(
            f"In {undefined} of {len(runs)} runs the validation SROCC was undefined in every epoch: "
            "their epoch was selected on validation loss."
        )
    return told


def _departures(data: StudyData, experiments: list[str]) -> list[str]:
    """In what an experiment set beside the paper's was trained unlike it."""
    found = {name: published.departure(data.study, name) for name in experiments}
    return [f"{name}, unlike the paper's: {text}." for name, text in found.items() if text]


def _beside(ours: Cell, theirs: tuple[float, float] | None) -> tuple[Cell, Cell, float | None]:
    """The paper's cell, the difference, and the difference in the paper's std."""
    if theirs is None:
        return Cell(""), Cell(""), None
    difference = ours.numbers[""] - theirs[0]
    printed = Cell(f"{theirs[0]:.3f} ({theirs[1]:.3f})", numbers={"": theirs[0], " std": theirs[1]})
    return printed, Cell(f"{difference:+.3f}", numbers={"": difference}), difference / theirs[1]


def performance_table(data: StudyData, experiment: str) -> Table:
    """Tables II-IV: every mode of one experiment."""
    modes = data.study.experiments[experiment].modes
    rows = [_Row((d, mode), d, experiment, mode) for d in data.tested_on(experiment) for mode in modes]
    number = _NUMBER.get(published.experiment_of(data.study, experiment) or "")
    title = f"Performance of the {experiment} experiment" + (f" (paper: Table {number})" if number else "")
    return _performance(data, experiment, title, ["Dataset", "Mode"], rows, number)


def sampling_table(data: StudyData) -> Table:
    """Table V: all frames against Sample-K, in order."""
    study = data.study
    names = list(dict.fromkeys(n for pair in data.contents.sampler_groups for n in reversed(pair)))
    names.sort(key=lambda n: (study.experiments[n].backbone, study.experiments[n].head, study.experiments[n].sampler))
    rows = [
        _Row((d, n, str(study.experiments[n].sampler)), d, n, "OO")
        for d in data.tested_on()
        for n in names
        if d in data.tested_on(n)
    ]
    title = "Performance of the sampling strategies (paper: Table V)"
    return _performance(data, "sampling", title, ["Dataset", "Experiment", "Sample"], rows, "V")


def heads_table(data: StudyData) -> Table:
    """What each temporal model reaches, VSFA's GRU and pooling taken apart among them."""
    study = data.study
    names = data.contents.models
    rows = [
        _Row((d, n, study.experiments[n].head, mode), d, n, mode)
        for d in data.tested_on()
        for n in names
        if d in data.tested_on(n)
        for mode in study.experiments[n].modes
    ]
    table = _performance(data, "heads", "Temporal models", ["Dataset", "Experiment", "Head", "Mode"], rows, None)
    used = dict.fromkeys(resolve(study.experiments[name].head).name for name in names)
    meaning = [f"{name}: {HEADS[name][2]}." for name in used if name in HEADS]
    return Table(table.name, table.title, table.headers, table.rows, [*table.notes, *meaning])


def init_table(data: StudyData) -> Table:
    """What pre-training gives: fine-tuned and zero-shot heads beside those that begin anew."""
    study = data.study
    named = {name for pair in data.contents.init_groups for name in pair}
    names = [name for name in study.experiments if name in named]
    rows = [
        _Row((d, n, init.dataset if (init := study.experiments[n].init) else "anew"), d, n, "OO")
        for d in data.tested_on()
        for n in names
        if d in data.tested_on(n)
    ]
    return _performance(data, "pre-training", "Pre-training", ["Dataset", "Experiment", "Begins from"], rows, None)


def model_cost_table(data: StudyData) -> Table:
    """What each temporal model costs beside what it reaches in order; means over runs."""
    headers = ["Dataset", "Experiment", "Head", "Parameters", "Multiply-adds a video", "Training s", "Memory MB"]
    names = data.contents.models
    rows = [
        [*map(Cell, (dataset, name, data.study.experiments[name].head)), *_costs(data, dataset, name)]
        for dataset in data.tested_on()
        for name in names
        if dataset in data.tested_on(name)
    ]
    told = [
        *notes(data, names),
        "Multiply-adds of matrix products and convolutions for a video of mean length; seconds and peak memory of a "
        "whole training, its grid included, on the machine it ran on; a dash: trained before these were recorded.",
    ]
    return Table("model-cost", "Temporal models: cost and quality", [*headers, "SROCC"], rows, told)


def _costs(data: StudyData, dataset: str, name: str) -> list[Cell]:
    runs = [data.run(run) for run in data.runs_of(dataset, name, "OO")]
    cells = []
    for key in ("parameters", "multiply_adds", "seconds", "memory_mb"):
        known = [run[key] for run in runs if key in run]
        mean = float(np.mean(known)) if known else np.nan
        cells.append(Cell(f"{mean:,.0f}" if mean >= 100 else f"{mean:.3g}" if known else "-", numbers={"": mean}))
    return [*cells, mean_std(data.cell(dataset, name, "OO")["srocc"])]
