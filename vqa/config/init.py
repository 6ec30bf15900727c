"""Heads that begin from trained ones: pre-training on one dataset, fine-tuning on others, or none (`epochs: 0`)."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from vqa.config import heads
from vqa.config.base import Model
from vqa.config.fields import Name

if TYPE_CHECKING:
    from vqa.config.schema import Study


class Init(Model):
    """The runs that an experiment's trainings begin from: each from that of its own seed and train order."""

    dataset: Name = Field(description="the dataset they were trained on; the experiment is trained on the others")
    experiment: Name = Field(description="the experiment that trained them, of the same backbone and head")


def check(study: "Study") -> None:
    """Raise `ValueError` unless every run that one is to begin from is there, and fits."""
    for name, experiment in study.experiments.items():
        if experiment.init:
            _check(study, name, experiment.init)
    for name in study.experiments:
        _ancestors(study, name)


def _check(study: "Study", name: str, init: Init) -> None:
    where, own = f"experiments.{name}.init", study.experiments[name]
    for key, known in (("dataset", study.datasets), ("experiment", study.experiments)):
        if (wanted := getattr(init, key)) not in known:
            raise ValueError(f"{where}.{key} names '{wanted}'; the study has {', '.join(known)}")
    first = study.experiments[init.experiment]
    if first.predictions:
        raise ValueError(f"{where}.experiment names '{init.experiment}', whose predictions are given; it has no head")
    if init.dataset in (own.datasets or ()):
        raise ValueError(f"experiments.{name}.datasets names '{init.dataset}', which its heads begin from; remove it")
    if not study.datasets_of(name):
        raise ValueError(f"{where}: the study has no dataset but '{init.dataset}'; name another to train on")
    if init.dataset not in study.datasets_of(init.experiment):
        raise ValueError(f"{where}: '{init.experiment}' is not trained on '{init.dataset}'")
    for key in ("backbone", "head"):
        here, there = getattr(own, key), getattr(first, key)
        if here != there:
            raise ValueError(f"{where}: '{init.experiment}' has {key} {there}, and '{name}' {here}; they must be equal")
    for each in (name, init.experiment):
        if option := next((key for key in study.experiments[each].tune if key.startswith("head.")), ""):
            raise ValueError(f"{where}: '{each}' tunes {option}, so that heads may not fit; leave it out")
    if heads.resolve(own.head).name == "svr" and (own.epochs != 0 or "epochs" in own.tune):
        raise ValueError(f"{where}: an svr is fitted at once, from nothing; only `epochs: 0` takes one as it is")
    _require("seed", where, init, study.seeds_of(name), study.seeds_of(init.experiment))
    _require("order", where, init, *([mode[0] for mode in each.modes] for each in (own, first)))


def _require(what: str, where: str, init: Init, wanted: Any, there: Any) -> None:
    if missing := [each for each in wanted if each not in there]:
        raise ValueError(
            f"{where}: '{init.experiment}' has no {what} {missing[0]}; each run begins from that of its own"
        )


def seen(study: "Study", name: str) -> set[str]:
    """The datasets that an experiment's heads were trained on before."""
    init = study.experiments[name].init
    return {init.dataset} | seen(study, init.experiment) if init else set()


def _ancestors(study: "Study", name: str) -> None:
    """Follow what an experiment begins from to the first that begins from nothing."""
    chain, init = [name], study.experiments[name].init
    while init:
        if init.experiment in chain:
            circle = " begins from ".join([*chain, init.experiment])
            raise ValueError(f"experiments.{name}.init: {circle}; break the circle")
        chain.append(init.experiment)
        init = study.experiments[init.experiment].init
