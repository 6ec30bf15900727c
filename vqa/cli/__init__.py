"""The `vqa` command: one subcommand a stage. Parsing only; the work is in the stage modules.

Exit status: 0 done; 2 a mistake of the user's, one line on standard error; 1 the run failed.
"""

import importlib
import logging
import os
import sys

import click

from vqa import __version__
from vqa.system.errors import RunError, UserError

# subcommand -> module that defines it; imported only when used, so that start-up stays short
_COMMANDS = {
    "demo-data": "data",
    "manifest": "data",
    "probe": "data",
    "check": "data",
    "splits": "data",
    "weights": "features",
    "extract": "features",
    "import-features": "features",
    "index": "features",
    "clean": "features",
    "train": "training",
    "import-predictions": "training",
    "cross": "training",
    "score": "scoring",
    "evaluate": "results",
    "videos": "results",
    "shown": "results",
    "tables": "results",
    "figures": "results",
    "report": "results",
    "compare": "results",
    "bundle": "publish",
    "verify": "publish",
    "unpack": "publish",
    "status": "status",
    "list": "models",
    "check-model": "models",
    "check-backbone": "models",
}


_FUNCTIONS = {"list": "list_"}


class _Stages(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(f"vqa.cli.{_COMMANDS[name]}")
        command: click.Command = getattr(module, _FUNCTIONS.get(name, name.replace("-", "_")))
        return command


@click.group(cls=_Stages, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="vqa")
def cli() -> None:
    """Does temporal modelling matter in video quality assessment?

    Each command is one stage of the study; `snakemake --cores N` runs them all in order and
    prints each command it runs, ready to be copied. Start with `vqa check --config config.yaml`.
    """


def main() -> None:
    """The `vqa` command. It ends without Python's teardown, which with torch takes half a second of
    every job; what it wrote is closed by then.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    logging.getLogger("vqa").setLevel(logging.INFO)
    try:
        status = _run()
        sys.stdout.flush()
    except BrokenPipeError:
        status = 1
    os._exit(status)


def _run() -> int:
    """The exit status; a mistake or a failure is told in one line."""
    try:
        cli(prog_name="vqa")
    except SystemExit as done:
        return int(done.code or 0)
    except UserError as error:
        print(f"vqa: error: {error}", file=sys.stderr)
        return 2
    except RunError as error:
        print(f"vqa: failed: {error}", file=sys.stderr)
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"vqa: failed: {where}{error.strerror or error}", file=sys.stderr)
    return 1
