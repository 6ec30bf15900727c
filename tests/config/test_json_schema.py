"""The schema that editors read says what the config accepts."""

import json
import re

import jsonschema
import pytest
import yaml

from tests.conftest import REPO
from vqa.config.json_schema import text


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


@pytest.mark.parametrize("change", [{"trainning": {}}, {"training": {"epochs": 0}}, {"seeds": 0}, {"seeds": "five"}])
def test_an_editor_is_told_of_a_mistake(change):
    study = yaml.load((REPO / "config.yaml").read_text(), Yaml12) | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(study, json.loads(SCHEMA.read_text()))
