import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.meter import announcement
from agent.meter.announcement import FRESH_S, Said

KEY, OTHER = bytes(range(32)), bytes(32)
AGENT, NOW = "a" * 32, 1_795_000_000.0
SAID = Said(agent=AGENT, addresses=("10.0.0.5", "fd00::5"), port=8871, medium="wifi", time=NOW)


def texts(**changes) -> dict[str, str]:
    return {**announcement.texts(KEY, SAID), **changes}


def test_what_is_told_is_read():
    """All that a computer says of itself arrives, and keys of later versions are passed over."""
    assert announcement.read(KEY, texts(), NOW) == SAID
    assert announcement.read(KEY, texts(more="1"), NOW) == SAID


@pytest.mark.parametrize("name", ["version", "agent", "addresses", "port", "medium", "time", "proof"])
def test_every_part_is_proven(name):
    """Whoever changes or leaves out any part of what was overheard has no proof of the rest."""
    for value in ("", "1", "b" * 32, "10.0.0.66", "я" * 64, texts()[name] + "0"):
        assert announcement.read(KEY, texts(**{name: value}), NOW) is None or value == texts()[name]
    without = texts()
    del without[name]
    assert announcement.read(KEY, without, NOW) is None


@given(st.dictionaries(st.sampled_from([*announcement.texts(KEY, SAID)]), st.text(max_size=80)))
def test_a_stranger_proves_nothing(told):
    """No texts of somebody without the key are believed, nor do they raise anything."""
    assert announcement.read(KEY, told, NOW) is None
    assert announcement.read(OTHER, texts() | told, NOW) is None


@pytest.mark.parametrize(("late_s", "heard"), [(0, True), (FRESH_S, True), (-FRESH_S, True), (FRESH_S + 1, False)])
def test_what_was_overheard_is_soon_worth_nothing(late_s, heard):
    """It can be said again for a while, by clocks that differ somewhat, and then no more."""
    assert (announcement.read(KEY, texts(), NOW + late_s) is not None) is heard


def test_said_again_it_leads_nowhere_but_to_the_genuine_place():
    """Of what a computer said the newest counts, in whatever order it is heard; each computer is there once."""
    moved = Said(agent=AGENT, addresses=("10.0.0.9",), port=8871, medium="wifi", time=NOW + 60)
    for heard in ([SAID, moved, SAID], [moved, SAID, SAID]):
        assert announcement.newest(heard) == (moved,)


def test_nothing_outside_the_school_is_told():
    """Even with the key nobody is led outside: public addresses are left out, and without others it is nobody."""
    mixed = Said(agent=AGENT, addresses=("8.8.8.8", "10.0.0.5", "x"), port=8871, medium=None, time=NOW)
    told = announcement.read(KEY, announcement.texts(KEY, mixed), NOW)
    assert told is not None
    assert told.addresses == ("10.0.0.5",)
    outside = Said(agent=AGENT, addresses=("8.8.8.8",), port=8871, medium=None, time=NOW)
    assert announcement.read(KEY, announcement.texts(KEY, outside), NOW) is None


@pytest.mark.parametrize("changes", [{"agent": "short"}, {"port": 0}, {"port": 99_999}, {"time": -5.0}])
def test_nonsense_with_a_proof_is_nobody(changes):
    """A computer of the school that has gone mad is not called."""
    mad = Said(**{"agent": AGENT, "addresses": ("10.0.0.5",), "port": 8871, "medium": None, "time": NOW} | changes)
    assert announcement.read(KEY, announcement.texts(KEY, mad), NOW) is None
