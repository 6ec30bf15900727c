"""What every model of the config shares, and what of it a result depends on."""

from collections.abc import Iterable
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, model_validator

ADDED: dict[str, Any] = {"added": "after 0.1"}
# Keys that change no result.
PERFORMANCE = {"threads", "memory_mb", "gpu_mb", "features_mb", "device", "jobs_per_gpu", "stall_seconds"}


class Model(BaseModel):
    """Unknown keys are errors, numbers are finite, and `true` and "1_0" are none.

    A key that came after version 0.1 is marked with `json_schema_extra=ADDED`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _numbers_are_numbers(cls, values: Any) -> Any:
        for name, field in cls.model_fields.items() if isinstance(values, dict) else ():
            if {*(get_args(field.annotation) or [field.annotation])} <= {int, float, NoneType}:
                require_number(name, values.get(name))
        return values


def require_number(name: str, value: Any) -> Any:
    """The value; raises `ValueError` for what pydantic or Python alone takes for a number."""
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise ValueError(f"{name} is a number, got {value!r}")
    return value


def identity(
    settings: BaseModel, include: set[str] | None = None, exclude: Iterable[str] = (), exclude_none: bool = False
) -> dict[str, Any]:
    """What a result depends on, JSON-able. An added key counts once it leaves its default: keys to
    come never replan a finished study.
    """
    left_out = _unused(settings) | dict.fromkeys(exclude, True)
    return settings.model_dump(mode="json", include=include, exclude=left_out, exclude_none=exclude_none, by_alias=True)


def added(settings: BaseModel) -> set[str]:
    """The keys that came after version 0.1."""
    return {name for name, field in type(settings).model_fields.items() if field.json_schema_extra is ADDED}


def _unused(value: Any) -> dict[Any, Any]:
    """The added keys that are at their defaults, at any depth, as pydantic's `exclude`."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        at_default = {
            name: True
            for name in added(value)
            if getattr(value, name) == fields[name].get_default(call_default_factory=True)
        }
        return _inner((name, getattr(value, name)) for name in fields) | at_default
    if isinstance(value, dict):
        return _inner(value.items())
    return _inner(enumerate(value)) if isinstance(value, tuple) else {}


def _inner(items: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    return {key: found for key, value in items if (found := _unused(value))}
