"""Controls speak for themselves, and not for the study's own questions."""

from types import SimpleNamespace

import pandas as pd
import pytest

from vqa.config import parse
from vqa.results import controls
from vqa.results.report import summary

DEMO = {"reader": "demo", "videos": 40}
DATASETS = {"demo": DEMO, "matters": DEMO | {"control": "positive"}, "noise": DEMO | {"control": "negative"}}


@pytest.fixture
def data():
    experiments = {"e": {"backbone": "efficientnet_lite0", "modes": ["OO", "OS"]}}
    study = parse({"name": "s", "results": "r", "seeds": 6, "datasets": DATASETS, "experiments": experiments})
    row = {"family": "modes", "experiment": "e", "mode": "OS", "baseline_mode": "OO", "metric": "srocc", "n_seeds": 6}
    rows = [row | {"dataset": name, "difference": -0.1, "verdict": "different"} for name in DATASETS]
    return SimpleNamespace(study=study, statistics=pd.DataFrame(rows))


def told(data, **verdicts: str) -> tuple[str, list[str]]:
    """The answer and its lines, had the tests come out as given."""
    rows = data.statistics
    for dataset, verdict in verdicts.items():
        rows.loc[rows["dataset"] == dataset, "verdict"] = verdict
    [(question, answer, lines)] = controls.answer(data)
    assert question == controls.QUESTION and lines[0] == controls.ABOUT
    return answer, lines[1:]


def test_the_answer_follows_from_both_controls(data):
    assert told(data, matters="different", noise="undecided")[0] == "Yes."
    answer, lines = told(data, matters="undecided", noise="different")
    assert answer == "Not in 2 of 2 comparisons."
    assert "though it matters" in lines[0] and "which it should not be" in lines[1]
    assert "over 6 runs" in lines[0] and lines[0].startswith("matters (positive control): e OS against OO is undecided")


def test_the_summary_counts_the_studys_own_datasets_only(data):
    [(_, answer, _)] = [block for block in summary(data) if block[0] == "Does the order of frames matter?"]
    assert answer.startswith("1 comparison:")


def test_a_study_without_controls_says_nothing_of_them(data):
    plain = data.study.model_copy(update={"datasets": {"demo": data.study.datasets["demo"]}})
    assert controls.answer(SimpleNamespace(study=plain, statistics=data.statistics)) == []
    assert len(controls.without_controls(plain, pd.DataFrame({"dataset": ["demo", "demo"]}))) == 2
    none = pd.DataFrame({"dataset": [], "family": []})
    assert list(controls.without_controls(plain, none).columns) == ["dataset", "family"]
    assert controls.control_of(plain, "demo") == controls.control_of(plain, "demo > other") == "none"
