import pytest

from tests.fuzzing.readers import READERS, fresh_seed, fuzz


@pytest.mark.parametrize("name", READERS)
def test_mutated_files_are_read_or_refused_in_one_line(name):
    seed = fresh_seed()
    summary, failures = fuzz(name, first=0, count=150, seed=seed)
    repeat = f"python -m tests.fuzzing.readers --seed {seed} --reader {name} --first NUMBER --inputs 1"
    assert not failures, f"{repeat}\n" + "\n".join(failures)
    assert " valid, " in summary and not summary.endswith(" 0 refused"), f"seed {seed}: {summary}"


def test_an_input_follows_from_its_number_and_the_seed():
    """Else no failure could be repeated: the last twenty of thirty inputs give what they gave among the thirty."""
    runs = [fuzz("manifests", first, 30 - first, seed=5)[0] for first in (0, 10, 10)]
    first_ten = fuzz("manifests", 0, 10, seed=5)[0]
    valid, refused = (
        [int(summary.split(", ")[place].split()[0]) for summary in (*runs, first_ten)] for place in (0, 1)
    )
    assert runs[1] == runs[2]
    assert valid[0] == valid[1] + valid[3] and refused[0] == refused[1] + refused[3]
