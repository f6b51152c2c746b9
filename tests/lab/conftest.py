"""The line of the lab: skipped with a reason where a machine allows no namespaces, never in CI."""

import os
import sys
from collections.abc import Iterator
from functools import cache

import pytest

from tests.lab import namespaces
from tests.lab.namespaces import SERVER_IP, SERVER_IP6, Line

PORT = 9000
_why_not = cache(namespaces.unavailable)


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    """A line with a reflector at its far end."""
    reason = _why_not()
    if reason is not None:
        assert os.environ.get("CI") != "true", f"in CI the lab has to run: {reason}"
        pytest.skip(reason)
    with Line() as made:
        reflector = made.server.start(sys.executable, "-m", "tests.lab.reflect", "::", str(PORT))
        try:
            assert reflector.stdout.readline().startswith("listening ")
            yield made
        finally:
            reflector.stdin.close()
            reflector.wait(10)
            reflector.stdout.close()


@pytest.fixture(params=[SERVER_IP, f"[{SERVER_IP6}]"], ids=["ipv4", "ipv6"])
def place(request: pytest.FixtureRequest) -> str:
    """The reflector's address at the far end of the line."""
    return f"{request.param}:{PORT}"
