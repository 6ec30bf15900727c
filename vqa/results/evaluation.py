"""metrics.csv: one row a dataset, or named test set of one, experiment, mode and seed."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from vqa.config import Mode, Study
from vqa.evaluation.metrics import evaluate
from vqa.protocol import predictions
from vqa.results.test_sets import apart, test_parts, together
from vqa.study.grid import Grid, RunId
from vqa.study.layout import Layout
from vqa.study.runs import require_own_runs
from vqa.system.errors import UserError, snakemake
from vqa.system.files import reaching, write_text

METRICS = ("srocc", "plcc", "krocc", "rmse")


def evaluate_study(study: Study) -> pd.DataFrame:
    """All metrics of the study, in the order of the config. Raises `UserError` for a run of another study."""
    layout = Layout.of(study)
    grid = Grid(study)
    require_own_runs(grid, grid.runs)
    rows = [
        row
        for run in grid.runs
        for row in _run_rows(layout.run_folder(run), run, study.experiments[run.experiment].modes)
    ]
    return pd.DataFrame(rows)


def _run_rows(folder: Path, run: RunId, modes: Sequence[Mode]) -> list[dict[str, Any]]:
    """A row for each test set and each of `modes` that the run was trained for."""
    parts = test_parts(run.dataset, predictions.read(folder / "predictions.csv"))
    rows = []
    for tested, test in parts.items():
        for mode in (mode for mode in modes if mode[0] == run.order):
            chosen = test[test["test_order"] == mode[1]]
            metrics = evaluate(chosen["score"].to_numpy(), chosen["mos"].to_numpy())
            key = {"dataset": tested, "experiment": run.experiment, "mode": mode, "seed": run.seed}
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


_TEXT = dict.fromkeys(("dataset", "test_set", "experiment", "mode", "fit_status"), str)  # `2014` and `NA` are names
_UNDEFINED = {key: ["", "nan"] for key in (*METRICS, "plcc_raw")}


def write_metrics(path: Path, metrics: pd.DataFrame) -> None:
    write_text(path, apart(metrics[COLUMNS]).to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def read_metrics(path: Path) -> pd.DataFrame:
    try:
        with reaching(path):
            frame = pd.read_csv(path, dtype=_TEXT, keep_default_na=False, na_values=_UNDEFINED)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); run `{snakemake()}`") from None
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise UserError(f"{path}: has no column {', '.join(missing)}; is it a metrics.csv?")
    return together(frame)
