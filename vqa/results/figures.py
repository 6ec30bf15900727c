"""Figures 3 and 4 of the paper, and those that show what it does not."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from vqa.config import MODES
from vqa.evaluation.metrics import fit_logistic
from vqa.results.study_data import StudyData
from vqa.results.style import COLOURS, figure, legend_below, series
from vqa.results.tables.cells import notes
from vqa.study.grid import train_order


@dataclass(frozen=True)
class Caption:
    title: str
    text: str


CAPTIONS = {
    "modes": Caption(
        "Frame order (paper: Fig. 3)",
        "SROCC of each mode minus that of OO, with the interval that TOST judges (90 % at alpha 5 %; corrected for "
        "overlapping splits, not adjusted for several comparisons); the band is the equivalence margin.",
    ),
    "samplers": Caption(
        "Sampling (paper: Fig. 4)", "SROCC by sampler, trained and tested in order: each run, and mean with std."
    ),
    "pairs": Caption("Run by run", "SROCC of every run under each mode; a line joins the modes of one seed."),
    "scatter": Caption(
        "Predictions", "Predicted score against MOS on the first seed's test set, with the fitted logistic."
    ),
    "training": Caption(
        "Training", "Validation SROCC by epoch, one line a seed; the dot marks the epoch that was selected."
    ),
    "models": Caption(
        "Temporal models",
        "Mean test SROCC in order, with std, against the multiply-adds of one video's score by the temporal model.",
    ),
    "cost": Caption(
        "Cost",
        "Frames read per training epoch against mean test SROCC, by sampler; beside each point the mean seconds "
        "of a whole training.",
    ),
}


def draw_all(data: StudyData, folder: Path) -> None:
    """Draw every figure of the study to `folder`, png and pdf."""
    makers: dict[str, Callable[[StudyData, Path], None]] = {
        "modes": modes,
        "samplers": samplers,
        "pairs": pairs,
        "scatter": scatter,
        "training": training,
        "models": models,
        "cost": cost,
    }
    for name in data.contents.figures:
        makers[name](data, folder)


def _canvas(
    data: StudyData, folder: Path, name: str, rows: int, columns: int, **options: Any
) -> AbstractContextManager[list[list[Axes]]]:
    note = " ".join(notes(data, list(data.study.experiments)))
    return figure(folder, name, rows, columns, data.study.plots.dpi, note=note, **options)


@contextmanager
def _grid(
    data: StudyData,
    folder: Path,
    name: str,
    experiments: Sequence[str],
    ylabel: str,
    on: Callable[[str], Sequence[str]],
    height: float = 1.9,
) -> Iterator[list[tuple[str, str, Axes]]]:
    """A panel (experiment, dataset, axes) each: datasets in columns, or experiments where one dataset has each.

    on: what an experiment's panels are of.
    """
    panels = [(experiment, dataset) for experiment in experiments for dataset in on(experiment)]
    datasets = {dataset for _, dataset in panels}
    whole = len(datasets) > 1 and len(panels) == len(experiments) * len(datasets)
    columns = len(datasets) if whole else min(3, len(panels))
    rows = -(-len(panels) // columns)
    with _canvas(data, folder, name, rows, columns, height=height) as axes:
        flat = [axis for row in axes for axis in row]
        for axis in flat[len(panels) :]:
            axis.set_axis_off()
        for row in axes:
            row[0].set_ylabel(ylabel)
        yield [(*panel, axis) for panel, axis in zip(panels, flat, strict=False)]


def _title(dataset: str, experiment: str) -> str:
    return f"{dataset}\n{experiment}"


def modes(data: StudyData, folder: Path) -> None:
    study = data.study
    experiments = [name for name in data.contents.shuffled if "OO" in study.experiments[name].modes]
    columns = min(4, len(experiments))
    with _canvas(data, folder, "modes", -(-len(experiments) // columns), columns, sharey=True) as axes:
        flat = [axis for row in axes for axis in row]
        for axis in flat[len(experiments) :]:
            axis.set_axis_off()
        for axis, name in zip(flat, experiments, strict=False):
            axis.axhspan(-study.statistics.margin, study.statistics.margin, color="#eeeeee", zorder=0)
            axis.axhline(0, color="#555555", linewidth=0.8)
            others = [mode for mode in study.experiments[name].modes if mode != "OO"]
            for number, mode in enumerate(others):
                found = [data.required_comparison("modes", dataset, name, mode) for dataset in data.tested_on(name)]
                x = np.arange(len(found)) + (number - (len(others) - 1) / 2) * 0.22
                middle = np.array([row["difference"] for row in found])
                low, high = (np.array([row[key] for row in found]) for key in ("tost_low", "tost_high"))
                style = series(MODES.index(mode) - 1)
                axis.errorbar(x, middle, [middle - low, high - middle], fmt=style["marker"], color=style["color"],
                              capsize=2, label=f"{mode} - OO")  # fmt: skip
            axis.set_title(name)
            shown = data.tested_on(name)
            axis.set_xticks(range(len(shown)), shown, rotation=20 if len(shown) > 1 else 0)
            axis.set_xlim(-0.6, len(shown) - 0.4)
        for row in axes:
            row[0].set_ylabel("SROCC difference")
        legend_below(axes[0])


def samplers(data: StudyData, folder: Path) -> None:
    study = data.study
    with _sampling(data, folder, "samplers", "test SROCC") as panels:
        for names, dataset, axis in panels:
            shown = [name for name in names if dataset in data.tested_on(name)]
            for x, name in enumerate(shown):
                values = data.cell(dataset, name, "OO")["srocc"].dropna()
                jitter = x + np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else np.full(len(values), x)
                axis.plot(jitter, values, ".", color="#bbbbbb", markersize=5)
                if len(values):
                    axis.errorbar(x, values.mean(), values.std(ddof=0), fmt="o", color=series(0)["color"], capsize=3)
            axis.set_xticks(range(len(shown)), [str(study.experiments[name].sampler) for name in shown])
            axis.set_xlabel("sampler (0: every frame)")


@contextmanager
def _sampling(data: StudyData, folder: Path, name: str, ylabel: str) -> Iterator[list[tuple[list[str], str, Axes]]]:
    """A panel (experiments, dataset, axes) each: sampler groups in rows, datasets in columns."""
    groups, datasets = _sampling_groups(data), data.tested_on()
    with _canvas(data, folder, name, len(groups), len(datasets)) as axes:
        for row, names in zip(axes, groups, strict=True):
            row[0].set_ylabel(ylabel)
            for axis, dataset in zip(row, datasets, strict=True):
                axis.set_title(_title(dataset, _base_of(data, names)) if len(groups) > 1 else dataset)
        yield [(names, d, a) for row, names in zip(axes, groups, strict=True)
               for a, d in zip(row, datasets, strict=True)]  # fmt: skip


def _sampling_groups(data: StudyData) -> list[list[str]]:
    """The experiments of each sampler group, from every frame to the sparsest."""
    groups = data.contents.sampler_groups
    return [
        sorted([base, *(n for n, other in groups if other == base)], key=lambda n: data.study.experiments[n].sampler)
        for base in dict.fromkeys(base for _, base in groups)
    ]


def _base_of(data: StudyData, names: Sequence[str]) -> str:
    """What the experiments of a sampler group share."""
    experiment = data.study.experiments[names[0]]
    return f"{experiment.backbone}, {experiment.head}"


def pairs(data: StudyData, folder: Path) -> None:
    study = data.study
    with _grid(data, folder, "pairs", data.contents.shuffled, "test SROCC", data.tested_on) as panels:
        for name, dataset, axis in panels:
            order = study.experiments[name].modes
            table = np.array([data.cell(dataset, name, mode).sort_values("seed")["srocc"] for mode in order])
            axis.plot(range(len(order)), table, "-", color="#bbbbbb", linewidth=0.8)
            for number, values in enumerate(table):
                style = series(number)
                axis.plot(np.full(len(values), number), values, style["marker"], color=style["color"], markersize=3.5)
            axis.set_xticks(range(len(order)), order)
            axis.set_title(_title(dataset, name))


def scatter(data: StudyData, folder: Path) -> None:
    study = data.study
    with _grid(data, folder, "scatter", list(study.experiments), "MOS", data.tested_on, height=2.2) as panels:
        for name, dataset, axis in panels:
            mode = study.experiments[name].modes[0]
            chosen = data.test_scores(data.runs_of(dataset, name, mode)[0], dataset, mode[1])
            scores, mos = chosen["score"].to_numpy(), chosen["mos"].to_numpy()
            axis.plot(scores, mos, "o", color=series(0)["color"], alpha=0.7)
            if np.ptp(scores) > 0 and np.isfinite(scores).all():
                fit = fit_logistic(scores, mos)
                line = np.linspace(scores.min(), scores.max(), 200)
                axis.plot(line, fit.map(line), color=series(1)["color"], label=fit.status)
                axis.legend(loc="lower right", fontsize=6)
            axis.set_title(_title(dataset, f"{name} {mode}"))
            axis.set_xlabel("score")


def training(data: StudyData, folder: Path) -> None:
    study = data.study
    with _grid(data, folder, "training", list(study.experiments), "validation SROCC", study.datasets_of) as panels:
        for name, dataset, axis in panels:
            mode = study.experiments[name].modes[0]
            for number, run in enumerate(data.runs_of(dataset, name, mode)):
                history, epoch = data.history(run), data.run(run)["selected_epoch"]
                colour = series(number)["color"]
                axis.plot(history["epoch"], history["val_srocc"], color=colour, linewidth=0.9)
                chosen = history[history["epoch"] == epoch]
                axis.plot(chosen["epoch"], chosen["val_srocc"], "o", color=colour)
            axis.set_title(_title(dataset, f"{name}, order {train_order(mode)}"))
            axis.set_xlabel("epoch")


def cost(data: StudyData, folder: Path) -> None:
    study = data.study
    with _sampling(data, folder, "cost", "mean test SROCC") as panels:
        for names, dataset, axis in panels:
            for name in (name for name in names if dataset in data.tested_on(name)):
                runs = [data.run(run) for run in data.runs_of(dataset, name, "OO")]
                frames, seconds = (np.mean([run[key] for run in runs]) for key in ("train_frames", "seconds"))
                mean = data.cell(dataset, name, "OO")["srocc"].mean()
                k = study.experiments[name].sampler
                style, label = series(_samplers(data).index(k)), f"sample-{k}"
                axis.plot(frames, mean, style["marker"], color=style["color"], label=label, markersize=6)
                axis.annotate(f"{seconds:.3g} s", (frames, mean), xytext=(4, 4), textcoords="offset points", fontsize=6)
            axis.set_xscale("log")
            axis.margins(0.25)
            axis.set_xlabel("frames per training epoch")
        legend_below([axis for *_, axis in panels])


def models(data: StudyData, folder: Path) -> None:
    names = data.contents.models
    datasets = [dataset for dataset in data.tested_on() if any(dataset in data.tested_on(name) for name in names)]
    with _canvas(data, folder, "models", 1, len(datasets), height=2.6) as axes:
        for axis, dataset in zip(axes[0], datasets, strict=True):
            for number, name in enumerate(names):
                if dataset in data.tested_on(name):
                    _model(data, axis, number, dataset, name)
            low, high = axis.dataLim.intervalx
            axis.set_xscale("log" if high > 10 * low else "linear")
            axis.margins(0.1)
            axis.set_title(dataset)
            axis.set_xlabel("multiply-adds a video, millions")
        axes[0][0].set_ylabel("mean test SROCC")
        legend_below(axes[0])


def _model(data: StudyData, axis: Axes, number: int, dataset: str, name: str) -> None:
    """One temporal model's point; none where its runs were made before costs were recorded."""
    runs = [data.run(run) for run in data.runs_of(dataset, name, "OO")]
    if not all("multiply_adds" in run for run in runs):
        return
    x, values = np.mean([run["multiply_adds"] for run in runs]) / 1e6, data.cell(dataset, name, "OO")["srocc"]
    style, fill = series(number), "full" if number < len(COLOURS) else "none"
    axis.errorbar(x, values.mean(), values.std(ddof=0), fmt=style["marker"], color=style["color"], fillstyle=fill,
                  capsize=2, label=name)  # fmt: skip


def _samplers(data: StudyData) -> list[int]:
    """Every sampler that a group holds."""
    return sorted({data.study.experiments[name].sampler for names in _sampling_groups(data) for name in names})
