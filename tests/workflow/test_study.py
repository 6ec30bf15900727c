import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from tests.conftest import REPO
from tests.workflow.conftest import Project, planned
from vqa.protocol import predictions
from vqa.protocol.sampling import frame_sequence
from vqa.results import shown
from vqa.results.tables import SYNTHETIC
from vqa.temporal.pooling import POOLINGS


def test_smoke_study_makes_everything_that_the_design_names(finished):
    for name in ("metrics.csv", "statistics.csv", "videos.csv", "sensitivity.csv", "report.html", "study.yaml"):
        assert (finished.results / name).stat().st_size > 100
    for name in ("datasets", "frame-level", "sampling", "ttest-modes", "ttest-samplers", "verdicts", "videos"):
        for suffix in ("csv", "md", "tex"):
            assert (finished.results / "tables" / f"{name}.{suffix}").stat().st_size > 30
    for name in ("modes", "samplers", "pairs", "scatter", "training", "cost"):
        assert (finished.results / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (finished.results / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")


def test_a_training_depends_on_the_rates_of_its_videos(finished):
    indexes = list((finished.results / "features").rglob("index.csv"))
    assert indexes and all((pd.read_csv(index)["fps"] == 24).all() for index in indexes)


def test_the_curves_of_the_shown_videos_pool_to_the_scores_that_were_tested(finished):
    made = shown.read(finished.results / "shown.json")["demo"]
    assert len(made) > 0 and all(told["strip"] == "" and told["note"] == "" for told in made.values())
    for video_id, told in made.items():
        curve = told["curve"]
        folder = finished.results / f"runs/demo/{curve['experiment']}/O/seed-{curve['seed']}"
        tested = predictions.read(folder / "predictions.csv").set_index(["video_id", "split", "test_order"])["score"]
        scale = json.loads((folder / "run.json").read_text())["label_scale"]  # scores are pooled before they are scaled
        k = {"sample-4": 4}.get(curve["experiment"], 0)
        n = 2 if curve["experiment"] == "cube-level" else 18
        for order, key in (("O", "in_order"), ("S", "shuffled")):
            seen = frame_sequence(video_id, n, k, order, curve["seed"])
            assert sorted(seen) == curve["place"]
            q = np.array(curve[key])[np.argsort(np.argsort(seen, kind="stable"), kind="stable")]
            pooled = POOLINGS["vsfa"](torch.tensor(q / scale)[None].float(), torch.tensor([len(q)]), None).item()
            assert pooled * scale == pytest.approx(tested[video_id, "test", order], rel=1e-3)


def test_metrics_have_one_row_a_cell_and_seed(finished):
    metrics = pd.read_csv(finished.results / "metrics.csv")
    cells = metrics.groupby(["experiment", "mode"])["seed"].nunique()
    assert cells.to_dict() == {("cube-level", "OO"): 2, ("sample-4", "OO"): 2} | {
        ("frame-level", mode): 2 for mode in ("OO", "OS", "SO", "SS")
    }
    assert (metrics["n_test"] == 3).all()


def test_everything_made_from_synthetic_clips_says_so(finished):
    for path in [*(finished.results / "tables").glob("*.md"), finished.results / "report.html"]:
        assert SYNTHETIC in path.read_text(), path
    assert "untrained" in (finished.results / "tables" / "datasets.md").parent.joinpath("verdicts.md").read_text()


def test_a_second_run_has_nothing_to_do(project):
    assert planned(project.run()) == {}


def test_every_command_in_the_log_runs_by_hand(finished, project):
    """The shell command that Snakemake prints for a training gives the same predictions."""
    run = project.results / "runs/demo/sample-4/O/seed-1"
    before = (run / "predictions.csv").read_bytes()
    (run / "predictions.csv").unlink()
    shown = project.run("--dry-run", "--printshellcmds").stdout
    command = re.search(
        r"^Shell command: (vqa train .*seed-1 .*)$|^\s+(vqa train .*sample-4/O/seed-1 .*)$", shown, re.M
    )
    text = next(filter(None, command.groups())).split(" > ")[0]
    text = text.replace("vqa ", f"{sys.executable} -m vqa ", 1)
    subprocess.run(text, shell=True, cwd=project.folder, check=True, capture_output=True)
    assert (run / "predictions.csv").read_bytes() == before


def test_log_and_benchmark_of_every_job_are_written(finished):
    logs = {
        p.relative_to(finished.results / "logs").with_suffix("") for p in (finished.results / "logs").rglob("*.log")
    }
    timings = {
        p.relative_to(finished.results / "benchmarks").with_suffix("")
        for p in (finished.results / "benchmarks").rglob("*.tsv")
    }
    assert logs == timings and len(logs) > 15


@pytest.mark.parametrize(
    "change,words",
    [
        ({"trainning": {"lr": 1}}, ["trainning", "did you mean 'training'"]),
        ({"training__epochs": "many"}, ["training.epochs", "'many'"]),
        ({"experiments__frame-level__backbone": "resnet51"}, ["resnet51", "did you mean 'resnet50'"]),
        ({"experiments__cube-level__backbone": "resnet3d101-2018"}, ["backbones.resnet3d101-2018.weights: is needed"]),
        ({"backbones__resnet3d18": {"weights": "/no/such.pth"}}, ["backbones.resnet3d18.weights", "/no/such.pth"]),
        ({"datasets__demo__exclude": ["no-such"]}, ["datasets.demo.exclude", "no-such"]),
        ({"datasets__mine": {"reader": "table", "path": "/no/such.csv"}}, ["/no/such.csv"]),
    ],
)
def test_a_mistake_in_the_config_is_one_line(tmp_path, change, words):
    project = Project(tmp_path / "project")
    project.edit(**change)
    result = project.run("--dry-run", check=False)
    assert result.returncode == 1
    lines = [line for line in (result.stdout + result.stderr).splitlines() if line.strip()]
    assert lines[-1].startswith("vqa: error: ") and "Traceback" not in result.stderr
    for word in words:
        assert word in lines[-1]


def test_parsing_the_workflow_imports_no_torch(tmp_path):
    project = Project(tmp_path / "project")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "torch.py").write_text("raise ImportError('torch was imported at parse time')\n")
    assert project.jobs(env={"PYTHONPATH": str(tmp_path / "site")})["train"] == 8


def test_snakefile_is_short_and_every_rule_is_complete():
    assert len((REPO / "Snakefile").read_text().splitlines()) <= 40
    for path in (REPO / "workflow/rules").glob("*.smk"):
        text = path.read_text()
        if path.name != "common.smk":
            assert "def " not in text, path
        for block in re.split(r"^\s*rule ", text, flags=re.M)[1:]:
            for keyword in ("log:", "benchmark:", "threads:", "resources:", "conda:", "shell:"):
                assert keyword in block, (path, block[:40])


def test_experiments_with_datasets_and_seeds_of_their_own_plan_no_more(tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text(
        "seeds: 3\n"
        "datasets: {a: {reader: demo, buckets: 1}, b: {reader: demo, buckets: 1}}\n"
        "experiments:\n"
        "  every: {backbone: efficientnet_lite0, modes: [OO]}\n"
        "  cubes: {backbone: resnet3d18, modes: [OO], datasets: [b], seeds: [1, 7]}\n"
    )
    jobs = Project(tmp_path).jobs()
    assert jobs["extract"] == jobs["index"] == 3 and jobs["train"] == 2 * 3 + 2
