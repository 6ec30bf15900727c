"""A study handed on: bundled with its features, unpacked where there are no videos, found finished, and added to."""

import re
import socket
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.workflow.conftest import Project
from tests.workflow.test_reruns import RESULTS
from vqa.results.bundle.contents import Choice
from vqa.results.bundle.pack import write_bundle
from vqa.results.bundle.unpack import unpack
from vqa.results.bundle.verify import verify

pytestmark = pytest.mark.studies


@pytest.fixture(scope="module")
def bundle(finished, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    project = finished.copy(folder / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.folder)
        write_bundle(Path("results-smoke"), folder / "study.zip", Choice(features=True), "CC0-1.0", "no one")
    return folder / "study.zip"


@pytest.fixture
def unpacked(bundle, tmp_path) -> Project:
    unpack(bundle, tmp_path / "unpacked")
    return Project(tmp_path / "unpacked", study=None)


def test_the_bundle_of_a_real_study_is_equal_and_tells_no_place(bundle, finished):
    assert verify(bundle).differences == []
    told = [str(bundle.parent), str(finished.folder), str(Path.home()), str(REPO)]
    host = re.compile(rf"\b{re.escape(socket.gethostname())}\b".encode())
    with zipfile.ZipFile(bundle) as zipped:
        for name in zipped.namelist():
            content = zipped.read(name)
            assert not [place for place in told if place.encode() in content], name
            assert not name.endswith((".json", ".yaml", ".csv", ".tsv")) or not host.search(content), name


def test_snakemake_finds_an_unpacked_study_finished_without_its_videos(unpacked):
    assert not list(unpacked.folder.rglob("*.mp4"))
    assert unpacked.jobs() == {}


def test_stage_two_runs_again_from_the_features(unpacked, finished):
    unpacked.edit(seeds=[0, 1, 2])
    assert unpacked.jobs("--forcerun", *RESULTS) == Counter({"train": 4} | RESULTS)
    unpacked.run("--forcerun", "train", *RESULTS)
    for order in "OS":
        run = f"runs/demo/frame-level/{order}/seed-0/predictions.csv"
        assert (unpacked.folder / "results" / run).read_bytes() == (finished.results / run).read_bytes()
    assert unpacked.jobs() == {}


def test_other_settings_are_noticed_at_every_start(unpacked):
    assert unpacked.jobs() == {}
    unpacked.edit(training__lr=1e-3)
    for _ in range(2):
        assert "was made with lr" in unpacked.run("--dry-run", check=False).stderr
    assert unpacked.jobs("--forcerun", "train") == Counter({"train": 8} | RESULTS)


def test_a_study_without_shards_is_finished_too(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.folder)
        write_bundle(Path("results-smoke"), tmp_path / "study.zip", Choice(), "CC0-1.0", "no one")
    unpack(tmp_path / "study.zip", tmp_path / "unpacked")
    assert Project(tmp_path / "unpacked", study=None).jobs() == {}


def test_receipts_that_are_gone_are_asked_for_in_one_line(unpacked):
    next((unpacked.folder / "results/features").glob("*/*/receipts/0.json")).unlink()
    log = unpacked.run("--dry-run", check=False).stderr
    assert "receipts/0.json: is not there" in log and "unpack the bundle again" in log
