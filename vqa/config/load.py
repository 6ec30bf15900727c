"""Reading a config: a mistake becomes one line that names the key."""

import difflib
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from vqa.config.datasets import READERS, Dataset
from vqa.config.schema import SECTIONS, Study
from vqa.system.errors import UserError
from vqa.system.files import reaching

_NUMBERS = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
_PLAIN = re.compile(r"[-+]?(0|[1-9]\d*|\d*\.\d*([eE][-+]?\d+)?|\.(inf|Inf|INF))|\.(nan|NaN|NAN)")
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
    return parse(read(path), str(path))


def read(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file; raises `UserError`, also where YAML lets the last of two equal keys win, or reads
    `016` as 14.
    """
    try:
        with reaching(path):
            text = Path(path).read_text(encoding="utf-8")
        if node := yaml.compose(text, yaml.SafeLoader):
            _require_distinct_keys(node, str(path), ())
            _require_plain_numbers(node, str(path))
        raw = yaml.safe_load(text)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give an existing config file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise UserError(f"{path}: not valid YAML{line}; mend the syntax") from None
    if not isinstance(raw, dict):
        raise UserError(f"{path}: is empty or not a mapping; see config.yaml for the keys")
    return raw


def _require_distinct_keys(node: yaml.Node, source: str, above: tuple[str, ...]) -> None:
    if isinstance(node, yaml.SequenceNode):
        children = [(str(number), item) for number, item in enumerate(node.value)]
    elif isinstance(node, yaml.MappingNode):
        keyed = [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
        children = [(key.value, value) for key, value in keyed]
        _refuse_a_second(sorted((key.value, key.start_mark.line + 1) for key, _ in keyed), source, above)
    else:
        return
    for name, child in children:
        if child.start_mark.index > node.start_mark.index:  # else an alias of what holds it
            _require_distinct_keys(child, source, (*above, name))


def _require_plain_numbers(node: yaml.Node, source: str) -> None:
    if isinstance(node, yaml.ScalarNode):
        if node.style is None and node.tag in _NUMBERS and not _PLAIN.fullmatch(node.value):
            raise UserError(
                f"{source} line {node.start_mark.line + 1}: YAML reads {node.value} as {yaml.safe_load(node.value)}; "
                "write a decimal number, or quotes around a text"
            )
        return
    for each in node.value:
        for child in each if isinstance(each, tuple) else (each,):
            if child.start_mark.index > node.start_mark.index:  # else an alias of what holds it
                _require_plain_numbers(child, source)


def _refuse_a_second(keys: list[tuple[str, int]], source: str, above: tuple[str, ...]) -> None:
    """keys: (name, line) each, sorted."""
    for (name, line), (following, again) in pairwise(keys):
        if name == following:
            key = ".".join((*above, name))
            raise UserError(f"{source} line {again}: the key '{key}' stands in line {line} already; keep one of them")


def to_yaml(study: Study, place: Callable[[Path], str] = str) -> str:
    """The study with all its defaults, as a config that says the same; `place` writes its paths."""
    return yaml.safe_dump(_plain(study.model_dump(exclude_none=True, by_alias=True), place), sort_keys=False)


def _plain(value: Any, place: Callable[[Path], str]) -> Any:
    if isinstance(value, dict):
        return {key: _plain(below, place) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(below, place) for below in value]
    return place(value) if isinstance(value, Path) else value


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
    if first["type"] == "tuple_type":
        message = "must be a list, such as [a, b]"
    if first["type"] == "missing":
        return f"{key}: this key is required{more}"
    if first["type"] == "value_error" and not key:
        return message + more
    return f"{key}: {message}, got {first['input']!r}{more}"


def _suggestion(location: tuple[int | str, ...]) -> str:
    known = sorted({field.alias or key for model in SECTIONS.values() for key, field in model.model_fields.items()})
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f", did you mean '{close[0]}'?" if close else "; see config.yaml for the known keys"
