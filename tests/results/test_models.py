"""Temporal models side by side: each against VSFA's, against a plain mean, and what it costs."""

import json

import pandas as pd
import pytest

from tests.results.fake_study import evaluated, hash_of, paper_study, write_fake
from vqa.results.figures import draw_all
from vqa.results.report import summary
from vqa.results.study_data import StudyData
from vqa.results.tables import all_tables
from vqa.results.tables.writers import write_table

DATASETS = {name: {"reader": name, "path": f"/nowhere/{name}", "buckets": 1} for name in ("cvd2014", "live-vqc")}
HEADS = {"mean": "fc-mean", "gru": "vsfa", "lstm": "lstm", "set": "transformer-set"}
EXPERIMENTS = {name: {"backbone": "resnet50", "head": head, "modes": ["OO", "OS"]} for name, head in HEADS.items()}
EXPERIMENTS["alone"] = {"backbone": "resnet50", "head": "lstm", "sampler": 4, "modes": ["OO"]}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> StudyData:
    folder = tmp_path_factory.mktemp("models") / "results"
    study = paper_study(folder, seeds=5, datasets=DATASETS, experiments=EXPERIMENTS, plots={"dpi": 50})
    write_fake(study, {("lstm", "OO"): 0.5}, epochs=3)
    for file in (folder / "runs/live-vqc/set").rglob("run.json"):  # as version 0.1 wrote them
        made = json.loads(file.read_text())
        file.write_text(json.dumps({key: value for key, value in made.items() if key != "multiply_adds"}))
    return evaluated(study)


def compared(data: StudyData, family: str) -> set[tuple[str, str]]:
    rows = data.statistics[(data.statistics["family"] == family) & (data.statistics["dataset"] == "cvd2014")]
    return set(zip(rows["experiment"], rows["baseline_experiment"], strict=True))


def test_every_model_is_compared_with_vsfas_and_with_a_plain_mean(data):
    assert compared(data, "heads") == {("mean", "gru"), ("lstm", "gru"), ("set", "gru")}
    assert compared(data, "means") == {("gru", "mean"), ("lstm", "mean"), ("set", "mean")}


def test_each_question_is_adjusted_by_itself(data):
    """Holm over the three comparisons of one question: the smallest p counts three times."""
    chosen = data.statistics[(data.statistics["metric"] == "srocc") & (data.statistics["dataset"] == "cvd2014")]
    for family in ("heads", "means"):
        rows = chosen[chosen["family"] == family].sort_values("p_corrected")
        assert rows["p_holm"].iloc[0] == pytest.approx(min(1, 3 * rows["p_corrected"].iloc[0]))


def test_the_report_answers_both(data):
    questions = [question for question, *_ in summary(data)]
    assert questions[2:] == [
        "Does another temporal model do as well as VSFA's?", "Does a temporal model do better than a plain mean?",
    ]  # fmt: skip


def test_cost_stands_beside_quality(data, tmp_path):
    for table in all_tables(data):
        write_table(tmp_path, table)
    cost = pd.read_csv(tmp_path / "model-cost.csv").set_index(["Dataset", "Experiment"])
    assert list(cost.loc["cvd2014"].index) == ["mean", "gru", "lstm", "set"], "the sampled one has nothing beside it"
    assert cost.loc[("cvd2014", "lstm"), "Parameters"] == 1000 + hash_of("lstm") % 1000
    assert cost.loc[("cvd2014", "lstm"), "SROCC"] == data.cell("cvd2014", "lstm", "OO")["srocc"].mean().round(10)
    assert pd.isna(cost.loc[("live-vqc", "set"), "Multiply-adds a video"])
    heads = (tmp_path / "heads.md").read_text()
    assert "lstm: Hochreiter and Schmidhuber, 1997." in heads and "tcn:" not in heads
    draw_all(data, tmp_path)
    assert (tmp_path / "models.png").stat().st_size > 5000
