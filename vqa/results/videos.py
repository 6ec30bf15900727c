"""videos.csv and sensitivity.csv: what heads trained in order make of each test video, and whether trainings
agree on which videos a shuffle moves most (`vqa.evaluation.sensitivity`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vqa.config import Study
from vqa.evaluation.metrics import MIN_VIDEOS, fit_logistic
from vqa.evaluation.sensitivity import agreement, blind
from vqa.evaluation.statistics import holm
from vqa.protocol import predictions
from vqa.results.test_sets import apart, test_parts, together
from vqa.study.layout import Layout
from vqa.system.errors import UserError, snakemake
from vqa.system.files import reaching, write_text

COLUMNS = ["dataset", "experiment", "video_id", "n_tests", "mos", "score", "residual", "error"]
COLUMNS += ["spread", "shift", "shift_to_spread"]
TESTS = [
    "dataset",
    "experiment",
    "n_runs",
    "n_videos",
    "pairs",
    "shift",
    "spread",
    "agreement",
    "p",
    "p_holm",
    "answer",
]
QUESTION = "Do trainings agree on which videos a shuffle moves most?"
AGREE, NOT_SHOWN, BLIND, UNTESTED = "they agree", "not shown", "blind to order", "not tested"
_TEXT = dict.fromkeys(("dataset", "test_set", "experiment", "video_id", "answer"), str)  # `2014` and `NA` are names


def describe_videos(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row a dataset, experiment and video, and a row a dataset and experiment that is trained: `COLUMNS`, `TESTS`."""
    videos, tests = [], []
    for tested, experiment, rows in _cells(study):
        described = _by_video(rows)
        videos.append(described.assign(dataset=tested, experiment=experiment))
        if not study.experiments[experiment].predictions:
            tests.append({"dataset": tested, "experiment": experiment} | _test(rows, described))
    found = pd.DataFrame(tests, columns=TESTS)
    for _, family in found.groupby("dataset"):
        found.loc[family.index, "p_holm"] = holm(family["p"].to_numpy(float))
    told = found["answer"].isna()
    differs = found["p_holm"] < study.statistics.alpha
    found.loc[told, "answer"] = np.where(differs, AGREE, NOT_SHOWN)[told]
    return pd.concat(videos, ignore_index=True)[COLUMNS] if videos else pd.DataFrame(columns=COLUMNS), found


def _cells(study: Study) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """(what is tested, experiment, its tests by runs trained in order), `_run`'s columns and `seed`."""
    layout = Layout.of(study)
    for dataset in study.datasets:
        for name, experiment in study.experiments.items():
            if dataset not in study.datasets_of(name) or not any(mode[0] == "O" for mode in experiment.modes):
                continue
            parts: dict[str, list[pd.DataFrame]] = {}
            for seed in study.seeds_of(name):
                predicted = predictions.read(layout.run(dataset, name, "O", seed) / "predictions.csv")
                for tested, part in test_parts(dataset, predicted).items():
                    parts.setdefault(tested, []).append(_run(part).assign(seed=seed))
            for tested, runs in parts.items():
                yield tested, name, pd.concat(runs, ignore_index=True)


def _run(part: pd.DataFrame) -> pd.DataFrame:
    """The tests of one run. residual: of the score mapped onto MOS by the run's own logistic; NaN where undefined."""
    by_order = {order: rows.set_index("video_id") for order, rows in part.groupby("test_order")}
    rows = by_order["O"][["mos", "score"]]
    shuffled = by_order["S"]["score"].reindex(rows.index) if "S" in by_order else np.nan
    scores, mos = rows["score"].to_numpy(), rows["mos"].to_numpy()
    known = len(rows) >= MIN_VIDEOS and np.isfinite(scores).all() and np.ptp(scores) > 0 and np.ptp(mos) > 0
    residual = fit_logistic(scores, mos).map(scores) - mos if known else np.full(len(rows), np.nan)
    return rows.assign(shift=shuffled - rows["score"], residual=residual).reset_index()


def _by_video(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a video, sorted by name."""
    groups = rows.assign(size=rows["shift"].abs(), error=rows["residual"].abs()).groupby("video_id", sort=True)
    found = groups.agg(
        n_tests=("seed", "size"), mos=("mos", "first"), residual=("residual", "mean"), error=("error", "mean"),
        spread=("score", "std"), shift=("size", "mean"),
    )  # fmt: skip
    ratio = (found["shift"] / found["spread"]).where(found["spread"] > 0)
    return found.assign(score=found["mos"] + found["residual"], shift_to_spread=ratio).reset_index()


def _test(rows: pd.DataFrame, described: pd.DataFrame) -> dict[str, Any]:
    shifts = rows["shift"].abs()
    told: dict[str, Any] = {
        "n_runs": rows["seed"].nunique(), "n_videos": len(described), "shift": shifts.mean(),
        "spread": described["spread"].mean(), "pairs": 0, "agreement": np.nan, "p": np.nan, "answer": UNTESTED,
    }  # fmt: skip
    if not np.isfinite(shifts).all():
        return told
    if blind(shifts, rows["mos"]):
        return told | {"answer": BLIND}
    found = agreement(shifts, rows["seed"], rows["video_id"])
    answer = UNTESTED if np.isnan(found.p) else None
    return told | {"pairs": found.pairs, "agreement": found.agreement, "p": found.p, "answer": answer}


def write(path: Path, frame: pd.DataFrame) -> None:
    """videos.csv or sensitivity.csv."""
    write_text(path, apart(frame).to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def read(path: Path) -> pd.DataFrame:
    """The inverse of `write`; raises `UserError` where the file cannot be read."""
    try:
        with reaching(path):
            header = path.read_text(encoding="utf-8").partition("\n")[0].split(",")
            undefined = {name: ["", "nan"] for name in header if name not in _TEXT}
            return together(pd.read_csv(path, dtype=_TEXT, keep_default_na=False, na_values=undefined))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); run `{snakemake()}`") from None
