"""Tables VI and VII, the paper's paired t-tests, and the verdicts of the corrected tests."""

from collections.abc import Sequence

from vqa.results import published
from vqa.results.study_data import StudyData
from vqa.results.tables.cells import Cell, Table, notes, p_cell, paper_key


def _ttest_table(
    data: StudyData, name: str, title: str, family: str, paper_table: str, label: str, names: Sequence[tuple[str, str]]
) -> Table:
    """p of the paired t-test on SROCC, datasets as columns; the paper's p beside ours."""
    alpha = data.study.statistics.alpha
    headers = ["Experiment", label]
    rows = [[Cell(experiment), Cell(shown)] for experiment, shown in names]
    for dataset in data.study.datasets:
        headers.append(dataset)
        paper = [
            published.value(paper_table, paper_key(data, dataset), e, m if family == "modes" else "OO", "p_paired")
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
    """Every comparison on SROCC with the corrected tests and one word."""
    settings = data.study.statistics
    headers = ["Dataset", "Condition", "Against", "Verdict", "Difference"]
    headers += [f"{100 * (1 - settings.alpha):g} % interval", "d_z"]
    headers += ["p paired", "p corrected, Holm", "p Wilcoxon", "p TOST"]
    rows = []
    for found in data.statistics[data.statistics["metric"] == "srocc"].to_dict("records"):
        interval = f"{found['ci_low']:+.3f} to {found['ci_high']:+.3f}"
        row = [Cell(found["dataset"]), Cell(f"{found['experiment']} {found['mode']}")]
        row += [Cell(f"{found['baseline_experiment']} {found['baseline_mode']}")]
        row += [Cell(found["verdict"] + (f" ({found['flag']})" if found["flag"] else ""))]
        row += [Cell(f"{found['difference']:+.3f}", numbers={"": found["difference"]})]
        row += [Cell(interval, numbers={" low": found["ci_low"], " high": found["ci_high"]})]
        row += [Cell(f"{found['d_z']:+.2f}", numbers={"": found["d_z"]})]
        row += [p_cell(found[key], settings.alpha) for key in ("p_paired", "p_holm", "p_wilcoxon", "p_tost")]
        rows.append(row)
    told = [
        *notes(data, list(data.study.experiments)),
        f"equivalent: TOST places the difference within +-{settings.margin:g} SROCC (p < {settings.alpha:g}); "
        "different: otherwise, if the corrected resampled t-test (Nadeau and Bengio 2003), Holm-adjusted over its "
        f"family, has p < {settings.alpha:g}; undecided: neither, or fewer than three runs. Interval and TOST use the "
        "corrected standard error.",
    ]
    return Table("verdicts", "Verdicts on SROCC", headers, rows, told)
