"""Which comparisons, tables and figures follow from a study. Imports no torch: the Snakefile names the files."""

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import chain
from typing import Any

from vqa.config import Experiment, Study
from vqa.results.pairs import Pair, crossed_pairs, pairs
from vqa.system.errors import UserError

# An experiment of several modes has a table under its own name, beside these.
TABLES = (
    "datasets", "sampling", "ttest-samplers", "ttest-modes", "heads", "model-cost", "pre-training", "cross-dataset",
    "verdicts", "sensitivity", "videos",
)  # fmt: skip

MATRIX = "leaderboard-matrix.csv"


def _beginning(experiment: Experiment) -> tuple[str, bool] | None:
    """The dataset that its heads come from, and whether they are trained on; like is compared with like."""
    return (experiment.init.dataset, experiment.epochs == 0) if experiment.init else None


class _Compared:
    """Which experiments are compared with which."""

    def __init__(self, study: Study):
        self.study = study

    @cached_property
    def sampler_groups(self) -> list[tuple[str, str]]:
        """(Sample-K experiment, the one with every frame) of the same backbone and head."""
        return self._groups(lambda e: (e.backbone, e.head, _beginning(e)), lambda e: e.sampler == 0)

    @cached_property
    def head_groups(self) -> list[tuple[str, str]]:
        """(another temporal model's experiment, VSFA's) of the same backbone and sampler."""
        return self._groups(lambda e: (e.backbone, e.sampler, _beginning(e)), lambda e: e.head == "vsfa")

    @cached_property
    def mean_groups(self) -> list[tuple[str, str]]:
        """(a temporal model's experiment, the plain mean's) of the same backbone and sampler."""
        return self._groups(lambda e: (e.backbone, e.sampler, _beginning(e)), lambda e: e.head == "fc-mean")

    @cached_property
    def init_groups(self) -> list[tuple[str, str]]:
        """(an experiment that begins from trained heads, one that does not) of the same backbone, head and sampler."""
        return self._groups(lambda e: (e.backbone, e.head, e.sampler), lambda e: e.init is None)

    @cached_property
    def given_groups(self) -> list[tuple[str, str]]:
        """(an experiment whose predictions others made, the first that the study trains, in order)."""
        return self._groups(lambda e: None, lambda e: not e.predictions, given=True)

    @property
    def _families(self) -> dict[str, list[tuple[str, str]]]:
        """Which experiments are compared with which, by question."""
        models = {"heads": self.head_groups, "means": self.mean_groups}
        return {"samplers": self.sampler_groups, **models, "init": self.init_groups, "given": self.given_groups}

    def _groups(
        self, key: Callable[[Experiment], Any], is_base: Callable[[Experiment], bool], given: bool = False
    ) -> list[tuple[str, str]]:
        """Baselines are experiments of the same key; given: among them are predictions that others made."""
        chosen = {name: e for name, e in self.study.experiments.items() if given or not e.predictions}
        in_order = {name: e for name, e in chosen.items() if "OO" in e.modes}
        found = []
        for name in (name for name, e in in_order.items() if not is_base(e)):
            own = (base for base, e in in_order.items() if is_base(e) and key(e) == key(in_order[name]))
            if base := next((base for base in own if self._comparable(name, base)), None):
                found.append((name, base))
        return found

    def _comparable(self, name: str, base: str) -> bool:
        """Two experiments are compared on the datasets, and over the seeds, that both have."""
        of = self.study.datasets_of, self.study.seeds_of
        return all(set(had(name)) & set(had(base)) for had in of)


class Contents(_Compared):
    """What the results of a study consist of. Raises `UserError` where two tables would share a file."""

    def __init__(self, study: Study):
        super().__init__(study)
        own: dict[str, str] = dict.fromkeys(TABLES, "a table of every study")
        if self.tuned:
            own["tuning"] = "that of what was tuned"
        if self.ranked:
            own |= dict.fromkeys(("leaderboard", MATRIX.removesuffix(".csv")), "that of ranks")
        own |= {"audit": "that of the protocol audit"} if self.study.audit else {}
        own |= {"scenes": "that of splits by scene"} if self.study.splits.scenes else {}
        for name in self.shuffled:
            if name.lower() in own:  # some file systems do not tell `A` from `a`
                raise UserError(
                    f"experiments.{name}: its table would overwrite {own[name.lower()]}; choose another name"
                )
            own[name.lower()] = f"that of '{name}'"

    @cached_property
    def models(self) -> list[str]:
        """Experiments that compare temporal models, as they stand in the config."""
        named = {name for pair in (*self.head_groups, *self.mean_groups) for name in pair}
        return [name for name in self.study.experiments if name in named]

    @cached_property
    def in_order(self) -> list[str]:
        """Experiments with heads that are trained in order: what is said of single videos is by them."""
        own = {name: e for name, e in self.study.experiments.items() if not e.predictions}
        return [name for name, e in own.items() if any(mode[0] == "O" for mode in e.modes)]

    @cached_property
    def shuffled(self) -> list[str]:
        """Experiments that compare modes: the paper's Tables II-IV and VI."""
        return [name for name, e in self.study.experiments.items() if len(e.modes) > 1]

    @cached_property
    def tuned(self) -> list[str]:
        """Experiments whose runs choose from a grid."""
        return [name for name, e in self.study.experiments.items() if e.tune]

    @cached_property
    def ranked(self) -> list[str]:
        """Datasets that a leaderboard ranks: of at least three cells, or of one that no other table shows."""
        elsewhere = {*self.shuffled, *self.models, *chain(*self.sampler_groups, *self.init_groups)}
        own = {d: [name for name in self.study.experiments if d in self.study.datasets_of(name)]
               for d in self.study.datasets}  # fmt: skip
        cells = {d: sum(len(self.study.experiments[name].modes) for name in names) for d, names in own.items()}
        return [d for d, names in own.items() if cells[d] >= 3 or not elsewhere.issuperset(names)]

    @property
    def pairs(self) -> Iterator[Pair]:
        """Every comparison of the study, dataset by dataset."""
        return pairs(self.study, self._families)

    @property
    def crossed_pairs(self) -> list[Pair]:
        """Those of heads on other datasets than they were trained on."""
        return crossed_pairs(self.study, self._families)

    @cached_property
    def tables(self) -> list[str]:
        names = ["datasets", *self.shuffled]
        if self.sampler_groups:
            names += ["sampling", "ttest-samplers"]
        if any("OO" in self.study.experiments[name].modes for name in self.shuffled):
            names.append("ttest-modes")
        if self.models:
            names += ["heads", "model-cost"]
        if self.init_groups:
            names.append("pre-training")
        if self.study.cross_dataset:
            names.append("cross-dataset")
        if self.tuned:
            names.append("tuning")
        names += ["leaderboard"] * bool(self.ranked)
        names += ["verdicts", *(("sensitivity", "videos") if self.in_order else ())]
        names += ["scenes"] * bool(self.study.splits.scenes)
        return [*names, "audit"] if self.study.audit else names

    @property
    def table_files(self) -> list[str]:
        """Each table as csv, md and tex; of a leaderboard the p of every pair, too."""
        named = [f"{name}.{suffix}" for name in self.tables for suffix in ("csv", "md", "tex")]
        return [*named, MATRIX] if self.ranked else named

    @cached_property
    def figures(self) -> list[str]:
        names = ["scatter"]
        if any(not e.predictions for e in self.study.experiments.values()):
            names.append("training")
        if self.shuffled:
            names = ["pairs", *names]
        if "ttest-modes" in self.tables:
            names = ["modes", *names]
        if self.models:
            names.append("models")
        if self.ranked:
            names.append("leaderboard")
        if self.sampler_groups:
            names += ["samplers", "cost"]
        if self.in_order:
            names.append("videos")
        return [*names, "audit"] if self.study.audit else names
