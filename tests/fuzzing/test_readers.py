import pytest

from tests.fuzzing.readers import READERS, fuzz


@pytest.mark.parametrize("name", READERS)
def test_mutated_files_are_read_or_refused_in_one_line(name):
    summary, failures = fuzz(name, first=1_000_000, count=150, seed=1)
    assert not failures
    assert " valid, " in summary and not summary.endswith(" 0 refused")
