"""How much protocols flatter, cell by cell."""

from math import isnan

from vqa.results.audit import QUESTION, inflations, sentence
from vqa.results.study_data import StudyData
from vqa.results.tables.cells import Cell, Table, notes

_NAMES = {"srocc": "SROCC", "plcc_raw": "PLCC raw", "plcc_4": "PLCC 4-parameter", "plcc_5": "PLCC 5-parameter",
          "rmse_z": "RMSE z-rescaled", "rmse_fit": "RMSE fitted"}  # fmt: skip


def audit_table(data: StudyData) -> Table:
    """A row a cell, metric and protocol."""
    found, alpha = inflations(data), data.study.statistics.alpha
    rows = [
        [
            *map(Cell, (each.dataset, each.experiment, each.mode, _NAMES[each.metric], each.protocol)),
            Cell(f"{each.reported:.3f}", numbers={"": each.reported}),
            Cell(f"{each.inflation:+.3f}", numbers={"": each.inflation}),
            Cell(
                "-" if isnan(each.low) else f"{each.low:+.3f} to {each.high:+.3f}",
                numbers={" low": each.low, " high": each.high},
            ),
        ]
        for each in found
    ]
    told = [
        *notes(data, list(data.study.experiments)),
        sentence(found, alpha),
        "The same trainings under each protocol; inflation: what it reports less what validated selection reports "
        "(of RMSE less is better). Each metric's own best on test: the best of all epochs, metric by metric, as the "
        "code of DOVER and FAST-VQA keeps it. z-rescaled: scores brought to the mean and std of the test set's MOS. "
        "Intervals: corrected resampled, not adjusted for several comparisons; a protocol that chooses among the runs "
        "gives one number and has none.",
    ]
    headers = ["Dataset", "Experiment", "Mode", "Metric", "Protocol", "Reported", "Inflation"]
    return Table("audit", QUESTION, [*headers, f"{100 * (1 - alpha):g} % interval"], rows, told)
