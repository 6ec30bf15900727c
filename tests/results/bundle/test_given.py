"""Predictions that others made, in a bundle: their scores alone are passed on, and hold the runs to them."""

import contextlib
import re
import zipfile
from pathlib import Path

import pytest

from tests.results.bundle.study import DATASET, USER, VIDEOS, pack, small_study, write_small
from vqa.config import Study, load
from vqa.results.bundle.unpack import unpack
from vqa.results.bundle.verify import verify
from vqa.study.grid import Grid
from vqa.study.runs import require_own_runs
from vqa.system.errors import UserError

MEMBER = f"predictions/theirs/{DATASET}/seed-1.csv"


@pytest.fixture(scope="module")
def study(home, tmp_path_factory) -> Study:
    home = tmp_path_factory.mktemp("given") / USER
    theirs = {"predictions": str(home / "theirs/{dataset}/seed-{seed}.csv"), "columns": {"video_id": "file"}}
    experiments = {
        "fc-mean": {"backbone": "resnet50", "head": "fc-mean", "batch_size": 4, "modes": ["OO"]},
        "theirs": theirs,
        "same": theirs | {"predictions": str(home / "same-{dataset}.csv")},
    }
    return write_small(small_study(home, experiments=experiments), home)


@pytest.fixture(scope="module")
def packed(study, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    with contextlib.chdir(study.results.parent):
        return pack(study.results, folder / "study.zip")


def test_the_bundle_holds_scores_by_video_id_and_no_label_or_place_of_their_files(packed):
    with zipfile.ZipFile(packed) as zipped:
        names = zipped.namelist()
        assert [name for name in names if name.startswith("predictions/same")] == [f"predictions/same/{DATASET}.csv"]
        lines = zipped.read(MEMBER).decode().splitlines()
        assert lines[0] == "file,score" and len(lines) == 1 + VIDEOS
        assert not [name for name in names if USER.encode() in zipped.read(name)]


def test_the_bundle_is_equal_and_its_study_finds_its_runs_own(packed, tmp_path):
    found = verify(packed)
    assert found.differences == []
    unpack(packed, tmp_path / "unpacked")
    with contextlib.chdir(tmp_path / "unpacked"):
        unpacked = load(Path("study.yaml"))
        assert unpacked.experiments["theirs"].scores(DATASET, 1) == Path(MEMBER)
        grid = Grid(unpacked)
        require_own_runs(grid, grid.runs)


def test_a_run_of_other_scores_than_its_file_has_is_named(study, tmp_path):
    """The file's hash, by which the run knows it, is mended too."""
    folder = tmp_path / "again"
    home = folder / USER
    theirs = {"predictions": str(home / "theirs/{dataset}/seed-{seed}.csv"), "columns": {"video_id": "file"}}
    made = {"backbone": "resnet50", "head": "fc-mean", "batch_size": 4, "modes": ["OO"]}
    other = write_small(small_study(home, experiments={"fc-mean": made, "theirs": theirs}), home)
    predictions = other.results / "runs" / DATASET / "theirs" / "O" / "seed-1" / "predictions.csv"
    first, row, *rest = predictions.read_text().splitlines()
    predictions.write_text("\n".join([first, row + "1", *rest]) + "\n")
    told = f"theirs, train order O, seed 1: are not the scores of {MEMBER}; finish the study first"
    with contextlib.chdir(other.results.parent), pytest.raises(UserError, match=re.escape(told)):
        pack(other.results, folder / "study.zip")
    assert not (folder / "study.zip").exists()
