"""For every key of imported features: a change of it on a finished study plans exactly the jobs it should."""

import os
from collections import Counter

import numpy as np
import pytest

from tests.workflow.conftest import Project
from tests.workflow.imports_study import write_imports_study
from tests.workflow.rerun_matrix import IMPORT_ONE, IMPORTS
from tests.workflow.test_rerun_matrix import rows, set_key
from tests.workflow.test_sources import OLD

pytestmark = pytest.mark.reruns


@pytest.fixture
def imports(run_once, tmp_path) -> Project:
    """A copy of the finished study of imported features, to plan with."""
    return run_once("imports", write_imports_study).link(tmp_path / "project")


@pytest.mark.parametrize("key,value,jobs", rows(IMPORTS))
def test_a_key_of_imported_features_plans_its_jobs(imports, key, value, jobs):
    set_key(imports, key, value)
    assert imports.jobs() == Counter(jobs)


def test_features_are_imported_again_where_their_file_changes_and_never_where_it_is_touched(imports):
    data = imports.folder / "data"
    for file in (data / "matrix.npz", data / "clips/v03.npy", data / "labels.csv", data / "theirs-0.csv"):
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content)
        os.utime(file, (OLD, OLD))
    assert imports.jobs() == {}
    (data / "clips/v03.npy").unlink()
    np.save(data / "clips/v03.npy", np.zeros((5, 3)))
    assert imports.jobs() == Counter(IMPORT_ONE)
