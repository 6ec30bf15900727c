"""The lowest versions that pyproject.toml admits, a pin each: `python -m tests.lowest`, for `make test-lowest`."""

import re
import sys
import tomllib

from tests.conftest import REPO

_TESTS = {
    "hypothesis",
    "imageio-ffmpeg",
    "markdown",
    "pytest",
    "pytest-xdist",
    "rocrate",
    "statsmodels",
}  # the tools that the tests of `make test-lowest` use
_LOWEST = re.compile(r"([A-Za-z0-9_.-]+)>=([0-9.]+)")


def pins() -> list[str]:
    """`name==version` of every dependency, and of what the tests need; raises where one has no lower bound."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["test"]
    wanted = [*project["dependencies"], *(entry for entry in extra if re.split("[<>=]", entry)[0] in _TESTS)]
    found = [_LOWEST.match(entry) for entry in wanted]
    if None in found:
        sys.exit(f"pyproject.toml: {wanted[found.index(None)]} has no lower bound")
    return [f"{match[1]}=={match[2]}" for match in found if match]


if __name__ == "__main__":
    print("\n".join(pins()))
