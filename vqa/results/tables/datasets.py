"""Table I."""

from dataclasses import dataclass

import pandas as pd

from vqa.datasets.tree import split_suffix
from vqa.results import published
from vqa.results.study_data import StudyData
from vqa.results.tables.cells import Cell, Table, notes


@dataclass(frozen=True)
class DatasetFacts:
    """A row of Table I, as text."""

    videos: int
    excluded: int
    resolution: str
    frames: str
    rate: str
    format: str
    mos: str


def datasets_table(data: StudyData) -> Table:
    """Table I, of the videos as they are on disk."""
    headers = ["Dataset", "Videos", "Excluded", "Resolution", "Frames", "Frame rate", "Format", "MOS"]
    rows, with_paper = [], False
    for name in data.study.datasets:
        facts = dataset_facts(data, name)
        row = [name, facts.videos, facts.excluded, facts.resolution, facts.frames, facts.rate, facts.format, facts.mos]
        cells = [Cell(str(value)) for value in row]
        key = published.dataset_of(data.study, name)
        if key:
            count, low, high = (published.table_1(key, fact) for fact in ("videos", "mos_min", "mos_max"))
            cells += [Cell(f"{count:.0f}"), Cell(f"{low:.3f} to {high:.3f}")]
            with_paper = True
        rows.append(cells)
    if with_paper:
        headers += ["Videos paper", "MOS paper"]
        rows = [row + [Cell("")] * (len(headers) - len(row)) for row in rows]
    return Table("datasets", "Datasets (paper: Table I)", headers, rows, notes(data))


def dataset_facts(data: StudyData, dataset: str) -> DatasetFacts:
    videos, probes, excluded = data.manifest(dataset), data.probes(dataset), data.excluded(dataset)
    sizes = probes["width"].astype("Int64").astype(str) + "x" + probes["height"].astype("Int64").astype(str)
    counted = sizes[probes["width"].notna()].value_counts()
    mos = [video.mos for video in videos]
    suffixes = sorted({split_suffix(video.path)[1].lstrip(".").lower() for video in videos} - {""})
    return DatasetFacts(
        videos=sum(video.video_id not in excluded for video in videos),
        excluded=len(excluded),
        resolution=_listed(list(counted.index), 3),
        frames=_span(probes["frames"], 0),
        rate=_span(probes["fps"], 2),
        format=_listed(suffixes, len(suffixes)),
        mos=f"{min(mos):.3f} to {max(mos):.3f}",
    )


def _listed(names: list[str], shown: int) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more if names else "unknown"


def _span(values: pd.Series, digits: int) -> str:
    known = values.dropna()
    if known.empty:
        return "unknown"
    low, high = (f"{value:.{digits}f}" for value in (known.min(), known.max()))
    if digits:
        low, high = low.rstrip("0").rstrip("."), high.rstrip("0").rstrip(".")
    return low if low == high else f"{low} to {high}"
