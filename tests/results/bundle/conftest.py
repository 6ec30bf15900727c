"""A small finished study, and its bundle, made once."""

import pytest

from tests.results import fake_study
from tests.results.bundle.study import DATASET, USER, VIDEOS, pack, small_study, write_small
from vqa.results.bundle.contents import Choice


@pytest.fixture(scope="package")
def home(tmp_path_factory):
    """The home folder of a user whose name stands nowhere else."""
    folder = tmp_path_factory.mktemp("machine") / "home" / USER
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
            patch.setenv(variable, USER)
        patch.setitem(fake_study.SIZES, DATASET, VIDEOS)
        write_small(small_study(folder), folder)
        yield folder


@pytest.fixture(scope="package")
def results(home):
    return home / "work" / "results"


@pytest.fixture(scope="package")
def bundle(results, tmp_path_factory):
    return pack(results, tmp_path_factory.mktemp("bundle") / "study.zip", Choice(features=True))
