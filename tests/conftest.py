"""What holds for every test."""

import os

import pytest
from hypothesis import settings

# No timed asserts: a slow shared machine is no reason to fail a property.
settings.register_profile("netready", deadline=None)
settings.load_profile("netready")


def pytest_terminal_summary(terminalreporter, config):
    """In CI every tool is installed first: a test skipped there would be a test that nobody runs."""
    skipped = terminalreporter.stats.get("skipped", [])
    if os.environ.get("CI") == "true" and skipped:
        terminalreporter.write_line(f"{len(skipped)} skipped in CI, where nothing may be: install what is missing")
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED
