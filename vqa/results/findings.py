"""What the report says of single videos: for which ones order matters, and which are mispredicted."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from vqa.results import ranking, shown
from vqa.results.sketch import sketch
from vqa.results.study_data import StudyData
from vqa.results.videos import AGREE, BLIND, NOT_SHOWN, QUESTION, UNTESTED


@dataclass(frozen=True)
class Card:
    """A video as the report shows it. curve: an SVG; strip: a data URI; each empty where there is none."""

    video_id: str
    numbers: str
    curve: str
    curve_by: str
    strip: str
    note: str


@dataclass(frozen=True)
class Findings:
    """Of one dataset, or one of its test sets. verdict: the answer in words; blocks: (heading, cards)."""

    tested: str
    verdict: str
    blocks: list[tuple[str, list[Card]]]


def findings(data: StudyData) -> list[Findings]:
    """What is tested, in the study's order; nothing where no head was trained in order."""
    if not data.contents.in_order:
        return []
    made = shown.read(data.results / "shown.json")
    return [_of(data, tested, made.get(tested, {})) for tested in data.videos["dataset"].unique()]


def answers(data: StudyData) -> list[tuple[str, str, list[str]]]:
    """(question, answer, a line a dataset) of the summary; nothing where no cell could be asked."""
    tests = data.sensitivity if data.contents.in_order else pd.DataFrame({"answer": []})
    if not tests["answer"].isin([AGREE, NOT_SHOWN]).any():
        return []
    lines = [f"{tested}: {_verdict(rows)}" for tested, rows in tests.groupby("dataset", sort=False)]
    found = tests["answer"].value_counts()
    told = ", ".join(f"{found[word]} {word}" for word in (AGREE, NOT_SHOWN, BLIND, UNTESTED) if word in found)
    return [(QUESTION, f"{_count(len(tests), 'cell')}: {told}.", lines)]


def _verdict(tests: pd.DataFrame) -> str:
    """`they agree: frame-level (+0.41); blind to order: mean`"""
    told = []
    for answer, rows in tests.groupby("answer", sort=False):
        known = answer in (AGREE, NOT_SHOWN)
        pairs = zip(rows["experiment"], rows["agreement"], strict=True)
        told.append(f"{answer}: " + ", ".join(f"{name} ({found:+.2f})" if known else name for name, found in pairs))
    return "; ".join(told)


def _of(data: StudyData, tested: str, made: dict[str, dict[str, Any]]) -> Findings:
    chosen = {
        "Most order-sensitive": ranking.most_sensitive(data.videos, data.sensitivity, tested),
        "Worst predicted": ranking.worst_predicted(data.videos, tested),
    }
    blocks = [
        (title, [_card(row, made.get(row["video_id"], {})) for row in rows.to_dict("records")])
        for title, rows in chosen.items()
        if len(rows)
    ]
    return Findings(tested, _verdict(data.sensitivity[data.sensitivity["dataset"] == tested]), blocks)


def _card(row: dict[Any, Any], made: dict[str, Any]) -> Card:
    parts = [f"MOS {row['mos']:.3g}"]
    if not pd.isna(row["score"]):
        parts.append(f"predicted {row['score']:.3g} ({row['residual']:+.3g})")
    if not pd.isna(row["shift"]):
        again = "" if pd.isna(row["spread"]) else f", training again by {row['spread']:.2g}"
        parts.append(f"a shuffle moves it by {row['shift']:.2g}{again}")
    numbers = f"{'; '.join(parts)}. {row['experiment']}, {_count(row['n_tests'], 'test')}."
    curve = made.get("curve")
    by = f"Curve: {curve['experiment']}, seed {curve['seed']}." if curve else ""
    drawn = sketch(curve, row["video_id"]) if curve else ""
    return Card(row["video_id"], numbers, drawn, by, made.get("strip", ""), made.get("note", ""))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
