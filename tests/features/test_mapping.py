"""Features stay in their files until they are read; how many stay mapped is bounded, what is read is not."""

import resource
from pathlib import Path

import numpy as np
import pytest

from vqa.features import mapping, shards
from vqa.system.errors import UserError

ROWS, DIM = 50, 100  # 10 kB in float16


@pytest.fixture
def folder(tmp_path) -> list[Path]:
    """Four shards; the rows of shard n are drawn with seed n."""
    for number in range(4):
        rows = drawn(number)
        shards.write(tmp_path / f"{number}.h5", [rows], rows.shape, "float16", range(ROWS), {"fps": 25.0})
    return sorted(tmp_path.glob("*.h5"))


def drawn(number: int) -> np.ndarray:
    return np.random.default_rng(number).normal(size=(ROWS, DIM)).astype(np.float16)


def mapped() -> set[str]:
    """The shards that this process has mapped, as the kernel says."""
    return {Path(line.split()[-1]).name for line in Path("/proc/self/maps").read_text().splitlines() if ".h5" in line}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[shards.memory_map(path).offset + 40] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("megabytes", [0, 1])
def test_features_that_fit_stay_mapped_once_read(folder, megabytes):
    found = [rows.features for rows in shards.rows_of(folder, megabytes=megabytes)]
    assert not mapped() and [each.shape for each in found] == [(ROWS, DIM)] * 4 and len(found[0]) == ROWS
    for number, each in enumerate(found):
        assert np.array_equal(np.asarray(each), drawn(number))
    assert len(mapped()) == 4 and found[0].rows() is found[0].rows()


def test_features_beyond_the_budget_are_mapped_while_they_are_used(tmp_path):
    rows = np.ones((2000, DIM), np.float16)  # 0.4 MB
    paths = [tmp_path / f"{name}.h5" for name in "abcd"]
    for path in paths:
        shards.write(path, [rows], rows.shape, "float16", range(len(rows)), {})
    found = [each.features for each in shards.rows_of(paths, megabytes=1)]
    for _ in range(3):
        for path, each in zip(paths, found, strict=True):
            read = np.asarray(each)
            assert np.array_equal(read, rows) and path.name in mapped()
            del read
    assert mapped() == {"a.h5", "b.h5"}


def test_a_process_that_may_open_few_files_maps_fewer(folder):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (mapping._OTHER_FILES + 1, hard))
    try:
        found = shards.rows_of(folder)
        assert all(np.array_equal(np.asarray(rows.features), drawn(n)) for n, rows in enumerate(found))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert mapped() == {"0.h5"}


def test_a_shard_is_verified_when_it_is_first_read_and_then_no_more(folder, monkeypatch):
    flip(folder[2])
    found = [rows.features for rows in shards.rows_of(folder)]
    hashed = []
    real = mapping.hashlib.sha256
    monkeypatch.setattr(mapping.hashlib, "sha256", lambda data: hashed.append(len(data)) or real(data))
    for _ in range(2):
        np.asarray(found[0])
    assert hashed == [ROWS]
    with pytest.raises(UserError, match=r"2\.h5: its data do not match their checksum; delete it and run"):
        np.asarray(found[2])


def test_what_is_fetched_ahead_is_read_as_ever(folder):
    (each,) = (rows.features for rows in shards.rows_of(folder[:1]))
    each.fetch()
    assert not mapped() and np.array_equal(np.asarray(each, np.float64), drawn(0).astype(np.float64))
    folder[0].unlink()
    each.fetch()  # mapped: there is nothing to fetch
