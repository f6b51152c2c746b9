"""A reflector for the probes' tests."""

from collections.abc import Iterator

import pytest

from tests.fakes import reflectors


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Give the HOST:PORT of a real reflector."""
    with reflectors.reflector() as place:
        yield place
