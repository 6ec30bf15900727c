"""The paper's tables I-VII from a study's metrics, with the paper's value beside ours, and more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from vqa.config import DemoDataset, NativeDataset
from vqa.results import published
from vqa.results.evaluation import METRICS
from vqa.results.study_data import StudyData

_NUMBER = {"frame-level": "II", "cube-level": "III", "sample-16": "IV"}
_HEADERS = {"srocc": "SROCC", "plcc": "PLCC", "krocc": "KROCC", "rmse": "RMSE"}
SYNTHETIC = "Synthetic clips with simulated ratings: these numbers say nothing about real video."


@dataclass(frozen=True)
class Cell:
    """text: as printed; numbers: what the csv holds instead, by column suffix."""

    text: str
    bold: bool = False
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """name: file name; title: caption; notes: printed below."""

    name: str
    title: str
    headers: list[str]
    rows: list[list[Cell]]
    notes: list[str] = field(default_factory=list)


def all_tables(data: StudyData) -> list[Table]:
    """Every table of `data.grid.tables`, in that order."""
    makers: dict[str, Callable[[StudyData], Table]] = {
        "datasets": datasets_table,
        "sampling": sampling_table,
        "ttest-modes": modes_ttest_table,
        "ttest-samplers": samplers_ttest_table,
        "heads": heads_table,
        "cross-dataset": cross_table,
        "verdicts": verdicts_table,
    }
    tables = []
    for name in data.grid.tables:
        table = makers[name](data) if name in makers else performance_table(data, name)
        tables.append(table)
    return tables


def notes(data: StudyData, experiments: Sequence[str] = ()) -> list[str]:
    """What every reader of these cells must be told."""
    study = data.grid.study
    found = []
    if any(isinstance(dataset, DemoDataset) for dataset in study.datasets.values()):
        found.append(SYNTHETIC)
    for name in dict.fromkeys(study.experiments[e].backbone for e in experiments):
        entry = data.grid.backbone_of(data.grid.slug(name))
        if not entry.pretrained:
            used = ", ".join(e for e in experiments if study.experiments[e].backbone == name)
            found.append(f"{used}: {entry.note}.")
    return found


def paper_key(data: StudyData, dataset: str) -> str | None:
    """The name under which the paper's numbers know a dataset."""
    chosen = data.grid.study.datasets[dataset]
    return chosen.reader if isinstance(chosen, NativeDataset) else None


def mean_std(values: pd.Series) -> Cell:
    """`0.779 (0.030)`, population std as recorded; undefined runs are counted, not hidden."""
    known = values.dropna()
    if known.empty:
        return Cell("undefined", numbers={"": np.nan, " std": np.nan})
    mean, std = float(known.mean()), float(known.std(ddof=0))
    text = f"{mean:.3f} ({std:.3f})"
    if len(known) < len(values):
        text += f" [{len(known)} of {len(values)} runs]"
    return Cell(text, numbers={"": mean, " std": std})


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
    paper = {
        (i, metric): published.value(paper_table or "", paper_key(data, row.dataset), row.experiment, row.mode, metric)
        for i, row in enumerate(rows)
        for metric in METRICS
    }
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
    told.append(f"Mean (population std) over {len(data.grid.study.seeds)} runs; best of each dataset in bold.")
    if distances:
        one, two = (sum(abs(d) <= k for d in distances) for k in (1, 2))
        told.append(f"{one} of {len(distances)} cells lie within one of the paper's std, {two} within two.")
    body = [[*map(Cell, row.labels), *(column[i] for column in columns)] for i, row in enumerate(rows)]
    return Table(name, title, headers, body, told)


def _beside(ours: Cell, theirs: tuple[float, float] | None) -> tuple[Cell, Cell, float | None]:
    """The paper's cell, the difference, and the difference in the paper's std."""
    if theirs is None:
        return Cell(""), Cell(""), None
    difference = ours.numbers[""] - theirs[0]
    printed = Cell(f"{theirs[0]:.3f} ({theirs[1]:.3f})", numbers={"": theirs[0], " std": theirs[1]})
    return printed, Cell(f"{difference:+.3f}", numbers={"": difference}), difference / theirs[1]


def performance_table(data: StudyData, experiment: str) -> Table:
    """Tables II-IV: every mode of one experiment."""
    modes = data.grid.study.experiments[experiment].modes
    rows = [_Row((d, mode), d, experiment, mode) for d in data.grid.study.datasets for mode in modes]
    number = _NUMBER.get(experiment)
    title = f"Performance of the {experiment} experiment" + (f" (paper: Table {number})" if number else "")
    return _performance(data, experiment, title, ["Dataset", "Mode"], rows, number)


def sampling_table(data: StudyData) -> Table:
    """Table V: all frames against Sample-K, in order."""
    study = data.grid.study
    names = list(dict.fromkeys(n for pair in data.grid.sampler_groups for n in reversed(pair)))
    names.sort(key=lambda n: (study.experiments[n].backbone, study.experiments[n].head, study.experiments[n].sampler))
    rows = [_Row((d, n, str(study.experiments[n].sampler)), d, n, "OO") for d in study.datasets for n in names]
    title = "Performance of the sampling strategies (paper: Table V)"
    return _performance(data, "sampling", title, ["Dataset", "Experiment", "Sample"], rows, "V")


def heads_table(data: StudyData) -> Table:
    """What the GRU and the pooling each contribute."""
    study = data.grid.study
    names = list(dict.fromkeys(n for pair in data.grid.head_groups for n in reversed(pair)))
    rows = [
        _Row((d, n, study.experiments[n].head, mode), d, n, mode)
        for d in study.datasets
        for n in names
        for mode in study.experiments[n].modes
    ]
    table = _performance(
        data, "heads", "Head controls: GRU and temporal pooling", ["Dataset", "Experiment", "Head", "Mode"], rows, None
    )
    meaning = (
        "vsfa: GRU and temporal pooling; gru-mean: GRU, plain mean; fc-pooling: no GRU; fc-mean: neither, order-blind."
    )
    return Table(table.name, table.title, table.headers, table.rows, [*table.notes, meaning])


def _p_cell(p: float, alpha: float) -> Cell:
    return Cell("-" if np.isnan(p) else f"{p:.4f}", bold=bool(p < alpha), numbers={"": p})


def _ttest_table(
    data: StudyData, name: str, title: str, family: str, paper_table: str, label: str, names: Sequence[tuple[str, str]]
) -> Table:
    """p of the paired t-test on SROCC, datasets as columns; the paper's p beside ours."""
    alpha = data.grid.study.statistics.alpha
    headers = ["Experiment", label]
    rows = [[Cell(experiment), Cell(shown)] for experiment, shown in names]
    for dataset in data.grid.study.datasets:
        headers.append(dataset)
        paper = [
            published.value(paper_table, paper_key(data, dataset), e, m if family == "modes" else "OO", "p_paired")
            for e, m in names
        ]
        if any(paper):
            headers.append(f"{dataset} paper")
        for row, (experiment, shown), theirs in zip(rows, names, paper, strict=True):
            found = data.comparison(family, dataset, experiment, shown if family == "modes" else "OO")
            row.append(_p_cell(found["p_paired"], alpha) if found is not None else Cell("-"))
            if any(paper):
                row.append(_p_cell(theirs[0], alpha) if theirs else Cell("-"))
    told = [
        *notes(data, list(dict.fromkeys(e for e, _ in names))),
        f"Two-sided p of the plain paired t-test on SROCC, as the paper computes it; bold: p < {alpha:g}. "
        "It ignores that random splits overlap, and a large p does not show equality: see the verdicts.",
    ]
    return Table(name, title, headers, rows, told)


def modes_ttest_table(data: StudyData) -> Table:
    """Table VI: each mode against OO."""
    names = [
        (name, mode)
        for name in data.grid.shuffled
        if "OO" in data.grid.study.experiments[name].modes
        for mode in data.grid.study.experiments[name].modes
    ]
    title = "Paired t-test of every mode against OO (paper: Table VI)"
    return _ttest_table(data, "ttest-modes", title, "modes", "VI", "Mode", names)


def samplers_ttest_table(data: StudyData) -> Table:
    """Table VII: each Sample-K against every frame."""
    names = [(name, str(data.grid.study.experiments[name].sampler)) for name, _ in data.grid.sampler_groups]
    title = "Paired t-test of every Sample-K against all frames (paper: Table VII)"
    return _ttest_table(data, "ttest-samplers", title, "samplers", "VII", "Sample", names)


def verdicts_table(data: StudyData) -> Table:
    """Every comparison on SROCC with the corrected tests and one word."""
    settings = data.grid.study.statistics
    headers = ["Dataset", "Condition", "Against", "Verdict", "Difference"]
    headers += [f"{100 * (1 - settings.alpha):g} % interval", "d_z"]
    headers += ["p paired", "p corrected, Holm", "p Wilcoxon", "p TOST"]
    rows = []
    for found in data.statistics[data.statistics["metric"] == "srocc"].to_dict("records"):
        interval = f"{found['ci_low']:+.3f} to {found['ci_high']:+.3f}"
        row = [Cell(found["dataset"]), Cell(f"{found['experiment']} {found['mode']}")]
        row += [Cell(f"{found['baseline_experiment']} {found['baseline_mode']}")]
        row += [Cell(found["verdict"] + (f" ({found['flag']})" if found["flag"] else ""))]
        row += [Cell(f"{found['difference']:+.3f}", numbers={"": found["difference"]})]
        row += [Cell(interval, numbers={" low": found["ci_low"], " high": found["ci_high"]})]
        row += [Cell(f"{found['d_z']:+.2f}", numbers={"": found["d_z"]})]
        row += [_p_cell(found[key], settings.alpha) for key in ("p_paired", "p_holm", "p_wilcoxon", "p_tost")]
        rows.append(row)
    told = [
        *notes(data, list(data.grid.study.experiments)),
        f"equivalent: TOST places the difference within +-{settings.margin:g} SROCC (p < {settings.alpha:g}); "
        "different: otherwise, if the corrected resampled t-test (Nadeau and Bengio 2003), Holm-adjusted over its "
        f"family, has p < {settings.alpha:g}; undecided: neither, or fewer than three runs. Interval and TOST use the "
        "corrected standard error.",
    ]
    return Table("verdicts", "Verdicts on SROCC", headers, rows, told)


def datasets_table(data: StudyData) -> Table:
    """Table I, of the videos as they are on disk."""
    headers = ["Dataset", "Videos", "Excluded", "Resolution", "Frames", "Frame rate", "Format", "MOS"]
    rows, with_paper = [], False
    for name in data.grid.study.datasets:
        facts = data.dataset_facts(name)
        row = [name, facts.videos, facts.excluded, facts.resolution, facts.frames, facts.rate, facts.format, facts.mos]
        cells = [Cell(str(value)) for value in row]
        key = paper_key(data, name)
        if key:
            count, low, high = (published.value("I", key, "", "", m)[0] for m in ("videos", "mos_min", "mos_max"))
            cells += [Cell(f"{count:.0f}"), Cell(f"{low:.3f} to {high:.3f}")]
            with_paper = True
        rows.append(cells)
    if with_paper:
        headers += ["Videos paper", "MOS paper"]
        rows = [row + [Cell("")] * (len(headers) - len(row)) for row in rows]
    return Table("datasets", "Datasets (paper: Table I)", headers, rows, notes(data))


def cross_table(data: StudyData) -> Table:
    """SROCC of heads trained on one dataset (rows) and tested on the whole of another (columns)."""
    names = list(data.grid.study.datasets)
    rows = []
    for experiment in data.grid.study.cross_dataset:
        for trained in names:
            cells = [
                mean_std(data.cross(trained, tested, experiment)["srocc"]) if tested != trained else None
                for tested in names
            ]
            own = mean_std(data.cell(trained, experiment, "OO")["srocc"])
            shown = [cell or Cell(f"{own.text} (own test set)", numbers=own.numbers) for cell in cells]
            rows.append([Cell(experiment), Cell(trained), *shown])
    told = [*notes(data, data.grid.study.cross_dataset), "SROCC, mean (std) over runs; trained and tested in order."]
    return Table("cross-dataset", "Cross-dataset evaluation", ["Experiment", "Trained on", *names], rows, told)
