"""How heads travel: trained on one dataset, tested on the whole of another, and on its own test part of the same seed,
where that is comparable with what was trained there.
"""

from functools import cache

import pandas as pd

from vqa.config import Study
from vqa.evaluation.metrics import evaluate
from vqa.manifest import read_manifest
from vqa.results.resampling import OneTestSet
from vqa.results.test_sets import test_parts
from vqa.study.layout import Layout
from vqa.study.parts import parts_of

_TEXT = {"dataset": str, "video_id": str}


class Crossing:
    """The scores of a study's heads on other datasets than they were trained on, trained and tested in order."""

    def __init__(self, study: Study):
        self.study, self._layout = study, Layout.of(study)
        self._scores, self.parts = cache(self._read), cache(self._split)
        self.on_whole, self.as_one_test_set = cache(self._on_whole), cache(self._as_one_test_set)

    def _read(self, trained: str, experiment: str, seed: int) -> pd.DataFrame:
        path = self._layout.cross(trained, experiment, "O", seed)
        return pd.read_csv(path, dtype=_TEXT, keep_default_na=False)

    def _split(self, dataset: str, seed: int) -> pd.Series:
        """video_id -> part, as the dataset's own trainings of `seed` have it."""
        return pd.Series(dict(parts_of(self.study, dataset, read_manifest(self._layout.manifest(dataset)), seed)))

    def whole(self, trained: str, tested: str, experiment: str) -> list[pd.DataFrame]:
        """`video_id, mos, score` of every video, a frame a seed."""
        found = (self._scores(trained, experiment, seed) for seed in self.study.seeds_of(experiment))
        return [frame[frame["dataset"] == tested] for frame in found]

    def own_test(self, trained: str, tested: str, experiment: str) -> dict[str, pd.DataFrame]:
        """Each test set of `tested` -> metrics, a row a seed; none for seeds that train nothing there."""
        seeds = [seed for seed in self.study.seeds_of(experiment) if seed in self.study.seeds_on(tested)]
        rows: dict[str, list[dict[str, object]]] = {}
        for seed in seeds:
            scores = self._scores(trained, experiment, seed)
            chosen = scores[scores["dataset"] == tested]
            named = chosen.assign(split=chosen["video_id"].map(self.parts(tested, seed)))
            for name, part in test_parts(tested, named).items():
                rows.setdefault(name, []).append(_metrics(part) | {"seed": seed})
        return {name: pd.DataFrame(found) for name, found in rows.items()}

    def _on_whole(self, trained: str, tested: str, experiment: str) -> pd.DataFrame:
        """Metrics, a row a seed, its index."""
        seeds = self.study.seeds_of(experiment)
        found = zip(self.whole(trained, tested, experiment), seeds, strict=True)
        return pd.DataFrame([_metrics(frame) | {"seed": seed} for frame, seed in found]).set_index("seed")

    def _as_one_test_set(self, trained: str, tested: str, experiment: str, seeds: tuple[int, ...]) -> OneTestSet:
        order = self.study.seeds_of(experiment)
        frames = self.whole(trained, tested, experiment)
        return OneTestSet([frames[order.index(seed)].drop(columns="dataset") for seed in seeds])


def _metrics(frame: pd.DataFrame) -> dict[str, object]:
    return dict(vars(evaluate(frame["score"].to_numpy(), frame["mos"].to_numpy())))
