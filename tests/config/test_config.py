import pytest
import yaml

from tests.conftest import REPO
from vqa.config import Study, load, parse
from vqa.system.errors import UserError

BASE = {
    "seeds": 2,
    "datasets": {"d": {"reader": "demo"}},
    "experiments": {"frame-level": {"backbone": "efficientnet_lite0"}},
}


def changed(path: str, value: object) -> dict:
    raw = yaml.safe_load(yaml.safe_dump(BASE))
    *parents, key = path.split("/")
    place = raw
    for parent in parents:
        place = place.setdefault(parent, {})
    place[key] = value
    return raw


@pytest.mark.parametrize("path", ["config.yaml", *sorted(p.name for p in (REPO / "workflow/studies").glob("*.yaml"))])
def test_shipped_studies_are_valid(path):
    place = REPO / path if path == "config.yaml" else REPO / "workflow/studies" / path
    assert isinstance(load(place), Study)


def test_scientific_notation_that_yaml_reads_as_text_is_a_number():
    assert parse(changed("training/lr", yaml.safe_load("1e-4"))).training.lr == 1e-4


def test_a_count_of_seeds_becomes_the_seeds():
    assert parse(BASE).seeds == (0, 1) and parse(changed("seeds", [3, 7])).seeds == (3, 7)


@pytest.mark.parametrize(
    "path,value,words",
    [
        ("trainning", {}, ["trainning", "unknown key", "training"]),
        ("training/learning_rate", 1, ["training.learning_rate", "unknown key"]),
        ("training/lr", "fast", ["training.lr", "number", "'fast'"]),
        ("training/epochs", 0, ["training.epochs", "0"]),
        ("seeds", 0, ["seeds"]),
        ("seeds", [1, 1], ["seeds", "distinct"]),
        ("datasets/d/videos", "many", ["datasets.d.videos", "'many'"]),
        ("datasets/d/reader", "nope", ["datasets.d", "nope"]),
        ("datasets/d/path", "x", ["datasets.d.path", "unknown key"]),
        ("datasets/a b", {"reader": "demo"}, ["a b"]),
        ("experiments/frame-level/modes", ["OO", "XX"], ["experiments.frame-level.modes", "XX"]),
        ("experiments/frame-level/modes", ["OO", "OO"], ["modes"]),
        ("experiments/frame-level/head", "mlp", ["head", "mlp"]),
        ("cross_dataset", ["frame-level"], ["two datasets"]),
        ("cross_dataset", ["no-such"], ["no-such"]),
        ("splits/method", "stored", ["permutations"]),
        ("splits/method", "files", ["splits.method files", "splits.path"]),
        ("splits/path", "x", ["splits.method files", "only"]),
        ("datasets/d", {"reader": "labels", "path": "x"}, ["datasets.d.videos", "required"]),
        ("datasets/d", {"reader": "labels", "videos": "x"}, ["datasets.d", "path:", "files:"]),
        ("datasets/d", {"reader": "table"}, ["datasets.d", "path:", "files:"]),
        ("datasets/d", {"reader": "table", "path": "x", "columns": {"vid": "x"}}, ["datasets.d.columns", "'vid'"]),
        ("datasets/d", {"reader": "table", "path": "x", "where": "is_test"}, ["datasets.d.where", "'is_test'"]),
        ("datasets/d", {"reader": "table", "path": "x", "extension": "mp4"}, ["datasets.d.extension", "'mp4'"]),
        (
            "datasets/d",
            {"reader": "lsvq", "path": "x", "files": [{"path": "y", "split": "tset"}]},
            ["datasets.d.files.0.split", "'tset'"],
        ),
        ("datasets/d", {"reader": "lsvq", "path": "x", "columns": {}}, ["datasets.d.columns", "unknown key"]),
    ],
)
def test_a_mistake_names_the_key_in_one_line(path, value, words):
    with pytest.raises(UserError) as caught:
        parse(changed(path, value), "my.yaml")
    message = str(caught.value)
    assert message.startswith("my.yaml: ") and "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("text", ["", "a: [1", "just text", "a: b: c", "\x00"])
def test_a_broken_file_is_a_user_error(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UserError, match=r"c\.yaml"):
        load(tmp_path / "c.yaml")
