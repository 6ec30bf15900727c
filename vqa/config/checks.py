"""What the parts of a study ask of each other. Raises `ValueError`, which becomes one line that names the key."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vqa.config.schema import Study


def check(study: "Study") -> None:
    _crossed(study)
    _stored_splits(study)
    _places(study)


def _crossed(study: "Study") -> None:
    for name in study.cross_dataset:
        if name not in study.experiments:
            raise ValueError(f"cross_dataset names the experiment '{name}', which is not defined")
        if "OO" not in study.experiments[name].modes:
            raise ValueError(f"cross_dataset names the experiment '{name}', whose modes lack OO; add it to them")
        if len(study.datasets) < 2:
            raise ValueError("cross_dataset needs at least two datasets")


def _stored_splits(study: "Study") -> None:
    if study.splits.method == "stored":
        for name, dataset in study.datasets.items():
            if dataset.permutations is None:
                raise ValueError(f"splits.method stored needs datasets.{name}.permutations")


def _places(study: "Study") -> None:
    """Two datasets on one path would be trained on one and tested on the other as if they were strangers."""
    taken: dict[Path, str] = {}
    for name, dataset in study.datasets.items():
        if name.endswith(".probe"):
            raise ValueError(f"datasets.{name}: a name may not end in .probe, as the list of headers does; rename it")
        own = {path.resolve() for key in ("path", "videos") if isinstance(path := getattr(dataset, key, None), Path)}
        for path in own:
            if path in taken:
                raise ValueError(f"datasets.{name}: {path} is the dataset '{taken[path]}' already; keep one of them")
        taken |= dict.fromkeys(own, name)
