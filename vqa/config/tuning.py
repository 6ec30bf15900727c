"""How a temporal model and a grid of settings to try stand in a config."""

import json
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from vqa.config import heads
from vqa.config.base import require_number

Head = Annotated[
    str,
    BeforeValidator(heads.normalise),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object", "required": ["name"]}]}),
]
TUNABLE = ("lr", "epochs", "batch_size", "weight_decay", "patience")


def _read_grid(value: Any) -> Any:
    grid = json.loads(value) if isinstance(value, str) else value
    for key, values in grid.items() if isinstance(grid, dict) else ():
        if not isinstance(key, str) or (key not in TUNABLE and not key.startswith("head.")) or key == "head.name":
            raise ValueError(f"'{key}' cannot be tuned; {', '.join(TUNABLE)} and head.OPTION can")
        if not isinstance(values, list | tuple) or not values:
            raise ValueError(f"'{key}' needs a list of values to try")
    if not isinstance(grid, dict):
        return grid
    read = {key: [_number(key, each) for each in values] for key, values in grid.items()}
    for key, values in read.items():
        if twice := [value for value in values if values.count(value) > 1]:
            raise ValueError(f"'{key}' has {twice[0]} twice")
    return read


def _number(key: str, value: Any) -> Any:
    """Numbers are all that training's own keys take, however they are written."""
    if key not in TUNABLE:
        return heads.plain_number(value)
    require_number(key, value)
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


Grid = Annotated[dict[str, tuple[int | float | str | bool, ...]], BeforeValidator(_read_grid)]
