"""What holds for every test."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No timed asserts: a slow shared machine is no reason to fail a property.
settings.register_profile("netready", deadline=None)
settings.load_profile("netready")

# Other people's captures: beside the repository on some machines, never inside it.
SHARED_SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "samples"


@pytest.fixture
def shared_samples():
    """The folder of other people's real captures; without it the tests that ask for it are not selected."""
    return SHARED_SAMPLES


def pytest_collection_modifyitems(config, items):
    """Leave out what needs the shared captures where they are not: each decoder has fixtures of its own besides.

    The journeys come first: they take longest, and files that run side by side then end together.
    """
    items.sort(key=lambda item: "journey" not in item.path.parts)
    if not SHARED_SAMPLES.is_dir():
        without = [item for item in items if "shared_samples" in item.fixturenames]
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]


def pytest_terminal_summary(terminalreporter, config):
    """In CI every tool is installed first: a test skipped there would be a test that nobody runs."""
    skipped = terminalreporter.stats.get("skipped", [])
    if os.environ.get("CI") == "true" and skipped:
        terminalreporter.write_line(f"{len(skipped)} skipped in CI, where nothing may be: install what is missing")
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED
