"""Do the manifests and features on the disk belong to the study? Asked where Snakemake's record does not tell.

What a study shares (`shared:`) another may have made, with other videos, labels, checkpoints or settings.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vqa.datasets import demo, table
from vqa.features.identity import same_libraries
from vqa.features.index import origin_of, read_receipt
from vqa.features.shards import attributes
from vqa.features.sources import Seen, read_seen, state
from vqa.manifest import Video, read_manifest
from vqa.study.grid import Grid, network_features
from vqa.study.layout import ALL, Layout
from vqa.study.runs import other_features
from vqa.study.sources import Sources
from vqa.system.errors import UserError
from vqa.video.versions import libraries


def foreign(grid: Grid, layout: Layout, sources: Sources) -> Iterator[tuple[str, Path, str]]:
    """The rule that mends it, the file, and what is wrong with it: of all that is there and is not the study's."""
    for dataset in grid.study.datasets:
        manifest = layout.manifest(dataset)
        if manifest.is_file() and _rows(read_manifest(manifest)) != _rows(_labelled(grid, sources, dataset)):
            yield "manifest", manifest, "lists other videos or labels than the study has"
            if dataset in grid.decoded:
                yield "extract", manifest, "may say otherwise of what is decoded, too"
    for dataset, slug in grid.features:
        imported = grid.backbone_of(slug).imported
        for bucket in [ALL] if imported else sources.buckets(dataset):
            receipt = layout.receipt(dataset, slug, bucket)
            if receipt.is_file() and (found := _other_bucket(grid, layout, sources, dataset, slug, bucket)):
                yield "import_features" if imported else "extract", receipt, found
                break  # one says it for all: the mend looks at each


def _labelled(grid: Grid, sources: Sources, dataset: str) -> list[Video]:
    settings = grid.study.datasets[dataset]
    rendered = demo.table(dataset, grid.study.store)
    if demo.rendered(settings) and rendered.is_file():
        return table.read(rendered).without(settings.exclude, dataset).videos
    return sources.listing(dataset).videos


def _rows(videos: list[Video]) -> dict[str, dict[str, object]]:
    """What is said of each video, wherever it lies."""
    return {video.video_id: {**video.row(), "path": ""} for video in videos}


def _other_bucket(grid: Grid, layout: Layout, sources: Sources, dataset: str, slug: str, bucket: int | str) -> str:
    """How the features of a bucket differ from those that the study asks for; "" if they do not."""
    variant, task = grid.backbone_of(slug), sources.tasks(dataset, slug)[bucket]
    try:
        receipt = read_receipt(layout.receipt(dataset, slug, bucket))
        made, bad = receipt["shards"], receipt["excluded"]
        for shard in _first(layout, grid, dataset, slug, made):
            found = attributes(shard)
            if other := other_features(grid, layout, dataset, variant, origin_of(found)):
                return other
            if (dataset, slug) in network_features(grid) and not same_libraries(
                found, libraries(grid.study.extraction.decoder)
            ):
                return "was decoded by other libraries than are installed here"
    except UserError as error:
        return str(error)
    if bad and grid.study.datasets[dataset].on_bad_video == "fail":
        return f"excludes '{min(bad)}', where the study has on_bad_video fail"
    if unknown := sorted({video.video_id for video in task.videos} - made.keys() - bad.keys()):
        return f"holds no features of '{unknown[0]}'"
    read = read_seen(layout.seen(dataset, slug, bucket))
    used = [path for path in task.stamps if path in read] if variant.imported else [v.path for v in task.videos]
    for path in used:
        if not _was_read(Path(path), task.stamps[path], read):
            return f"was made from another file than {path}"
    return ""


def _first(layout: Layout, grid: Grid, dataset: str, slug: str, made: Iterable[str]) -> list[Path]:
    """One shard, to which the index holds all. Of features that are given there may be none but the receipts."""
    found = [layout.features(dataset, slug) / f"{video_id}.h5" for video_id in sorted(made)[:1]]
    return [shard for shard in found if shard.is_file() or not grid.study.datasets[dataset].manifest]


def _was_read(path: Path, stamp: str, read: Mapping[str, Seen]) -> bool:
    """Under this path, or under another one as the very file: the same name, size and time stamp."""
    if known := read.get(str(path)):
        return known.stamp == stamp
    try:
        now = state(path)
    except OSError:  # nothing that is out of reach is disproved
        return True
    return any(each.state == now and Path(name).name == path.name for name, each in read.items())
