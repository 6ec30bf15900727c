"""Table I, and how heads travel from one dataset to another."""

from itertools import combinations

from vqa.results import published
from vqa.results.study_data import StudyData
from vqa.results.tables.cells import Cell, Table, mean_std, notes


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


def cross_table(data: StudyData) -> Table:
    """SROCC of heads trained on one dataset (rows) and tested on the whole of another (columns)."""
    names = list(data.study.datasets)
    rows = []
    for experiment in data.study.cross_dataset:
        for trained in data.study.datasets_of(experiment):
            cells = [
                mean_std(data.cross(trained, tested, experiment)["srocc"]) if tested != trained else None
                for tested in names
            ]
            own = mean_std(data.cell(trained, experiment, "OO")["srocc"])
            shown = [cell or Cell(f"{own.text} (own test set)", numbers=own.numbers) for cell in cells]
            rows.append([Cell(experiment), Cell(trained), *shown])
    told = [
        *notes(data, data.study.cross_dataset),
        *seen_twice(data),
        "SROCC, mean (std) over runs; trained and tested in order.",
    ]
    return Table("cross-dataset", "Cross-dataset evaluation", ["Experiment", "Trained on", *names], rows, told)


def seen_twice(data: StudyData) -> list[str]:
    """Of two datasets, how many videos of one have the features of a video of the other, bit for bit."""
    told = {}
    for experiment in data.study.cross_dataset:
        slug, trained = data.grid.variant_of(experiment).slug, set(data.study.datasets_of(experiment))
        features = {
            name: {entry["checksum"] for entry in data.receipts[name, slug]["shards"].values()}
            for name in data.study.datasets
        }
        for one, other in combinations(features, 2):
            count = len(features[one] & features[other])
            if count and trained & {one, other}:
                told[one, other] = (
                    f"NOT strangers: {count} videos of {one} stand in {other} too, under other names; heads of either "
                    "were trained on some that they are tested on here. Exclude them from one of the two."
                )
    return list(told.values())
