"""The paper's own numbers: Tables I-VII of Fang et al., IEEE TIP 2023, as versioned data."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd

from vqa.config import NativeDataset, Study, Training
from vqa.config.base import PERFORMANCE
from vqa.results import test_sets
from vqa.study.grid import Grid

# What a reader of the paper's tables must know before comparing.
INCONSISTENCIES = (
    "Table VI prints the same LIVE-VQC column for Frame-Level and Cube-Level (0.0006 / 0.8614 / 0.0001).",
    "Modes are enumerated OO, SO, OS, SS but tabulated OO, OS, SO, SS, and the prose counts rows: "
    "we go by the letters.",
    "Table I gives YUV420 as LIVE-VQC's format; the dataset ships as mp4.",
    "Table V prints 0.779 in bold for KoNViD-1k although sample-8 has 0.781.",
    "Not rejecting equality at 5 % is not evidence of equality, and ten random splits of one dataset overlap, "
    "so the plain paired t-test rejects too easily; see the corrected test and the equivalence test.",
)


@cache
def published() -> pd.DataFrame:
    """Columns table, dataset, experiment, mode, metric, value, std (NaN where none is printed)."""
    source = files("vqa.results").joinpath("published.csv")
    with source.open(encoding="utf-8") as file:
        return pd.read_csv(file, keep_default_na=False, na_values={"std": [""], "value": [""]})


@cache
def _lookup() -> dict[tuple[str, str, str, str, str], tuple[float, float]]:
    keys = ["table", "dataset", "experiment", "mode", "metric"]
    return {tuple(row[key] for key in keys): (row["value"], row["std"]) for row in published().to_dict("records")}


def value(table: str, dataset: str | None, experiment: str, mode: str, metric: str) -> tuple[float, float] | None:
    """(mean, std) or (p, NaN) as printed; None where the paper has no such cell."""
    return _lookup().get((table, dataset or "", experiment, mode, metric))


@dataclass(frozen=True)
class _Protocol:
    """What the paper says of an experiment: backbone, sampler and batch size; the head is VSFA's."""

    backbone: str
    sampler: int
    batch_size: int


_PROTOCOLS = {
    "frame-level": _Protocol("resnet50", 0, 128),
    "cube-level": _Protocol("resnet3d101-2018", 0, 4096),
    **{f"sample-{k}": _Protocol("resnet50", k, 256) for k in (4, 8, 16)},
}
_LR = 1e-5
_OPEN = {"lr", "epochs", "precision", *PERFORMANCE}  # of a training, what the paper leaves open or says above


def dataset_of(study: Study, dataset: str) -> str | None:
    """The name under which the paper knows a dataset of the study: its native reader's."""
    chosen = study.datasets[test_sets.dataset_of(dataset)]
    return chosen.reader if isinstance(chosen, NativeDataset) else None


def experiment_of(study: Study, experiment: str) -> str | None:
    """The paper's experiment with this backbone, head, sampler and random splits by video, whatever its name here."""
    chosen = study.experiments[experiment]
    if chosen.predictions or chosen.head != "vsfa" or chosen.init or study.splits.method not in ("random", "stored"):
        return None
    variants = Grid(study).variants_of(experiment)
    asked = ("+".join(variant.network.name for variant in variants), chosen.sampler)
    return next((name for name, own in _PROTOCOLS.items() if (own.backbone, own.sampler) == asked), None)


def departure(study: Study, experiment: str) -> str:
    """In what an experiment leaves its protocol in the paper: `batch_size 16 for 128`; empty if in nothing."""
    paper = experiment_of(study, experiment)
    if paper is None:
        return ""
    grid = Grid(study)
    run, backbone = grid.run_settings(experiment), grid.variants_of(experiment)[0].settings
    asked = {"batch_size": _PROTOCOLS[paper].batch_size, "lr": _LR}
    asked |= {key: field.default for key, field in Training.model_fields.items() if key not in _OPEN}
    told = [f"{key} {_short(ours)} for {_short(theirs)}" for key, theirs in asked.items()
            if (ours := getattr(run, key)) != theirs]  # fmt: skip
    told += ["weights of the user's"] * (backbone.weights is not None)
    told += [f"every {backbone.every} for 1"] * (backbone.every != 1)
    told += [f"cube_input {backbone.cube_input} for crop112"] * (backbone.cube_input != "crop112")
    told += [text for name in study.datasets_of(experiment) for text in _of_data(study, name)]
    return ", ".join(told + [f"tuned {key}" for key in run.tune])


def _of_data(study: Study, name: str) -> Iterator[str]:
    """In what one of the paper's datasets is not as the paper has it."""
    dataset = study.datasets[name]
    if not isinstance(dataset, NativeDataset):
        return
    if dataset.files:
        yield f"labels of {name} from files of the user's"
    if count := len(dataset.exclude):
        yield f"{count} video{'s' * (count > 1)} of {name} excluded"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | int) and not isinstance(value, bool) else str(value)


def table_1(dataset: str, fact: str) -> float:
    """Table I: `videos`, `mos_min` or `mos_max` of one of the four datasets."""
    return _lookup()["I", dataset, "", "", fact][0]
