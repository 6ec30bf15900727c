"""File names that Snakemake cannot plan with."""

from vqa.study.sources import Sources
from vqa.system.errors import UserError


def require_plain(sources: Sources) -> None:
    """Raise `UserError` for a file with braces in its path: Snakemake takes them for wildcards, however escaped."""
    for dataset in sources.study.datasets:
        listing = sources.listing(dataset)
        for path in (*(video.path for video in listing.videos), *map(str, listing.metadata)):
            if "{" in path or "}" in path:
                raise UserError(
                    f"datasets.{dataset}: {path}: Snakemake reads braces in a name as wildcards; rename the file, "
                    "or link to it under another name"
                )
