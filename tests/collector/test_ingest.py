import gzip
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent.contract import report, signing, wire
from agent.contract.errors import MalformedError
from agent.contract.measurement import Failed, Skipped
from collector import ingest
from collector.store import agents
from collector.store.database import MINISTRY
from tests.fakes.computer import Computer, batch, direction, paced, throughput, wire_link


@pytest.fixture
def accept(database):
    """Deliver envelopes and return the receipts."""

    def deliver(*envelopes: bytes, now: datetime | None = None) -> list[wire.Receipt]:
        with database.ingesting() as connection:
            return ingest.accept(connection, envelopes, now or datetime.now(UTC))

    return deliver


@pytest.fixture
def ask(database):
    """Read from the store with the ministry's eyes."""

    def read(question: str) -> list[tuple]:
        with database.reading(MINISTRY) as connection:
            return connection.execute(question).fetchall()

    return read


@pytest.fixture
def computer(add_school, enrolled):
    """A computer of school 0007."""
    add_school("0007", operator="Operator A")
    return enrolled("0007")


def test_a_report_is_stored_with_its_bytes_and_what_they_say(computer, accept, ask):
    """The signed bytes are kept verbatim, and the test in them becomes a row."""
    payload = computer.payload(wire_link(), throughput(30e6, 6e6, rtt_idle_ms=12.5))
    (receipt,) = accept(computer.signed(payload))
    assert (receipt.answer, receipt.reason, receipt.sha256) == ("stored", None, report.sha256_hex(payload))
    ((stored, signature),) = ask("select payload, signature from report")
    assert bytes(stored) == payload
    envelope = signing.Envelope(
        payload_type=report.PAYLOAD_TYPE,
        payload=bytes(stored),
        signatures=(signing.Signature(keyid=computer.id, sig=bytes(signature)),),
    )
    assert signing.verify(envelope, report.PAYLOAD_TYPE, computer.public_key) == payload
    row = ask(
        "select school_id, download_bps, upload_bps, download_at_least, rtt_idle_ms, medium, operator from speed_test"
    )
    assert row == [("0007", 30e6, 6e6, False, 12.5, "ethernet", "Operator A")]
    assert ask("select kind from measurement order by position") == [("link",), ("throughput",)]


def test_a_replayed_report_is_stored_once(computer, accept, ask):
    """The same bytes again, in another batch or the same one, are answered "duplicate" and not stored twice."""
    envelope = computer.report(throughput(30e6, 6e6))
    assert [one.answer for one in accept(envelope, envelope)] == ["stored", "duplicate"]
    assert [one.answer for one in accept(envelope)] == ["duplicate"]
    assert ask("select count(*) from report") == [(1,)]


def test_another_report_with_a_used_sequence_is_refused_with_the_likely_cause(computer, accept, ask):
    """A second report under one sequence number never replaces the first."""
    first = computer.report(throughput(30e6, 6e6))
    computer.sequence -= 1
    second = computer.report(throughput(99e6, 9e6))
    assert accept(first)[0].answer == "stored"
    (receipt,) = accept(second)
    assert (receipt.answer, receipt.reason) == ("refused", "sequence_conflict")
    assert "copied disk" in receipt.detail
    assert ask("select download_bps from speed_test") == [(30e6,)]


def test_bad_envelopes_are_refused_one_by_one_and_the_good_one_is_stored(computer, accept, add_school, enrolled, ask):
    """Each kind of bad report gets its own reason; none spoils the batch."""
    add_school("0008")
    stranger = Computer("0007", seed=99)
    good = computer.report(throughput(30e6, 6e6))
    tampered = json.loads(computer.report(throughput(1e6, 1e6)))
    tampered["signatures"][0]["sig"] = good_signature(good)
    receipts = accept(
        good,
        b'"hello"',
        good[:-20] + b"}",
        json.dumps(tampered).encode(),
        stranger.report(throughput(1e6, 1e6)),
        computer.report(throughput(1e6, 1e6), school="0008"),
        computer.signed(computer.payload(throughput(1e6, 1e6), agent=stranger.id)),
        computer.signed(b"{}"),
        computer.signed(b'{"schema": 1, "x": "' + b"y" * report.MAX_PAYLOAD_BYTES + b'"}'),
    )
    assert [one.answer for one in receipts] == ["stored"] + ["refused"] * 8
    assert [one.reason for one in receipts[1:]] == [
        "malformed",
        "malformed",
        "signature",
        "unknown_agent",
        "wrong_school",
        "signature",
        "malformed",
        "too_large",
    ]
    assert all(one.detail for one in receipts[1:])
    assert ask("select count(*) from report") == [(1,)]


def good_signature(envelope: bytes) -> str:
    """Return the base64 signature of an envelope."""
    return json.loads(envelope)["signatures"][0]["sig"]


def test_an_unsigned_report_is_refused(computer, accept):
    """Without a signature nothing is believed."""
    envelope = json.loads(computer.report(throughput(30e6, 6e6)))
    envelope["signatures"] = []
    (receipt,) = accept(json.dumps(envelope).encode())
    assert (receipt.answer, receipt.reason) == ("refused", "malformed")


def test_a_report_from_the_future_is_kept_under_the_time_it_came(computer, accept, ask):
    """A wrong clock loses nothing and moves nothing into a period that has not begun; the person is told."""
    now = datetime.now(UTC)
    (receipt,) = accept(computer.report(throughput(30e6, 6e6), at=now + timedelta(days=400)), now=now)
    assert receipt.answer == "stored"
    assert "clock is 400 days ahead" in receipt.detail
    assert ask("select measured_at from speed_test") == [(now,)]
    ((ahead,),) = ask("select clock_ahead_s from report")
    assert ahead == pytest.approx(400 * 86_400)


def test_a_report_that_waited_keeps_its_own_time(computer, accept, ask):
    """A report from a school that was off line for weeks counts when it was measured."""
    then = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    accept(computer.report(throughput(30e6, 6e6), at=then))
    assert ask("select measured_at from speed_test") == [(then,)]


def test_a_newer_schema_with_unknown_fields_and_kinds_is_stored(computer, accept, ask):
    """Agents newer than the collector lose nothing: what is not understood is kept in the signed bytes and beside."""
    payload = msgspec.json.decode(computer.payload(throughput(30e6, 6e6)))
    payload |= {"schema": 7, "mood": "good"}
    payload["measurements"] += [{"kind": "satellite_dish", "tilt_deg": 3}, {"kind": "latency", "sent": "many"}]
    (receipt,) = accept(computer.signed(json.dumps(payload).encode()))
    assert receipt.answer == "stored"
    assert ask("select kind, body->>'tilt_deg' from measurement order by position") == [
        ("throughput", None),
        ("satellite_dish", "3"),
        ("unreadable", None),
    ]


def test_failures_are_facts(computer, accept, ask):
    """A failed and a skipped probe are stored with their cause."""
    accept(
        computer.report(
            Failed(probe="msak", failure="connect_refused", detail="nobody listens"),
            Skipped(probe="wifi", reason="no card"),
        )
    )
    assert ask("select kind, probe, failure, detail from measurement order by position") == [
        ("failed", "msak", "connect_refused", "nobody listens"),
        ("skipped", "wifi", None, "no card"),
    ]


def test_a_paced_result_is_stored_as_a_lower_bound(computer, accept, ask):
    """What pacing bounded is marked so, with no upper limit."""
    test = msgspec.structs.replace(throughput(30e6, 6e6), download=paced(30e6))
    accept(computer.report(test))
    assert ask("select download_at_least, download_high_bps, upload_at_least from speed_test") == [(True, None, False)]


def test_a_result_without_bounds_proves_nothing(computer, accept, ask):
    """A test too short for an interval is kept as a value that nothing is concluded from."""
    short = direction(30e6, ip_low_bps=None, ip_high_bps=None)
    accept(computer.report(msgspec.structs.replace(throughput(30e6, 6e6), download=short)))
    row = ask("select download_bps, download_low_bps, download_high_bps, download_at_least from speed_test")
    assert row == [(30e6, 0.0, None, True)]


@pytest.mark.parametrize(
    "changes", [{"bytes": 0}, {"ip_low_bps": 31e6, "ip_high_bps": 29e6}, {"bytes": 10_000}, {"bytes": 10**10}]
)
def test_a_direction_that_contradicts_itself_counts_for_nobody(computer, accept, ask, changes):
    """The signed report is kept whole; no judge and no ranking finds a rate in it."""
    accept(computer.report(throughput(0, 0, download=direction(30e6, **changes), upload=direction(6e6))))
    columns = "download_bps, download_low_bps, download_high_bps, download_at_least, upload_bps"
    assert ask(f"select {columns} from speed_test") == [(None, None, None, None, 6e6)]  # noqa: S608 - constants
    assert ask("select count(*) from report") == [(1,)]


def test_a_revoked_computer_is_told_so_and_stores_nothing(computer, accept, database, ask):
    """After revocation nothing more is stored, and the agent learns why."""
    with database.owning() as connection:
        assert agents.revoke(connection, computer.id) == 1
    (receipt,) = accept(computer.report(throughput(30e6, 6e6)))
    assert (receipt.answer, receipt.reason) == ("revoked", "agent_revoked")
    assert ask("select count(*) from report") == [(0,)]


@pytest.mark.parametrize(
    "evil",
    [
        b'{"kind": "odd", "n": 1e999999}',
        b'{"kind": "odd", "s": "\\u0000"}',
        b'{"kind": "odd", "s": "\\ud800"}',
        b'{"kind": "odd", "deep": ' + b"[" * 400 + b"]" * 400 + b"}",
        b'{"kind": "odd", "' + b"k" * 60_000 + b'": 1}',
    ],
    ids=["huge number", "NUL", "lone surrogate", "deep", "long key"],
)
def test_a_poisoned_report_never_takes_its_neighbours_along(computer, accept, evil, ask):
    """Whatever a database cannot hold is refused by itself or kept; the honest report of the batch is stored."""
    payload = computer.payload(measurements=(msgspec.Raw(evil),))
    answers = accept(computer.signed(payload), computer.report(throughput(30e6, 6e6)))
    assert answers[1].answer == "stored"
    assert answers[0].answer in ("stored", "refused")
    assert ask("select count(*) from speed_test") == [(1,)]


def test_a_batch_is_bounded_and_must_be_one():
    """Size, number and shape of a batch are checked before anything is read from it."""
    with pytest.raises(MalformedError, match="not a batch"):
        ingest.read_batch(b'{"envelopes": 3}', compressed=False)
    with pytest.raises(MalformedError, match="not a batch"):
        ingest.read_batch(batch(*[b"1"] * 51), compressed=False)
    with pytest.raises(ingest.TooLarge, match="are allowed"):
        ingest.read_batch(b" " * (wire.MAX_BATCH_BYTES + 1), compressed=False)
    with pytest.raises(MalformedError, match="gzip"):
        ingest.read_batch(b"plain", compressed=True)
    with pytest.raises(MalformedError, match="gzip"):
        ingest.read_batch(gzip.compress(batch(b"1"))[:-9], compressed=True)


def test_a_zip_bomb_is_stopped_while_it_unpacks():
    """A small body that unpacks to a huge one is refused at the limit."""
    with pytest.raises(ingest.TooLarge, match="unpacks"):
        ingest.read_batch(gzip.compress(b" " * 50_000_000), compressed=True)
