"""Two studies side by side: the same cells, the difference, and paired tests over common seeds."""

from collections.abc import Iterable, Sequence
from math import nan
from os.path import normpath
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from vqa.config import Study, load
from vqa.evaluation.metrics import MIN_VIDEOS, pearson, srocc
from vqa.evaluation.statistics import corrected_ttest, paired_ttest
from vqa.protocol.sampling import Order
from vqa.results.evaluation import METRICS, read_metrics
from vqa.results.resampling import OneTestSet, Resampling, compare_resampled, resampling
from vqa.results.test_sets import dataset_of, test_scores
from vqa.study.layout import Layout
from vqa.system.errors import UserError
from vqa.system.files import write_text

_CELL = ["dataset", "experiment", "mode"]


def compare_results(a: Path, b: Path, output: Path | None = None) -> str:
    """A table of every cell that both studies have; also written to `output` as CSV.

    Raises `UserError` where a run of A and B was tested on other videos: nothing pairs them then.
    """
    table = compare_metrics(a, b)
    if table.empty:
        raise UserError(f"{a} and {b} share no cell (dataset, experiment, mode) and seed; nothing to compare")
    if output:
        write_text(output, table.to_csv(index=False, float_format="%.10g", lineterminator="\n"))
    shown = table.copy()
    for column in ("a", "b"):
        shown[column] = shown[column].map("{:.3f}".format)
    shown["difference"] = shown["difference"].map("{:+.3f}".format)
    for column in ("p_paired", "p_corrected"):
        shown[column] = shown[column].map(lambda p: "-" if pd.isna(p) else f"{p:.4f}")
    return f"A: {a}\nB: {b}\n\n{shown.to_string(index=False)}"


def compare_metrics(a: Path, b: Path) -> pd.DataFrame:
    """One row a common cell and metric: means over the common seeds where both are finite, B - A, p of
    the plain and the corrected paired test.
    """
    first, second = (read_metrics(folder / "metrics.csv") for folder in (a, b))
    joined = first.merge(second, on=[*_CELL, "seed"], suffixes=("_a", "_b"))
    sides, rows = (_Side(a), _Side(b)), []
    for cell, group in joined.groupby(_CELL, sort=False):
        drawn, shared = _common_splits(*sides, cell, group)
        rows += [dict(zip(_CELL, cell, strict=True)) | _row(group, metric, drawn, shared) for metric in METRICS]
    return pd.DataFrame(rows)


def _row(group: pd.DataFrame, metric: str, drawn: Resampling, shared: Sequence[OneTestSet]) -> dict[str, object]:
    """shared: B's runs and A's, where all are tested on the same videos, which the test then resamples."""
    pair = group[[f"{metric}_a", f"{metric}_b"]]
    known = pair.dropna()
    a, b = (pair[column].to_numpy() for column in pair)
    return {
        "metric": metric,
        "seeds": len(known),
        "a": known.iloc[:, 0].mean(),
        "b": known.iloc[:, 1].mean(),
        "difference": (known.iloc[:, 1] - known.iloc[:, 0]).mean(),
        "p_paired": paired_ttest(b, a).p,
        "p_corrected": compare_resampled(metric, (b, a), shared, nan, 0.05).p_corrected
        if shared
        else corrected_ttest(b, a, drawn.n_train, drawn.n_test, drawn.common).p,
    }


class _Side:
    """One of the two studies. Where its results have no study.yaml, nothing is known but what they hold."""

    def __init__(self, results: Path):
        self.results = results
        study: Study | None = load(results / "study.yaml") if (results / "study.yaml").is_file() else None
        self.method = study.splits.method if study else "random"
        self.layout = Layout(results, _store(results, study) if study else results)

    def runs(self, cell: Iterable[object], told: pd.DataFrame) -> list[tuple[Path, pd.DataFrame]]:
        """The folders of a cell, and what each scores. told: the seed, SROCC and linear PLCC of each, by the metrics.

        Raises `UserError` where one reaches others: trained again since, maybe by another study on the same store.
        """
        tested, experiment, mode = map(str, cell)
        order, test_order = cast(tuple[Order, Order], mode)
        runs = []
        for seed, *known in told.itertuples(index=False):
            folder = self.layout.run(dataset_of(tested), experiment, order, int(seed))
            scores = test_scores(folder, tested, test_order)
            for what, now, then in zip(("an SROCC", "a PLCC before the mapping"), _reached(scores), known, strict=True):
                if not np.isclose(now, then, rtol=0, atol=1e-6, equal_nan=True):
                    raise UserError(
                        f"{folder}: reaches {what} of {now:.6g}, {self.results / 'metrics.csv'} has {then:.6g}; it was "
                        "trained again since: run `snakemake` on that study first"
                    )
            runs.append((folder, scores))
        return runs


def _reached(scores: pd.DataFrame) -> tuple[float, float]:
    if len(scores) < MIN_VIDEOS:
        return nan, nan
    both = scores["score"].to_numpy(), scores["mos"].to_numpy()
    return srocc(*both), pearson(*both)


def _store(results: Path, study: Study) -> Path:
    """Where the runs of a study lie: in its results, or in the folder that it shares with others, which may be relative
    to where the study runs.
    """
    if study.store == study.results:
        return results
    if study.store.is_absolute():
        return study.store
    depth, found = len(study.results.parts), list[Path]()
    if not study.results.is_absolute() and ".." not in study.results.parts:
        # Results may be a link to another disk, or be reached by one.
        places = Path(normpath(results.absolute())), results.resolve()
        stores = [place.parents[depth - 1] / study.store for place in places if len(place.parents) >= depth]
        found = [store for store in stores if (store / "runs").is_dir()]
    if not found:
        raise UserError(
            f"{results}: shares its runs in {study.store}, below a folder that is not known; write `shared:` as an "
            "absolute path and run `snakemake` on that study"
        )
    return found[0]


def _common_splits(
    a: _Side, b: _Side, cell: Iterable[object], group: pd.DataFrame
) -> tuple[Resampling, Sequence[OneTestSet]]:
    """A's splits of a cell, and the runs of B and A where these share one given test set; raises `UserError` unless B
    tested on the same videos.
    """
    tested, experiment, _ = map(str, cell)
    seeds = group["seed"].tolist()
    columns = [["seed", f"srocc_{name}", f"plcc_raw_{name}"] for name in "ab"]
    runs = [side.runs(cell, group[each]) for side, each in zip((a, b), columns, strict=True)]
    here, there = (resampling(tested, [folder for folder, _ in own], a.method) for own in runs)
    for seed, (_, test), (_, other) in zip(seeds, here.splits, there.splits, strict=True):
        if test != other:
            raise UserError(
                f"{tested}, {experiment}, seed {seed}: {a.results} and {b.results} were tested on different "
                f"videos ({len(test)} and {len(other)}, {len(test & other)} in both); compare studies of equal "
                "videos and splits"
            )
    for seed, own, other in zip(seeds, *runs, strict=True):
        _require_equal_labels(f"{tested}, {experiment}, seed {seed}", own, other)
    shared = reversed(runs) if here.one_test_set else ()
    return here, [OneTestSet([scores for _, scores in own]) for own in shared]


def _require_equal_labels(where: str, a: tuple[Path, pd.DataFrame], b: tuple[Path, pd.DataFrame]) -> None:
    ours, theirs = (scores.set_index("video_id")["mos"].sort_index() for _, scores in (a, b))
    differ = ours[~np.isclose(ours, theirs, rtol=1e-9, atol=0)]
    if len(differ):
        name = differ.index[0]
        raise UserError(
            f"{where}: the MOS of {len(differ)} of {len(ours)} test videos differ, first {name} with {ours[name]:g} in "
            f"{a[0]} and {theirs[name]:g} in {b[0]}; compare studies on equal labels"
        )
