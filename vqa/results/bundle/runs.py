"""Does a run in a bundle agree with itself, with the labels, and with the split of its seed?"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from vqa.config.heads import resolve
from vqa.evaluation.metrics import srocc
from vqa.features.index import read_index
from vqa.protocol import predictions
from vqa.protocol.splits import kind
from vqa.results.study_data import StudyData
from vqa.study.grid import RunId
from vqa.study.parts import scores_of

_WRITTEN = 1e-6  # histories and audits are written to so many digits, and more


def differs(data: StudyData, run: RunId, labels: Mapping[str, float], parts: Mapping[str, str]) -> Iterator[str]:
    """The first thing that does, in a line. labels, parts: by video_id."""
    where = f"predictions of {run.dataset}, {run.experiment}, train order {run.order}, seed {run.seed}"
    where += ", by scene" * run.by_scene
    frame = predictions.read(data.layout.run_folder(run) / "predictions.csv")
    found = _labelled(frame, labels, parts)
    if not found and data.grid.is_given(run):
        found = _given(data, run, parts)
    elif not found:
        left = {name: kind(part) for name, part in parts.items() if name in _indexed(data, run)}
        found = _lacking(frame, left, run.order) or _counted(data.run(run), left) or _selected(data, run, frame)
    if found:
        yield f"{where}: {found}"


def _labelled(frame: pd.DataFrame, labels: Mapping[str, float], parts: Mapping[str, str]) -> str:
    for row in frame.itertuples():
        name: Any = row.video_id
        if parts.get(name) != row.split:
            return f"'{name}' is in part {row.split}, its seed puts it in {parts.get(name, 'none')}"
        if labels[name] != row.mos:
            return f"MOS of '{name}' is {row.mos}, the labels say {labels[name]}"
    return ""


def _given(data: StudyData, run: RunId, parts: Mapping[str, str]) -> str:
    given = scores_of(data.study, run.experiment, run.dataset, run.seed)
    wanted = predictions.to_csv(given.tested(data.manifest(run.dataset), dict(parts), run.seed))
    there = (data.layout.run_folder(run) / "predictions.csv").read_text()
    return "" if wanted == there else f"are not the scores of {given.path}"


def _lacking(frame: pd.DataFrame, left: Mapping[str, str], order: str) -> str:
    """left: the part of each video that has features."""
    for part, orders in (("test", "OS"), ("val", order)):
        for each in orders:
            told = set(frame.loc[frame["split"].map(kind).eq(part) & frame["test_order"].eq(each), "video_id"])
            if lacking := sorted(name for name, own in left.items() if own == part and name not in told):
                return f"'{lacking[0]}' is a {part} video without a score in order {each}"
    return ""


def _counted(made: Mapping[str, Any], left: Mapping[str, str]) -> str:
    """The sizes by which tests allow for splits that overlap."""
    counted = Counter(left.values())
    wrong = [part for part in ("train", "val", "test") if made["videos"][part] != counted[part]]
    return f"run.json says {made['videos'][wrong[0]]} {wrong[0]} videos, the split {counted[wrong[0]]}" if wrong else ""


def _selected(data: StudyData, run: RunId, frame: pd.DataFrame) -> str:
    """The epoch that run.json names is that which validation chose, and the one that was predicted with."""
    made, history = data.run(run), data.history(run)
    reached = _srocc(frame[frame["split"] == "val"])
    epoch = history[history["epoch"] == made["selected_epoch"]]
    if len(history) and len(epoch) != 1:
        return f"history.csv has no epoch {made['selected_epoch']}, which run.json says was selected"
    run_settings = data.grid.run_settings(run.experiment)
    if resolve(run_settings.head).options.get("refit"):  # its scores are those of the head fitted to validation, too
        return ""
    told = [made["selected_val_srocc"], *epoch["val_srocc"]]
    if off := [each for each in told if _apart(each, reached)]:
        return f"validation SROCC of its scores is {reached:.6g}, of the selected epoch {off[0]:.6g}"
    best = history["val_srocc"].max() if len(history) else reached
    if run_settings.selection == "best-val-srocc" and best > reached + _WRITTEN:
        return f"epoch {made['selected_epoch']} was selected at validation SROCC {reached:.6g}, another has {best:.6g}"
    return _audited(data, run, frame) if data.study.audit and not run.by_scene else ""


def _audited(data: StudyData, run: RunId, frame: pd.DataFrame) -> str:
    rows = data.audit(run)
    rows = rows[rows["epoch"] == data.run(run)["selected_epoch"]]
    for (part, order), scores in frame[frame["split"].map(kind) == "test"].groupby(["split", "test_order"]):
        told = rows.loc[(rows["split"] == part) & (rows["test_order"] == order), "srocc"]
        if len(told) != 1 or _apart(told.iloc[0], _srocc(scores)):
            return f"audit.csv does not say what its scores on {part} in order {order} reach"
    return ""


def _srocc(scores: pd.DataFrame) -> float:
    return srocc(scores["score"].to_numpy(), scores["mos"].to_numpy())


def _apart(a: Any, b: float) -> bool:
    """NaN, or null, is what an undefined correlation is written as."""
    a = math.nan if a is None else float(a)
    return not (math.isnan(a) and math.isnan(b)) and not abs(a - b) <= _WRITTEN


def _indexed(data: StudyData, run: RunId) -> set[str]:
    """The videos that have features of every backbone of the run."""
    layout, variants = data.layout, data.grid.variants_of(run.experiment)
    return set.intersection(*(set(read_index(layout.index(run.dataset, each.slug))) for each in variants))
