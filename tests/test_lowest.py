from packaging.requirements import Requirement

from tests.conftest import REPO
from tests.lowest import pins


def test_every_pin_is_the_lowest_version_its_requirement_admits():
    import tomllib

    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    pinned = dict(pin.split("==") for pin in pins())
    for text in project["dependencies"]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(pinned[wanted.name]), text
        assert f">={pinned[wanted.name]}" in str(wanted.specifier)


def test_the_workflow_asks_for_the_snakemake_that_the_package_does():
    lowest = dict(pin.split("==") for pin in pins())["snakemake"]
    assert f'min_version("{lowest}")' in (REPO / "Snakefile").read_text()
