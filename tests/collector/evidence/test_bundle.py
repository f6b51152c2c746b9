"""A bundle proves what it shows, to anybody, without the collector."""

import gzip
import hashlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs
from nacl.signing import SigningKey

from agent.contract import record, signing
from agent.contract.record import Counted, ServerRecord
from collector import records
from collector.bundles.exporting import compressed
from collector.errors import NotFound
from collector.evidence import bundle, note
from collector.evidence.note import Note
from collector.evidence.section import ONLY_WHAT_IS_HERE
from collector.judging import distrusting
from collector.ledger import cosigning, restarting
from collector.records import NewServer
from collector.store import agreements, checkpoints, verdicts
from collector.store.audit import Who
from collector.store.database import Viewer
from collector.verdicts.disputes import Disputed, Step
from collector.verdicts.exclusions import Exclusion
from tests.collector.evidence.conftest import CLOSED, judge_again, kinds, verified
from tests.fakes import lines, sessions

WHO = Who("a test", "admin")
WITNESS = SigningKey(bytes(range(32)))
WITNESS_KEY = note.key("auditor.test", "witness", bytes(WITNESS.verify_key))
SERVER = SigningKey(b"\5" * 32)
ALMATY = ZoneInfo("Asia/Almaty")


def test_a_month_proves(made):
    """Signatures, places in the log, and the verdict judged again to the same bytes; with figures of how complete."""
    whole = ["header", "log", "rules", "rules", "verdict", "facts", "computer", "contract", *["report"] * 16, "seal"]
    assert kinds(made.lines) == whole
    told = verified(made.lines, made.key)
    assert (told.findings, told.remarks, told.pending, told.is_told) == ((), (), (), True)
    assert told.holds()
    assert [one.what for one in told.unchecked] == [
        f"test server {lines.OUTSIDE} (outside): placed by the collector's policy, not logged",
        ONLY_WHAT_IS_HERE,
    ]
    (one,) = told.verdicts
    assert (one.school, one.line, one.month, one.operator, one.version) == ("0101", "1", "2026-09", "Alpha", 1)
    assert (one.reports, one.computers, one.tests, one.missing, one.is_same) == (16, 1, 16, 0, True)
    assert (one.half_hours, one.tested) == (22 * 20, 16)


def test_without_a_key_the_bundles_own_is_believed(made):
    """It proves, and whose key that rests on is told."""
    told = verified(made.lines)
    assert told.holds()
    assert (told.believed, told.is_told) == ((made.key.text,), False)


def test_it_is_always_the_same(month):
    """Made twice at the same time it has the same bytes, packed too."""
    once, again = month.export(school="0101"), month.export(school="0101")
    assert once == again
    assert b"".join(compressed(once)) == b"".join(compressed([b"".join(again)]))
    assert gzip.decompress(b"".join(compressed(once))) == b"".join(once)


def test_two_collectors_reach_the_same_verdict(month, other_place):
    """From the same facts, byte for byte, whatever else their databases hold."""
    other_place.school("0001", operator="Omega", seed=9)
    other_place.contract(school="0001", operator="Omega", contract="O-1")
    other_place.judge(CLOSED)
    computer = other_place.school()
    other_place.contract()
    other_place.deliver(reversed(lines.month(computer, [[60.0, 95.0]] * 8)))
    judge_again(other_place, CLOSED)
    bodies = [
        [one.body for line in bundle.read(place.export(school="0101")) if isinstance(one := line.record, shown)]
        for place in (month, other_place)
        for shown in (bundle.VerdictRecord, bundle.FactsRecord)
    ]
    assert bodies[:2] == bodies[2:]


def test_what_is_not_logged_yet(place):
    """It is told line by line, and proves only for whoever allows it; without a log nobody sealed it either."""
    computer = place.school()
    place.contract()
    place.deliver(lines.month(computer, [[60.0]] * 3))
    place.sign()
    place.deliver([computer.reports(lines.FIRST + timedelta(days=20), sessions.cable(), sessions.throughput())])
    place.judge()
    whole = place.export(school="0101")
    told = verified(whole, place.key())
    assert not told.holds()
    assert told.holds(allow_pending=True)
    names = kinds(whole)
    assert [names[line - 1] for line in told.pending] == ["rules", "rules", "verdict", "report"]


def test_before_there_is_a_log(place):
    """Nothing has a place, and nobody sealed it: the seal's line says so."""
    place.school()
    place.contract()
    place.judge()
    whole = place.export(school="0101")
    told = verified(whole)
    assert [one.line for one in told.findings] == [len(whole)]
    assert not told.holds(allow_pending=True)


def test_a_month_that_goes_on(place):
    """Its preliminary verdict is shown, and is never said to be logged."""
    computer = place.school()
    place.contract()
    place.deliver(lines.month(computer, [[60.0]] * 3))
    judge_again(place, datetime(2026, 9, 20, tzinfo=UTC))
    told = verified(place.export(school="0101"), place.key())
    assert [(one.version, one.is_same) for one in told.verdicts] == [(0, True)]
    assert told.pending
    assert told.findings == ()


def test_every_version_can_be_shown(month):
    """Facts that come later make a new version; the old one still proves, from what was known when it was made."""
    computer = lines.Computer()
    computer.sequence, computer.previous = 16, None
    at = datetime(2026, 9, 25, 5, tzinfo=UTC)
    row = [line.record for line in bundle.read(month.export(school="0101"))][-2]
    computer.previous = hashlib.sha256(row.payload.encode()).hexdigest()
    month.deliver(
        [computer.reports(at, sessions.cable(), sessions.throughput(), late=CLOSED + timedelta(hours=2) - at)]
    )
    judge_again(month, CLOSED + timedelta(hours=3))
    now = CLOSED + timedelta(hours=4)
    for version, reports in ((1, 16), (2, 17), (None, 17)):
        told = verified(month.export(now=now, school="0101", version=version), month.key())
        assert told.holds(), told.findings
        assert [(one.version, one.reports) for one in told.verdicts] == [(version or 2, reports)]


def test_each_operator_is_shown_its_own_days(place):
    """A bundle for one operator tells nothing of the other's; the report before its days is known by its hash alone."""
    computer = place.school()
    place.contract(valid_to=date(2026, 9, 15))
    place.contract(contract="B-1", operator="Beta", valid_from=date(2026, 9, 16))
    place.deliver(lines.month(computer, [[60.0] * 6] * 11 + [[95.0] * 6] * 10))
    place.judge()
    place.sign()
    both = verified(place.export(school="0101"), place.key())
    assert [(one.operator, one.state) for one in both.verdicts] == [("Alpha", "breach"), ("Beta", "compliant")]
    assert both.holds()
    beta = place.export(viewer=Viewer("operator", "Beta"), school="0101")
    told = verified(beta, place.key())
    assert told.holds()
    assert [one.operator for one in told.verdicts] == ["Beta"]
    assert kinds(beta).count("stub") == 1
    lines_but_rules = [line for line in beta if b'"kind":"rules"' not in line]
    assert all(b"breach" not in line.replace(b"is_breach", b"") for line in lines_but_rules)
    same = place.export(operator="Beta", month="2026-09")
    assert [line.record for line in bundle.read(beta)][1:-1] == [line.record for line in bundle.read(same)][1:-1]
    for stranger in (Viewer("operator", "Gamma"), Viewer("school", "0102"), Viewer("region", "KZ-71")):
        with pytest.raises(NotFound):
            place.export(viewer=stranger, month="2026-09")


def test_exclusions_disputes_and_earlier_months(month):
    """Every record beside the reports has its place, too: for the school, for the country, and of months before."""
    power_cut = Exclusion(
        id="0" * 16,
        state="in_force",
        kind="power_cut",
        school="0101",
        begins=lines.FIRST,
        ends=lines.FIRST + timedelta(days=1),
        announced_at=lines.FIRST,
        recorded_at=CLOSED,
        author="ministry",
    )
    holiday = structs.replace(power_cut, id="1" * 16, kind="holiday", school=None, region="KZ-75")
    step = Step(
        dispute="2" * 16,
        number=1,
        action="opened",
        about=Disputed(school="0101", line="1", month="2026-09", version=1, operator="Alpha"),
        at=CLOSED,
        author="Alpha",
        text="It was not us.",
    )
    with month.database.owning() as connection:
        agreements.keep_exclusion(connection, power_cut, "KZ-75", ["Alpha"])
        agreements.keep_exclusion(connection, holiday, "KZ-75", [])
        agreements.keep_step(connection, step, "KZ-75")
    judge_again(month, CLOSED + timedelta(hours=1))
    judge_again(month, datetime(2026, 11, 5, tzinfo=UTC), "2026-10")
    whole = month.export(now=datetime(2026, 11, 6, tzinfo=UTC), school="0101")
    told = verified(whole, month.key())
    assert told.findings == ()
    assert told.holds()
    assert [(one.month, one.version) for one in told.verdicts] == [("2026-09", 2), ("2026-10", 1)]
    found = kinds(whole)
    assert {kind: found.count(kind) for kind in ("exclusion", "dispute", "past")} == {
        "exclusion": 4,
        "dispute": 1,
        "past": 1,
    }


def test_the_servers_own_records(place):
    """They are signed and logged, and compared with what the reports say; one that no report tells of is counted."""
    with place.database.owning() as connection:
        new = NewServer(url=lines.OUTSIDE, key=bytes(SERVER.verify_key).hex(), place="outside")
        records.add_server(connection, new, WHO, lines.FIRST - timedelta(days=1))
    computer = place.school()
    place.contract()
    tests = [sessions.throughput(test_id=f"test-{number}") for number in range(3)]
    at = lines.FIRST
    place.deliver(
        computer.reports(at + timedelta(minutes=number), sessions.cable(), one) for number, one in enumerate(tests)
    )

    def counted(direction, factor: float) -> Counted:
        return Counted(
            bytes=int(direction.bytes * factor),
            counted_at="received",
            began_at=at,
            lasted_s=direction.duration_s,
            connections=1,
        )

    sent = [
        record.sign(
            ServerRecord(
                test_id=one.test_id,
                server="s",
                software="netready",
                download=counted(one.download, factor),
                upload=counted(one.upload, factor),
            ),
            SERVER,
        )
        for one, factor in ((tests[0], 1), (tests[1], 0.5))
    ]
    with place.database.ingesting() as connection:
        records.take(connection, sent, at + timedelta(minutes=5), ALMATY)
    place.judge()
    place.sign()
    whole = place.export(school="0101")
    told = verified(whole, place.key())
    assert told.holds(), told.findings
    (one,) = told.verdicts
    assert (one.with_record, one.differing, one.only_server) == (1, 1, 0)
    assert "bytes" in told.remarks[0].what
    assert kinds(whole).count("record") == 2
    assert kinds(whole)[told.remarks[0].line - 1] == "record"


def test_reports_that_never_came(place):
    """Numbers between others that nobody has are counted and told; the verdict allows for them itself."""
    computer = place.school()
    place.contract()
    sent = lines.month(computer, [[60.0]] * 8)
    place.deliver([*sent[:3], *sent[5:]])
    place.judge()
    place.sign()
    told = verified(place.export(school="0101"), place.key())
    assert told.holds()
    assert told.verdicts[0].missing == 2
    assert "4 to 5" in told.remarks[0].what


def cosign(place) -> None:
    """Put the witness's name under the newest checkpoint."""
    with place.database.owning() as connection:
        log = cosigning.log_of(connection, None)
        newest = checkpoints.newest(connection, log.number)
        shown = note.read(newest.note)
        line = note.cosign(shown.body, WITNESS_KEY.name, WITNESS, CLOSED)
        cosigning.accept(connection, Note(shown.body, (line,)).text, CLOSED)


def test_what_witnesses_saw(month):
    """An older checkpoint that a witness cosigned is shown with the proof that it is the beginning of the newest."""
    with month.database.owning() as connection:
        cosigning.add(connection, "The auditor", WITNESS_KEY.text, WHO, CLOSED)
    key = month.key()
    untold = verified(month.export(school="0101"), key, witnesses=(WITNESS_KEY,), at_least=1)
    assert {kinds(month.export(school="0101"))[one.line - 1] for one in untold.findings} >= {"verdict", "report"}
    month.sign()
    cosign(month)
    assert verified(month.export(school="0101"), key, witnesses=(WITNESS_KEY,), at_least=1).holds()
    judge_again(month, datetime(2026, 11, 5, tzinfo=UTC), "2026-10")
    whole = month.export(now=datetime(2026, 11, 6, tzinfo=UTC), school="0101")
    told = verified(whole, key, witnesses=(WITNESS_KEY,), at_least=1)
    assert [kinds(whole)[one.line - 1] for one in told.findings] == ["verdict"]  # October's: only the newest has it
    assert verified(whole, key, witnesses=(WITNESS_KEY,)).holds()
    forger = note.key("auditor.test", "witness", bytes(SERVER.verify_key))
    assert not verified(whole, key, witnesses=(forger,), at_least=1).holds()


def test_a_log_that_ended(month):
    """What the old log proved it still proves; what came after stands in the next one; one key is told for both."""
    restarting.restart(month.database, month.settings, "a test", WHO, CLOSED)
    judge_again(month, datetime(2026, 11, 5, tzinfo=UTC), "2026-10")
    whole = month.export(now=datetime(2026, 11, 6, tzinfo=UTC), school="0101")
    assert kinds(whole)[1:3] == ["log", "log"]
    told = verified(whole, month.key())
    assert told.findings == ()
    assert told.holds()


def test_a_server_whose_key_ended(place):
    """What its key signed of tests that began later is shown, and not counted."""
    with place.database.owning() as connection:
        new = NewServer(url=lines.OUTSIDE, key=bytes(SERVER.verify_key).hex(), place="outside")
        records.add_server(connection, new, WHO, lines.FIRST - timedelta(days=1))
    computer = place.school()
    place.contract()
    test = sessions.throughput(test_id="a-test")
    place.deliver([computer.reports(lines.FIRST, sessions.cable(), test)])
    one = Counted(bytes=1, counted_at="received", began_at=lines.FIRST, lasted_s=1.0, connections=1)
    sent = record.sign(ServerRecord(test_id="a-test", server="s", software="netready", download=one), SERVER)
    with place.database.ingesting() as connection:
        records.take(connection, [sent], lines.FIRST, ALMATY)
    with place.database.owning() as connection:
        key_id = signing.agent_id(bytes(SERVER.verify_key))
        records.end_server(connection, key_id, WHO, lines.FIRST - timedelta(hours=1))
    place.judge()
    place.sign()
    told = verified(place.export(school="0101"), place.key())
    assert told.holds(), told.findings
    assert (told.verdicts[0].with_record, told.verdicts[0].differing) == (0, 0)
    assert "had ended" in told.remarks[0].what


def test_a_stolen_key(month):
    """Who took a computer's word back, from when on and why, stands in the log and beside the verdict."""
    agent = lines.Computer().agent
    stolen = verdicts.KeyRecord(
        agent=agent,
        distrusted_from=datetime(2026, 9, 7, tzinfo=UTC),
        recorded_at=CLOSED + timedelta(hours=1),
        author="admin",
        reason="It was sold.",
    )
    with month.database.owning() as connection:
        distrusting.distrust(connection, stolen)
    judge_again(month, CLOSED + timedelta(hours=2))
    whole = month.export(now=CLOSED + timedelta(hours=3), school="0101", month="2026-09")
    told = verified(whole, month.key())
    assert told.holds(), told.findings
    assert kinds(whole).count("agent key") == 1
    assert [one.version for one in told.verdicts] == [2]
    assert any(b"It was sold." in line for line in whole)
    assert verified(month.export(school="0101", month="2026-09", version=1), month.key()).holds()
