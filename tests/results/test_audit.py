"""The audit of protocols on studies whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.test_simulation import at_most
from tests.results.fake_study import evaluated, paper_study, write_fake
from vqa.config.schema import Splits
from vqa.evaluation.audit import AUDITED, PROTOCOLS, audited, kept
from vqa.evaluation.statistics import compare
from vqa.results import audit
from vqa.results.audit import among_runs, inflations, sentence
from vqa.results.resampling import Resampling
from vqa.results.study_data import StudyData
from vqa.results.tables.audit import audit_table
from vqa.study.grid import Grid
from vqa.study.layout import Layout

EPOCHS, SPREAD = 20, 0.02
EXPERIMENTS = {"frame-level": {"backbone": "resnet50", "batch_size": 128, "modes": ["OO"]}}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Epochs that differ by noise alone, a std of 0.02 each, in every metric independently; the last is selected."""
    one = {"cvd2014": {"reader": "cvd2014", "path": "/nowhere/cvd2014", "buckets": 1}}
    results = tmp_path_factory.mktemp("audit") / "results"
    study = write_fake(paper_study(results, 40, datasets=one, experiments=EXPERIMENTS, audit=True), epochs=EPOCHS)
    for run in Grid(study).runs:
        rng = np.random.default_rng([run.seed, 7])
        values = pd.DataFrame(0.7 + SPREAD * rng.standard_normal((EPOCHS, len(AUDITED))), columns=list(AUDITED))
        values.insert(0, "epoch", range(1, EPOCHS + 1))
        both = [values.assign(split="test", test_order=order) for order in "OS"]
        pd.concat(both).to_csv(Layout.of(study).run_folder(run) / "audit.csv", index=False)
    return evaluated(study)


def test_seeds_that_share_one_given_test_set_have_no_interval(data, monkeypatch):
    """They say how far trainings differ, not test sets."""
    shared = frozenset(f"v{i}" for i in range(20))
    splits = [(frozenset([f"w{seed}"]), shared) for seed in range(40)]
    monkeypatch.setattr(audit, "resampling", lambda *_: Resampling(splits, [60] * 40, [20] * 40, "official"))
    found = of(inflations(data), "best epoch on test")
    assert np.isnan([found.low, found.high]).all() and found.inflation > 0


def expected_maximum(n: int) -> float:
    """Of n standard normal values, by counting."""
    return float(np.random.default_rng(0).standard_normal((200_000, n)).max(axis=1).mean())


def of(found, protocol: str, metric: str = "srocc"):
    return next(each for each in found if each.protocol == protocol and each.metric == metric)


def test_the_best_of_noise_flatters_by_its_expected_maximum(data):
    found = inflations(data)
    truth = SPREAD * expected_maximum(EPOCHS)
    error = 4 * SPREAD * (2 / 40) ** 0.5
    assert of(found, "best epoch on test").inflation == pytest.approx(truth, abs=error)
    assert of(found, "best epoch on test").low > 0
    own = of(found, "each metric's own best on test", "plcc_4")
    assert own.inflation == pytest.approx(truth, abs=error)
    other = of(found, "best epoch on test", "plcc_4")  # of an epoch chosen for its SROCC, PLCC is as good as any
    assert other.low < 0 < other.high and other.inflation == pytest.approx(0, abs=error)
    assert of(found, "each metric's own best on test", "rmse_fit").inflation == pytest.approx(-truth, abs=error)
    assert of(found, "last epoch").inflation == 0
    assert "over 1 cell (" in sentence(found, 0.05) and "in 1 of them" in sentence(found, 0.05)


@pytest.mark.parametrize("studies", [60, pytest.param(500, marks=pytest.mark.simulation)])
def test_a_protocol_that_flatters_by_nothing_is_accused_no_more_than_alpha(studies):
    """Epochs differ by noise alone, and validation chooses at random: the last epoch is as good as any."""
    rng, runs = np.random.default_rng(5), 10
    accused = 0
    for _ in range(studies):
        epochs = 0.7 + SPREAD * rng.standard_normal((runs, EPOCHS))
        chosen = rng.integers(EPOCHS, size=runs)
        last, validated = (
            np.array([kept(each, each, protocol, place) for each, place in zip(epochs, chosen, strict=True)])
            for protocol in ("last epoch", "validated")
        )
        found = compare(last, validated, [60] * runs, [20] * runs, float("nan"), 0.05)
        accused += not found.ci_low <= 0 <= found.ci_high
    assert accused <= 0.05 * studies if studies >= 500 else at_most(0.05, studies) * studies


def test_intervals_allow_for_given_test_sets_that_overlap(data):
    given = data.study.model_copy(update={"splits": Splits(method="files", path="parts")})
    drawn, found = (of(inflations(each), "best epoch on test") for each in (data, StudyData(given)))
    assert found.inflation == drawn.inflation and found.low < drawn.low < drawn.high < found.high


def test_the_table_has_a_row_for_each_protocol_and_metric(data):
    table = audit_table(data)
    assert len(table.rows) == len(AUDITED) * (len(PROTOCOLS) + 5)
    assert "audit" in data.contents.tables and "audit" in data.contents.figures


def test_a_choice_among_runs_is_that_of_a_plain_count():
    values = np.array([0.5, 0.9, 0.1, 0.3])
    assert among_runs(values) == pytest.approx(
        {"best seed": 0.9, "median of seeds": 0.4, "first 1 seeds": 0.5, "first 3 seeds": 0.5}
    )
    assert among_runs(values, smaller=True)["best seed"] == 0.1


def test_an_undefined_epoch_is_never_the_best():
    nan = float("nan")
    reached, srocc = np.array([nan, 0.2, 0.4]), np.array([nan, 0.9, 0.1])
    assert [kept(reached, srocc, protocol, 1) for protocol in PROTOCOLS] == [0.2, 0.4, 0.2, 0.4]
    undefined = np.full(3, nan)
    assert all(np.isnan(kept(undefined, undefined, protocol, 1)) for protocol in PROTOCOLS)


def test_rescaled_scores_have_the_error_of_a_plain_computation():
    rng = np.random.default_rng(3)
    mos = rng.uniform(0, 100, 60)
    scores = 0.01 * mos + rng.normal(0, 0.2, 60)
    z = (scores - np.mean(scores)) / np.std(scores) * np.std(mos) + np.mean(mos)
    reached = audited(scores, mos)
    assert reached.rmse_z == pytest.approx(np.sqrt(((z - mos) ** 2).mean()))
    assert reached.plcc_5 >= reached.plcc_raw
    assert np.isnan(audited(np.ones(9), mos[:9]).srocc)
