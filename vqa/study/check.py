"""`vqa check`: are the datasets what the config and the paper say?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from vqa import datasets
from vqa.backbones import create
from vqa.config import Dataset, DemoDataset, Study
from vqa.datasets import demo
from vqa.datasets.common import Listing, Span
from vqa.datasets.presets import Known, presets
from vqa.evaluation.metrics import MIN_VIDEOS as MIN_TESTED
from vqa.features.pairing import places, source_files
from vqa.features.probe import Probe, probe_all
from vqa.manifest import Video
from vqa.protocol.splits import MIN_VIDEOS, kind, sizes
from vqa.study.grid import Grid, datasets_by_network
from vqa.study.parts import check_parts, check_strangers, parts_of, scores_of
from vqa.study.sources import check_backbones
from vqa.system.errors import UserError

_NOTHING_LOST: Mapping[frozenset[str], Sequence[str]] = {frozenset(): ()}

# Fang et al., Table I: number of videos and MOS range.
TABLE_I = {
    "konvid-1k": (1200, 1.220, 4.640),
    "live-qualcomm": (208, 16.562, 73.643),
    "cvd2014": (234, -6.500, 93.380),
    "live-vqc": (585, 6.224, 94.287),
}


def check_datasets(
    study: Study, headers: bool, workers: int, probes: dict[str, list[Probe]] | None = None
) -> tuple[str, bool]:
    """A summary of all datasets, and whether every one is ready; adds what headers say to `probes`.

    Raises `UserError` for a grid that cannot be.
    """
    probes = {} if probes is None else probes
    grid = Grid(study)
    blocks, ready = _backbones(grid)
    for name, dataset in study.datasets.items():
        lines: list[str] = []
        problems: list[str] = []
        try:
            if demo.rendered(dataset):
                lines = _check_demo(name, dataset, study)
            else:
                lines, problems = _check_one(name, dataset, study, headers, workers, probes)
        except UserError as error:
            problems = [str(error)]
        ready &= not problems
        marks = [f"  PROBLEM: {problem}" for problem in problems] or ["  ready"]
        blocks.append("\n".join([f"{name} ({dataset.reader})", *lines, *marks]))
    if ready:
        try:
            check_strangers(grid, lambda name: datasets.read(name, study.datasets[name], study.store).videos)
        except UserError as error:
            blocks.append(f"  PROBLEM: {error}")
            ready = False
    return "\n\n".join(blocks), ready


def _backbones(grid: Grid) -> tuple[list[str], bool]:
    """What is wrong with them; own checkpoints are loaded, as their extraction will weeks later."""
    problems: list[str] = []
    try:
        check_backbones(grid)
        for slug in datasets_by_network(grid):  # of features that are given no checkpoint need be there
            network, settings = grid.backbone_of(slug).network, grid.backbone_of(slug).settings
            if settings.weights:
                create(network.name, settings.weights, settings.cube_input, settings.node, settings.class_token)
    except UserError as error:
        problems.append(f"  PROBLEM: {error}")
    return ["\n".join(["backbones", *problems])] if problems else [], not problems


def _check_demo(name: str, dataset: DemoDataset, study: Study) -> list[str]:
    """The clips are not there yet; their names and scenes are known."""
    videos = demo.scenes(dataset)
    lines = [f"  videos   {len(videos)} synthetic clips, rendered by the workflow"]
    return [*lines, *_parts(study, name, videos), *_predictions(study, name, videos)]


def _check_one(
    name: str, dataset: Dataset, study: Study, headers: bool, workers: int, probes: dict[str, list[Probe]]
) -> tuple[list[str], list[str]]:
    grid = Grid(study)
    decoded = name in grid.decoded and dataset.manifest is None
    listing = datasets.list_videos(name, dataset, study.store)
    if not decoded:
        listing = listing.off_disk()
    mos = [video.mos for video in listing.videos]
    total = len(mos) + len(listing.missing)
    lines = [
        f"  labels   {', '.join(str(path) for path in listing.metadata)}",
        f"  videos   {len(mos)} of {total} {'found' if decoded else 'labelled'}, {len(listing.excluded)} excluded",
    ]
    problems = []
    if mos:
        lines.append(f"  MOS      {min(mos):.3f} to {max(mos):.3f}")
    if listing.missing:
        problems.append(datasets.missing_videos(listing))
    imported = _imports(grid, name, dataset, listing.videos)
    lines += imported.lines
    problems += imported.problems
    if len(mos) < MIN_VIDEOS:
        problems.append(f"{len(mos)} videos are too few; a split needs {MIN_VIDEOS}")
    for more_lines, more_problems in (_table_i(dataset.reader, listing), _copies(dataset.reader, listing)):
        lines += more_lines
        problems += more_problems
    if len(mos) >= MIN_VIDEOS:
        try:
            lines += _parts(study, name, listing.videos, _lost(grid, name, imported.excluded))
            lines += _predictions(study, name, listing.videos)
        except UserError as error:
            problems.append(str(error))
    if headers and listing.videos and decoded:
        probes[name] = probe_all(listing.videos, workers)
        bad = [each.error for each in probes[name] if each.error]
        lines.append(f"  headers  {len(mos) - len(bad)} of {len(mos)} open and decode their first frame")
        problems += bad[:5] + ([f"... and {len(bad) - 5} more"] if len(bad) > 5 else [])
    return lines, problems


@dataclass
class _Imported:
    """excluded: the video_ids without features of a backbone, by its name, where the dataset excludes what is bad."""

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    excluded: dict[str, set[str]] = field(default_factory=dict)


def _imports(grid: Grid, name: str, dataset: Dataset, videos: Sequence[Video]) -> _Imported:
    """Whether every video has imported features, by name; what they hold is seen when they are imported."""
    told = _Imported()
    for variant in grid.backbones:
        given = variant.settings.imported.get(name)
        if given is None or not videos:
            continue
        try:
            source_files(given)
            found = places(videos, given)
        except UserError as error:
            told.problems.append(f"{variant.name}: {error}")
            continue
        told.lines.append(f"  imported {variant.name}: {len(found)} of {len(videos)} videos are named in {given.path}")
        lacking = [video.video_id for video in videos if video.video_id not in found]
        if lacking and dataset.on_bad_video == "exclude":
            told.lines.append(f"  excluded {len(lacking)} videos without features, first {lacking[0]}")
            told.excluded[variant.name] = {*lacking}
        elif lacking:
            told.problems.append(f"{variant.name}: has no features of {len(lacking)} videos, first {lacking[0]}")
    return told


def _lost(grid: Grid, dataset: str, excluded: Mapping[str, Collection[str]]) -> dict[frozenset[str], list[str]]:
    """The video_ids that trainings go without -> the experiments that do: each only those its own backbones lack."""
    lost: dict[frozenset[str], list[str]] = {}
    for name in dict.fromkeys(run.experiment for run in grid.trained if run.dataset == dataset):
        own = {video_id for variant in grid.variants_of(name) for video_id in excluded.get(variant.name, ())}
        lost.setdefault(frozenset(own), []).append(name)
    return lost or {frozenset(): []}


def _predictions(study: Study, dataset: str, videos: Sequence[Video]) -> list[str]:
    """Whether every test video has a score where others' predictions are given; raises `UserError`."""
    lines = []
    for name, experiment in study.experiments.items():
        if experiment.predictions is None or dataset not in study.datasets_of(name):
            continue
        for seed in study.seeds_of(name):
            scores_of(study, name, dataset, seed).tested(videos, parts_of(study, dataset, videos, seed), seed)
        told = ", the same scores in every split" if experiment.same_scores else ""
        lines.append(f"  scores   {name}: of every test video of {len(study.seeds_of(name))} seeds{told}")
    return lines


def _table_i(reader: str, listing: Listing) -> tuple[list[str], list[str]]:
    """Whether the labels are those of the paper's Table I."""
    if reader not in TABLE_I:
        return [], []
    count, low, high = TABLE_I[reader]
    mos = [video.mos for video in listing.videos]
    same_count = len(mos) + len(listing.missing) + len(listing.excluded) == count
    same_range = bool(mos) and abs(min(mos) - low) < 0.006 and abs(max(mos) - high) < 0.006
    if listing.excluded or listing.missing:
        same_range = bool(mos) and min(mos) > low - 0.006 and max(mos) < high + 0.006
    same = same_count and same_range
    verdict = "as the paper's" if same else "NOT the paper's"
    line = f"  Table I  {verdict} ({count} videos, MOS {low:.3f} to {high:.3f})"
    return [line], [] if same else ["number of videos or MOS range differ from the paper's Table I"]


def _copies(reader: str, listing: Listing) -> tuple[list[str], list[str]]:
    """Which public copy of each part the label files agree with."""
    lines, problems = [], []
    for part, known in presets()[reader].known.items() if reader in presets() else ():
        span = listing.labelled.get(part)
        if span is None:
            continue
        same = [copy.by for copy in known if copy.agrees(span)]
        others = [f"{copy.rows:,} in {copy.by}" for copy in known if not copy.agrees(span)]
        verdict = f"as in {' and '.join(same)}" if same else "as in no known copy"
        lines.append("; ".join([f"  copy     {part}: {span.rows:,} rows, {verdict}", *others]))
        if not same and _foreign(span, known):
            problems.append(
                f"{part}: MOS {span.low:.3f} to {span.high:.3f} are not those of any known copy; "
                "these are labels of another dataset, or on another scale"
            )
    return lines, problems


def _foreign(span: Span, known: Sequence[Known]) -> bool:
    """Whether no known range holds all the labels."""
    ranged = [copy for copy in known if copy.low is not None]
    return bool(ranged) and not any(copy.holds(span) for copy in ranged)


def _parts(
    study: Study, name: str, videos: Sequence[Video], lost: Mapping[frozenset[str], Sequence[str]] = _NOTHING_LOST
) -> list[str]:
    """The sizes of the seeds' parts, and a warning where a test part is too small for any metric.

    lost: as `_lost` finds them; the parts lose theirs. Raises `UserError` where one loses all.
    """
    check_parts(study, name, videos)
    if not study.seeds_on(name):
        return ["  parts    none: it is tested on as a whole"]
    unnamed = study.splits.method == "official" and not any(video.split for video in videos)
    drawn = "; none is official, they are drawn at random" if unnamed else ""
    lines = []
    for lacking, experiments in lost.items():
        of = f" of {', '.join(experiments)}" if len(lost) > 1 else ""
        lines += _sizes(study, name, videos, lacking, of + drawn)
        lines += _sizes(study, name, videos, lacking, f"{of} by scene", True) if name in study.splits.scenes else []
    return lines


def _sizes(
    study: Study, name: str, videos: Sequence[Video], lacking: Collection[str], how: str, by_scene: bool = False
) -> list[str]:
    counted = []
    for seed in study.seeds_on(name):
        parts = parts_of(study, name, videos, seed, by_scene)
        counted.append(left := sizes({each: part for each, part in parts.items() if each not in lacking}))
        if gone := [part for part, count in sizes(parts).items() if count and not left.get(part)]:
            raise UserError(f"seed {seed}: no {gone[0]} video has features; give more, or other splits")
    ranges = {part: (min(n[part] for n in counted), max(n[part] for n in counted)) for part in counted[0]}
    told = ", ".join(f"{part} {low}" + (f" to {high}" if high > low else "") for part, (low, high) in ranges.items())
    lines = [f"  parts    {told}{how}"]
    smallest = min(low for part, (low, _) in ranges.items() if kind(part) == "test")
    if smallest < MIN_TESTED:
        lines.append(
            f"  WARNING: a test part of {smallest} is too small for any metric, which needs {MIN_TESTED} "
            "videos: its results will be undefined; give more videos"
        )
    return lines
