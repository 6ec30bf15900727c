"""The pytest plugin that tells mutmut what each test reaches; what a shared fixture reaches, all its tests reach."""

from collections import defaultdict
from collections.abc import Generator
from typing import Any

import pytest
from mutmut.state import state

from tests.mutation import hits

_of_fixture: dict[pytest.FixtureDef[Any], set[str]] = defaultdict(set)


def pytest_configure() -> None:
    hits.install()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
    made = yield
    if hits.collecting() and fixturedef.scope != "function":
        _of_fixture[fixturedef] |= hits.noted()
    return made


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: Any) -> None:
    """Before mutmut's own, which takes what stands in its state."""
    if not hits.collecting():
        return
    fixtures = [each for found in item._fixtureinfo.name2fixturedefs.values() for each in found]
    state()._stats.update(hits.noted(), *(_of_fixture[each] for each in fixtures))
    hits.forget()
