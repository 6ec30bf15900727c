"""The grid of a study: which backbones, cells and runs a config asks for. Imports no torch."""

from dataclasses import dataclass
from functools import cached_property

from vqa.backbones.registry import Spec, spec
from vqa.config import BackboneSettings, Mode, Run, Study, validate
from vqa.config.heads import resolve, source
from vqa.protocol.sampling import Order
from vqa.system.errors import UserError
from vqa.system.files import digest


@dataclass(frozen=True)
class RunId:
    """One training: dataset x experiment x train order x seed."""

    dataset: str
    experiment: str
    order: Order
    seed: int


def train_order(mode: Mode) -> Order:
    """O of OO and OS, S of SO and SS."""
    return "O" if mode[0] == "O" else "S"


class Grid:
    """A validated study and the lists that follow from it.

    Raises `UserError` for a backbone that is unknown or not used, and for an experiment whose grid cannot be.
    """

    def __init__(self, study: Study):
        self.study = study
        if len(set(self.slugs)) < len(self.slugs):
            raise UserError("experiments: two backbones share one folder name; rename one")
        if unused := sorted(set(study.backbones) - {entry.name for entry in self.backbones}):
            raise UserError(f"backbones.{unused[0]}: no experiment uses it; remove it or name it in one")
        self._runs = {name: self._run_settings(name) for name in study.experiments}

    @cached_property
    def backbones(self) -> list[Spec]:
        return [spec(name) for name in sorted({e.backbone for e in self.study.experiments.values()})]

    @property
    def slugs(self) -> list[str]:
        """The folder names of the backbones."""
        return [entry.slug for entry in self.backbones]

    def backbone_of(self, slug: str) -> Spec:
        return next(entry for entry in self.backbones if entry.slug == slug)

    def settings(self, backbone: str) -> BackboneSettings:
        return self.study.backbones.get(backbone, BackboneSettings())

    def spec_of(self, experiment: str) -> Spec:
        """The backbone of an experiment."""
        return spec(self.study.experiments[experiment].backbone)

    @cached_property
    def own_models(self) -> dict[str, str]:
        """The temporal models of the user's own, each under a name that changes with its options and its files."""
        used = sorted({experiment.head for experiment in self.study.experiments.values()})
        return {digest([head, source(head)]): head for head in used if resolve(head).own}

    @cached_property
    def runs(self) -> list[RunId]:
        return [
            RunId(dataset, name, order, seed)
            for dataset in self.study.datasets
            for name, experiment in self.study.experiments.items()
            if dataset in self.study.datasets_of(name)
            for order in sorted({train_order(mode) for mode in experiment.modes})
            for seed in self.study.seeds_of(name)
        ]

    @cached_property
    def features(self) -> list[tuple[str, str]]:
        """(dataset, backbone's folder name) of all features that are trained on or tested across datasets."""
        used = {
            (dataset, self.spec_of(name).slug)
            for name in self.study.experiments
            for dataset in (self.study.datasets if name in self.study.cross_dataset else self.study.datasets_of(name))
        }
        return [(dataset, slug) for dataset in self.study.datasets for slug in self.slugs if (dataset, slug) in used]

    @cached_property
    def crossed(self) -> list[RunId]:
        """Runs whose heads are also tested on the other datasets: those trained in order."""
        return [run for run in self.runs if run.experiment in self.study.cross_dataset and run.order == "O"]

    def run_settings(self, experiment: str) -> Run:
        """Everything the trainings of an experiment are told: its own settings over the study's."""
        return self._runs[experiment]

    def _run_settings(self, experiment: str) -> Run:
        chosen = self.study.experiments[experiment]
        own = {key: getattr(chosen, key) for key in ("sampler", "head", "tune", "batch_size")}
        own |= {key: value for key in ("epochs", "lr") if (value := getattr(chosen, key)) is not None}
        asked = self.study.training.model_dump() | own | {"split": self.study.splits.method}
        return validate(Run, asked, f"experiments.{experiment}")
