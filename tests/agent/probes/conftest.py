"""What the probes' tests measure against: real reflectors, plain and over TLS."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.meter import progress
from tests.fakes import reflectors
from tests.fakes.certificates import Authority


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Give the HOST:PORT of a real reflector."""
    with reflectors.reflector() as place:
        yield place


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give a certificate authority that no computer trusts by itself."""
    return Authority(tmp_path)


@pytest.fixture
def secure_server(authority: Authority) -> Iterator[str]:
    """Give the HOST:PORT of a real reflector with a certificate of the authority."""
    with reflectors.reflector(tls=authority.issue()) as place:
        yield f"localhost:{place.rpartition(':')[2]}"


@pytest.fixture
def heard() -> Iterator[list[progress.Progress]]:
    """Watch what is measured in the test; the list fills meanwhile."""
    told: list[progress.Progress] = []
    with progress.watch(told.append):
        yield told
