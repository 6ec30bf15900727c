"""What each file and folder of a study is called within a bundle, and the study as it then reads."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vqa.backbones import registry
from vqa.config import Study, code, to_yaml
from vqa.config.heads import resolve
from vqa.manifest import Video, read_manifest
from vqa.results.bundle.neutral import Neutral, elsewhere
from vqa.study.grid import Grid
from vqa.study.layout import Layout
from vqa.system.imports import root

RESULTS = Path("results")
STUDY = "study.yaml"
ABOUT, FORMAT = "bundle.json", 1  # what it says of itself
README = "README.md"
SPLITS = Path("splits")


def labels(dataset: str) -> Path:
    """The manifest that the unpacked study reads."""
    return Path("data") / f"{dataset}.csv"


def permutations(dataset: str) -> Path:
    return Path("data") / f"{dataset}-permutations.mat"


def scores(experiment: str, same: bool) -> Path:
    """Where the unpacked study finds predictions that others made, as its config says it."""
    return Path("predictions") / experiment / ("{dataset}.csv" if same else "{dataset}/seed-{seed}.csv")


class Places:
    """The names of one study. code: the user's own files, by their name in the bundle."""

    def __init__(self, study: Study):
        self.study, self.layout = study, Layout.of(study)
        self.code: dict[str, Path] = {}
        self.moved: dict[str, str] = {}  # modules of own code that lie outside the working folder
        for name, file in _own(study):
            self._place_code(name, file)
        listed = {name: read_manifest(self.layout.manifest(name)) for name in study.datasets}
        self.videos = {name: _moved(name, videos) for name, videos in listed.items()}
        self._paths = {
            old.path: new.path for name in listed for old, new in zip(listed[name], self.videos[name], strict=True)
        }
        self.neutral = Neutral(self.moved | dict(self._known(listed)))

    def _known(self, listed: Mapping[str, list[Video]]) -> Iterator[tuple[str, str]]:
        """What is known to lie on this machine, and its name in the bundle."""
        for path in paths(self.study.model_dump()):
            yield str(path), elsewhere(path)
        for place, name in ((Path.home(), "~"), (Path.cwd(), "."), (self.layout.store, str(RESULTS))):
            yield str(place.absolute()), name
            yield str(place.resolve()), name
        yield str(self.layout.results.absolute()), str(RESULTS)
        for dataset, videos in listed.items():
            folder = _folder(videos)
            yield folder, f"videos/{dataset}"
            yield str(Path(folder).resolve()), f"videos/{dataset}"

    def _place_code(self, name: str, file: Path) -> None:
        """An own file and those it imports from beside it, where its name finds them."""
        module, top, home = name.rpartition(":")[0], root(name, file), Path()
        if module.endswith(".py"):
            inside = not Path(module).is_absolute() and not module.startswith("~") and ".." not in Path(module).parts
            home = Path(module).parent if inside else Path("code")
            if not inside:
                self.moved[module] = f"code/{file.name}"
        for each in code.files(name, file):
            if each.is_relative_to(top):
                self.code[(home / each.relative_to(top)).as_posix()] = each

    def source(self, path: str) -> str:
        """Where a source of an extraction, a video or a checkpoint, is said to lie."""
        return self._paths.get(path) or elsewhere(Path(self.neutral.text(path)))

    def study_yaml(self) -> str:
        """The study as it is unpacked: everything below one folder, and no videos."""
        study, own = self.study, {RESULTS, SPLITS}
        datasets = {}
        for name, dataset in study.datasets.items():
            given: dict[str, Any] = {"manifest": labels(name)}
            if dataset.permutations and study.splits.method == "stored":
                given["permutations"] = permutations(name)
            own |= set(given.values())
            datasets[name] = dataset.model_copy(update=given)
        splits = study.splits.model_copy(update={"path": SPLITS}) if study.splits.path else study.splits
        experiments = dict(study.experiments)
        for name, experiment in study.experiments.items():
            if experiment.predictions:
                pattern = scores(name, experiment.same_scores)
                own.add(pattern)
                experiments[name] = experiment.model_copy(update={"predictions": pattern})
        parts = {"datasets": datasets, "splits": splits, "experiments": experiments}
        update = {"results": RESULTS, "shared": None, **parts}
        text = to_yaml(study.model_copy(update=update), lambda path: str(path) if path in own else elsewhere(path))
        return self.neutral.text(text)


def _own(study: Study) -> Iterator[tuple[str, Path]]:
    """The name, as in the config, and the file of each model and backbone of the user's own."""
    grid = Grid(study)
    for head in grid.own_models.values():
        found = resolve(head)
        yield found.name, found.file
    for name in grid.own_backbones.values():
        yield name, registry.own(name)[0]


def paths(value: Any) -> Iterator[Path]:
    """Every path in the settings of a study."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from paths(each)
    elif isinstance(value, Path):
        yield value


def _folder(videos: list[Video]) -> str:
    """The folder that holds all videos."""
    return os.path.commonpath([Path(video.path).absolute().parent for video in videos])


def _moved(dataset: str, videos: list[Video]) -> list[Video]:
    """The videos below `videos/DATASET`, with the folders that they share left out."""
    root, folder = Path("videos") / dataset, _folder(videos)
    below = [os.path.relpath(Path(video.path).absolute(), folder) for video in videos]
    return [replace(video, path=(root / name).as_posix()) for video, name in zip(videos, below, strict=True)]
