"""What fewer frames do: Figure 4, and their cost."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from vqa.results.figures.panels import canvas, title
from vqa.results.study_data import StudyData
from vqa.results.style import legend_below, series


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


@contextmanager
def _sampling(data: StudyData, folder: Path, name: str, ylabel: str) -> Iterator[list[tuple[list[str], str, Axes]]]:
    """A panel (experiments, dataset, axes) each: sampler groups in rows, datasets in columns."""
    groups, datasets = _sampling_groups(data), data.tested_on()
    with canvas(data, folder, name, len(groups), len(datasets)) as axes:
        for row, names in zip(axes, groups, strict=True):
            row[0].set_ylabel(ylabel)
            for axis, dataset in zip(row, datasets, strict=True):
                axis.set_title(title(dataset, _base_of(data, names)) if len(groups) > 1 else dataset)
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


def _samplers(data: StudyData) -> list[int]:
    """Every sampler that a group holds."""
    return sorted({data.study.experiments[name].sampler for names in _sampling_groups(data) for name in names})
