"""The miniature of the paper's study, run: every cell, table and figure is there.

Slow (64 trainings): `make test-paper` runs it, and CI does.
"""

import numpy as np
import pandas as pd
import pytest

from tests.workflow.conftest import Project
from tests.workflow.miniature import write_miniature
from vqa.results.published import INCONSISTENCIES

pytestmark = pytest.mark.paper


@pytest.fixture(scope="module")
def project(tmp_path_factory, make_clip) -> Project:
    made = write_miniature(tmp_path_factory.mktemp("paper"), make_clip)
    made.run()
    return made


def test_every_cell_of_the_paper_is_there(project):
    metrics = pd.read_csv(project.results / "metrics.csv")
    paper = metrics[metrics["experiment"] != "fc-mean"]
    assert len(paper) == 4 * 14 * 2
    assert (metrics.query("dataset != 'live-qualcomm'")["n_test"] == 3).all()
    assert set(metrics.query("dataset == 'live-qualcomm'")["fit_status"]) == {"too-few"}


def test_the_order_blind_head_gives_the_same_result_in_both_orders(project):
    for path in (project.results / "runs").glob("*/fc-mean/O/*/predictions.csv"):
        test = pd.read_csv(path).query("split == 'test'")
        ordered, shuffled = (test[test["test_order"] == order]["score"].to_numpy() for order in "OS")
        np.testing.assert_allclose(ordered, shuffled, rtol=1e-6)


def test_the_papers_numbers_stand_beside_ours(project):
    for name, printed in (
        ("frame-level", "0.779 (0.030)"),
        ("cube-level", "0.524 (0.135)"),
        ("sampling", "0.781 (0.027)"),
    ):
        assert printed in (project.results / "tables" / f"{name}.md").read_text()
    report = (project.results / "report.html").read_text()
    assert (
        INCONSISTENCIES[2].split(" as ")[0] in report
        and "0.8614" in (project.results / "tables/ttest-modes.md").read_text()
    )


def test_cross_dataset_and_head_tables_are_made(project):
    cross = (project.results / "tables" / "cross-dataset.csv").read_text().splitlines()
    assert len(cross) == 1 + 4 * 2 and "fc-mean" in (project.results / "tables" / "heads.md").read_text()


def test_both_3d_and_2d_features_have_4096_values(project):
    for slug in ("resnet50", "resnet3d101-2018"):
        index = pd.read_csv(project.results / "features" / "live-vqc" / slug / "index.csv")
        assert set(index["dim"]) == {4096}


def test_nothing_is_left_to_do(project):
    assert project.jobs() == {}
