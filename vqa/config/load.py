"""Reading a config: a mistake becomes one line that names the key."""

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from vqa.config.datasets import READERS, Dataset
from vqa.config.schema import SECTIONS, Study
from vqa.system.errors import UserError

Settings = TypeVar("Settings", bound=BaseModel)


def validate(model: type[Settings], raw: dict[str, Any], source: str = "options") -> Settings:
    """`raw` as a `model`; a mistake becomes a one-line UserError naming the key."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise UserError(f"{source}: {_explain(error)}") from None


def parse(raw: dict[str, Any], source: str = "config") -> Study:
    return validate(Study, raw, source)


def load(path: str | Path) -> Study:
    """Read a YAML study config."""
    try:
        raw = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give an existing config file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise UserError(f"{path}: not valid YAML{line}; mend the syntax") from None
    if not isinstance(raw, dict):
        raise UserError(f"{path}: is empty or not a mapping; see config.yaml for the keys")
    return parse(raw, str(path))


def to_yaml(study: Study) -> str:
    """The study with all its defaults, as a config that says the same."""
    return yaml.safe_dump(study.model_dump(mode="json", exclude_none=True), sort_keys=False)


def dataset(study: Study, name: str) -> Dataset:
    """The settings of one dataset; raises `UserError` for an unknown name."""
    if name not in study.datasets:
        raise UserError(f"no dataset '{name}' in the config; it has {', '.join(study.datasets)}")
    return study.datasets[name]


def _explain(error: ValidationError) -> str:
    errors = error.errors()
    first = errors[0]
    parts = list(first["loc"])
    if len(parts) > 2 and parts[0] == "datasets" and parts[2] in READERS:
        del parts[2]
    key = ".".join(str(part) for part in parts if part != "[key]")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key{_suggestion(first['loc'])}{more}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return f"{key}: this key is required{more}"
    if first["type"] == "value_error" and not key:
        return message + more
    return f"{key}: {message}, got {first['input']!r}{more}"


def _suggestion(location: tuple[int | str, ...]) -> str:
    known = sorted({name for model in SECTIONS.values() for name in model.model_fields})
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f", did you mean '{close[0]}'?" if close else "; see config.yaml for the known keys"
