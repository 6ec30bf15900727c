"""Tables VI and VII, the paper's paired t-tests, and the verdicts of the corrected tests."""

from collections.abc import Sequence
from typing import Any

from vqa.config import Statistics
from vqa.evaluation.statistics import MIN_SEEDS
from vqa.results import published
from vqa.results.pairs import ACROSS
from vqa.results.resampling import CellRuns, Runs
from vqa.results.study_data import StudyData
from vqa.results.tables.cells import Cell, Table, notes, p_cell


def _ttest_table(
    data: StudyData, name: str, title: str, family: str, paper_table: str, label: str, names: Sequence[tuple[str, str]]
) -> Table:
    """p of the paired t-test on SROCC, datasets as columns; the paper's p beside ours."""
    alpha = data.study.statistics.alpha
    headers = ["Experiment", label]
    rows = [[Cell(experiment), Cell(shown)] for experiment, shown in names]
    for dataset in data.tested_on():
        headers.append(dataset)
        paper = [
            _papers_p(data, dataset, paper_table, data.comparison(family, dataset, e, m if family == "modes" else "OO"))
            for e, m in names
        ]
        if any(paper):
            headers.append(f"{dataset} paper")
        for row, (experiment, shown), theirs in zip(rows, names, paper, strict=True):
            found = data.comparison(family, dataset, experiment, shown if family == "modes" else "OO")
            row.append(p_cell(found["p_paired"], alpha) if found is not None else Cell("-"))
            if any(paper):
                row.append(p_cell(theirs[0], alpha) if theirs else Cell("-"))
    told = [
        *notes(data, list(dict.fromkeys(e for e, _ in names))),
        f"Two-sided p of the plain paired t-test on SROCC, as the paper computes it; bold: p < {alpha:g}. "
        "It ignores that random splits overlap, and a large p does not show equality: see the verdicts.",
    ]
    return Table(name, title, headers, rows, told)


def _papers_p(data: StudyData, dataset: str, table: str, found: dict[Any, Any] | None) -> tuple[float, float] | None:
    """The paper's (p, NaN) where both condition and baseline are the paper's."""
    name = published.dataset_of(data.study, dataset)
    if name is None or found is None:
        return None
    condition, baseline = (
        published.experiment_of(data.study, found[key]) for key in ("experiment", "baseline_experiment")
    )
    wanted = "frame-level" if table == "VII" else condition
    if condition is None or baseline != wanted:
        return None
    return published.value(table, name, condition, found["mode"], "p_paired")


def modes_ttest_table(data: StudyData) -> Table:
    """Table VI: each mode against OO."""
    names = [
        (name, mode)
        for name in data.contents.shuffled
        if "OO" in data.study.experiments[name].modes
        for mode in data.study.experiments[name].modes
    ]
    title = "Paired t-test of every mode against OO (paper: Table VI)"
    return _ttest_table(data, "ttest-modes", title, "modes", "VI", "Mode", names)


def samplers_ttest_table(data: StudyData) -> Table:
    """Table VII: each Sample-K against every frame."""
    names = [(name, str(data.study.experiments[name].sampler)) for name, _ in data.contents.sampler_groups]
    title = "Paired t-test of every Sample-K against all frames (paper: Table VII)"
    return _ttest_table(data, "ttest-samplers", title, "samplers", "VII", "Sample", names)


def verdicts_table(data: StudyData) -> Table:
    """Every comparison on SROCC with both corrected tests and one word."""
    settings = data.study.statistics
    headers = ["Dataset", "Condition", "Against", "Verdict", "Difference"]
    headers += [f"{100 * (1 - 2 * settings.alpha):g} % interval", f"{100 * (1 - settings.alpha):g} % interval", "d_z"]
    headers += ["p paired", "p differs, Holm", "p Wilcoxon", "p within, Holm", "Detectable"]
    chosen = data.statistics[data.statistics["metric"] == "srocc"]
    told = [*notes(data, list(data.study.experiments)), *_meaning(settings), *limits(data)]
    rows = [_verdict_row(found, settings.alpha) for found in chosen.to_dict("records")]
    if any(chosen["unlike"]):
        headers.insert(4, "Also unlike")
        rows = [[*row[:4], Cell(text), *row[4:]] for row, text in zip(rows, chosen["unlike"], strict=True)]
    return Table("verdicts", "Verdicts on SROCC", headers, rows, told)


def _verdict_row(found: dict[Any, Any], alpha: float) -> list[Cell]:
    flag = f" ({found['flag']})" if found["flag"] else ""
    return [
        Cell(found["dataset"]),
        Cell(f"{found['experiment']} {found['mode']}"),
        Cell(f"{found['baseline_experiment']} {found['baseline_mode']}"),
        Cell(found["verdict"] + flag),
        Cell(f"{found['difference']:+.3f}", numbers={"": found["difference"]}),
        _interval(found["tost_low"], found["tost_high"]),
        _interval(found["ci_low"], found["ci_high"]),
        Cell(f"{found['d_z']:+.2f}", numbers={"": found["d_z"]}),
        *(p_cell(found[key], alpha) for key in ("p_paired", "p_holm", "p_wilcoxon", "p_tost_holm")),
        Cell(f"{found['detectable']:.3f}", numbers={"": found["detectable"]}),
    ]


def _interval(low: float, high: float) -> Cell:
    return Cell(f"{low:+.3f} to {high:+.3f}", numbers={" low": low, " high": high})


def _meaning(settings: Statistics) -> list[str]:
    margin, alpha = f"+-{settings.margin:g}", f"{settings.alpha:g}"
    return [
        "Two questions: does it differ (corrected resampled t-test, Nadeau and Bengio 2003), and is the difference "
        f"within {margin} SROCC (TOST with the corrected standard error)? Each p is Holm-adjusted over the comparisons "
        f"of one question on one dataset; yes means p < {alpha}. different: differs, not shown to be within; "
        "negligible: differs, yet within; equivalent: within, no difference shown; undecided: neither, or fewer than "
        "three splits.",
        "Intervals are not adjusted. Detectable: the smallest difference that the corrected test finds with 80 % power "
        "at the spread observed here, before Holm's adjustment.",
    ]


def _one_test_set(data: StudyData) -> list[str]:
    """What tests mean where all runs share their test videos."""
    runs = Runs(data.study)
    cells = [
        CellRuns(tested, name, experiment.modes[0], seeds)
        for name, experiment in data.study.experiments.items()
        if len(seeds := data.study.seeds_of(name)) > 1
        for tested in data.tested_on(name)
    ]
    given = dict.fromkeys(cell.tested for cell in cells if runs.on_one_test_set(cell))
    if not given:
        return []
    return [
        f"{', '.join(given)}: all runs are tested on the same videos. Seeds, and the std in tables, measure the noise "
        "of training there, not of sampling videos: the tests resample the test videos (paired bootstrap of each run's "
        "own metric, averaged over runs) and add the noise of training; the plain paired t-test knows only the latter."
    ]


def limits(data: StudyData) -> list[str]:
    """Where the study could not have answered: too small for its margin, or of test sets too much alike."""
    settings = data.study.statistics
    chosen = data.statistics[data.statistics["metric"] == "srocc"]
    told = []
    small = chosen[(chosen["n_splits"] < MIN_SEEDS) | ~(chosen["provable"] < settings.margin)]
    if len(small):
        told.append(
            f"Too small for its question: in {len(small)} of {len(chosen)} comparisons the runs differ so much, or are "
            f"so few, that not even a difference of 0 would have shown equivalence within +-{settings.margin:g}."
        )
    told += _one_test_set(data)
    if (chosen["family"] == ACROSS).any():
        told.append(
            "A > B: trained on A, tested on the whole of B, which all runs share: the tests resample its videos and "
            "add the noise of training."
        )
    repeated = chosen[chosen["n_splits"] < chosen["n_seeds"]]
    for dataset, rows in repeated.groupby("dataset", sort=False):
        row = rows.iloc[0]
        told.append(
            f"{dataset}: the test sets of {row['n_seeds']:.0f} runs have so many videos in common that they count as "
            f"{row['n_splits']:.0f} in the corrected tests."
        )
    return told
