"""The JSON schema of a study, for editors: `python -m vqa.config.json_schema` prints it."""

import json
from typing import Any

from vqa.config.schema import Study


def json_schema() -> dict[str, Any]:
    schema = Study.model_json_schema()
    # A count stands for a list of that many seeds: what the validator accepts, editors must too.
    seeds = schema["properties"]["seeds"]
    count = {"type": "integer", "minimum": 1}
    schema["properties"]["seeds"] = {
        "title": seeds.pop("title"), "description": seeds.pop("description"), "anyOf": [count, seeds],
    }  # fmt: skip
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def text() -> str:
    return json.dumps(json_schema(), indent=1) + "\n"


if __name__ == "__main__":
    print(text(), end="")
