"""Two studies side by side: the same cells, the difference, and a paired test over common seeds."""

from pathlib import Path

import pandas as pd

from vqa.evaluation.statistics import paired_ttest
from vqa.results.evaluation import METRICS, read_metrics
from vqa.system.errors import UserError
from vqa.system.files import write_text

_CELL = ["dataset", "experiment", "mode"]


def compare_results(a: Path, b: Path, output: Path | None = None) -> str:
    """A table of every cell that both studies have; also written to `output` as CSV."""
    table = compare_metrics(read_metrics(a / "metrics.csv"), read_metrics(b / "metrics.csv"))
    if table.empty:
        raise UserError(f"{a} and {b} share no cell (dataset, experiment, mode); nothing to compare")
    if output:
        write_text(output, table.to_csv(index=False, float_format="%.10g", lineterminator="\n"))
    shown = table.copy()
    for column in ("a", "b"):
        shown[column] = shown[column].map("{:.3f}".format)
    shown["difference"] = shown["difference"].map("{:+.3f}".format)
    shown["p_paired"] = shown["p_paired"].map(lambda p: "-" if pd.isna(p) else f"{p:.4f}")
    return f"A: {a}\nB: {b}\n\n{shown.to_string(index=False)}"


def compare_metrics(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """One row a common cell and metric: means over common seeds, B - A, paired p."""
    joined = a.merge(b, on=[*_CELL, "seed"], suffixes=("_a", "_b"))
    rows = []
    for cell, group in joined.groupby(_CELL, sort=False):
        for metric in METRICS:
            first, second = (group[f"{metric}_{side}"].to_numpy() for side in "ab")
            rows.append(
                dict(zip(_CELL, cell, strict=True))
                | {
                    "metric": metric,
                    "seeds": len(group),
                    "a": first.mean(),
                    "b": second.mean(),
                    "difference": (second - first).mean(),
                    "p_paired": paired_ttest(second, first).p,
                }
            )
    return pd.DataFrame(rows)
