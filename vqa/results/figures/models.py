"""How the heads learn, predict, and what they cost."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from vqa.evaluation.metrics import fit_logistic
from vqa.results.figures.panels import canvas, grid, title
from vqa.results.study_data import StudyData
from vqa.results.style import COLOURS, legend_below, series
from vqa.study.grid import train_order


def scatter(data: StudyData, folder: Path) -> None:
    study = data.study
    with grid(data, folder, "scatter", list(study.experiments), "MOS", data.tested_on, height=2.2) as panels:
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
            axis.set_title(title(dataset, f"{name} {mode}"))
            axis.set_xlabel("score")


def training(data: StudyData, folder: Path) -> None:
    study = data.study
    trained = list(dict.fromkeys(run.experiment for run in data.grid.trained))
    with grid(data, folder, "training", trained, "validation SROCC", study.datasets_of) as panels:
        for name, dataset, axis in panels:
            mode = study.experiments[name].modes[0]
            for number, run in enumerate(data.runs_of(dataset, name, mode)):
                history, epoch = data.history(run), data.run(run)["selected_epoch"]
                colour = series(number)["color"]
                axis.plot(history["epoch"], history["val_srocc"], color=colour, linewidth=0.9)
                chosen = history[history["epoch"] == epoch]
                axis.plot(chosen["epoch"], chosen["val_srocc"], "o", color=colour)
            axis.set_title(title(dataset, f"{name}, order {train_order(mode)}"))
            axis.set_xlabel("epoch")


def models(data: StudyData, folder: Path) -> None:
    names = data.contents.models
    datasets = [dataset for dataset in data.tested_on() if any(dataset in data.tested_on(name) for name in names)]
    with canvas(data, folder, "models", 1, len(datasets), height=2.6) as axes:
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
