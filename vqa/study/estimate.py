"""`vqa check`: what a study will take, before anything runs. Frames and rows are counted, rates are given, measured, or
those of what the study has done already; all else is told to be unknown.
"""

import csv
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from vqa import datasets
from vqa.config import Study
from vqa.config.heads import resolve
from vqa.datasets import demo
from vqa.features.index import read_receipt
from vqa.features.probe import Probe
from vqa.manifest import Video
from vqa.study import resources
from vqa.study.grid import Grid, RunId, Variant, datasets_by_network, network_features
from vqa.study.layout import Layout
from vqa.study.rates import seconds_of
from vqa.study.resources import Sizes
from vqa.study.status_table import duration
from vqa.system import devices
from vqa.system.errors import UserError

_CUBE = 112 * 112  # pixels of a cropped frame
_DIM = 4096  # of ResNet-50 and 3D ResNet-101, where nothing tells
_TRAINED = 0.8  # of a dataset's videos an epoch reads: the training and the validation part


@dataclass(frozen=True)
class Clip:
    """What a header, or the labels, say of a video."""

    frames: int
    pixels: int


Clips = Mapping[str, Sequence[Clip]]  # by dataset


@dataclass(frozen=True)
class Rates:
    """pixels: that the network of a backbone takes a second on the whole machine; rows: of features that a training of
    an experiment takes a second, one job; frames: a second of any backbone, as given; dims: of features.
    """

    pixels: Mapping[str, float]
    rows: Mapping[str, float]
    frames: float | None
    dims: Mapping[str, int]


def estimate_study(
    study: Study, probes: Mapping[str, Sequence[Probe]], frames_per_second: float | None, measure: bool
) -> str:
    """As `estimate`, by what is known of videos and rates; measure: where nothing is."""
    named = known_clips(study, probes)
    clips = {name: list(each.values()) for name, each in named.items()}
    rates = rates_so_far(study, named, frames_per_second)
    if measure and clips:
        from vqa.study.measure import measured  # beside this module: it builds on it

        rates = measured(Grid(study), clips, rates)
    return estimate(study, clips, rates)


def estimate(study: Study, clips: Clips, rates: Rates) -> str:
    """A line a stage. Raises no error: what is not known is told."""
    grid = Grid(study)
    if lacking := sorted(set(grid.decoded) - clips.keys()):
        return f"estimate: the frames of {', '.join(lacking)} are not known; leave out --no-headers"
    return "\n".join(["estimate", *_lines(grid, clips, rates)])


def _lines(grid: Grid, clips: Clips, rates: Rates) -> Iterator[str]:
    cores, study = os.cpu_count() or 1, grid.study
    found = [clip for each in clips.values() for clip in each]
    pixels = sum(clip.frames * clip.pixels for clip in found)
    yield f"  frames     {sum(clip.frames for clip in found):,} in {len(found):,} videos, {pixels:.3g} pixels"
    bytes_each = 4 if study.extraction.storage == "float32" else 2
    for slug, of in datasets_by_network(grid).items():
        variant = grid.backbone_of(slug)
        own = [clip for dataset in of for clip in clips[dataset]]
        size = sum(rows(variant, clip) for clip in own) * rates.dims.get(slug, _DIM) * bytes_each
        guessed = "" if slug in rates.dims else f", if its rows have {_DIM} values"
        yield f"  {slug}: {_extraction(variant, own, rates)}; {size / 1e9:.2g} GB of features{guessed}"
    yield f"  training   {_training(grid, clips, rates, cores)}"
    yield f"  memory     {_memory(grid, clips, rates)}"
    yield f"  on         {cores} cores" + (f", {len(devices.visible())} GPUs" if devices.visible() else "")


def rows(variant: Variant, clip: Clip) -> int:
    return math.ceil(clip.frames / variant.row_frames)


def work(variant: Variant, clip: Clip) -> int:
    """Pixels that the network takes of a video."""
    cropped = variant.network.clip_length > 1 and variant.settings.cube_input != "native"
    return rows(variant, clip) * variant.network.clip_length * (_CUBE if cropped else clip.pixels)


def _extraction(variant: Variant, clips: Sequence[Clip], rates: Rates) -> str:
    frames = sum(clip.frames for clip in clips)
    if rates.frames:
        return f"{duration(frames / rates.frames)} at {rates.frames:g} frames/s"
    rate = rates.pixels.get(variant.slug)
    if not rate:
        return "time not known, give --measure or --frames-per-second"
    seconds = sum(work(variant, clip) for clip in clips) / rate
    return f"{duration(seconds)} at {frames / seconds:.3g} frames/s"


def _training(grid: Grid, clips: Clips, rates: Rates, cores: int) -> str:
    trainings = [*grid.trained, *grid.by_scene]
    told = f"{len(trainings)} trainings"
    if unknown := sorted({run.experiment for run in trainings if not _known(grid, run, clips, rates)}):
        return f"{told}, time of {', '.join(unknown)} not known, give --measure"
    seconds = sum(_row_passes(grid, run, clips) / rates.rows[run.experiment] for run in trainings)
    side_by_side = max(1, cores // grid.study.training.threads)
    return f"{told}, {duration(seconds / side_by_side)}, {side_by_side} at a time"


def _known(grid: Grid, run: RunId, clips: Clips, rates: Rates) -> bool:
    return run.experiment in rates.rows and run.dataset in clips


def _row_passes(grid: Grid, run: RunId, clips: Clips) -> float:
    """Rows that a training reads, all epochs and all points of its grid together."""
    settings = grid.run_settings(run.experiment)
    if resolve(settings.head).name == "svr":
        return 0.0
    epochs = max([settings.epochs, *map(int, settings.tune.get("epochs", ()))])
    epochs *= math.prod(map(len, settings.tune.values()))
    return _TRAINED * epochs * sum(training_rows(grid, run.experiment, clip) for clip in clips[run.dataset])


def training_rows(grid: Grid, experiment: str, clip: Clip) -> int:
    """Of a video, as an epoch reads it."""
    finest = min(grid.variants_of(experiment), key=lambda variant: variant.row_frames)
    return math.ceil(rows(finest, clip) / max(1, grid.run_settings(experiment).sampler))


def _memory(grid: Grid, clips: Clips, rates: Rates) -> str:
    study, told = grid.study, []
    device = devices.resolve(study.extraction.device)
    needed = []
    for dataset, slug in network_features(grid):
        variant = grid.backbone_of(slug)
        length = variant.network.clip_length
        whole = length if length == 1 or variant.settings.cube_input == "native" else 0
        largest = max((clip.pixels for clip in clips[dataset]), default=None)
        needed.append(
            resources.extract_mb(study.extraction.memory_mb, device, largest, whole, study.extraction.threads)
        )
    if needed:
        told.append(f"an extraction job asks for up to {max(needed) / 1000:.1f} GB")
    needed = []
    for run in {(run.dataset, run.experiment): run for run in grid.trained if run.dataset in clips}.values():
        sizes = [
            Sizes(tuple(rows(v, clip) for clip in clips[run.dataset]), rates.dims.get(v.slug, _DIM))
            for v in grid.variants_of(run.experiment)
        ]
        settings = grid.run_settings(run.experiment)
        needed.append(resources.train_mb(settings, resources.joined(sizes), devices.resolve(study.training.device)))
    if needed:
        told.append(f"a training job for up to {max(needed) / 1000:.1f} GB")
    return ", ".join(told) or "not known"


def rates_so_far(study: Study, clips: Mapping[str, Mapping[str, Clip]], frames: float | None) -> Rates:
    """Of what is extracted and trained already, from its receipts, indexes and benchmarks. clips: by video_id."""
    grid, layout = Grid(study), Layout.of(study)
    benchmarks = layout.results / "benchmarks"
    pixels, dims, rows_a_second = {}, {}, {}
    for slug, of in datasets_by_network(grid).items():
        known = [_bucket(grid, layout, dataset, slug, clips.get(dataset, {}), benchmarks) for dataset in of]
        done, seconds = (sum(each[i] for each in known) for i in (0, 1))
        if seconds:
            pixels[slug] = done / seconds * _jobs_at_once(study)
    for dataset, slug in grid.features:
        if layout.index(dataset, slug).is_file():
            dims[slug] = resources.sizes(str(layout.index(dataset, slug)), 0).dim
    listed = {dataset: list(each.values()) for dataset, each in clips.items()}
    for name in dict.fromkeys(run.experiment for run in grid.trained):
        found = [_row_passes(grid, run, listed) / took for run in grid.trained if run.experiment == name
                 and run.dataset in listed and (took := _trained(run, benchmarks))]  # fmt: skip
        if found:
            rows_a_second[name] = fmean(found)
    return Rates(pixels, rows_a_second, frames, dims)


def _trained(run: RunId, benchmarks: Path) -> float:
    return seconds_of(benchmarks / f"train/{run.name}.tsv")


def _bucket(
    grid: Grid, layout: Layout, dataset: str, slug: str, clips: Mapping[str, Clip], benchmarks: Path
) -> tuple[float, float]:
    """Pixels that were taken, and the seconds of the jobs that took them."""
    variant, done, seconds = grid.backbone_of(slug), 0.0, 0.0
    for receipt in layout.receipt(dataset, slug, 0).parent.glob("*.json"):
        took = seconds_of(benchmarks / f"extract/{dataset}/{slug}/{receipt.stem}.tsv")
        try:
            made = read_receipt(receipt)["shards"]
        except UserError:
            continue
        if took and made and all(name in clips for name in made):
            done += sum(work(variant, clips[name]) for name in made)
            seconds += took
    return done, seconds


def _jobs_at_once(study: Study) -> int:
    if devices.resolve(study.extraction.device) == "cuda":
        return max(1, len(devices.visible()))
    return max(1, (os.cpu_count() or 1) // study.extraction.threads)


def known_clips(study: Study, probes: Mapping[str, Sequence[Probe]]) -> dict[str, dict[str, Clip]]:
    """By dataset and video_id, of those datasets of which enough is known: just read, found earlier, or labelled."""
    grid, found = Grid(study), {}
    for name, dataset in study.datasets.items():
        if demo.rendered(dataset):
            clip = Clip(round(dataset.seconds * dataset.fps), dataset.width * dataset.height)
            found[name] = {clip_id: clip for clip_id in dataset.clip_ids if clip_id not in dataset.exclude}
        else:
            found[name] = _clips(probes.get(name) or (), Layout.of(study).probe(name), _labels(study, grid, name))
    return {name: each for name, each in found.items() if each}


def _labels(study: Study, grid: Grid, name: str) -> list[Video]:
    try:
        return datasets.read(name, study.datasets[name], study.store, name in grid.decoded).videos
    except UserError:
        return []


def _clips(probes: Sequence[Probe], earlier: Path, videos: Sequence[Video]) -> dict[str, Clip]:
    """Where no header counts frames, a video is taken to have as many as the others."""
    if probes:
        rows = [(each.video_id, each.header.frames, each.header) for each in probes if each.header]
        sizes = {name: (frames, header.width * header.height) for name, frames, header in rows}
    else:
        sizes = read_probe(earlier) or {v.video_id: (v.frames, (v.width or 0) * (v.height or 0)) for v in videos}
    counted = [frames for frames, _ in sizes.values() if frames]
    usual = round(fmean(counted)) if counted else 0
    return {name: Clip(frames or usual, pixels) for name, (frames, pixels) in sizes.items() if usual and pixels}


def read_probe(path: Path) -> dict[str, tuple[int | None, int]]:
    """video_id -> frames and pixels of a frame, as an earlier look at the headers found; empty where there is none."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return {
                row["video_id"]: (int(row["frames"]) if row["frames"] else None, int(row["width"]) * int(row["height"]))
                for row in csv.DictReader(file)
                if row["width"] and row["height"]
            }
    except (OSError, ValueError, KeyError):
        return {}
