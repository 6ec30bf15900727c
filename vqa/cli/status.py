"""vqa status"""

from pathlib import Path

import click

from vqa import config as configs
from vqa.cli.options import config_option


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="for programs")
def status(config: Path, as_json: bool) -> None:
    """How far a study has come, while Snakemake runs or after. Reads files only, also on a cluster's shared disk."""
    from vqa.study.status import status as look
    from vqa.study.status_table import to_text

    found = look(configs.load(config))
    click.echo(found.to_json() if as_json else to_text(found))
