import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import markdown
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from tests.conftest import assert_one_line_error, vqa
from tests.results.fake_study import NOISE, paper_study, write_fake
from vqa.config import to_yaml
from vqa.protocol import predictions
from vqa.results.comparisons import compare_study
from vqa.results.evaluation import evaluate_study
from vqa.results.published import published, value
from vqa.results.tables import Cell, Table, all_tables
from vqa.results.tables.cells import mean_std
from vqa.results.tables.writers import latex_text, to_csv, to_latex, to_markdown


def test_the_full_study_has_560_results(data):
    assert len(data.metrics) == 560 and len(data.grid.runs) == 320


def test_verdicts_come_out_right_where_the_truth_is_known(data):
    for dataset in ("konvid-1k", "live-vqc"):
        worse, equal, nearly = (data.comparison("modes", dataset, "frame-level", mode) for mode in ("OS", "SO", "SS"))
        assert worse["difference"] == pytest.approx(-0.05, abs=0.02)
        assert worse["ci_high"] < 0 and worse["verdict"] != "equivalent"
        assert equal["verdict"] == "equivalent" and equal["flag"] == "identical"
        assert nearly["verdict"] == "equivalent" and nearly["flag"] == ""
    # 240 test videos are enough to survive Holm's adjustment over nine comparisons; 117 need not be.
    assert data.comparison("modes", "konvid-1k", "frame-level", "OS")["verdict"] == "different"


def test_metrics_equal_scipy_on_the_predictions(data):
    row = data.metrics.query("dataset == 'live-vqc' and experiment == 'frame-level' and mode == 'OS' and seed == 3")
    path = data.results / "runs/live-vqc/frame-level/O/seed-3/predictions.csv"
    test = predictions.read(path).query("test_order == 'S'")
    assert row["srocc"].item() == pytest.approx(stats.spearmanr(test["score"], test["mos"]).statistic)
    assert row["n_test"].item() == 117


def test_statistics_equal_scipy_and_the_corrected_formula(data):
    cells = [data.cell("cvd2014", "frame-level", mode)["srocc"].to_numpy() for mode in ("OS", "OO")]
    found = data.comparison("modes", "cvd2014", "frame-level", "OS")
    assert found["p_paired"] == pytest.approx(stats.ttest_rel(*cells).pvalue)
    d = cells[0] - cells[1]
    t = d.mean() / np.sqrt((1 / 10 + 47 / 140) * d.var(ddof=1))
    assert found["p_corrected"] == pytest.approx(2 * stats.t.sf(abs(t), 9))


def test_holm_counts_each_question_dataset_and_metric_by_itself(data):
    groups = data.statistics.groupby(["family", "dataset", "metric"])
    assert {(family, len(group)) for (family, *_), group in groups} == {("modes", 9), ("samplers", 3)}
    for _, group in groups:
        for p, adjusted in (("p_corrected", "p_holm"), ("p_tost", "p_tost_holm")):
            known = group[p].dropna()
            expected = multipletests(known, method="holm")[1] if len(known) else []
            np.testing.assert_allclose(group.loc[known.index, adjusted], expected)
            assert group.loc[group[p].isna(), adjusted].isna().all()


def test_published_values_are_the_papers():
    """Spot checks against the printed tables, and their sizes."""
    assert value("II", "konvid-1k", "frame-level", "SO", "srocc") == (0.782, 0.030)
    assert value("III", "live-qualcomm", "cube-level", "OO", "rmse") == (10.215, 1.417)
    assert value("IV", "cvd2014", "sample-16", "SS", "krocc") == (0.681, 0.041)
    assert value("V", "live-vqc", "sample-8", "OO", "plcc") == (0.750, 0.038)
    assert value("VI", "cvd2014", "frame-level", "OS", "p_paired")[0] == 0.0377
    assert value("VII", "konvid-1k", "sample-16", "OO", "p_paired")[0] == 0.3556
    assert value("I", "cvd2014", "", "", "mos_min")[0] == -6.5
    assert published().groupby("table").size().to_dict() == {
        "I": 12, "II": 64, "III": 64, "IV": 64, "V": 64, "VI": 36, "VII": 12,
    }  # fmt: skip


def test_the_papers_own_inconsistencies_are_in_the_data():
    lines = published().query("table == 'VI' and dataset == 'live-vqc'")
    frame, cube = (lines[lines["experiment"] == name]["value"].tolist() for name in ("frame-level", "cube-level"))
    assert frame == cube == [0.0006, 0.8614, 0.0001]


def test_our_table_prints_the_papers_value_and_the_difference(data):
    table = next(t for t in all_tables(data) if t.name == "frame-level")
    row = next(r for r in table.rows if (r[0].text, r[1].text) == ("live-vqc", "SS"))
    ours = data.cell("live-vqc", "frame-level", "SS")["srocc"]
    assert row[2].text == f"{ours.mean():.3f} ({ours.std(ddof=0):.3f})"
    assert row[3].text == "0.699 (0.035)" and row[4].text == f"{ours.mean() - 0.699:+.3f}"
    assert any("of 64 cells lie within one of the paper's std" in note for note in table.notes)


def test_best_is_bold_with_ties_and_rmse_the_other_way(data):
    table = next(t for t in all_tables(data) if t.name == "frame-level")
    rows = [row for row in table.rows if row[0].text == "konvid-1k"]
    srocc, rmse = table.headers.index("SROCC"), table.headers.index("RMSE")
    for column, best in ((srocc, max), (rmse, min)):
        shown = [float(row[column].text.split(" ")[0]) for row in rows]
        assert [row[column].bold for row in rows] == [value == best(shown) for value in shown]
    assert sum(row[srocc].bold for row in rows) >= 2  # SO equals OO: a tie


def test_undefined_runs_are_counted_in_the_cell():
    cell = mean_std(pd.Series([0.5, np.nan, 0.7]))
    assert cell.text == "0.600 (0.100) [2 of 3 runs]"
    assert mean_std(pd.Series([np.nan])).text == "undefined"


def test_csv_holds_full_precision_and_splits_mean_and_std():
    table = Table(
        "t", "T", ["Dataset", "SROCC"], [[Cell("a, b"), Cell("0.123 (0.045)", True, {"": 0.1234567, " std": 0.045})]]
    )
    assert to_csv(table) == 'Dataset,SROCC,SROCC std\n"a, b",0.1234567,0.045\n'


def test_markdown_renders_as_a_table(data):
    for table in all_tables(data):
        html = markdown.markdown(to_markdown(table), extensions=["tables"])
        parsed = ElementTree.fromstring(f"<div>{html.replace('&nbsp;', ' ')}</div>")
        assert len(parsed.findall(".//tbody/tr")) == len(table.rows), table.name
        assert len(parsed.findall(".//thead//th")) == len(table.headers)


def test_latex_escapes_what_tex_would_read():
    assert latex_text(r"a_b & 5% #1 $x {y} ~ ^ \ <") == (
        r"a\_b \& 5\% \#1 \$x \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{} $<$"
    )


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex; CI installs it")
def test_latex_tables_compile(data, tmp_path):
    tables = "\n".join(to_latex(table) + r"\clearpage" for table in all_tables(data))
    (tmp_path / "all.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs,graphicx}\\begin{document}\n" + tables + "\\end{document}\n"
    )
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-2000:]
    pages = int(re.search(r"\((\d+) pages?", run.stdout)[1])
    assert pages >= len(data.contents.tables)
    assert "Overfull" not in run.stdout


def test_one_seed_still_gives_results_and_says_so(tmp_path):
    study = write_fake(paper_study(tmp_path / "results", seeds=1), NOISE)
    statistics = compare_study(study, evaluate_study(study))
    assert set(statistics["flag"]) == {"few-seeds"} and set(statistics["verdict"]) == {"undecided"}


def test_evaluate_names_a_missing_prediction_file(data, tmp_path):
    copy = tmp_path / "results"
    shutil.copytree(data.results / "runs", copy / "runs")
    study = data.study.model_copy(update={"results": Path(copy)})
    (copy / "study.yaml").write_text(to_yaml(study))
    (copy / "runs/cvd2014/frame-level/O/seed-4/predictions.csv").unlink()
    result = vqa(
        "evaluate", "--config", copy / "study.yaml", "--metrics", copy / "m.csv", "--statistics", copy / "s.csv"
    )
    assert_one_line_error(result, "cvd2014/frame-level/O/seed-4/predictions.csv")
    assert not (copy / "m.csv").exists()
