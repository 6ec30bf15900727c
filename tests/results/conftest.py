"""A finished study whose truth is known, made once."""

import pytest

from tests.results.fake_study import NOISE, evaluated, paper_study, write_fake
from vqa.results.study_data import StudyData


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> StudyData:
    """A full-size study: at frame level OS is truly worse by about 0.05, SO equal, SS nearly so."""
    return evaluated(write_fake(paper_study(tmp_path_factory.mktemp("study") / "results"), NOISE))
