"""Only what belongs to the study stands in its results."""

import json
from pathlib import Path

import pytest
import yaml

from tests.results.fake_study import evaluated, paper_study, write_fake
from vqa.config import parse, to_yaml
from vqa.features.index import read_receipt
from vqa.results.comparisons import compare_study
from vqa.results.contents import TABLES, Contents
from vqa.results.evaluation import evaluate_study, read_metrics, write_metrics
from vqa.results.leftovers import remove_leftovers
from vqa.results.report import _cost, _place, _without_places
from vqa.results.study_data import StudyData
from vqa.study.layout import Layout
from vqa.system.errors import UserError
from vqa.system.files import sha256, write_json, write_text


def small(results: Path, **more: object):
    raw = yaml.safe_load(to_yaml(paper_study(results, seeds=2)))
    raw["datasets"] = {"cvd2014": raw["datasets"]["cvd2014"]}
    raw["experiments"] = {"frame-level": raw["experiments"]["frame-level"] | {"modes": ["OO", "OS"]}}
    return parse(raw | more)


@pytest.fixture
def written(tmp_path):
    return write_fake(small(tmp_path / "results"))


@pytest.mark.parametrize(
    "changed,words",
    [
        ({"seed": 1}, "seed 1, where the study has 0"),
        ({"order": "S"}, "order S, where the study has O"),
        ({"run": {"lr": 0.5}}, "lr 0.5, where the study has 1e-05"),
        ({"run": {"threads": 8, "device": "cuda", "jobs_per_gpu": 4}}, None),
        ({"features": {"backbone": "resnet50", "cube_input": "crop112", "decoder": "decord"}}, "decoder decord, where"),
        ({"features": {"backbone": "resnet50", "node": "layer3"}}, "node layer3, where the study has None"),
        ({"features": {"backbone": "resnet50", "weights_sha256": "0"}}, None),
        ({"features": {"backbone": "resnet50", "precision": "bfloat16"}}, None),  # what `auto` meant
        ({"features": {"backbone": "resnet50", "recipe": 7}}, "recipe 7, where the study has None"),
        ({"inputs": {"manifest": "0" * 64}}, "trained on another"),
    ],
)
def test_a_run_of_other_settings_is_refused_with_the_command_that_mends(written, changed, words):
    folder = Layout.of(written).run("cvd2014", "frame-level", "O", 0)
    made = json.loads((folder / "run.json").read_text())
    made |= {key: made["run"] | value if key == "run" else value for key, value in changed.items()}
    write_json(folder / "run.json", made)
    if words is None:
        assert len(evaluate_study(written)) == 4
        return
    with pytest.raises(UserError) as caught:
        evaluate_study(written)
    told = str(caught.value)
    assert told.startswith(f"{folder}: ") and words in told and "\n" not in told
    forced = "extract" if "features" in changed else f"{folder}/predictions.csv"  # training again reads the same ones
    assert told.endswith(f"`snakemake --cores N --forcerun {forced}`")


def test_a_run_on_features_of_another_checkpoint_is_refused(written):
    layout = Layout.of(written)
    folder, checkpoint = layout.run("cvd2014", "frame-level", "O", 0), layout.weights("resnet50")
    write_text(checkpoint, "another")
    made = json.loads((folder / "run.json").read_text())
    origin = {"backbone": "resnet50", "weights_sha256": sha256(checkpoint)}
    write_json(folder / "run.json", made | {"features": origin})
    assert len(evaluate_study(written)) == 4
    write_text(checkpoint, "replaced")
    with pytest.raises(UserError, match=rf"features' weights {origin['weights_sha256']}, where .*--forcerun extract`$"):
        evaluate_study(written)


def test_receipts_of_buckets_that_the_study_no_longer_has_are_not_read(written):
    stale = Layout.of(written).receipt("cvd2014", "resnet50", 7)
    write_json(stale, {"shards": {}, "excluded": {"gone": "gone.avi: is empty"}})
    assert read_receipt(stale)["excluded"]
    assert set(StudyData(written).excluded("cvd2014")) == {"bad"}


def test_the_cost_is_that_of_the_studys_own_jobs(written):
    for name in ("train/cvd2014/frame-level/O/seed-0", "train/cvd2014/removed/O/seed-0", "evaluate",
                 "extract/cvd2014/resnet50/0", "extract/cvd2014/resnet50/7"):  # fmt: skip
        write_text(written.results / "benchmarks" / f"{name}.tsv", "s\tmax_rss\n2.0\t5\n")
    found = {row["stage"]: (row["jobs"], row["seconds"]) for row in _cost(evaluated(written))}
    assert found == {"train": ("1", "2"), "extract": ("1", "2"), "evaluate": ("1", "2")}


def test_a_missing_receipt_of_the_study_is_told(written):
    Layout.of(written).receipt("cvd2014", "resnet50", 0).unlink()
    with pytest.raises(UserError, match="is no receipt"):
        StudyData(written).excluded("cvd2014")


def test_leftovers_go_and_what_we_did_not_write_stays(tmp_path):
    suffixes = (".csv", ".md", ".tex")
    for name in ("verdicts", "old", "mine"):
        for suffix in suffixes:
            (tmp_path / f"{name}{suffix}").touch()
    remove_leftovers(tmp_path, ["verdicts", "old"], suffixes)
    remove_leftovers(tmp_path, ["verdicts"], suffixes)
    assert {p.name for p in tmp_path.glob("*.*")} - {".written"} == {
        f"{name}{suffix}" for name in ("verdicts", "mine") for suffix in suffixes
    }


def test_a_record_that_names_a_place_removes_nothing(tmp_path):
    """It comes with a bundle, which anyone may have made."""
    (folder := tmp_path / "tables").mkdir()
    for path in (tmp_path / "thesis.csv", folder / "deeper.csv"):
        path.touch()
    (folder / ".written").write_text(f"{tmp_path}/thesis\n../thesis\n./deeper\n")
    remove_leftovers(folder, ["verdicts"], (".csv",))
    assert (tmp_path / "thesis.csv").is_file() and (folder / "deeper.csv").is_file()


def test_without_a_record_leftovers_are_told(tmp_path, caplog):
    for name in ("verdicts.csv", "verdicts.md", "old.csv", "old.md", "mine.md"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, ["verdicts"], (".csv", ".md"))
    assert len(list(tmp_path.glob("*.*"))) == 6
    assert [": old: no part of the study" in message for message in caplog.messages] == [True]
    remove_leftovers(tmp_path, ["verdicts"], (".csv", ".md"))
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("name", [*TABLES, "Heads"])
def test_an_experiment_cannot_take_the_name_of_a_table(tmp_path, name):
    raw = yaml.safe_load(to_yaml(small(tmp_path)))
    raw["experiments"] = {name: raw["experiments"]["frame-level"]}
    with pytest.raises(UserError, match=f"experiments.{name}: its table would overwrite"):
        Contents(parse(raw))
    raw["experiments"][name]["modes"] = ["OO"]
    assert name not in Contents(parse(raw)).tables or name in TABLES


def test_every_table_that_can_be_made_is_reserved(tmp_path):
    own = paper_study(tmp_path, cross_dataset=["frame-level"])
    made = Contents(own).tables
    assert set(made) - set(own.experiments) - {"leaderboard"} <= set(TABLES)  # its name is taken where there is one


def test_names_that_look_like_numbers_stay_names(tmp_path):
    raw = yaml.safe_load(to_yaml(small(tmp_path / "results")))
    raw["experiments"] = {"2014": raw["experiments"]["frame-level"], "NA": raw["experiments"]["frame-level"]}
    own = write_fake(parse(raw))
    write_metrics(own.results / "metrics.csv", evaluate_study(own))
    read = read_metrics(own.results / "metrics.csv")
    assert set(read["experiment"]) == {"2014", "NA"}
    assert len(compare_study(own, read)) == 8


def test_shared_runs_and_own_results(tmp_path):
    first = write_fake(small(tmp_path / "store"))
    second = small(tmp_path / "own", shared=str(tmp_path / "store"))
    assert evaluate_study(second).equals(evaluate_study(first))
    layout = Layout.of(second)
    assert layout.study.parent == tmp_path / "own"
    assert layout.cross("d", "e", "O", 0) == tmp_path / "own/runs/d/e/O/seed-0/cross.csv"


def test_the_report_names_no_folder_of_this_machine(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _place(tmp_path / "results" / "study.yaml") == "results/study.yaml"
    assert _place(Path("/home/ann/secret/KoNViD")) == ".../KoNViD"
    assert str(tmp_path) not in to_yaml(written, place=_place) and "/nowhere" not in to_yaml(written, place=_place)
    reasons = _without_places(StudyData(written), {"x": "0.mp4: is empty"})
    assert reasons == {"x": "0.mp4: is empty"}
