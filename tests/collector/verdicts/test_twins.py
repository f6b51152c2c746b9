"""A test server's keys: each is believed of tests in its own time, and where it stands is asked at the test's time."""

from datetime import datetime, timedelta

import msgspec
import pytest
from nacl.signing import SigningKey

from collector.verdicts.facts import Server
from collector.verdicts.judge import judge
from collector.verdicts.twins import Twins
from tests.fakes import halves, lines, sessions
from tests.fakes.lines import Computer

OLD, NEW = SigningKey(b"o" * 32), SigningKey(b"n" * 32)
AT = lines.school_days(12)[-1]  # in the middle of September
HOUR = timedelta(hours=1)


def server(key: SigningKey | None, **changes) -> Server:
    public = None if key is None else bytes(key.verify_key)
    return Server(**({"url": lines.OUTSIDE, "place": "outside", "public": public} | changes))


ROTATED = (server(OLD, ended_at=AT + HOUR), server(NEW, since=AT - HOUR))


def a_test(at: datetime, key: SigningKey, dated: datetime | None = None):
    """Return a test that carries the record that a key signed, of the same time or of another one."""
    test = sessions.throughput(60e6, started_at=at, test_id=f"{1:032x}")
    of_server = msgspec.structs.replace(test, started_at=dated or at)
    return msgspec.structs.replace(test, record=halves.recorded(of_server, 1, key=key))


@pytest.mark.parametrize(
    ("key", "hours", "is_believed"),
    [(OLD, -2, True), (OLD, 0, True), (OLD, 2, False), (NEW, -2, False), (NEW, 0, True), (NEW, 2, True)],
)
def test_a_key_is_replaced_with_overlap(key, hours, is_believed):
    """While two keys count, both are believed; before and after, the one that counts then."""
    test = a_test(AT + hours * HOUR, key)
    twins = Twins(ROTATED, ())
    assert (twins.of(test, AT + hours * HOUR).record is not None) is is_believed
    sent = Twins(ROTATED, [test.record])
    bare = msgspec.structs.replace(test, record=None)
    assert (sent.of(bare, AT + hours * HOUR).record is not None) is is_believed
    assert twins.is_kept_by(test.server, AT + hours * HOUR)


def test_a_key_that_ended_cannot_date_back():
    """Whoever has an ended key can sign nothing for a test of today, whatever time the record names."""
    forged = a_test(AT + 5 * HOUR, OLD, dated=AT)
    assert Twins(ROTATED, ()).of(forged, AT + 5 * HOUR).record is None
    untimed = msgspec.structs.replace(forged, started_at=None)
    assert Twins(ROTATED, ()).of(untimed, AT + 5 * HOUR).record is None


def test_a_server_moves_with_a_new_key():
    """Where a server stood is asked at the test's time; one that nobody placed stood nowhere."""
    moved = Twins((server(OLD, place="inside", ended_at=AT), server(NEW, since=AT)), ())
    assert [moved.place_of(lines.OUTSIDE, AT + hours * HOUR) for hours in (-1, 0, 1)] == [
        "inside",
        "outside",
        "outside",
    ]
    assert Twins((server(NEW, since=AT),), ()).place_of(lines.OUTSIDE, AT - HOUR) == "outside"
    assert Twins((server(OLD, ended_at=AT),), ()).place_of(lines.OUTSIDE, AT + HOUR) == "outside"
    assert Twins((server(NEW),), ()).place_of("wss://other.example", AT) is None


def test_a_record_is_missed_from_the_keys_registration_on():
    """A server's tests before its key was registered need no record; those after it do."""
    computer = Computer()
    reports = lines.month(computer, [[60.0] * 6] * 21)
    found = judge(lines.facts(reports, computer, servers=(server(NEW, since=AT - HOUR),))).verdict
    assert found.excluded["no_record"] == 10 * 6
    [judged] = {part.judged for part in found.parts}
    assert judged == 11 * 6


def test_an_ended_key_leaves_what_it_proved():
    """Tests of the time before stay whole; those after the end speak as those of a server that does not sign."""
    computer = Computer()
    reports = lines.month(computer, [[60.0] * 6] * 21)
    found = judge(lines.facts(reports, computer, servers=(server(OLD, ended_at=AT - HOUR),))).verdict
    assert found.excluded["no_record"] == 11 * 6
