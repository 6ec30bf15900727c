"""The grid of a study: which backbones, cells and runs a config asks for. Imports no torch."""

import difflib
from dataclasses import dataclass, field, replace
from functools import cached_property

from vqa.backbones.registry import Spec, spec
from vqa.backbones.registry import source as backbone_source
from vqa.config import BackboneSettings, Mode, Run, Study, validate
from vqa.config.heads import resolve, source
from vqa.protocol.sampling import Order
from vqa.system.errors import UserError
from vqa.system.files import digest


@dataclass(frozen=True)
class RunId:
    """One training, or what others predicted in its place: dataset x experiment x train order x seed."""

    dataset: str
    experiment: str
    order: Order
    seed: int
    by_scene: bool = False  # beside the study's random split of that seed

    @property
    def name(self) -> str:
        """As its log and its benchmark are called."""
        return f"{self.dataset}/{self.experiment}/{self.order}/seed-{self.seed}"


@dataclass(frozen=True)
class Variant:
    """A network as the study sets it, or features that others made. Named after the network, or by the user.

    Features lie under that name.
    """

    name: str
    network: Spec
    settings: BackboneSettings = field(compare=False)

    @property
    def slug(self) -> str:
        """The name as one path component."""
        return self.network.slug if self.name == self.network.name else self.name

    @property
    def imported(self) -> bool:
        return bool(self.settings.imported)

    @property
    def note(self) -> str:
        """What it is, for a reader of the results."""
        own = {"append": ", its class token appended", "only": ", its class token only"}
        thinned = f", one of each {self.settings.every} {'cubes' if self.network.clip_length > 1 else 'frames'}"
        return self.network.note + own.get(self.settings.class_token, "") + thinned * (self.settings.every > 1)

    @property
    def row_frames(self) -> int:
        """Frames of the video for each row of its features."""
        return self.network.clip_length * self.settings.every


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
        if unused := sorted(set(study.backbones) - {variant.name for variant in self.backbones}):
            raise UserError(f"backbones.{unused[0]}: no experiment uses it; remove it or name it in one")
        for variant in self.backbones:
            _require_imports(self, variant)
        self._runs = {name: _run_settings(study, name) for name, e in study.experiments.items() if not e.predictions}

    @cached_property
    def backbones(self) -> list[Variant]:
        return [
            _variant(self.study, name)
            for name in sorted({b for e in self.study.experiments.values() for b in e.backbones})
        ]

    @property
    def slugs(self) -> list[str]:
        """The folder names of the backbones."""
        return [variant.slug for variant in self.backbones]

    @property
    def networks(self) -> dict[str, Spec]:
        """The networks by their slugs: variants of one share the checkpoint that the workflow makes."""
        return {variant.network.slug: variant.network for variant in self.backbones if not variant.imported}

    def backbone_of(self, slug: str) -> Variant:
        return next(variant for variant in self.backbones if variant.slug == slug)

    def variants_of(self, experiment: str) -> list[Variant]:
        """The backbone of an experiment, or those whose features it joins."""
        names = self.study.experiments[experiment].backbones
        return [variant for name in names for variant in self.backbones if variant.name == name]

    @cached_property
    def own_models(self) -> dict[str, str]:
        """The temporal models of the user's own, each under a name that changes with its options and its files."""
        used = sorted({self.study.experiments[name].head for name in self._runs})
        return {digest([head, source(head)]): head for head in used if resolve(head).own}

    @cached_property
    def own_backbones(self) -> dict[str, str]:
        """The backbones of the user's own, each under a name that changes with its files."""
        used = sorted({variant.network.name for variant in self.backbones if variant.network.weights == "own"})
        return {digest(["backbone", name, backbone_source(name)]): name for name in used}

    def own_backbone(self, slug: str) -> str | None:
        """As `own_backbones` names the network of a backbone, if that is the user's own."""
        network = self.backbone_of(slug).network.name
        return next((key for key, name in self.own_backbones.items() if name == network), None)

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

    def is_given(self, run: RunId) -> bool:
        """Others made its predictions; all other runs are trainings."""
        return run.experiment not in self._runs

    @cached_property
    def trained(self) -> list[RunId]:
        return [run for run in self.runs if not self.is_given(run)]

    @cached_property
    def by_scene(self) -> list[RunId]:
        """The trainings in order once more, on splits by scene, where the study sets these beside random ones."""
        in_order = {name for name, experiment in self.study.experiments.items() if "OO" in experiment.modes}
        chosen = [run for run in self.trained if run.dataset in self.study.splits.scenes and run.order == "O"]
        return [replace(run, by_scene=True) for run in chosen if run.experiment in in_order]

    @cached_property
    def given(self) -> list[RunId]:
        return [run for run in self.runs if self.is_given(run)]

    @cached_property
    def features(self) -> list[tuple[str, str]]:
        """(dataset, backbone's folder name) of all features that are trained on or tested across datasets."""
        used = {
            (dataset, variant.slug)
            for name in self.study.experiments
            for variant in self.variants_of(name)
            for dataset in (self.study.datasets if name in self.study.cross_dataset else self.study.datasets_of(name))
        }
        return [(dataset, slug) for dataset in self.study.datasets for slug in self.slugs if (dataset, slug) in used]

    @cached_property
    def decoded(self) -> list[str]:
        """The datasets whose videos are decoded; of others there may be labels and imported features only."""
        extracted = {variant.slug for variant in self.backbones if not variant.imported}
        return list(dict.fromkeys(dataset for dataset, slug in self.features if slug in extracted))

    @cached_property
    def crossed(self) -> list[RunId]:
        """Runs whose heads are also tested on the other datasets: those trained in order."""
        return [run for run in self.runs if run.experiment in self.study.cross_dataset and run.order == "O"]

    def first_of(self, run: RunId) -> RunId | None:
        """The run whose head it begins from."""
        init = self.study.experiments[run.experiment].init
        return RunId(init.dataset, init.experiment, run.order, run.seed) if init else None

    def run_settings(self, experiment: str, by_scene: bool = False) -> Run:
        """Everything the trainings of an experiment are told: its own settings over the study's."""
        run = self._runs[experiment]
        return run.model_copy(update={"split": "scene"}) if by_scene else run


def _run_settings(study: Study, experiment: str) -> Run:
    chosen = study.experiments[experiment]
    own = {key: getattr(chosen, key) for key in ("sampler", "head", "tune", "batch_size")}
    own |= {key: value for key in ("epochs", "lr") if (value := getattr(chosen, key)) is not None}
    asked = study.training.model_dump() | own | {"split": study.splits.method}
    run = validate(Run, asked, f"experiments.{experiment}")
    if run.zero_shot and chosen.init is None:
        raise UserError(f"experiments.{experiment}.epochs: 0 trains nothing; give an `init` to begin from")
    return run


def _require_imports(grid: Grid, variant: Variant) -> None:
    given, where = variant.settings.imported, f"backbones.{variant.name}.import"
    if unknown := [dataset for dataset in given if dataset not in grid.study.datasets]:
        raise UserError(f"{where} names the dataset '{unknown[0]}'; the study has {', '.join(grid.study.datasets)}")
    lacking = [dataset for dataset, slug in grid.features if slug == variant.slug and dataset not in given]
    if given and lacking:
        raise UserError(
            f"{where}: has no entry for the dataset '{lacking[0]}'; add one, or name the datasets of its "
            "experiments by `datasets:`"
        )


def made_features(grid: Grid) -> list[tuple[str, str]]:
    """Those of `Grid.features` that are not given with a dataset's manifest."""
    return [each for each in grid.features if not grid.study.datasets[each[0]].manifest]


def network_features(grid: Grid) -> list[tuple[str, str]]:
    """Those of `made_features` that a network computes."""
    return [each for each in made_features(grid) if not grid.backbone_of(each[1]).imported]


def datasets_by_network(grid: Grid) -> dict[str, list[str]]:
    """A backbone's folder name -> the datasets that its network computes features of."""
    found: dict[str, list[str]] = {}
    for dataset, slug in network_features(grid):
        found.setdefault(slug, []).append(dataset)
    return found


def _variant(study: Study, name: str) -> Variant:
    """Raises `UserError` for a network that is unknown, and for a variant under the name of another network."""
    settings = study.backbones.get(name, BackboneSettings())
    close = difflib.get_close_matches(name, study.backbones, n=1) if name not in study.backbones else []
    if close and not _is_network(name):
        raise UserError(f"backbone '{name}' is unknown; did you mean '{close[0]}'?")
    own = settings.network not in (None, name) or settings.imported
    if own and ("/" in name or _is_network(name)):
        raise UserError(f"backbones.{name}: this is a network's own name; give the variant another, without '/'")
    if settings.imported:
        return Variant(name, Spec(name, 1, "imported", "features imported"), settings)
    return Variant(name, spec(settings.network or name), settings)


def _is_network(name: str) -> bool:
    try:
        spec(name)
    except UserError:
        return False
    return True
