"""vqa score"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from vqa.cli.options import FILE
from vqa.manifest import Video
from vqa.system.devices import Device, lease
from vqa.system.errors import RunError, UserError
from vqa.system.files import write_text

if TYPE_CHECKING:
    from vqa.scoring import Scorer

log = logging.getLogger("vqa")


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--head", type=FILE, required=True, help="head.pt of a run, or VSFA's published VSFA.pt")
@click.option("--weights", type=FILE, required=True, help="checkpoint of the backbone the head was trained on")
@click.option("--backbone", help="needed for a head that does not name its own [VSFA.pt: resnet50]")
@click.option("--width", type=int, help="of raw .yuv videos, pixels")
@click.option("--height", type=int, help="of raw .yuv videos, pixels")
@click.option("--pixel-format", type=click.Choice(["yuv420p", "yuvj420p"]), default="yuv420p", show_default=True,
              help="of raw .yuv videos: limited or full range")  # fmt: skip
@click.option("--fps", type=click.FloatRange(0, min_open=True), help="of raw .yuv videos, for poolings in seconds")
@click.option("--output", type=FILE, help="CSV to write: path, quality, frames [default: print]")
@click.option("--curve", type=FILE, help="CSV to write: the quality of every frame")
@click.option("--memory-mb", type=click.IntRange(100), default=1000, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option("--device", type=click.Choice(get_args(Device)), default="auto", show_default=True)
def score(
    path: Path,
    head: Path,
    weights: Path,
    backbone: str | None,
    width: int | None,
    height: int | None,
    pixel_format: str,
    fps: float | None,
    output: Path | None,
    curve: Path | None,
    memory_mb: int,
    threads: int,
    device: Device,
) -> None:
    """Score PATH, a video or a folder of videos, on the MOS scale of the head's training dataset.

    VSFA.pt does not hold its scale: its scores lie near 0..1. Each score is kept as soon as it is there, in
    OUTPUT.part: the same command goes on where a killed one stopped.
    """
    from vqa.scoring import Scorer, find_videos

    videos = find_videos(path, width, height, pixel_format, fps)
    with lease(device) as torch_device:
        errors = _score(Scorer(head, weights, backbone, memory_mb, threads, torch_device), videos, output, curve)
    if errors:
        more = f" (and {len(errors) - 1} more, see above)" if len(errors) > 1 else ""
        worst = next((error for error in errors if isinstance(error, RunError)), errors[0])
        raise type(worst)(f"{worst}{more}")


def _score(
    scorer: "Scorer", videos: list[Video], output: Path | None, curve: Path | None
) -> list[UserError | RunError]:
    """Print or write the scores; logs and returns the errors of videos that cannot be read."""
    from vqa.scoring import Journal, Score, score_all, scores_csv, write_curves

    target = output or curve
    journal = Journal(target, scorer.identity) if target else None
    scores: list[Score] = []
    errors: list[UserError | RunError] = []
    if not output:
        click.echo(scores_csv([]), nl=False)
    for found in score_all(scorer, videos, journal):
        if not isinstance(found, Score):
            log.error("%s", found.error)
            errors.append(found.error)
            continue
        scores.append(found)
        if not output:
            click.echo(scores_csv([found], header=False), nl=False)
    if output:
        write_text(output, scores_csv(scores))
    if curve:
        write_curves(curve, scores)
    if journal and not any(isinstance(error, RunError) for error in errors):
        journal.remove()  # else the same command tries those out of reach again
    return errors
