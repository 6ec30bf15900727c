"""The two ways a command ends badly."""


class UserError(Exception):
    """A mistake the user can mend: one line saying what, where, and what to do (exit status 2)."""


# Extracts what is missing and renews the index; nothing retrains if that comes out the same.
MEND = "snakemake --cores N --forcerun extract --until index"


class RunError(Exception):
    """The run itself failed although the request was sound (exit status 1)."""
