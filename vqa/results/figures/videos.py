"""Each test video: what a shuffle does to its score, beside what another training does."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from vqa.results.figures.panels import grid, title
from vqa.results.study_data import StudyData
from vqa.results.style import series
from vqa.results.videos import BLIND


def videos(data: StudyData, folder: Path) -> None:
    found = data.videos.dropna(subset=["shift", "spread"])
    cells = dict(iter(found.groupby(["dataset", "experiment"])))
    blind = {(row.dataset, row.experiment) for row in data.sensitivity.itertuples() if row.answer == BLIND}
    with grid(
        data, folder, "videos", data.contents.in_order, "shift by a shuffle", data.tested_on, height=2.2
    ) as panels:
        for name, dataset, axis in panels:
            axis.set_title(title(dataset, name))
            axis.set_xlabel("std over seeds")
            if (dataset, name) in blind:
                _say(axis, "blind to order")
            elif (dataset, name) in cells:
                _points(axis, *(cells[dataset, name][key].to_numpy() for key in ("spread", "shift")))
            else:
                _say(axis, "no video was\ntested twice")


def _points(axis: Axes, spread: "np.ndarray", shift: "np.ndarray") -> None:
    end = 1.05 * max(spread.max(), shift.max())
    axis.plot([0, end], [0, end], "-", color="#555555", linewidth=0.8)
    axis.plot(spread, shift, "o", color=series(0)["color"], alpha=0.5, markersize=3, rasterized=len(spread) > 500)
    axis.set_xlim(0, end)
    axis.set_ylim(0, end)


def _say(axis: Axes, text: str) -> None:
    axis.text(0.5, 0.5, text, ha="center", va="center", transform=axis.transAxes, color="#555555")
    axis.set_xticks([])
    axis.set_yticks([])
