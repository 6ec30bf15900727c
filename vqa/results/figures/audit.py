"""How much protocols flatter."""

from pathlib import Path

import numpy as np

from vqa.evaluation.audit import PROTOCOLS
from vqa.results.audit import inflations
from vqa.results.figures.panels import canvas
from vqa.results.study_data import StudyData
from vqa.results.style import legend_below, series


def audit(data: StudyData, folder: Path) -> None:
    found = [each for each in inflations(data) if each.metric == "srocc"]
    datasets = list(dict.fromkeys(each.dataset for each in found))
    with canvas(data, folder, "audit", 1, len(datasets), height=2.6, sharey=True) as axes:
        for axis, dataset in zip(axes[0], datasets, strict=True):
            cells = list(dict.fromkeys((e.experiment, e.mode) for e in found if e.dataset == dataset))
            axis.axhline(0, color="#555555", linewidth=0.8)
            for number, protocol in enumerate(PROTOCOLS[1:]):
                own = [each for each in found if each.dataset == dataset and each.protocol == protocol]
                x = np.arange(len(own)) + (number - 1) * 0.22
                middle, low, high = (np.array([getattr(e, k) for e in own]) for k in ("inflation", "low", "high"))
                style = series(number)
                axis.errorbar(x, middle, [middle - low, high - middle], fmt=style["marker"], color=style["color"],
                              capsize=2, label=protocol)  # fmt: skip
            axis.set_xticks(range(len(cells)), [f"{e} {m}" for e, m in cells], rotation=90, fontsize=5)
            axis.set_title(dataset)
        axes[0][0].set_ylabel("SROCC reported too high by")
        legend_below(axes[0], columns=2)
