"""Fair tuning: a run trains every point of its grid and keeps the one that validation prefers."""

import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

from vqa.config import Run
from vqa.config.heads import normalise
from vqa.training.state import Diverged, Outcome, better

log = logging.getLogger("vqa")


@dataclass(frozen=True)
class Point:
    """One setting of the grid: what it changes, and the run it makes."""

    change: dict[str, Any]
    run: Run


@dataclass(frozen=True)
class Tuned:
    """The best point, its outcome, what every point reached on validation, and the place of the best."""

    run: Run
    outcome: Outcome
    grid: list[dict[str, Any]]
    number: int = 0


def points(run: Run) -> list[Point]:
    """The product of the lists of `run.tune`, in the order they are written; the run itself where there are none."""
    plain = run.model_copy(update={"tune": {}})
    if not run.tune:
        return [Point({}, plain)]
    return [
        Point(change, _changed(plain, change))
        for values in product(*run.tune.values())
        if (change := dict(zip(run.tune, values, strict=True)))
    ]


def tune(run: Run, train: Callable[[Run, int], Outcome]) -> Tuned:
    """Train each point of the grid, `train(run, number of the point)`; the best validation SROCC wins, the first
    of equals. An undefined one never displaces a defined one; while all are undefined, the lowest validation loss does.
    A point whose loss is not finite is told and passed over; raises `Diverged` where no point is left.
    """
    best: Tuned | None = None
    grid: list[dict[str, Any]] = []
    diverged: Diverged | None = None
    for number, point in enumerate(points(run)):
        try:
            outcome = train(point.run, number)
        except Diverged as error:
            diverged = error
            grid.append({"point": point.change, "val_srocc": math.nan, "epoch": None})
            log.warning("%s: diverged, %s", point.change, error)
            continue
        reached = outcome.selected.val_srocc
        grid.append({"point": point.change, "val_srocc": reached, "epoch": outcome.selected.epoch})
        if point.change:
            log.info("%s: validation SROCC %.4f in epoch %d", point.change, reached, outcome.selected.epoch)
        if best is None or better(outcome.selected, best.outcome.selected):
            best = Tuned(point.run, outcome, grid, number)
    if best is None:
        raise diverged or AssertionError("a grid has at least one point")
    return best


def _changed(run: Run, change: dict[str, Any]) -> Run:
    """The run with the point's settings; `head.OPTION` sets an option of its head."""
    settings = run.model_dump() | {key: value for key, value in change.items() if not key.startswith("head.")}
    options = {key.removeprefix("head."): value for key, value in change.items() if key.startswith("head.")}
    if options:
        head = json.loads(run.head) if run.head.startswith("{") else {"name": run.head}
        settings["head"] = normalise(head | options)
    return Run(**settings)
