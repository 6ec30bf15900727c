"""vqa demo-data, manifest, probe, check, splits"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vqa import config as configs
from vqa.cli.options import FILE, FOLDER, config_option, settings_options, study_option
from vqa.config import DemoDataset, Study
from vqa.system.errors import UserError

if TYPE_CHECKING:
    from vqa.features.probe import Probe


@click.command("demo-data")
@click.option("--output", type=FOLDER, required=True, help="folder for clip-NNN.mp4 and table.csv")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="processes")
@settings_options(DemoDataset, only=DemoDataset.rendered())
def demo_data(output: Path, workers: int, **settings: Any) -> None:
    """Render a synthetic dataset: distorted H.264 clips and their simulated MOS."""
    from vqa.demo.render import make

    make(configs.validate(DemoDataset, {"reader": "demo", **settings}), output, workers)


@click.command()
@study_option
@click.option("--dataset", required=True, help="a name under `datasets:` in the config")
@click.option("--output", type=FILE, required=True, help="the manifest to write (CSV)")
def manifest(study: Study, dataset: str, output: Path) -> None:
    """Read a dataset's native metadata and write its manifest, one row a video."""
    from vqa import datasets
    from vqa.datasets import demo, table
    from vqa.manifest import write_manifest
    from vqa.study.grid import Grid

    settings = configs.dataset(study, dataset)
    if demo.rendered(settings):
        listing = table.read(demo.table(dataset, study.store)).without(settings.exclude, dataset)
    else:
        listing = datasets.read(dataset, settings, study.store, on_disk=dataset in Grid(study).decoded)
    write_manifest(output, listing.videos)


@click.command()
@click.option("--manifest", type=FILE, required=True, help="manifest of the dataset (CSV)")
@click.option("--output", type=FILE, required=True, help="CSV: size, frame rate, frames, format, error")
@click.option("--on-bad-video", type=click.Choice(["fail", "exclude"]), default="fail", show_default=True)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="processes")
def probe(manifest: Path, output: Path, on_bad_video: str, workers: int) -> None:
    """Read every video's header, decode its first frame, and list what was found."""
    from vqa.features.probe import first_problem, probe_all, write_probes
    from vqa.manifest import read_manifest

    probes = probe_all(read_manifest(manifest), workers)
    if on_bad_video == "fail" and (problem := first_problem(probes)):
        raise UserError(problem)
    write_probes(output, probes)


@click.command()
@config_option
@click.option("--headers/--no-headers", default=True, show_default=True, help="open every video")
@click.option("--workers", type=click.IntRange(1), default=4, show_default=True, help="processes")
@click.option("--measure", is_flag=True, help="estimate times by a few seconds of each network and training")
@click.option("--frames-per-second", type=click.FloatRange(0, min_open=True), help="estimate extraction at this rate")
def check(config: Path, headers: bool, workers: int, measure: bool, frames_per_second: float | None) -> None:
    """Look at all configured datasets before anything runs, and estimate what the study will take.

    Times are those of what is done already, measured, or given. Exit status 2 if a dataset is not ready.
    """
    from vqa.study.check import check_datasets
    from vqa.study.estimate import estimate_study

    study = configs.load(config)
    probes: dict[str, list[Probe]] = {}
    summary, ready = check_datasets(study, headers, workers, probes)
    click.echo(summary)
    if not ready:
        raise UserError(f"{config}: not every dataset is ready; see the list above")
    click.echo("\n" + estimate_study(study, probes, frames_per_second, measure))


@click.command()
@config_option
@click.option("--output", type=FOLDER, required=True, help="folder for DATASET/seed-N.csv")
def splits(config: Path, output: Path) -> None:
    """Write which videos of every dataset are training, validation and test for every seed of a study.

    Each file is a CSV with columns video_id, path, mos, split; `splits: {method: files, path: FOLDER}` reads them back.
    """
    from vqa.study.parts import write_parts

    written = write_parts(configs.load(config), output)
    click.echo(f"{len(written)} files below {output}, first {written[0]}")
