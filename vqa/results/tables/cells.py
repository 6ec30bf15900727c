"""What every table is made of, and what is told below it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from vqa.config import DemoDataset, Study
from vqa.config.init import seen
from vqa.results.study_data import StudyData

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


def notes(data: StudyData, experiments: Sequence[str] = ()) -> list[str]:
    """What every reader of these cells must be told."""
    study = data.study
    found = []
    if any(isinstance(dataset, DemoDataset) for dataset in study.datasets.values()):
        found.append(SYNTHETIC)
    variants = {e: data.grid.variants_of(e) for e in experiments}
    for variant in dict.fromkeys(variant for each in variants.values() for variant in each):
        if not variant.network.pretrained:
            used = ", ".join(e for e in experiments if variant in variants[e])
            found.append(f"{used}: {variant.note}.")
    for name in experiments:
        if study.experiments[name].predictions:
            every = ", the same scores in every split" if study.experiments[name].same_scores else ""
            found.append(f"{name}: predictions that others made{every}; not trained here.")
        if init := study.experiments[name].init:
            how = "tested as they are" if study.experiments[name].epochs == 0 else "fine-tuned"
            found.append(f"{name}: heads of {init.experiment} on {init.dataset}, seed by seed, {how}.")
            found += _known_before(data, name)
    return found


def _known_before(data: StudyData, experiment: str) -> list[str]:
    """Copies among what its heads were trained on before and what they are trained and tested on."""
    return [
        f"NOT strangers: {count} videos of {before} stand in {tested} too, under other names; heads of {experiment} "
        "were trained on some that they are tested on here. Exclude them from one of the two."
        for before in sorted(seen(data.study, experiment))
        for tested in data.study.datasets_of(experiment)
        if before != tested and (count := copies(data, experiment, before, tested))
    ]


def copies(data: StudyData, experiment: str, one: str, other: str) -> int:
    """The videos of dataset `one` whose features an experiment finds in `other` too, bit for bit."""
    slug = data.grid.variants_of(experiment)[0].slug
    found = [{each["checksum"] for each in data.receipts[name, slug]["shards"].values()} for name in (one, other)]
    return len(set.intersection(*found))


def run_counts(study: Study, experiments: Iterable[str]) -> str:
    """Runs of a cell: `10`, or `10 or 20` where experiments have seeds of their own."""
    return " or ".join(str(count) for count in sorted({len(study.seeds_of(name)) for name in experiments}))


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


def p_cell(p: float, alpha: float) -> Cell:
    return Cell("-" if np.isnan(p) else f"{p:.4f}", bold=bool(p < alpha), numbers={"": p})
