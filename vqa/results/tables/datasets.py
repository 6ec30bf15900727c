"""Table I."""

from vqa.results import published
from vqa.results.study_data import StudyData
from vqa.results.tables.cells import Cell, Table, notes


def datasets_table(data: StudyData) -> Table:
    """Table I, of the videos as they are on disk."""
    headers = ["Dataset", "Videos", "Excluded", "Resolution", "Frames", "Frame rate", "Format", "MOS"]
    rows, with_paper = [], False
    for name in data.study.datasets:
        facts = data.dataset_facts(name)
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
