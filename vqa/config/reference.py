"""The config reference of the documentation, generated from the typed config so that they cannot drift.

`python -m vqa.config.reference` prints it.
"""

import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from vqa.config.schema import SECTIONS


def reference() -> str:
    """Markdown: a table of keys, defaults and meanings for each section."""
    blocks = []
    for title, model in SECTIONS.items():
        lines = [f"**{title}**", "", "| key | default | meaning |", "| --- | --- | --- |"]
        for name, field in model.model_fields.items():
            lines.append(f"| `{field.alias or name}` | {_default(field)} | {_meaning(field)} |")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or isinstance(value, BaseModel) or value in ((), {}, None):
        return ""
    return f"`{', '.join(map(str, value)) if isinstance(value, tuple) else str(value)}`"


def _meaning(field: Any) -> str:
    choices = _choices(field.annotation)
    listed = f"one of {', '.join(f'`{c}`' for c in choices)}" if len(choices) > 1 else ""
    return "; ".join(part for part in (listed, (field.description or "").replace("\n", " ")) if part)


def _choices(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) in (types.UnionType, Union):
        return next((found for each in get_args(kind) if (found := _choices(each))), ())
    return get_args(kind) if get_origin(kind) is Literal else ()


if __name__ == "__main__":
    print(reference())
