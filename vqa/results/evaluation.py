"""metrics.csv: one row a dataset, experiment, mode and seed."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from vqa.config import Mode, Study
from vqa.evaluation.metrics import evaluate
from vqa.protocol import predictions
from vqa.study.grid import Grid, RunId
from vqa.study.layout import Layout
from vqa.system.errors import UserError
from vqa.system.files import write_text

METRICS = ("srocc", "plcc", "krocc", "rmse")


def read_run(directory: Path) -> dict[str, Any]:
    """What made a run: settings, counts, selected epoch, seconds."""
    try:
        made: dict[str, Any] = json.loads((directory / "run.json").read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{directory / 'run.json'}: cannot be read ({error}); run `snakemake`") from None
    return made


def evaluate_study(study: Study) -> pd.DataFrame:
    """All metrics of the study, in the order of the config."""
    layout = Layout(study.results)
    rows = [
        row
        for run in Grid(study).runs
        for row in _run_rows(layout.run_folder(run), run, study.experiments[run.experiment].modes)
    ]
    return pd.DataFrame(rows)


def _run_rows(folder: Path, run: RunId, modes: Sequence[Mode]) -> list[dict[str, Any]]:
    """A row for each of `modes` that the run was trained for."""
    found = predictions.read(folder / "predictions.csv")
    test = found[found["split"] == "test"]
    rows = []
    for mode in modes:
        if mode[0] != run.order:
            continue
        chosen = test[test["test_order"] == mode[1]]
        metrics = evaluate(chosen["score"].to_numpy(), chosen["mos"].to_numpy())
        key = {"dataset": run.dataset, "experiment": run.experiment, "mode": mode, "seed": run.seed}
        rows.append(key | asdict(metrics))
    return rows


COLUMNS = [
    "dataset",
    "experiment",
    "mode",
    "seed",
    "n_test",
    "srocc",
    "plcc",
    "krocc",
    "rmse",
    "plcc_raw",
    "fit_status",
]


def write_metrics(path: Path, metrics: pd.DataFrame) -> None:
    write_text(path, metrics[COLUMNS].to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def read_metrics(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype={"fit_status": str})
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); run `snakemake --cores N`") from None
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise UserError(f"{path}: has no column {', '.join(missing)}; is it a metrics.csv?")
    return frame
