"""Every pair of cells of a dataset: can the tests tell them apart?"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Patch, Rectangle

from vqa.evaluation.leaderboard import groups
from vqa.results.figures.panels import canvas
from vqa.results.leaderboard import Board, boards
from vqa.results.study_data import StudyData

_SHADES = ("#08306b", "#2f7ebc", "#a6cde4", "#f0f0f0")  # the smaller p the darker; also in print
_EDGE = "#D55E00"


def leaderboard(data: StudyData, folder: Path) -> None:
    found, alpha = boards(data), data.study.statistics.alpha
    columns = min(2, len(found))
    most = max(len(board.cells) for board in found)
    height = float(np.clip(0.7 + 0.16 * most, 2.2, 2.8))  # no higher than the column is wide
    with canvas(data, folder, "leaderboard", -(-len(found) // columns), columns, height=height) as axes:
        flat = [axis for row in axes for axis in row]
        for axis in flat[len(found) :]:
            axis.set_axis_off()
        for axis, board in zip(flat, found, strict=False):
            _matrix(axis, board, alpha)
        limits = [alpha / 50, alpha / 5, alpha]
        labels = [*(f"p < {limit:g}" for limit in limits), "not told apart"]
        shades = [Patch(color=shade, label=label) for shade, label in zip(_SHADES, labels, strict=True)]
        group = Patch(facecolor="none", edgecolor=_EDGE, label="group")
        axes[0][0].figure.legend(handles=[*shades, group], loc="outside lower center", ncols=5, fontsize=6)


def _matrix(axis: Axes, board: Board, alpha: float) -> None:
    """Ranks from the top; each group is a box on the diagonal."""
    p, n = board.ranked.p, len(board.cells)
    size = float(np.clip(90 / n, 2, 7))
    norm = BoundaryNorm([0, alpha / 50, alpha / 5, alpha, 1.01], len(_SHADES))
    axis.imshow(np.where(np.isnan(p), 1.0, p), cmap=ListedColormap(_SHADES), norm=norm, aspect="equal")
    for group in groups(p < alpha):
        place = (group.start - 0.5, group.start - 0.5)
        axis.add_patch(Rectangle(place, len(group), len(group), fill=False, edgecolor=_EDGE, linewidth=1.2))
    labels = [
        f"{experiment} {mode}  {metrics['srocc'].mean():.3f}  {letters}  {rank}"
        for rank, ((experiment, mode), metrics, letters) in enumerate(
            zip(board.cells, board.cells.values(), board.ranked.letters, strict=True), start=1
        )
    ]
    axis.set_yticks(range(n), labels, fontsize=size)
    axis.set_xticks(range(n), [str(rank + 1) for rank in range(n)], fontsize=size)
    axis.set_title(board.tested)
    axis.grid(False)
