"""vqa bundle, verify, unpack"""

from pathlib import Path

import click

from vqa.cli.options import FILE, FOLDER
from vqa.system.errors import UserError


@click.command()
@click.argument("results", type=FOLDER)
@click.option("-o", "--output", type=FILE, required=True, help="the zip to write")
@click.option("--features/--no-features", default=False, show_default=True, help="with the shards: stage 2 can rerun")
@click.option("--mos/--no-mos", default=True, show_default=True, help="with the labels")
@click.option("--thumbnails/--no-thumbnails", default=True, show_default=True, help="with pictures of the videos")
@click.option("--licence", default="not stated", show_default=True, help="of the bundle, such as CC-BY-4.0")
@click.option("--citation", default="not stated", show_default=True, help="how to cite the study")
def bundle(
    results: Path, output: Path, features: bool, mos: bool, thumbnails: bool, licence: str, citation: str
) -> None:
    """Put the finished study in RESULTS into one zip for others: an RO-Crate without paths, users and hosts."""
    from vqa.results.bundle.contents import Choice
    from vqa.results.bundle.pack import write_bundle
    from vqa.system.files import sha256

    choice = Choice(features, mos, thumbnails)
    count = write_bundle(results, output, choice, licence, citation)
    click.echo(f"{output}: {count} files, {output.stat().st_size / 1e6:.1f} MB, SHA-256 {sha256(output)}")
    for told in choice.left_out():
        click.echo(f"left out: {told}")


@click.command()
@click.argument("path", metavar="BUNDLE", type=FILE)
def verify(path: Path) -> None:
    """Check each file of BUNDLE; compute its metrics, tests and tables again. Exit status 2 if anything differs."""
    from vqa.results.bundle.verify import verify as run

    found = run(path)
    for line in (*found.checked, *found.unchecked):
        click.echo(line)
    for line in found.differences:
        click.echo(f"differs: {line}")
    if found.differences:
        raise UserError(f"{path}: {len(found.differences)} differences, first {found.differences[0]}")
    click.echo("equal" if found.computed else "every file is whole; the numbers could not be computed again")


@click.command()
@click.argument("path", metavar="BUNDLE", type=FILE)
@click.option("-o", "--output", type=FOLDER, required=True, help="a new folder")
def unpack(path: Path, output: Path) -> None:
    """Make of BUNDLE a study that Snakemake finds finished, without its videos."""
    from vqa.results.bundle.unpack import unpack as run

    about = run(path, output)
    click.echo(
        f"{output}: {about.get('licence', 'no licence')}; cd there and run Snakemake with --configfile study.yaml"
    )
    if not about.get("with_mos", True):
        click.echo("it holds no MOS: Snakemake reads it once they are filled in")
