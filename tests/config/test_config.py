from datetime import date

import pytest
import yaml

from tests.conftest import REPO
from vqa.config import Study, Training, identity, load, parse, read, to_yaml, validate
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
        ("experiments/frame-level/head", "mpl", ["experiments.frame-level.head", "mpl", "did you mean 'mlp'"]),
        ("cross_dataset", ["frame-level"], ["two datasets"]),
        ("experiments/frame-level/backbone", "resnet50; touch x", ["experiments.frame-level.backbone", "touch x"]),
        ("backbones", {"resnet50": {"node": "layer4$(touch x)"}}, ["backbones.resnet50.node", "$(touch x)"]),
        ("backbones", {"a b": {}}, ["backbones.a b"]),
        ("backbones", {"resnet50": {"weights": "a{b}.pth"}}, ["backbones.resnet50.weights", "braces"]),
        ("results", "results-{x}", ["results", "braces"]),
        ("results", "a\nb", ["results", "control characters"]),
        ("results", "~no-such-user/x", ["results", "~"]),
        ("datasets/d.probe", {"reader": "demo"}, ["datasets.d.probe", "rename"]),
        ("datasets/" + "n" * 101, {"reader": "demo"}, ["nnn"]),
        ("cross_dataset", ["no-such"], ["no-such"]),
        ("splits/method", "stored", ["permutations"]),
        ("splits/method", "files", ["splits.method files", "splits.path"]),
        ("splits/path", "x", ["splits.method files", "only"]),
        ("datasets/d", {"reader": "labels", "videos": "x"}, ["datasets.d", "path:", "files:"]),
        ("datasets/d", {"reader": "table"}, ["datasets.d", "path:", "files:"]),
        ("datasets/d", {"reader": "table", "path": "x", "columns": {"vid": "x"}}, ["datasets.d.columns", "'vid'"]),
        (
            "datasets/d",
            {"reader": "table", "path": "x", "where": "is_test"},
            ["datasets.d.where: must be `column == value`", "'is_test'"],
        ),
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


def test_a_key_that_stands_twice_is_named_with_both_lines(tmp_path):
    text = "seeds: 2\ntraining:\n  lr: 1\n  epochs: 3\n  lr: 2\n"
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UserError, match=r"c\.yaml line 5: the key 'training\.lr' stands in line 3 already"):
        load(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    "text", ["{a: 1, b: 2, a: 3}", "a:\n- {b: 1, 'b': 2}", "x: &x {a: 1}\ny: {<<: *x, z: 1, z: 2}"]
)
def test_equal_keys_are_found_wherever_they_stand(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UserError, match="already"):
        read(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    "text", ["a: {x: 1}\nb: {x: 1}", "a: &a {x: 1}\nb: {<<: *a, x: 2}", "a: &a [*a]", "1: a\n'2': b"]
)
def test_keys_that_stand_once_in_each_mapping_pass(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    assert read(tmp_path / "c.yaml").keys() == yaml.safe_load(text).keys()


def test_home_is_expanded_in_every_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    raw = changed("results", "~/results") | {"shared": "~/shared"}
    raw["datasets"]["t"] = {"reader": "table", "path": "~/t.csv", "permutations": "~/i.mat"}
    raw["datasets"]["v"] = {"reader": "vsfa-info", "path": "~/i.mat", "videos": "~/v"}
    raw["datasets"]["k"] = {"reader": "konvid-1k", "path": "~/k"}
    raw["backbones"] = {"efficientnet_lite0": {"weights": "~/w.pth"}}
    assert "~" not in to_yaml(parse(raw)) and to_yaml(parse(raw)).count("/home/me/") == 8


def test_two_datasets_on_one_path_are_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    one = {"reader": "konvid-1k", "path": str(tmp_path / "real")}
    for other in ({"reader": "cvd2014", "path": str(tmp_path / "link")},
                  {"reader": "vsfa-info", "path": "i.mat", "videos": f"{tmp_path}/x/../real/"}):  # fmt: skip
        with pytest.raises(UserError, match=r"datasets\.b: .*real is the dataset 'a' already"):
            parse(changed("datasets", {"a": one, "b": other}))


def test_a_crossed_experiment_needs_the_mode_it_is_compared_with():
    two = changed("datasets/e", {"reader": "demo", "seed": 1})
    two["experiments"]["shuffled"] = {"backbone": "efficientnet_lite0", "modes": ["SS"]}
    with pytest.raises(UserError, match="cross_dataset names the experiment 'shuffled', whose modes lack OO"):
        parse(two | {"cross_dataset": ["shuffled"]})
    parse(two | {"cross_dataset": ["frame-level"]})


def test_an_added_key_at_its_default_is_no_part_of_any_identity():
    assert "shared" not in identity(parse(BASE)) and identity(parse(BASE | {"shared": "s"}))["shared"] == "s"


def test_a_study_written_with_its_defaults_says_the_same():
    study = parse(BASE)
    assert parse(yaml.safe_load(to_yaml(study))) == study


def test_datasets_may_share_a_folder_of_videos_but_no_labels():
    def both(**second: str) -> dict:
        labels = {"reader": "labels", "videos": "all", "path": "a.txt"}
        return changed("datasets", {"a": labels, "b": labels | second})

    assert parse(both(path="b.txt"))
    with pytest.raises(UserError, match=r"datasets\.b: .*a\.txt is the dataset 'a' already"):
        parse(both())
    table = {"reader": "table", "path": "t.csv", "where": "height == 1080"}
    assert parse(changed("datasets", {"a": table, "b": table | {"where": "height == 720"}}))


def test_patience_needs_a_best_epoch_to_wait_for():
    with pytest.raises(UserError, match="patience waits for a better epoch"):
        validate(Training, {"patience": 3, "selection": "last-epoch"})


def test_a_rate_without_a_point_is_a_number_in_a_grid_too():
    """YAML 1.1 reads `1e-5` as text, and what a run kept was not found in the grid again."""
    raw = changed("experiments/frame-level/tune", yaml.safe_load("{lr: [1e-5, 1.0e-4], batch_size: [4]}"))
    assert parse(raw).experiments["frame-level"].tune == {"lr": (1e-5, 1e-4), "batch_size": (4,)}


@pytest.mark.parametrize(
    "path,value,words",
    [
        ("experiments/frame-level/epochs", True, r"experiments\.frame-level: epochs is a number, got True"),
        ("experiments/frame-level/lr", "1_0", r"experiments\.frame-level: lr is a number, got '1_0'"),
        ("experiments/frame-level/tune", {"lr": [True]}, r"tune: lr is a number, got True"),
        ("experiments/frame-level/tune", {"lr": ["1_0"]}, r"tune: lr is a number, got '1_0'"),
        ("training/patience", True, r"training: patience is a number, got True"),
        ("seeds", True, r"seeds: give a count"),
    ],
)
def test_what_only_python_takes_for_a_number_is_refused(path, value, words):
    with pytest.raises(UserError, match=words):
        parse(changed(path, value))


@pytest.mark.parametrize(
    "key,value,words",
    [
        ("lr", "1_0", "line 3: YAML reads 1_0 as 10"), ("epochs", "016", "reads 016 as 14"),
        ("epochs", "1:30", "reads 1:30 as 90"), ("epochs", "0x10", "reads 0x10 as 16"),
    ],
)  # fmt: skip
def test_numbers_that_yaml_reads_otherwise_are_refused(tmp_path, key, value, words):
    (tmp_path / "c.yaml").write_text(f"experiments:\n  e:\n    {key}: {value}\n")
    with pytest.raises(UserError, match=words):
        read(tmp_path / "c.yaml")
    for plain in ("10", "-1", "0", "1e-5", "1.0e-5", ".5", "2.", "+.inf", f"'{value}'"):
        (tmp_path / "c.yaml").write_text(f"a: &here [{plain}]\nb: *here\n")
        assert read(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    "path,value,words",
    [
        ("seeds", ["1_0", 2], "a seed is a number, got '1_0'"),
        ("seeds", [True, 2], "a seed is a number, got True"),
        ("statistics/margins", {"plcc": True}, "a margin is a number, got True"),
        ("experiments/frame-level/tune", {10: [1, 2]}, "'10' cannot be tuned"),
        ("experiments/frame-level/tune", {True: [1]}, "'True' cannot be tuned"),
        ("experiments/frame-level/head", {"name": "vsfa", True: 2}, "'vsfa': True is 2; an option is a word"),
        ("experiments/frame-level/head", {"name": "vsfa", "hidden": date(2024, 1, 1)}, "'vsfa': hidden is datetime"),
        ("experiments/frame-level/head", {"name": "vsfa", "hidden": [{1: 2}]}, "hidden is"),
    ],
)
def test_keys_and_values_of_another_kind_are_told_in_a_line(path, value, words):
    raw = changed(path, None)
    *parents, key = path.split("/")
    place = raw
    for parent in parents:
        place = place[parent]
    place[key] = value
    with pytest.raises(UserError, match=words):
        parse(raw)
