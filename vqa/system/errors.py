"""The two ways a command ends badly, and the commands that mend."""

import os

# How Snakemake was called: the Snakefile tells its jobs, so that what they advise can be pasted.
SNAKEMAKE = "VQA_SNAKEMAKE"


class UserError(Exception):
    """A mistake the user can mend: one line saying what, where, and what to do (exit status 2)."""


class RunError(Exception):
    """The run itself failed although the request was sound (exit status 1)."""


def one_line(error: BaseException) -> str:
    """What a library or a user's code raised, without the frames of C++ that torch may add."""
    return f"{type(error).__name__}: {' '.join(str(error).partition('Exception raised from')[0].split())}"


def snakemake(*arguments: str) -> str:
    """The command line that runs this study again, with `arguments`."""
    return " ".join([os.environ.get(SNAKEMAKE, "snakemake"), "--cores N", *arguments])


def mend() -> str:
    """Extracts, or imports, what is missing and renews the index; nothing retrains if that comes out the same."""
    return snakemake("--forcerun extract import_features --until index")


MEND = mend()
