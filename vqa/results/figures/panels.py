"""The canvas of a figure, and its panels by dataset and experiment."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from vqa.results.study_data import StudyData
from vqa.results.style import figure
from vqa.results.tables.cells import notes


def canvas(
    data: StudyData, folder: Path, name: str, rows: int, columns: int, **options: Any
) -> AbstractContextManager[list[list[Axes]]]:
    note = " ".join(notes(data, list(data.study.experiments)))
    return figure(folder, name, rows, columns, data.study.plots.dpi, note=note, **options)


@contextmanager
def grid(
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
    with canvas(data, folder, name, rows, columns, height=height) as axes:
        flat = [axis for row in axes for axis in row]
        for axis in flat[len(panels) :]:
            axis.set_axis_off()
        for row in axes:
            row[0].set_ylabel(ylabel)
        yield [(*panel, axis) for panel, axis in zip(panels, flat, strict=False)]


def title(dataset: str, experiment: str) -> str:
    return f"{dataset}\n{experiment}"
