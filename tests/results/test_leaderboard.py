"""The leaderboard's table on studies whose truth is known."""

import io
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.results.fake_study import evaluated, paper_study, write_fake
from vqa.evaluation.statistics import corrected_ttest, holm
from vqa.results.tables.leaderboard import leaderboard_table, matrix_csv

CVD = {"cvd2014": {"reader": "cvd2014", "path": "/nowhere"}}


def test_ranks_and_adjusted_p_are_those_of_a_plain_loop(tmp_path: Path) -> None:
    frames = {"frames": {"backbone": "resnet50", "batch_size": 128}}
    noise = {("frames", "OS"): 1.5, ("frames", "SO"): 0.0, ("frames", "SS"): 0.01}
    study = paper_study(tmp_path / "results", seeds=10, datasets=CVD, experiments=frames)
    data = evaluated(write_fake(study, noise))
    table = leaderboard_table(data)
    values = {mode: data.cell("cvd2014", "frames", mode)["srocc"].to_numpy() for mode in ("OO", "OS", "SO", "SS")}
    order = sorted(values, key=lambda mode: -values[mode].mean())
    assert [row[3].text for row in table.rows] == order
    size = data.run(data.runs_of("cvd2014", "frames", "OO")[0])["videos"]
    pairs = list(combinations(order, 2))
    p = holm(np.array([corrected_ttest(values[a], values[b], size["train"], size["test"]).p for a, b in pairs]))
    expected = [p[pairs.index((order[0], other))] for other in order[1:]]
    np.testing.assert_allclose(
        [row[table.headers.index("p against first, Holm")].numbers[""] for row in table.rows[1:]], expected
    )
    assert table.rows[-1][3].text == "OS"
    letters = [row[table.headers.index("Group")].text for row in table.rows]
    assert letters[-1] != letters[0]
    matrix = pd.read_csv(io.StringIO(matrix_csv(data)))
    assert matrix["mode"].tolist() == order and matrix["group"].tolist() == letters
    own = matrix[[str(rank) for rank in range(1, 5)]].to_numpy()
    np.testing.assert_allclose([own[order.index(a), order.index(b)] for a, b in pairs], p, rtol=1e-9)
    np.testing.assert_array_equal(own, own.T)
    assert np.isnan(np.diag(own)).all()


def test_a_cell_that_no_other_table_shows_is_ranked(tmp_path: Path) -> None:
    frames = {"frames": {"backbone": "resnet50", "batch_size": 128, "modes": ["OO"]}}
    study = paper_study(tmp_path / "results", seeds=4, datasets=CVD, experiments=frames)
    data = evaluated(write_fake(study))
    (row,) = leaderboard_table(data).rows
    assert [cell.text for cell in row[:4]] == ["cvd2014", "1", "frames", "OO"]
    assert row[4].numbers[""] == pytest.approx(data.cell("cvd2014", "frames", "OO")["srocc"].mean())


def test_a_dataset_of_two_cells_is_not_ranked(tmp_path: Path) -> None:
    frames = {"frames": {"backbone": "resnet50", "batch_size": 128, "modes": ["OO", "OS"]}}
    study = paper_study(tmp_path / "results", seeds=4, datasets=CVD, experiments=frames)
    assert leaderboard_table(evaluated(write_fake(study))).rows == []
