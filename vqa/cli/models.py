"""vqa list, check-model, check-backbone"""

import json
import tempfile
from pathlib import Path
from typing import Any, get_args

import click

from vqa.cli.options import FILE, JsonMapping
from vqa.config.heads import HEADS, HeadError, normalise
from vqa.config.names import Precision
from vqa.system.errors import UserError

_WHAT = ("models", "poolings", "backbones", "readers")


@click.command("list")
@click.argument("what", type=click.Choice(_WHAT))
@click.option("--match", default="", help="only names that contain this")
def list_(what: str, match: str) -> None:
    """Print what there is, one line each: models | poolings | backbones | readers."""
    rows = [row for row in _rows(what) if match in row[0]]
    if not rows:
        raise UserError(f"no {what} have '{match}' in their name; leave --match out to see all")
    width = max(len(name) for name, _ in rows)
    for name, told in rows:
        click.echo(f"{name:<{width}}  {told}")


def _rows(what: str) -> list[tuple[str, str]]:
    if what == "models":
        from vqa.temporal.registry import create

        blind = {name: create(name, 8).blind_to_order for name in HEADS}
        return [(name, f"{told}{', blind to order' if blind[name] else ''}") for name, (_, _, told) in HEADS.items()]
    if what == "poolings":
        from vqa.temporal.pooling import ORDER_BLIND, POOLINGS

        first = {name: (function.__doc__ or "").splitlines()[0].rstrip(".") for name, function in POOLINGS.items()}
        return [(name, f"{told}{', blind to order' if name in ORDER_BLIND else ''}") for name, told in first.items()]
    if what == "readers":
        from vqa.config.datasets import READERS, Dataset
        from vqa.datasets.presets import presets

        models = {get_args(m.model_fields["reader"].annotation): m for m in get_args(get_args(Dataset)[0])}
        told = {name: (model.__doc__ or "").splitlines()[0] for names, model in models.items() for name in names}
        titles = {name: preset.title for name, preset in presets().items()}
        return [(name, titles.get(name) or told[name]) for name in READERS]
    return _backbones()


def _backbones() -> list[tuple[str, str]]:
    from vqa.backbones.catalogue import names
    from vqa.backbones.registry import spec

    releases = [f"resnet3d{depth}-{year}" for depth in (18, 34, 50, 101, 152) for year in (2018, 2020)]
    own = ["efficientnet_lite0", "resnet50", "resnet3d18", *releases]
    listed = [(name, spec(name).note) for name in [*own, *(f"torchvision/{name}" for name in names())]]
    try:
        from vqa.backbones.timm_models import published

        return listed + published()
    except UserError as error:
        click.echo(f"{error}", err=True)
        return listed


@click.command("check-model")
@click.argument("name")
@click.option("--options", type=JsonMapping(), default="{}", show_default=True, help="options of its __init__, as JSON")
@click.option("--input-size", type=click.IntRange(1), help="values a frame has [default: as its class says, or 64]")
def check_model(name: str, options: dict[str, Any], input_size: int | None) -> None:
    """Try the temporal model NAME (registered, file.py:Class or package.module:Class) as training would use it.

    Shapes, padding, batches, gradients, seeds, blindness to order as claimed, state: a line for each rule it breaks.
    Exit status 2 if it breaks one.
    """
    try:
        named: Any = json.loads(name) if name.startswith("{") else {"name": name}
        if "name" in options:
            raise HeadError("an option is no 'name'; give that alone")
        head = normalise(named | options)
    except (HeadError, TypeError, json.JSONDecodeError) as error:
        raise UserError(f"head: {error}") from None
    from vqa.temporal.conformance import check_model as check
    from vqa.temporal.registry import create, declared_size

    input_size = input_size or declared_size(head) or 64
    problems = check(lambda: create(head, input_size, seed=0), input_size)
    for problem in problems:
        click.echo(f"{name}: {problem}")
    if problems:
        raise UserError(f"{name}: breaks {len(problems)} of a temporal model's rules; see above")
    parameters = sum(each.numel() for each in create(head, input_size).parameters())
    click.echo(f"{name}: holds to all rules; {parameters} parameters at {input_size} values a frame")


@click.command("check-backbone")
@click.argument("name")
@click.option("--weights", type=FILE, help="its checkpoint [default: as its class makes them]")
@click.option("--precision", type=click.Choice(get_args(Precision)), default="auto", show_default=True,
              help="that it will run in")  # fmt: skip
def check_backbone(name: str, weights: Path | None, precision: str) -> None:
    """Try the backbone NAME (file.py:Class, package.module:Class or registered) as extraction would use it.

    One finite row an item and size of frame, repeated, in a batch as alone, other rows for other frames, the same once
    optimised and in half the precision: what it breaks of this first is told. Exit status 2 if it breaks anything.
    """
    from vqa.backbones import create, place, spec
    from vqa.backbones.conformance import check_backbone as check
    from vqa.features.stream import resolve_precision

    if weights is None and spec(name).weights in ("manual", "timm", "torchvision"):
        raise UserError(f"{name}: give its checkpoint with --weights; `vqa weights {name} --output FILE` gets it")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = weights or Path(folder) / "weights.pth"
        if weights is None:
            place(name, checkpoint)
        problems = check(lambda: create(name, checkpoint), resolve_precision(precision, "cpu"))
    for problem in problems:
        click.echo(f"{name}: {problem}")
    if problems:
        raise UserError(f"{name}: breaks a rule of backbones; see above")
    click.echo(f"{name}: holds to all rules")
