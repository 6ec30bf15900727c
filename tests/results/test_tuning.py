"""The report says what `tune` chose, in studies that tune."""

import csv
import json

import pytest

from tests.conftest import vqa
from tests.results.fake_study import evaluated, paper_study, write_fake
from tests.training.test_training import make_study, train
from vqa.config import Run, identity, to_yaml
from vqa.results.contents import Contents
from vqa.results.figures import draw_all
from vqa.results.report import write_report
from vqa.results.study_data import StudyData
from vqa.results.tables import all_tables
from vqa.results.tables.tuning import chosen
from vqa.system.errors import UserError
from vqa.training.tune import points

DATASETS = {name: {"reader": name, "path": f"/nowhere/{name}", "buckets": 1} for name in ("cvd2014", "live-vqc")}
TUNED = {
    "plain": {"backbone": "resnet50", "modes": ["OO"]},
    "rates": {"backbone": "resnet50", "modes": ["OO", "SS"], "tune": {"lr": [1e-4, 1e-3]}},
    "sizes": {"backbone": "resnet50", "modes": ["OO"], "tune": {"head.hidden": [4, 8], "patience": [0, 5]}},
}
KEPT = (1, 1, 0)  # of the grid, by seed


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> StudyData:
    """Each run kept the point of KEPT that its seed says; the others were worse."""
    folder = tmp_path_factory.mktemp("tuned") / "results"
    study = paper_study(folder, seeds=3, datasets=DATASETS, experiments=TUNED, plots={"dpi": 50})
    write_fake(study, epochs=3)
    for file in sorted(folder.glob("runs/**/run.json")):
        made = json.loads(file.read_text())
        run = Run(**made["run"])
        if run.tune:
            grid = points(run)
            made["tuned"] = [{"point": each.change, "val_srocc": None, "epoch": 3} for each in grid]
            made["chosen"] = identity(grid[KEPT[made["seed"]]].run)
            file.write_text(json.dumps(made))
    return evaluated(study)


def test_every_point_is_counted_over_the_runs_of_its_cell(data, tmp_path):
    study = to_yaml(data.study)
    (tmp_path / "study.yaml").write_text(study)
    result = vqa("tables", "--config", tmp_path / "study.yaml", "--output", tmp_path / "tables")
    assert result.returncode == 0, result.stderr
    with open(tmp_path / "tables" / "tuning.csv") as file:
        rows = [list(row.values()) for row in csv.DictReader(file)]
    one = [
        ["rates", "lr 0.0001", "1", "1"],
        ["rates", "lr 0.001", "2", "2"],
        ["sizes", "head.hidden 4, patience 0", "1", ""],
        ["sizes", "head.hidden 4, patience 5", "2", ""],
        ["sizes", "head.hidden 8, patience 0", "0", ""],
        ["sizes", "head.hidden 8, patience 5", "0", ""],
    ]
    assert rows == [[dataset, *row] for dataset in DATASETS for row in one]
    markdown = (tmp_path / "tables" / "tuning.md").read_text()
    assert "| cvd2014 | rates | lr 0.001 | **2 of 3** | **2 of 3** |" in markdown
    assert "| cvd2014 | sizes | head.hidden 4, patience 0 | 1 of 3 | - |" in markdown


def test_the_report_shows_it(data, tmp_path):
    draw_all(data, data.results / "figures")
    write_report(data, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "What tuning chose" in page and "Kept, trained S" in page and "head.hidden 8, patience 5" in page


def test_a_study_that_does_not_tune_has_no_such_table(data):
    plain = paper_study(data.results, seeds=3, datasets=DATASETS, experiments={"plain": TUNED["plain"]})
    assert "tuning" not in Contents(plain).tables
    assert [table.name for table in all_tables(data)] == data.contents.tables == [
        "datasets", "rates", "ttest-modes", "tuning", "leaderboard", "verdicts", "sensitivity", "videos"
    ]  # fmt: skip


def test_only_a_study_that_tunes_keeps_the_name_for_itself(tmp_path):
    modes = {"backbone": "resnet50", "modes": ["OO", "OS"]}
    assert Contents(paper_study(tmp_path, experiments={"tuning": modes})).tables == [
        "datasets", "tuning", "ttest-modes", "verdicts", "sensitivity", "videos"
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"experiments\.tuning: its table would overwrite that of what was tuned"):
        Contents(paper_study(tmp_path, experiments={"tuning": modes | {"tune": {"lr": [1e-3]}}}))


def test_the_point_kept_is_read_off_a_real_run(tmp_path):
    grid = '{"lr":[1e-9,3e-3],"head.hidden":[4,8]}'
    result = train(make_study(tmp_path / "study", 20), tmp_path / "run", "--tune", grid)
    assert result.returncode == 0, result.stderr
    made = json.loads((tmp_path / "run" / "run.json").read_text())
    assert chosen(made) == max(made["tuned"], key=lambda each: each["val_srocc"])["point"]
