"""A bundle tells nothing of its machine, is the same whenever its files are, and holds what was asked for."""

import csv
import getpass
import json
import re
import shutil
import socket
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import vqa
from tests.results.bundle.study import DATASET, USER, content, names, pack, small_study, write_small
from vqa.config import load
from vqa.results.bundle import crate
from vqa.results.bundle.contents import Choice
from vqa.results.bundle.neutral import Neutral, elsewhere
from vqa.results.bundle.unpack import unpack
from vqa.results.bundle.verify import verify
from vqa.study.grid import Grid
from vqa.study.layout import Layout
from vqa.system.errors import UserError


def test_no_member_tells_the_machine_the_user_or_a_folder(bundle, home):
    assert getpass.getuser() == USER
    told = [USER, str(home), str(home.parents[1]), "/home/", str(Path.cwd())]
    host = re.compile(rf"\b{re.escape(socket.gethostname())}\b".encode())
    with zipfile.ZipFile(bundle) as zipped:
        for name in zipped.namelist():
            text = name.encode() + zipped.read(name)
            assert not [word for word in told if word.encode() in text] and not host.search(text), name


def test_the_same_results_give_the_same_bytes(bundle, results, tmp_path):
    assert pack(results, tmp_path / "again.zip", Choice(features=True)).read_bytes() == bundle.read_bytes()


def test_members_are_sorted_and_undated(bundle):
    with zipfile.ZipFile(bundle) as zipped:
        assert {info.date_time for info in zipped.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        *listed, last = zipped.namelist()
    assert listed == sorted(listed) and last == crate.NAME


def test_rocrate_reads_the_bundle_with_its_licence_and_every_file(bundle, tmp_path):
    from rocrate.rocrate import ROCrate

    with zipfile.ZipFile(bundle) as zipped:
        zipped.extractall(tmp_path)
    read = ROCrate(tmp_path)
    assert read.root_dataset["license"] == "CC-BY-4.0" and read.root_dataset["citation"] == "Beeblebrox (2026)"
    assert {entity.id for entity in read.data_entities} == set(names(bundle)) - {crate.NAME}


def test_without_features_there_are_no_shards_and_the_bundle_says_so(results, tmp_path):
    bundle = pack(results, tmp_path / "study.zip")
    assert not [name for name in names(bundle) if name.endswith(".h5")]
    assert "Left out: features" in content(bundle, "README.md")
    assert verify(bundle).differences == []


def test_a_bundle_is_equal_to_what_its_predictions_give(bundle):
    found = verify(bundle)
    assert found.differences == [] and any("to the last digit" in line for line in found.checked)


def test_without_mos_no_label_is_passed_on_and_verify_says_what_it_could_not_check(results, tmp_path):
    bundle = pack(results, tmp_path / "study.zip", Choice(mos=False))
    labels = [row["mos"] for row in csv.DictReader((results / "manifests" / f"{DATASET}.csv").open())]
    for name in names(bundle):
        if name.endswith((".csv", ".json")) and not name.startswith(("results/tables", crate.NAME)):
            assert not [mos for mos in labels if mos in content(bundle, name)], name
    telling = {"results/report.html", "results/shown.json", "results/videos.csv", "results/figures/scatter.png"}
    assert telling | {f"results/tables/videos.{end}" for end in ("csv", "md", "tex")} < set(
        names(pack(results, tmp_path / "whole.zip"))
    )
    assert not [name for name in names(bundle) if name in telling or name.startswith("results/tables/videos.")]
    assert "MOS" in content(bundle, "README.md")
    found = verify(bundle)
    assert found.differences == [] and any("without MOS" in line for line in found.unchecked)
    told = vqa("verify", bundle)
    assert told.returncode == 0 and "equal" not in told.stdout and "could not be computed again" in told.stdout


def test_without_thumbnails_report_and_curves_stay_without_pictures(results, tmp_path):
    copy = shutil.copytree(results, tmp_path / "results")
    picture = '<img class="strip" src="data:image/jpeg;base64,AAAA" alt="Frames of a&gt;b, from first to last">'
    (copy / "report.html").write_text(f"<p>a</p>{picture}<svg></svg>{picture}<p>b</p>")
    (copy / "shown.json").write_text(json.dumps({DATASET: {"a": {"curve": None, "note": "", "strip": "data:AAAA"}}}))
    whole = pack(copy, tmp_path / "whole.zip")
    assert picture in content(whole, "results/report.html") and "AAAA" in content(whole, "results/shown.json")
    bundle = pack(copy, tmp_path / "study.zip", Choice(thumbnails=False))
    assert content(bundle, "results/report.html") == "<p>a</p><svg></svg><p>b</p>"
    assert json.loads(content(bundle, "results/shown.json"))[DATASET]["a"] == {"curve": None, "note": "", "strip": ""}
    assert "thumbnails" in content(bundle, "README.md")
    assert names(bundle) == names(whole) and verify(bundle).differences == []


def test_a_study_that_is_not_finished_is_refused(results, tmp_path):
    copy = shutil.copytree(results, tmp_path / "results")
    (copy / "tables" / "verdicts.tex").unlink()
    with pytest.raises(UserError, match=r"verdicts\.tex: is missing; finish the study"):
        pack(copy, tmp_path / "study.zip")
    assert not list(tmp_path.glob("*.zip"))


def test_without_rocrate_one_line_says_what_to_install(results, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    with pytest.raises(UserError, match=r"pip install 'vqa\[bundle\]'"):
        pack(results, tmp_path / "study.zip")


def test_an_unpacked_study_is_bundled_to_the_same_bytes(bundle, tmp_path, monkeypatch):
    unpack(bundle, tmp_path / "unpacked")
    monkeypatch.chdir(tmp_path / "unpacked")
    again = pack(Path("results"), tmp_path / "again.zip", Choice(features=True))
    assert names(again) == names(bundle)
    assert again.read_bytes() == bundle.read_bytes()


def test_own_code_that_tells_of_this_machine_is_refused_for_a_run_knows_it_by_its_hash(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = f"CACHE = '{home}/cache'\n\n\nclass Mine:\n    def __init__(self, input_size): ...\n"
    (tmp_path / "mine.py").write_text(code)
    experiments = {"mine": {"backbone": "resnet50", "head": "mine.py:Mine", "batch_size": 4, "modes": ["OO"]}}
    write_small(small_study(home, experiments=experiments, seeds=1, results=str(home / "told")), home)
    with pytest.raises(UserError, match=r"mine\.py: names a folder or a user of this machine"):
        pack(home / "told", tmp_path / "study.zip")


def test_own_code_and_a_shared_folder_travel_along(home, tmp_path, monkeypatch):
    """A model outside the working folder moves to `code/`, in the study as in what its runs say of themselves."""
    model = home / "models" / "mine.py"
    model.parent.mkdir()
    model.write_text("import beside\n\n\nclass Mine:\n    def __init__(self, input_size):\n        pass\n")
    (home / "models" / "beside.py").write_text("NUMBER = 1\n")
    experiments = {"mine": {"backbone": "resnet50", "head": f"{model}:Mine", "batch_size": 4, "modes": ["OO"]}}
    study = small_study(home, experiments=experiments, seeds=1, results=str(home / "own"), shared=str(home / "shared"))
    write_small(study, home)
    bundle = pack(home / "own", tmp_path / "study.zip")
    shutil.rmtree(model.parent)
    assert {"code/mine.py", "code/beside.py"} <= set(names(bundle))
    assert USER not in "".join(content(bundle, name) for name in names(bundle) if name.endswith((".json", ".yaml")))
    assert verify(bundle).differences == []
    unpack(bundle, tmp_path / "unpacked")
    monkeypatch.chdir(tmp_path / "unpacked")
    unpacked = load("study.yaml")
    assert unpacked.experiments["mine"].head == "code/mine.py:Mine" and unpacked.shared is None
    grid, layout = Grid(unpacked), Layout.of(unpacked)
    assert [layout.checked(key).is_file() for key in grid.own_models] == [True]
    assert all((layout.run_folder(run) / "predictions.csv").is_file() for run in grid.runs)


def test_names_of_users_and_hosts_are_no_names_of_folders(monkeypatch):
    monkeypatch.setenv("LOGNAME", USER)
    assert elsewhere(Path(f"/data/{USER}")) == "elsewhere/folder" and elsewhere(Path("/data/x")) == "elsewhere/x"
    assert elsewhere(Path("../x")) == "elsewhere/x" and elsewhere(Path("x/y")) == "x/y"


def test_places_end_where_a_name_does():
    neutral = Neutral({"/data/a": "videos/a", "/data": "elsewhere/data", "/": "root"})
    assert (
        neutral.text("/data/a/1.mp4: bad, /data/ab, /data, /x")
        == "videos/a/1.mp4: bad, elsewhere/data/ab, elsewhere/data, /x"
    )
    assert neutral.text("/home/someone/x and /Users/some one") == "~/x and ~ one"
