"""The schema that editors read says what the config accepts."""

import json
import re

import jsonschema
import pytest
import yaml

from tests.conftest import REPO
from vqa.config import parse
from vqa.config.json_schema import text
from vqa.system.errors import UserError


class Yaml12(yaml.SafeLoader):
    """Reads 2e-4 as a number, as YAML 1.2 and with it editors do; PyYAML keeps to 1.1, which wants 2.0e-4."""


Yaml12.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)
SCHEMA = REPO / "workflow" / "schemas" / "study.schema.json"
STUDIES = [REPO / "config.yaml", *sorted((REPO / "workflow" / "studies").glob("*.yaml"))]


def test_the_schema_on_disk_is_current():
    assert SCHEMA.read_text() == text(), "run `python -m vqa.config.json_schema > workflow/schemas/study.schema.json`"


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.name)
def test_every_study_that_ships_is_valid(study):
    jsonschema.validate(yaml.load(study.read_text(), Yaml12), json.loads(SCHEMA.read_text()))


def with_experiment(**keys: object) -> dict[str, object]:
    return {"experiments": {"e": {"backbone": "efficientnet_lite0", **keys}}}


@pytest.mark.parametrize(
    "change",
    [
        {"trainning": {}}, {"training": {"epochs": 0}}, {"seeds": 0}, {"seeds": "five"}, {"seeds": []},
        {"seeds": [0, 0]}, {"seeds": [-1]}, {"datasets": {"a b": {"reader": "demo"}}}, {"datasets": {}},
        {"backbones": {"../x": {}}}, {"experiments": {"a/b": {"backbone": "resnet50"}}},
        with_experiment(modes=["OO", "OO"]), with_experiment(modes=["XX"]), with_experiment(tune={"lr": []}),
        with_experiment(tune={"nonsense": [1]}), with_experiment(sampler=-1),
    ],
    ids=str,
)  # fmt: skip
def test_an_editor_is_told_of_what_the_config_refuses(change):
    study = yaml.load((REPO / "config.yaml").read_text(), Yaml12) | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(study, json.loads(SCHEMA.read_text()))
    with pytest.raises(UserError):
        parse(study)


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": 3}, {"seeds": [3, 5]}, {"backbones": {"torchvision/resnet18": {"node": "layer4"}}},
        with_experiment(head={"name": "tcn", "layers": 2}, tune={"head.layers": [1, 2], "lr": [1e-4]}),
    ],
    ids=str,
)  # fmt: skip
def test_an_editor_accepts_what_the_config_does(change):
    study = yaml.load((REPO / "config.yaml").read_text(), Yaml12) | change
    jsonschema.validate(study, json.loads(SCHEMA.read_text()))
    parse(study)
