"""Whoever has the database and the log's key cannot put into the facts what no logged record says."""

import hashlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs
from nacl.signing import SigningKey

from agent.contract import record, shipped
from agent.contract.record import Counted, ServerRecord
from collector import records
from collector.evidence import bundle, entry, servers
from collector.evidence.servers import KeyOfServer
from collector.judging import distrusting, gathering
from collector.ledger.keeping import keeping_of
from collector.records import NewServer
from collector.store import agreements, evidence, verdicts
from collector.store.audit import Who
from collector.store.database import MINISTRY
from collector.verdicts.exclusions import Exclusion
from collector.verdicts.facts import Lessons, Server, clock_of
from collector.verdicts.standard import shipped_standard
from tests.collector.evidence.conftest import CLOSED, judge_again, kinds, verified
from tests.fakes import lines

WHO = Who("a test", "admin")
KINDS = {"rules": bundle.Rules, "computer": bundle.ComputerRecord}
SERVER = SigningKey(b"\5" * 32)
OWN = bytes(SERVER.verify_key)
EARLY = lines.FIRST - timedelta(days=10)


@pytest.fixture
def forge(monkeypatch):
    """Judge again by facts that were changed on the way; return what comes of the bundle, and its lines."""
    real = gathering.facts_of

    def judged(place, **changes):
        def altered(*given, **named):
            return (
                structs.replace(one, **{name: how(one) for name, how in changes.items()})
                for one in real(*given, **named)
            )

        with monkeypatch.context() as patch:
            patch.setattr(gathering, "facts_of", altered)
            judge_again(place, CLOSED + timedelta(hours=2))
        whole = place.export(now=CLOSED + timedelta(days=1), school="0101", month="2026-09")
        assert b'"version":2' in b"".join(whole)
        return verified(whole, place.key()), whole

    return judged


def register(place, at=EARLY, key=SERVER, url=lines.OUTSIDE, standing="outside", operator=None) -> None:
    with place.database.owning() as connection:
        new = NewServer(url=url, key=bytes(key.verify_key).hex(), place=standing, operator=operator)
        records.add_server(connection, new, WHO, at)


def named(told, whole) -> set[str]:
    """Return the kinds of the lines that are named, once it is sure that the bundle does not prove."""
    assert not told.holds(allow_pending=True)
    return {kinds(whole)[one.line - 1] for one in told.findings}


def test_a_key_that_nobody_took_the_word_of_back(month, forge):
    """Facts that do not believe a computer, with no record of who said so, prove nothing."""
    stolen = datetime(2026, 9, 1, tzinfo=UTC)
    told, whole = forge(
        month, keys=lambda one: tuple(structs.replace(each, distrusted_from=stolen) for each in one.keys)
    )
    assert named(told, whole) == {"facts"}
    assert "no record of that" in told.findings[0].what


def test_a_key_that_is_believed_for_less_than_was_recorded(month, forge):
    """The moment is the recorded one, and no earlier."""
    stolen = verdicts.KeyRecord(
        agent=lines.Computer().agent,
        distrusted_from=datetime(2026, 9, 20, tzinfo=UTC),
        recorded_at=CLOSED + timedelta(hours=1),
        author="admin",
        reason="It was sold.",
    )
    with month.database.owning() as connection:
        distrusting.distrust(connection, stolen)
    early = datetime(2026, 9, 1, tzinfo=UTC)
    told, whole = forge(
        month, keys=lambda one: tuple(structs.replace(each, distrusted_from=early) for each in one.keys)
    )
    assert named(told, whole) == {"facts"}


@pytest.mark.parametrize(
    "said",
    [
        Server(url=lines.OUTSIDE, place="inside"),
        Server(url=lines.OUTSIDE, place="outside"),
        Server(url=lines.OUTSIDE, place="inside", public=OWN, since=EARLY),
        Server(url=lines.OUTSIDE, place="outside", public=OWN, since=EARLY, ended_at=lines.FIRST),
        Server(url=lines.OUTSIDE, place="outside", public=OWN, since=EARLY + timedelta(days=20)),
        Server(url=lines.OUTSIDE, place="outside", public=b"\1" * 32, since=EARLY),
        Server(url="wss://two.example", place="outside", public=OWN, since=EARLY),
    ],
)
def test_another_server_than_the_registered_one(place, forge, said):
    """Its place, its key and the time for which it counts are those that were recorded, for this operator."""
    register(place)
    computer = place.school()
    place.contract()
    place.deliver(lines.month(computer, [[60.0, 95.0]] * 8))
    place.judge()
    place.sign()
    assert verified(place.export(school="0101"), place.key()).holds()
    told, whole = forge(place, servers=lambda _: (said,))
    assert named(told, whole) == {"facts"}


def test_a_servers_key_that_nobody_registered(month, forge):
    """A key that stands in no record is named, with its line."""
    told, whole = forge(month, servers=lambda one: (structs.replace(one.servers[0], public=OWN, since=EARLY),))
    assert named(told, whole) == {"facts"}
    assert lines.OUTSIDE in told.findings[0].what


def test_a_record_of_a_key_that_is_not_in_the_log(place, monkeypatch):
    """What stands in the database alone is not logged, and does not prove."""
    with monkeypatch.context() as patch:
        patch.setattr("collector.store.evidence.pend", lambda *_: None)
        register(place)
    place.school()
    place.contract()
    place.judge()
    place.sign()
    whole = place.export(school="0101")
    told = verified(whole, place.key())
    assert [kinds(whole)[line - 1] for line in told.pending] == ["server key"]
    assert not told.holds()


def test_what_was_recorded_later_changes_no_older_version(place):
    """A version rests on what was known when it was made, the next one on what came then; both prove."""
    register(place, standing="inside", operator="Alpha")
    computer = place.school()
    place.contract()
    place.deliver(lines.month(computer, [[60.0, 95.0]] * 8))
    place.judge()
    place.sign()
    register(place, at=CLOSED + timedelta(hours=1))
    judge_again(place, CLOSED + timedelta(hours=2))
    for version, where in ((1, "inside"), (2, "outside")):
        whole = place.export(school="0101", version=version)
        told = verified(whole, place.key())
        assert told.holds(), told.findings
        assert [one.what for one in told.unchecked if "test server " in one.what and "placed" in one.what] == []
        facts = next(line for line in whole if b'"kind":"facts"' in line)
        assert f'\\"place\\":\\"{where}\\"'.encode() in facts


def test_a_server_inside_of_another_operators_network(place):
    """For this operator's lines it is outside; keys that ended before or began after the month are not in the facts."""
    register(place, standing="inside", operator="Beta")
    other = SigningKey(b"\6" * 32)
    register(place, at=CLOSED - timedelta(days=1), key=other, url="wss://two.example")
    place.school()
    place.contract()
    place.judge()
    place.sign()
    whole = place.export(school="0101")
    told = verified(whole, place.key())
    assert told.holds(), told.findings
    assert kinds(whole).count("server key") == 2
    facts = next(line for line in whole if b'"kind":"facts"' in line)
    assert b"two.example" not in facts
    assert b'\\"place\\":\\"outside\\"' in facts


@pytest.mark.parametrize("zone", ["Asia/Almaty", "Europe/Berlin", "America/Havana", "Asia/Beirut"])
@pytest.mark.parametrize("month", ["2024-03", "2024-10", "2024-11", "2025-04"])
def test_a_month_begins_at_local_midnight(zone, month):
    """A key counts in a month of which it has a second, also where clocks are changed, and changed at midnight."""
    year, number = map(int, month.split("-"))
    begins, ends = (datetime(year, each, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC) for each in (number, number + 1))
    hours = [begins - timedelta(days=2) + timedelta(hours=each) for each in range(36 * 24)]
    clock = [(at, int(at.astimezone(ZoneInfo(zone)).utcoffset().total_seconds()) // 60) for at in hours]
    changes = [one for before, one in zip([None, *clock], clock, strict=False) if before is None or before[1] != one[1]]
    lessons = Lessons(timetable=lines.LESSONS.timetable, clock=clock_of(changes))
    second = timedelta(seconds=1)

    def counts(since, ended_at) -> bool:
        key = KeyOfServer(
            key_id="k",
            public_key=OWN,
            url="wss://a",
            place="outside",
            since=since,
            ended_at=ended_at,
            recorded_at=since,
        )
        return bool(servers.registered([key], "Alpha", lessons, month))

    assert counts(ends - second, None)
    assert not counts(ends, None)
    assert counts(begins - second, begins + second)
    assert not counts(begins - second, begins)


def test_rules_and_keys_have_their_places(month):
    """Both rules stand in the log once, from the first verdict on, and so does each computer's key."""
    judge_again(month, CLOSED + timedelta(hours=1))
    whole = month.export(school="0101")
    found = [line.record for line in bundle.read(whole)]
    rules = [one for one in found if isinstance(one, bundle.Rules)]
    assert [entry.decode(one.place.entry.encode()).subject for one in rules] == ["rules", "rules"]
    (computer,) = [one for one in found if isinstance(one, bundle.ComputerRecord)]
    said = entry.decode(computer.place.entry.encode())
    assert (said.subject, said.key, said.school) == ("key", f"computer/{computer.agent}", "0101")
    with month.database.reading(MINISTRY) as connection:
        stored = evidence.entries_after(connection, evidence.Wanted(), (0, 0), 1000)
    subjects = [entry.decode(one.entry).subject for one in stored]
    assert (subjects.count("rules"), subjects.count("key")) == (2, 1)


@pytest.mark.parametrize("kind", ["rules", "computer"])
def test_rules_and_keys_that_stand_elsewhere(month, kind):
    """Another place than their own is named by the line, and one that is missing counts as not logged."""
    records_of = [line.record for line in bundle.read(month.export(school="0101"))]
    place = next(number for number, one in enumerate(records_of) if type(one) is KINDS[kind])
    other = next(one.place for one in records_of if isinstance(one, bundle.ReportRecord))
    secret = keeping_of(month.settings).made_key()
    for changed, named_as in ((other, "findings"), (None, "pending")):
        writer = bundle.Writer()
        forged_one = structs.replace(records_of[place], place=changed)
        forged = [writer.line(one) for one in [*records_of[:place], forged_one, *records_of[place + 1 : -1]]]
        told = verified([*forged, writer.seal(secret)], month.key())
        assert not told.holds()
        lines_named = [one.line for one in told.findings] if named_as == "findings" else list(told.pending)
        assert lines_named == [place + 1]


def test_a_computer_that_nobody_enrolled(month, forge):
    """A key that was put into the facts has no entry, and none can be made for it without being seen."""
    stranger = lines.Computer(7).card
    told, whole = forge(month, keys=lambda one: (*one.keys, stranger))
    assert not told.holds()
    assert "computer" in {kinds(whole)[line - 1] for line in told.pending}


@pytest.mark.parametrize("recorded_at", [datetime(2026, 8, 1, tzinfo=UTC), CLOSED + timedelta(minutes=30)])
def test_works_that_were_announced_afterwards(month, recorded_at):
    """What says that it was recorded before reports that stand before it in the log is told, with its line."""
    works = Exclusion(
        id="0" * 16,
        state="in_force",
        kind="planned_works",
        school="0101",
        operator="Alpha",
        begins=lines.FIRST,
        ends=lines.FIRST + timedelta(days=1),
        announced_at=min(recorded_at, lines.FIRST - timedelta(days=9)),
        recorded_at=recorded_at,
        author="ministry",
    )
    with month.database.owning() as connection:
        agreements.keep_exclusion(connection, works, "KZ-75", ["Alpha"])
    register(month, at=recorded_at)
    judge_again(month, CLOSED + timedelta(hours=2))
    whole = month.export(now=CLOSED + timedelta(hours=3), school="0101")
    told = verified(whole, month.key())
    assert told.findings == ()
    late = [kinds(whole)[one.line - 1] for one in told.remarks if "written later than it says" in one.what]
    assert late == (["server key", "exclusion"] if recorded_at < lines.FIRST else [])


def test_a_servers_record_that_nobody_logged(place, forge):
    """Whoever has a server's key too cannot let it speak of a test afterwards: facts rest on records with a place."""
    register(place)
    computer = place.school()
    place.contract()
    place.deliver(lines.month(computer, [[60.0, 95.0]] * 8))
    place.judge()
    place.sign()
    began = Counted(bytes=10**9, counted_at="received", began_at=lines.FIRST, lasted_s=1.0, connections=1)
    invented = record.sign(ServerRecord(test_id="x", server="s", software="netready", download=began), SERVER)
    told, whole = forge(place, records=lambda one: (*one.records, invented))
    assert named(told, whole) == {"verdict"}
    assert "1 records of test servers; the bundle shows 0" in told.findings[0].what


def test_what_was_stored_before_it_was_logged(place, monkeypatch):
    """Keys and rules from before such things were logged get their entry where they are used, and one only."""
    with monkeypatch.context() as patch:
        patch.setattr("collector.store.evidence.pend", lambda *_: None)
        computer = place.school()
    with place.database.owning() as connection:
        for text in (shipped_standard().raw, shipped.path("diagnosis.toml").read_bytes()):
            values = {"sha256": hashlib.sha256(text).digest(), "body": text}
            connection.execute("insert into rule_text values (%(sha256)s, %(body)s)", values)
    place.contract()
    place.deliver(lines.month(computer, [[60.0, 95.0]] * 8))
    place.judge()
    judge_again(place, CLOSED + timedelta(hours=1))
    told = verified(place.export(school="0101"), place.key())
    assert told.holds(), (told.findings, told.pending)
    assert ["after reports of it" in one.what for one in told.remarks] == [True]
    with place.database.owning() as connection:
        asked = "select subject, count(*) from log_entry where subject in ('key', 'rules') group by 1 order by 1"
        assert connection.execute(asked).fetchall() == [("key", 1), ("rules", 2)]
