from types import SimpleNamespace

import psutil
import pytest

from agent.host import power


def told(percent, plugged):
    """Answer as psutil does."""
    return lambda: SimpleNamespace(percent=percent, power_plugged=plugged, secsleft=psutil.POWER_TIME_UNKNOWN)


def fail(error):
    """Fail as a broken driver does."""

    def ask():
        raise error

    return ask


@pytest.mark.parametrize(
    ("percent", "plugged", "low"),
    [
        (19.9, False, True),
        (20, False, False),
        (5, True, False),
        (5, None, False),
        (0, False, True),
        (100, False, False),
    ],
)
def test_what_runs_on_its_last_fifth(percent, plugged, low):
    """Only what is known: not plugged in, and less than the least."""
    assert power.is_low(20, power.battery(told(percent, plugged))) is low


@pytest.mark.parametrize(
    "ask",
    [
        lambda: None,
        told(-1, False),
        told(255, False),
        told(float("nan"), False),
        fail(FileNotFoundError()),
        fail(ValueError("garbage in /sys")),
        fail(AttributeError()),
    ],
)
def test_what_is_not_known_is_no_low_battery(ask):
    """No battery, a driver's garbage, a system that does not say."""
    found = power.battery(ask)
    assert found is None
    assert not power.is_low(20, found)


def test_this_computer_is_asked_without_an_error():
    """Whatever it has."""
    found = power.battery()
    assert found is None or 0 <= found.percent <= 100


def test_nought_switches_it_off():
    """With 0 in the settings nothing is put off."""
    assert not power.is_low(0, power.battery(told(0, False)))
