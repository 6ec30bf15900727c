"""Options made from the typed config, so that flags, defaults and help have one source."""

import functools
import json
import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from vqa import config as configs
from vqa.config import Study
from vqa.study import session
from vqa.system.errors import UserError, snakemake

_BY_ENVIRONMENT = {"features_mb": session.FEATURES_MB}
Command = Callable[..., Any]
Decorator = Callable[[Command], Command]
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


if TYPE_CHECKING:
    _Mapping = click.ParamType[dict[str, Any]]
else:  # click 8.1's takes no type
    _Mapping = click.ParamType


class JsonMapping(_Mapping):
    """A JSON object, as a mapping."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        try:
            found = json.loads(value) if isinstance(value, str) else value
        except json.JSONDecodeError as error:
            self.fail(f"{value!r} is not JSON ({error})", param, ctx)
        if not isinstance(found, dict):
            self.fail(f'{value!r} is no JSON object, as {{"name": "value"}}', param, ctx)
        return found


class ColumnNames(JsonMapping):
    """How a CSV names the columns `video_id` and `score`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        found = super().convert(value, param, ctx)
        if not found.keys() <= {"video_id", "score"} or not all(isinstance(name, str) for name in found.values()):
            self.fail(f'{value!r} names other than video_id and score, as {{"score": "quality"}}', param, ctx)
        return found


def settings_options(model: type[BaseModel], only: tuple[str, ...] | None = None) -> Decorator:
    """A decorator adding one option a field of `model` (or of those in `only`)."""

    def decorate(function: Command) -> Command:
        for name, field in reversed(model.model_fields.items()):
            if only is None or name in only:
                function = _option(name, field)(function)
        return function

    return decorate


def _option(name: str, field: FieldInfo) -> Decorator:
    kind, required = field.annotation, field.is_required()
    if get_origin(kind) in (types.UnionType, Union):
        kind = next(each for each in get_args(kind) if each is not type(None))
    types_: Any = click.Choice(get_args(kind)) if get_origin(kind) is Literal else FILE if kind is Path else kind
    default: Any = None if required else field.get_default(call_default_factory=True)
    if get_origin(kind) is dict:
        types_, default = str, "{}"  # JSON
    return click.option(
        f"--{name.replace('_', '-')}",
        type=types_,
        default=default,
        required=required,
        show_default=True,
        envvar=_BY_ENVIRONMENT.get(name),
        help=(field.description or "").replace("\n", " "),
    )


def config_option(function: Command) -> Command:
    return click.option(
        "--config", type=FILE, default=Path("config.yaml"), show_default=True, help="study config (YAML)"
    )(function)


def digest_option(function: Command) -> Command:
    return click.option(
        "--digest",
        envvar=session.STUDY,
        show_envvar=True,
        help="refuse any config but the one of this digest; Snakemake gives it to its jobs",
    )(function)


def study_option(function: Command) -> Command:
    """`--config` and `--digest`; the command is given the `study` they name."""

    @functools.wraps(function)
    def loaded(*, config: Path, digest: str | None, **settings: Any) -> Any:
        return function(study=load_study(config, digest), **settings)

    return config_option(digest_option(loaded))


def load_study(config: Path, digest: str | None) -> Study:
    """Raises `UserError` where another Snakemake has written its own study over this command's."""
    study = configs.load(config)
    if digest and digest != session.digest_of(study):
        raise UserError(
            f"{config}: is not the study that this job belongs to, another Snakemake has started here since; "
            f"wait for that one, then run `{snakemake()}`"
        )
    return study
