"""metrics.csv: one row a dataset, experiment, mode and seed."""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from vqa.errors import UserError
from vqa.files import write_text
from vqa.metrics import evaluate
from vqa.study import Grid, RunId

METRICS = ("srocc", "plcc", "krocc", "rmse")


def read_predictions(path: Path) -> pd.DataFrame:
    """Columns video_id, split, test_order, mos, score."""
    try:
        frame = pd.read_csv(path, dtype={"video_id": str})
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); run `snakemake --cores N`") from None
    missing = {"video_id", "split", "test_order", "mos", "score"} - set(frame.columns)
    if missing:
        raise UserError(f"{path}: has no column {', '.join(sorted(missing))}; delete it and run `snakemake`")
    return frame


def read_run(directory: Path) -> dict:
    """What made a run: settings, counts, selected epoch, seconds."""
    try:
        return json.loads((directory / "run.json").read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{directory / 'run.json'}: cannot be read ({error}); run `snakemake`") from None


def evaluate_study(grid: Grid) -> pd.DataFrame:
    """All metrics of the study, in the order of the config."""
    rows = [row for run in grid.runs for row in _run_rows(grid, run)]
    return pd.DataFrame(rows)


def _run_rows(grid: Grid, run: RunId) -> list[dict]:
    directory = grid.run_dir(run)
    predictions = read_predictions(directory / "predictions.csv")
    test = predictions[predictions["split"] == "test"]
    rows = []
    for mode in grid.study.experiments[run.experiment].modes:
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
