"""vqa train, import-predictions, cross"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click

from vqa import config as configs
from vqa.cli.options import FILE, FOLDER, ColumnNames, settings_options
from vqa.config import Run
from vqa.config.names import SplitMethod
from vqa.protocol.sampling import Order
from vqa.study import session
from vqa.system.errors import UserError

log = logging.getLogger("vqa")


@click.command()
@click.option("--manifest", type=FILE, required=True, help="manifest of the dataset (CSV)")
@click.option("--index", type=FILE, required=True, help="feature index of the dataset (CSV)")
@click.option(
    "--join", "joined", type=FILE, multiple=True, help="index of a backbone whose features are joined; repeat"
)
@click.option("--order", type=click.Choice(["O", "S"]), required=True, help="frames in order, or shuffled")
@click.option("--seed", type=click.IntRange(0), required=True, help="run seed: split, weights, draws")
@click.option("--output", type=FOLDER, required=True, help="folder for head.pt, history, predictions")
@click.option("--permutations", type=FILE, help="VSFA info.mat, for --split stored")
@click.option("--split-file", type=FILE, help="CSV with columns video_id and split, for --split files")
@click.option("--init", type=FILE, help="head.pt to begin from; with --epochs 0 it is only tested")
@click.option(
    "--audit/--no-audit",
    envvar=session.AUDIT,
    help="also write audit.csv: what every epoch reaches on the test set; no other output differs",
)
@settings_options(Run)
def train(
    manifest: Path,
    index: Path,
    joined: tuple[Path, ...],
    order: Order,
    seed: int,
    output: Path,
    permutations: Path | None,
    split_file: Path | None,
    init: Path | None,
    audit: bool,
    **settings: Any,
) -> None:
    """Train one head, select its epoch on validation SROCC, predict the test set in both orders."""
    from vqa.features.index import feature_origin, read_indexes
    from vqa.manifest import read_manifest
    from vqa.protocol.splits import split
    from vqa.system.files import portable, sha256

    run = configs.validate(Run, settings)
    if run.zero_shot and init is None:
        raise UserError("--epochs 0 trains nothing; give a head to begin from by --init")
    videos = read_manifest(manifest)
    if run.split == "official" and not any(video.split for video in videos):
        log.warning("%s names no official part: its videos are split at random", manifest)
    parts = split(videos, seed, run.split, *_given_parts(permutations, split_file, seed))
    entries = read_indexes([index, *joined])
    from vqa.training.job import train as run_training  # torch: only once the input is known to be good

    read = {"manifest": manifest, "index": index, "split_file": split_file, "init": init, "permutations": permutations}
    read |= {f"index-{number}": path for number, path in enumerate(joined, start=2)}
    made_by = {
        "manifest": portable(manifest, index, output),
        "index": portable(index, manifest, output),
        "inputs": {name: sha256(path) for name, path in read.items() if path},
        "features": feature_origin(entries),
    }
    run_training(run, seed, order, videos, entries, parts, output, made_by, init, audit)


@click.command("import-predictions")
@click.option("--manifest", type=FILE, required=True, help="manifest of the dataset (CSV)")
@click.option("--scores", type=FILE, required=True, help="CSV of scores that others made, a row a video")
@click.option("--seed", type=click.IntRange(0), required=True, help="run seed: split")
@click.option("--output", type=FOLDER, required=True, help="folder for run.json, predictions.csv")
@click.option("--split", type=click.Choice(get_args(SplitMethod)), default="random", show_default=True)
@click.option("--permutations", type=FILE, help="VSFA info.mat, for --split stored")
@click.option("--split-file", type=FILE, help="CSV with columns video_id and split, for --split files")
@click.option(
    "--columns", type=ColumnNames(), default="{}", show_default=True, help="JSON: the CSV's names of video_id and score"
)
@click.option("--exclude", multiple=True, help="a video that the study leaves out and the CSV may name; repeat")
@click.option("--same-scores", is_flag=True, help="the CSV serves every split")
def import_predictions(
    manifest: Path,
    scores: Path,
    seed: int,
    output: Path,
    split: str,
    permutations: Path | None,
    split_file: Path | None,
    columns: dict[str, str],
    exclude: tuple[str, ...],
    same_scores: bool,
) -> None:
    """Take the scores that others made of a seed's test videos as the predictions of a run."""
    from vqa.manifest import read_manifest
    from vqa.protocol.splits import split as parts_of
    from vqa.system.files import portable, sha256
    from vqa.training.given import Scores, write_run

    videos = read_manifest(manifest)
    parts = parts_of(videos, seed, split, *_given_parts(permutations, split_file, seed))
    read = {"manifest": manifest, "predictions": scores, "split_file": split_file, "permutations": permutations}
    made_by = {
        "manifest": portable(manifest, output),
        "split": split,
        "inputs": {name: sha256(path) for name, path in read.items() if path},
    }
    write_run(Scores(scores, columns, exclude, same_scores), seed, videos, parts, output, made_by)


def _given_parts(permutations: Path | None, split_file: Path | None, seed: int) -> tuple[Any, Any]:
    from vqa.datasets.vsfa_info import stored_permutation
    from vqa.protocol.split_files import read_split_file

    stored = stored_permutation(permutations, seed) if permutations else None
    return stored, read_split_file(split_file) if split_file else None


@click.command()
@click.option("--head", type=FILE, required=True, help="a trained head.pt")
@click.option("--dataset", "targets", multiple=True, required=True, metavar="NAME:MANIFEST:INDEX",
              help="a dataset to test on; may be given several times; joined features have more indexes")  # fmt: skip
@click.option("--output", type=FILE, required=True, help="CSV: dataset, video_id, mos, score")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
def cross(head: Path, targets: tuple[str, ...], output: Path, threads: int) -> None:
    """Test a trained head on the whole of other datasets, frames in order."""
    from vqa.training.cross import predict_others

    predict_others(head, [_target(target) for target in targets], output, threads)


def _target(text: str) -> tuple[str, Path, list[Path]]:
    name, *pieces = text.split(":")
    paths = list(_files(pieces))
    if len(paths) < 2:
        raise UserError("--dataset must be NAME:MANIFEST:INDEX")
    return name, paths[0], paths[1:]


def _files(pieces: list[str]) -> Iterator[Path]:
    """The files that stand between colons, where a path may hold colons too."""
    while pieces:
        ends = (end for end in range(1, len(pieces) + 1) if Path(":".join(pieces[:end])).is_file())
        end = next(ends, 1)  # what is not there is missed by who reads it
        yield Path(":".join(pieces[:end]))
        pieces = pieces[end:]
