"""What the order of frames does: Figure 3, and run by run."""

from pathlib import Path
from typing import Any

import numpy as np

from vqa.config import MODES
from vqa.results.figures.panels import canvas, grid, title
from vqa.results.study_data import StudyData
from vqa.results.style import legend_below, series

_TURNED: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}


def modes(data: StudyData, folder: Path) -> None:
    study = data.study
    experiments = [name for name in data.contents.shuffled if "OO" in study.experiments[name].modes]
    columns = min(4, len(experiments))
    with canvas(data, folder, "modes", -(-len(experiments) // columns), columns, sharey=True) as axes:
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
            axis.set_xticks(range(len(shown)), shown, **(_TURNED if len(shown) > 1 else {}))
            axis.set_xlim(-0.6, len(shown) - 0.4)
        for row in axes:
            row[0].set_ylabel("SROCC difference")
        legend_below(axes[0])


def pairs(data: StudyData, folder: Path) -> None:
    study = data.study
    with grid(data, folder, "pairs", data.contents.shuffled, "test SROCC", data.tested_on) as panels:
        for name, dataset, axis in panels:
            order = study.experiments[name].modes
            table = np.array([data.cell(dataset, name, mode).sort_values("seed")["srocc"] for mode in order])
            axis.plot(range(len(order)), table, "-", color="#bbbbbb", linewidth=0.8)
            for number, values in enumerate(table):
                style = series(number)
                axis.plot(np.full(len(values), number), values, style["marker"], color=style["color"], markersize=3.5)
            axis.set_xticks(range(len(order)), order)
            axis.set_title(title(dataset, name))
