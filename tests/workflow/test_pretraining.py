"""A pretend LSVQ pre-trains, two small sets are fine-tuned on, the matrix is printed: through a real Snakemake."""

import json
from collections import Counter

import pandas as pd
import pytest

from tests.workflow.conftest import Project
from tests.workflow.pretraining_study import write_pretraining_study
from tests.workflow.test_reruns import RESULTS
from vqa.system.files import sha256

pytestmark = pytest.mark.studies


@pytest.fixture(scope="module")
def pretrained(run_once, make_clip) -> Project:
    return run_once("pretraining", lambda folder: write_pretraining_study(folder, make_clip))


@pytest.fixture
def own(pretrained, tmp_path) -> Project:
    return pretrained.copy(tmp_path / "own")


def test_each_run_begins_from_the_head_of_its_own_seed(pretrained):
    for experiment in ("tuned", "zero-shot"):
        for seed in (0, 1):
            made = json.loads((pretrained.results / f"runs/small/{experiment}/O/seed-{seed}/run.json").read_text())
            assert made["inputs"]["init"] == sha256(pretrained.results / f"runs/lsvq/pre/O/seed-{seed}/head.pt")
    assert not (pretrained.results / "runs/lsvq/tuned").exists()


def test_each_test_set_of_lsvq_is_evaluated_by_itself(pretrained):
    metrics = pd.read_csv(pretrained.results / "metrics.csv", keep_default_na=False).query("experiment == 'pre'")
    assert set(zip(metrics["test_set"], metrics["n_test"], strict=True)) == {("test", 4), ("1080p", 5)}
    predicted = pd.read_csv(pretrained.results / "runs/lsvq/pre/O/seed-0/predictions.csv")
    assert set(predicted["split"]) == {"val", "test", "test:1080p"}
    assert "lsvq:1080p" in (pretrained.results / "report.html").read_text()


def test_zero_shot_is_what_the_matrix_says_of_the_test_part(pretrained):
    """One head, two ways: trained on as a run of no epochs, and tested across datasets."""
    matrix = pd.read_csv(pretrained.results / "tables/cross-dataset.csv")
    row = matrix[(matrix["Trained on"] == "lsvq") & (matrix["Tested on"] == "test part")].iloc[0]
    metrics = pd.read_csv(pretrained.results / "metrics.csv").query("experiment == 'zero-shot'")
    assert row["small"] == pytest.approx(metrics["srocc"].mean())
    assert row["lsvq:1080p"] == pytest.approx(
        pd.read_csv(pretrained.results / "metrics.csv").query("test_set == '1080p'")["srocc"].mean()
    )


def test_a_fourth_dataset_trains_only_what_is_new(own):
    before = own.snapshot()
    own.edit(datasets__late={"reader": "table", "path": "late/table.csv", "buckets": 1})
    new = Counter({"manifest": 1, "probe": 1, "extract": 1, "index": 1, "train": 2, "cross": 2})
    assert own.jobs() == new + Counter(RESULTS)
    own.run("--until", "train")
    after = own.snapshot()
    assert {name for name in after.keys() - before.keys() if name.endswith("head.pt")} == {
        f"runs/late/tuned/O/seed-{seed}/head.pt" for seed in (0, 1)
    }
    assert all(after[name] == before[name] for name in before if name.startswith(("runs/", "features/small")))


@pytest.mark.parametrize(
    "key,jobs",
    [
        ("experiments__pre__lr", {"train": 8, "cross": 2}),
        ("experiments__tuned__lr", {"train": 4}),
    ],
)
def test_another_pre_training_trains_what_begins_from_it_and_nothing_else(own, key, jobs):
    own.edit(**{key: 2e-3})
    assert own.jobs() == Counter(jobs) + Counter(RESULTS)
