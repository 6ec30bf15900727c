"""What the parts of a study ask of each other. Raises `ValueError`, which becomes one line that names the key."""

from pathlib import Path
from typing import TYPE_CHECKING

from vqa.config import init
from vqa.config.datasets import Dataset, LabelsDataset, TableDataset

if TYPE_CHECKING:
    from vqa.config.schema import Study


def check(study: "Study") -> None:
    _given(study)
    init.check(study)
    _trained(study)
    _crossed(study)
    _stored_splits(study)
    _split_files(study)
    _scenes(study)
    _audited(study)
    _places(study)


def _given(study: "Study") -> None:
    """What is trained has a backbone; what others predicted has nothing of a training."""
    for name, experiment in study.experiments.items():
        where, predictions = f"experiments.{name}", experiment.predictions
        if predictions is None:
            if experiment.backbone is None:
                raise ValueError(f"{where}.backbone: this key is required")
            if experiment.columns:
                raise ValueError(f"{where}.columns: is of `predictions`, which it has not; leave it out")
            continue
        if own := experiment.of_a_training:
            raise ValueError(f"{where}.{own[0]}: is of a training, in whose place `predictions` stands; leave it out")
        if experiment.modes != ("OO",):
            raise ValueError(f"{where}.modes: predictions of others are of frames in order; leave it out")
        if "{dataset}" not in str(predictions) and len(study.datasets_of(name)) > 1:
            raise ValueError(
                f"{where}.predictions: one path for {len(study.datasets_of(name))} datasets; put {{dataset}} into it, "
                "or name one by `datasets:`"
            )


def _trained(study: "Study") -> None:
    for name, experiment in study.experiments.items():
        own = experiment.datasets or ()
        if unknown := [dataset for dataset in own if dataset not in study.datasets]:
            raise ValueError(
                f"experiments.{name}.datasets names '{unknown[0]}'; the study has {', '.join(study.datasets)}"
            )
        if len(set(own)) < len(own):
            raise ValueError(f"experiments.{name}.datasets names a dataset twice")
    used = {dataset for name in study.experiments for dataset in study.datasets_of(name)}
    for name in study.datasets:
        if name not in used and not study.cross_dataset:
            raise ValueError(f"datasets.{name}: no experiment is trained on it; remove it or name it in one")


def _crossed(study: "Study") -> None:
    for name in study.cross_dataset:
        if name not in study.experiments:
            raise ValueError(f"cross_dataset names the experiment '{name}', which is not defined")
        if study.experiments[name].predictions:
            raise ValueError(f"cross_dataset names '{name}', whose predictions are given; it has no head")
        if "OO" not in study.experiments[name].modes:
            raise ValueError(f"cross_dataset names the experiment '{name}', whose modes lack OO; add it to them")
        if len(study.datasets) < 2:
            raise ValueError("cross_dataset needs at least two datasets")


def _stored_splits(study: "Study") -> None:
    if study.splits.method == "stored":
        for name, dataset in study.datasets.items():
            if dataset.permutations is None:
                raise ValueError(f"splits.method stored needs datasets.{name}.permutations")


def _split_files(study: "Study") -> None:
    if (study.splits.method == "files") != (study.splits.path is not None):
        raise ValueError("splits.method files needs splits.path, the folder that `vqa splits` wrote, and only it")


def _scenes(study: "Study") -> None:
    chosen = study.splits.scenes
    if chosen and study.splits.method != "random":
        raise ValueError(
            f"splits.scenes sets random splits beside those by scene; splits.method is {study.splits.method}"
        )
    for name in chosen:
        if name not in study.datasets:
            raise ValueError(f"splits.scenes names '{name}'; the study has {', '.join(study.datasets)}")
        trained = (study.experiments[e] for e in study.experiments if name in study.datasets_of(e))
        if not any("OO" in experiment.modes and not experiment.predictions for experiment in trained):
            raise ValueError(
                f"splits.scenes names '{name}', on which no experiment is trained and tested in order (OO)"
            )
    if len(set(chosen)) < len(chosen):
        raise ValueError("splits.scenes names a dataset twice")


def _audited(study: "Study") -> None:
    if study.audit and all(experiment.predictions for experiment in study.experiments.values()):
        raise ValueError("audit: true looks at trainings, and every experiment has predictions of others; leave it out")


def _places(study: "Study") -> None:
    """Two datasets on one path would be trained on one and tested on the other as if they were strangers."""
    taken: dict[tuple[Path, str | None], str] = {}
    for name, dataset in study.datasets.items():
        if name.endswith(".probe"):
            raise ValueError(f"datasets.{name}: a name may not end in .probe, as the list of headers does; rename it")
        own = {(path.resolve(), where) for path, where in _own(dataset)}
        for place in own & taken.keys():
            raise ValueError(f"datasets.{name}: {place[0]} is the dataset '{taken[place]}' already; keep one of them")
        taken |= dict.fromkeys(own, name)


def _own(dataset: Dataset) -> list[tuple[Path, str | None]]:
    """The files or folders that make a dataset. Label files may share a folder of videos, and a table its rows."""
    if isinstance(dataset, LabelsDataset | TableDataset):
        where = getattr(dataset, "where", None)
        return [(file.path, file.where or where) for file in dataset.files] or [(dataset.path or Path(), where)]
    paths = (getattr(dataset, key, None) for key in ("path", "videos"))
    return [(path, None) for path in paths if path is not None and isinstance(path, Path)]
