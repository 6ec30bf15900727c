"""The JSON schema of a study, for editors: `python -m vqa.config.json_schema` prints it."""

import json
from typing import Any

from vqa.config.schema import Study
from vqa.config.tuning import TUNABLE


def json_schema() -> dict[str, Any]:
    """What the validators say in code, said to editors too."""
    schema = Study.model_json_schema()
    experiment = schema["$defs"]["Experiment"]["properties"]
    experiment["modes"]["uniqueItems"] = True
    experiment["datasets"]["anyOf"][0]["uniqueItems"] = True
    tunable = "|".join(TUNABLE)
    experiment["tune"]["propertyNames"] = {"pattern": rf"^({tunable}|head\..+)$"}
    experiment["tune"]["additionalProperties"]["minItems"] = 1
    for named in (schema["properties"][key] for key in ("datasets", "backbones", "experiments")):
        named["additionalProperties"] = False  # other names than the pattern's
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def text() -> str:
    return json.dumps(json_schema(), indent=1) + "\n"


if __name__ == "__main__":
    print(text(), end="")
