"""Does a run on the disk belong to the study? Imports no torch: the Snakefile asks too."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from vqa.config import Run, Study, identity, validate
from vqa.config.base import PERFORMANCE
from vqa.config.heads import source
from vqa.config.versions import TRAINING_VERSION
from vqa.features.identity import imported_settings, recipe_of, settings_of
from vqa.features.sources import State, state
from vqa.study.grid import Grid, RunId, Variant
from vqa.study.layout import Layout
from vqa.study.parts import split_files
from vqa.study.sources import weights
from vqa.system.errors import UserError, snakemake
from vqa.system.files import reaching, sha256

_FEATURES = "features' "
_NAMED = 4  # so many runs are retrained by name, more by their rule


def read_run(directory: Path) -> dict[str, Any]:
    """What made a run: settings, counts, selected epoch, seconds."""
    try:
        with reaching(directory / "run.json"):
            made: dict[str, Any] = json.loads((directory / "run.json").read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{directory / 'run.json'}: cannot be read ({error}); run `{snakemake()}`") from None
    return made


def require_own_runs(grid: Grid, runs: Sequence[RunId]) -> None:
    """Raise `UserError` where one of `runs` was made with other settings, or from other features, than the study's."""
    layout = Layout.of(grid.study)
    files = _Digests()
    foreign = []
    for run in runs:
        made = read_run(layout.run_folder(run))
        if found := difference(grid, layout, run, made) or _other_inputs(grid, layout, run, made, files):
            foreign.append((run, found))
    refuse(grid, layout, foreign)


def refuse(grid: Grid, layout: Layout, foreign: Sequence[tuple[RunId, str]]) -> None:
    """foreign: (run, how it differs) each; none is well."""
    if not foreign:
        return
    run, found = foreign[0]
    more = f" (and {len(foreign) - 1} more runs)" if len(foreign) > 1 else ""
    named = [str(layout.run_folder(each) / "predictions.csv") for each, _ in foreign]
    rules = mending_rules(grid, foreign)
    rerun = named if set(rules) <= {"train", "train_by_scene", "import_predictions"} and len(named) <= _NAMED else rules
    verb = "import" if rules == ["import_predictions"] else "train"
    mend = snakemake("--forcerun", *rerun)
    raise UserError(f"{layout.run_folder(run)}: {found}{more}; {verb} again with `{mend}`")


def mending_rules(grid: Grid, foreign: Sequence[tuple[RunId, str]]) -> list[str]:
    """The rules behind which all is made again: training on features that are wrong themselves mends nothing."""
    trained = [found for run, found in foreign if not grid.is_given(run)]
    rules = ["import_predictions"] * (len(trained) < len(foreign))
    trainings = {"train_by_scene" if run.by_scene else "train" for run, _ in foreign if not grid.is_given(run)}
    if any(f"{_FEATURES}imported" in found for found in trained):
        rules.append("import_features")
    elif trained:
        rules += ["extract"] if any(_FEATURES in found for found in trained) else sorted(trainings)
    return rules


def difference(grid: Grid, layout: Layout, run: RunId, made: dict[str, Any]) -> str:
    """How what made a run differs from what the study asks of it, as far as it is recorded; "" if it does not."""
    if grid.is_given(run) != ("predictions" in made):
        return "is of others' predictions" if "predictions" in made else "was trained, where the study has predictions"
    if grid.is_given(run):
        return _other_predictions(grid.study, run, made) or _other_parts(grid.study, run, made)
    settings = grid.run_settings(run.experiment, run.by_scene)
    asked: dict[str, Any] = {"seed": run.seed, "order": run.order, **_settings(settings)}
    found = {"seed": made.get("seed"), "order": made.get("order"), **_settings(_made_with(made))}
    features: dict[str, Any] = made.get("features") or {}
    return (
        _other_origins(grid, layout, run, features)
        or _unlike(found, asked)
        or _other_code(asked["head"], made)
        or _other_parts(grid.study, run, made)
        or _other_beginning(grid, layout, run, made)
    )


def _other_predictions(study: Study, run: RunId, made: dict[str, Any]) -> str:
    """Whether they were joined otherwise, or from another file than there is now."""
    experiment = study.experiments[run.experiment]
    told = {"columns": experiment.columns, "same_scores": experiment.same_scores}
    asked = {"seed": run.seed, "order": run.order, "split": study.splits.method, **told}
    if found := _unlike({**dict.fromkeys(asked), **made, **made["predictions"]}, asked) or _other_version(made):
        return found
    path = experiment.scores(run.dataset, run.seed)
    same = path is None or not path.is_file() or made["inputs"]["predictions"] == _sha256(path, state(path))
    return "" if same else f"was imported from another {path}"


def _other_origins(grid: Grid, layout: Layout, run: RunId, made: dict[str, Any]) -> str:
    """How the features differ that a run was made from; nothing where it does not say."""
    variants = grid.variants_of(run.experiment)
    origins = made.get("joined", [made] if made else [])
    if made and len(origins) != len(variants):
        return f"was trained on {len(origins)} joined backbones, where the study has {len(variants)}"
    found = [
        other_features(grid, layout, run.dataset, variant, origin)
        for variant, origin in zip(variants, origins, strict=False)
    ]
    return next(filter(None, found), "")


def other_features(grid: Grid, layout: Layout, dataset: str, variant: Variant, origin: dict[str, Any]) -> str:
    """How features that name their `origin` differ from those that the study asks for; "" if they do not."""
    given = variant.settings.imported.get(dataset)
    if given:
        wanted = imported_settings(variant.name, variant.settings.every, given)
    else:
        wanted = settings_of(variant.network.name, variant.settings, grid.study.extraction)
    if wanted.get("precision") == "auto":
        del wanted["precision"]  # a run records what it meant; the index holds all shards to one
    always = {"node", "every", "code", "recipe", "imported"}  # at their defaults they are not recorded
    asked = {_FEATURES + key: wanted.get(key) for key in (wanted.keys() & origin.keys()) | always}
    found = {key: origin.get(key.removeprefix(_FEATURES)) for key in asked} | {_FEATURES + "recipe": recipe_of(origin)}
    checkpoint = weights(grid, layout, variant.slug)
    if "weights_sha256" in origin and not given and checkpoint.is_file():
        name = f"{_FEATURES}weights"
        asked[name], found[name] = _sha256(checkpoint, state(checkpoint)), origin["weights_sha256"]
    return _unlike(found, asked)


@cache
def _sha256(path: Path, _: State) -> str:
    return sha256(path)


def _unlike(found: dict[str, Any], asked: dict[str, Any]) -> str:
    for key in sorted(asked):
        if asked[key] != found[key]:
            return f"was made with {key} {found[key]}, where the study has {asked[key]}"
    return ""


def _other_code(head: str, made: dict[str, Any]) -> str:
    """Whether another version trained it, or another source of the user's own head; earlier runs do not say."""
    other = made.get("source", own := source(head)) != own
    return _other_version(made) or (f"was trained with another {head}" if other else "")


def _other_version(made: dict[str, Any]) -> str:
    if made.get("version", TRAINING_VERSION) == TRAINING_VERSION:
        return ""
    return f"was trained by version {made['version']} of the training, where this is {TRAINING_VERSION}"


def _other_parts(study: Study, run: RunId, made: dict[str, Any]) -> str:
    """Whether the split file, or the stored permutations, have changed since, or are others."""
    stored = study.datasets[run.dataset].permutations if study.splits.method == "stored" else None
    read = [("split_file", path) for path in split_files(study, run.dataset, [run.seed])]
    for name, path in [*read, *([("permutations", stored)] if stored else [])]:
        given = made.get("inputs", {}).get(name)
        if given and path.is_file() and given != _sha256(path, state(path)):
            return f"was trained on other parts than {path} gives"
    return ""


def _other_beginning(grid: Grid, layout: Layout, run: RunId, made: dict[str, Any]) -> str:
    """Whether it began from another head than the study's, or from one where the study begins anew."""
    given, first = made.get("inputs", {}).get("init"), grid.first_of(run)
    if first is None:
        return "began from a trained head, where the study begins anew" if given else ""
    head = layout.head(first)
    if given is None:
        return f"began anew, where the study begins from {head}"
    return f"began from another {head}" if head.is_file() and given != sha256(head) else ""


def _settings(run: Run) -> dict[str, Any]:
    return identity(run, exclude=PERFORMANCE)


def _made_with(made: dict[str, Any]) -> Run:
    return validate(Run, made.get("run", {}), "run.json")


class _Digests:
    """sha256 of files, each once."""

    def __init__(self) -> None:
        self._known: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        if path not in self._known:
            self._known[path] = sha256(path)
        return self._known[path]


def _other_inputs(grid: Grid, layout: Layout, run: RunId, made: dict[str, Any], files: _Digests) -> str:
    """Whether the manifest or the index has changed since; runs of version 0.1 do not say."""
    indexes = [layout.index(run.dataset, variant.slug) for variant in grid.variants_of(run.experiment)]
    named = [("manifest", layout.manifest(run.dataset)), *zip(["index"], indexes, strict=False)]
    named += [(f"index-{number}", path) for number, path in enumerate(indexes[1:], start=2)]
    for name, path in named:
        digest = made.get("inputs", {}).get(name)
        if digest and digest != files.of(path):
            return f"was {'imported' if grid.is_given(run) else 'trained'} on another {path}"
    return ""
