"""Test servers' own records: who may send them, whose they become, what stands in the log, what was withheld."""

import argparse
import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from nacl.signing import SigningKey

from agent.contract import record, signing, wire
from agent.contract.errors import MalformedError, SettingsError
from agent.contract.measurement import Failed
from agent.contract.record import Counted, ServerRecord
from collector import access, ingest, records
from collector.errors import NotFound
from collector.people.cli import at_the_command_line
from collector.records import NewServer, cli
from collector.store import audit, leases
from collector.store import records as stored
from collector.store.audit import Who
from collector.store.database import MINISTRY, Viewer
from collector.store.leases import NewLease
from tests.fakes.computer import throughput

KEY = SigningKey(b"\5" * 32)
KEY_ID = signing.agent_id(bytes(KEY.verify_key))
WHO = Who("a test", "admin")
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
LEASE = "1e" * 16
ZONE = ZoneInfo("Asia/Almaty")


def a_record(test_id="a-test", key=KEY, at=NOW, **changes) -> bytes:
    counted = Counted(bytes=1_000_000, counted_at="acked", began_at=at, lasted_s=2.0, connections=2)
    values = {"test_id": test_id, "server": "s", "software": "netready", "download": counted, "upload": counted}
    return record.sign(ServerRecord(**(values | changes)), key)


@pytest.fixture(name="known")
def a_known_server(database):
    """Add the server whose key the records here are signed with."""
    wanted = NewServer(url="wss://one.example", key=bytes(KEY.verify_key).hex(), place="outside")
    with database.owning() as connection:
        return records.add_server(connection, wanted, WHO, NOW - timedelta(days=1))


@pytest.fixture(name="take")
def taking(database):
    """Deliver records; return the answers."""

    def do(*envelopes, now=NOW):
        with database.ingesting() as connection:
            reply = records.take(connection, [msgspec.Raw(one) for one in envelopes], now, ZONE)
        return [one.answer for one in reply.items]

    return do


@pytest.fixture(name="report")
def reporting(database):
    """Deliver a computer's report."""

    def do(computer, *measurements, now=NOW):
        with database.ingesting() as connection:
            [receipt] = ingest.accept(connection, [computer.report(*measurements, at=now)], now)
        assert receipt.answer == "stored"

    return do


@pytest.fixture(name="lent")
def a_lease(database, add_school):
    """Let a computer of a school have a lease."""

    def do(school_id, agent_id="a" * 32, at=NOW):
        one = NewLease(
            school_id=school_id,
            lease_id=LEASE,
            agent_id=agent_id,
            region_id="KZ-75",
            mode="single",
            order_id=None,
            purpose="capacity",
            trigger="scheduled",
            server="",
            reserved_bps=0.0,
            share=None,
            granted_at=at,
            starts_at=at,
            ends_at=at + timedelta(minutes=1),
        )
        with database.ingesting() as connection:
            leases.keep_leases(connection, [one], NOW, NOW)

    return do


@pytest.fixture(name="of_school")
def asking(database):
    """Return the records of a school's tests."""

    def do(school_id, viewer=MINISTRY):
        with database.reading(viewer) as connection:
            return stored.of_school(connection, school_id, NOW - timedelta(days=1), NOW + timedelta(days=1))

    return do


@pytest.fixture(name="missing")
def asking_what_is_missing(database):
    def do(now, viewer=MINISTRY, school_id=None):
        with database.reading(viewer) as connection:
            return [one.test_id for one in records.missing(connection, now, school_id, limit=100)]

    return do


@pytest.fixture(name="pending")
def what_waits_for_the_log(database):
    def do(subject="record"):
        asked = "select key, school_id from log_pending where subject = %s order by id"
        with database.owning() as connection:
            return connection.execute(asked, (subject,)).fetchall()

    return do


# -- taken in --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("known")
def test_a_record_is_stored_once_and_verbatim(take, report, enrolled, add_school, of_school):
    """The same record twice is one; its bytes are those that came."""
    add_school("0042")
    report(enrolled("0042"), throughput(20e6, 5e6, test_id="a-test"))
    envelope = a_record()
    assert take(envelope) == ["stored"]
    assert take(envelope, envelope) == ["duplicate", "duplicate"]
    [found] = of_school("0042")
    assert found.envelope == envelope
    assert (found.key_id, found.began_at) == (KEY_ID, NOW)


@pytest.mark.usefixtures("known")
def test_another_record_of_the_same_test_is_refused(take):
    """A server that says two things of one test is heard once."""
    assert take(a_record()) == ["stored"]
    assert take(a_record(server="another")) == ["refused"]


@pytest.mark.usefixtures("known")
def test_an_id_that_is_used_again_is_another_test(take, report, enrolled, add_school, of_school, missing, lent):
    """A short test does not hide by its id what the server tells of a later one, told by a report or not."""
    add_school("0042")
    report(enrolled("0042"), throughput(20e6, 5e6, test_id="a-test"))
    lent("0042", at=NOW + timedelta(hours=1))
    first, later = a_record(), a_record(at=NOW + timedelta(hours=1), lease=LEASE)
    assert take(first, later, now=NOW + timedelta(hours=2)) == ["stored", "stored"]
    assert take(later, first, now=NOW + timedelta(hours=3)) == ["duplicate", "duplicate"]
    assert [one.envelope for one in of_school("0042")] == [first, later]
    assert missing(NOW + timedelta(days=15)) == ["a-test"]


@pytest.mark.usefixtures("known")
def test_each_record_is_judged_by_itself(take):
    """Nonsense, a foreign key, a forged signature and the future are turned away; the honest one beside them is not."""
    forged = signing.decode_envelope(a_record("forged"))
    forged = msgspec.structs.replace(forged, payload=forged.payload.replace(b"1000000", b"2000000"))
    stranger = a_record("stranger", SigningKey.generate())
    assert take(
        b'{"no": "envelope"}',
        stranger,
        msgspec.json.encode(forged),
        a_record("tomorrow", at=NOW + timedelta(days=1)),
        a_record("nothing", download=None, upload=None),
        msgspec.json.encode(signing.sign(record.PAYLOAD_TYPE, b"[]", KEY)),
        msgspec.json.encode(signing.sign("application/json", b"{}", KEY)),
        msgspec.json.encode({**json.loads(stranger), "signatures": [{"keyid": "\0", "sig": "AAAA"}]}),
        a_record("honest"),
    ) == ["refused", "unknown_server", *["refused"] * 5, "unknown_server", "stored"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"envelopes": []}', b'{"envelopes": [%s]}' % b",".join([b"{}"] * 51), b"x" * (600 * 1024)],
)
def test_what_is_no_batch_is_refused(body):
    """A body that is none, empty or too long is a mistake of whoever sent it."""
    with pytest.raises(MalformedError):
        records.read_batch(body)


# -- whose it is -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("known")
def test_a_record_finds_its_school_when_the_report_comes(take, report, enrolled, add_school, of_school, database):
    """The server is usually quicker than the computer; the record waits, and belongs to nobody until then."""
    add_school("0042", operator="Operator A")
    computer = enrolled("0042")
    take(a_record())
    assert of_school("0042") == []
    report(computer, throughput(20e6, 5e6, test_id="a-test"))
    assert records.run(database, NOW + timedelta(minutes=2), ZONE) == 1
    assert len(of_school("0042")) == 1
    assert len(of_school("0042", Viewer("operator", "Operator A"))) == 1
    assert of_school("0042", Viewer("operator", "Operator B")) == []
    assert of_school("0042", Viewer("school", "another")) == []
    assert records.run(database, NOW + timedelta(minutes=5), ZONE) == 0


@pytest.mark.usefixtures("known")
def test_a_failed_test_is_a_reported_one(take, report, enrolled, add_school, of_school, missing):
    """A computer that says that its test failed withholds nothing."""
    add_school("0042")
    report(enrolled("0042"), Failed(probe="msak", failure="stalled", test_id="a-test"))
    take(a_record(lease=LEASE))
    assert len(of_school("0042")) == 1
    assert missing(NOW + timedelta(days=20)) == []


@pytest.mark.usefixtures("known")
def test_a_withheld_test_is_noticed(take, report, enrolled, add_school, lent, missing):
    """A test under a school's lease that no report tells of is listed after 14 days, to those whom the school is."""
    add_school("0042", operator="Operator A")
    computer = enrolled("0042")
    lent("0042", computer.id)
    take(a_record("withheld", lease=LEASE), a_record("told", lease=LEASE), a_record("of nobody".replace(" ", "-")))
    report(computer, throughput(20e6, 5e6, test_id="told"))
    assert missing(NOW + timedelta(days=13)) == []
    late = NOW + timedelta(days=15)
    assert missing(late) == ["withheld"]
    assert missing(late, Viewer("operator", "Operator A")) == ["withheld"]
    assert missing(late, Viewer("operator", "Operator B")) == []
    assert missing(late, Viewer("region", "KZ-71")) == []
    assert missing(late, school_id="another") == []
    report(computer, throughput(20e6, 5e6, test_id="withheld"), now=late)
    assert missing(late) == []


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("after", "count"),
    [(timedelta(0), 1), (timedelta(minutes=-6), 0), (timedelta(minutes=7), 0), (timedelta(days=40), 0)],
)
def test_a_lease_speaks_of_its_own_time(take, add_school, lent, of_school, database, after, count):
    """Whoever names a lease that was not held when the test began gives that school nothing: it has to be reported."""
    add_school("0042")
    lent("0042", at=NOW - after)
    assert take(a_record(lease=LEASE)) == ["stored"]
    records.run(database, NOW + timedelta(hours=2), ZONE)
    assert len(of_school("0042")) == count


@pytest.mark.usefixtures("known")
def test_a_record_is_its_schools_from_when_that_is_known(take, report, enrolled, add_school, of_school, database):
    """What was judged while nobody knew whose test it was did not rest on it: it came to the school later."""
    add_school("0042")
    computer = enrolled("0042")
    take(a_record())
    late = NOW + timedelta(days=3)
    report(computer, throughput(20e6, 5e6, test_id="a-test"), now=late)
    records.run(database, late, ZONE)
    [found] = of_school("0042")
    assert (found.began_at, found.received_at) == (NOW, late)


# -- in the log ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("known")
def test_a_record_waits_for_the_log_with_its_school(take, report, enrolled, add_school, pending):
    """What is stored for a school is pended in the same transaction, once."""
    add_school("0042")
    report(enrolled("0042"), throughput(20e6, 5e6, test_id="a-test"))
    take(a_record())
    take(a_record())
    assert pending() == [(f"{KEY_ID}/a-test", "0042")]


@pytest.mark.usefixtures("known")
def test_what_nobody_claims_stands_in_the_log_after_an_hour(take, report, enrolled, add_school, pending, database):
    """A record whose school is not known is in the log all the same; the school's entry follows when it is."""
    add_school("0042")
    computer = enrolled("0042")
    take(a_record())
    records.run(database, NOW + timedelta(minutes=30), ZONE)
    assert pending() == []
    records.run(database, NOW + timedelta(hours=2), ZONE)
    records.run(database, NOW + timedelta(hours=4), ZONE)
    assert pending() == [(f"{KEY_ID}/a-test", "")]
    report(computer, throughput(20e6, 5e6, test_id="a-test"), now=NOW + timedelta(hours=5))
    records.run(database, NOW + timedelta(hours=9), ZONE)
    assert pending() == [(f"{KEY_ID}/a-test", ""), (f"{KEY_ID}/a-test", "0042")]


@pytest.mark.usefixtures("known")
def test_what_nobody_ever_claims_is_forgotten(take, database, report, enrolled, add_school, of_school):
    """Tests that belong to no school do not pile up."""
    add_school("0042")
    take(a_record())
    records.run(database, NOW + timedelta(days=100), ZONE)
    report(enrolled("0042"), throughput(20e6, 5e6, test_id="a-test"), now=NOW + timedelta(days=100))
    records.run(database, NOW + timedelta(days=101), ZONE)
    assert of_school("0042") == []


# -- servers ---------------------------------------------------------------------------------------------------------


def test_keys_are_added_changed_and_ended(database, known, pending, take):
    """Each change is kept, audited and pended; what a key signed before its end stays believed."""
    moved = NewServer(url="wss://two.example", key=bytes(KEY.verify_key).hex(), place="inside", operator="Operator A")
    with database.owning() as connection:
        records.add_server(connection, moved, WHO, NOW)
        [ended] = records.end_server(connection, "wss://two.example", WHO, NOW + timedelta(hours=1))
        bodies = stored.bodies_of_keys(connection)
        [now_known] = stored.keys(connection).values()
        with pytest.raises(NotFound):
            records.end_server(connection, "wss://two.example", WHO, NOW)
    assert now_known == ended
    assert (ended.place, ended.since, ended.ended_at) == ("inside", known.since, NOW + timedelta(hours=1))
    assert len(bodies) == 3
    assert pending("key") == [(f"server/{KEY_ID}", "")] * 3
    with database.reading(MINISTRY) as connection:
        noted = audit.entries(connection, audit.Wanted(about="server wss://two.example"), limit=10)
    assert [one.detail["did"] for one in noted] == ["ended", "server's key changed"]
    later = NOW + timedelta(hours=2)
    assert take(a_record("before"), a_record("after", at=later), now=later) == ["stored", "refused"]


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(("days", "answer"), [(7, "stored"), (8, "refused")])
def test_a_key_that_ended_says_nothing_for_ever(database, take, days, answer):
    """What a server had not sent yet is taken in for a week; after it, whoever has the old key dates nothing back."""
    with database.owning() as connection:
        records.end_server(connection, KEY_ID, WHO, NOW + timedelta(hours=1))
    assert take(a_record(), now=NOW + timedelta(hours=1, days=days) - timedelta(minutes=1)) == [answer]


def test_a_servers_keys_follow_one_another(database, known, take):
    """A new key counts from a moment on, the old one until a moment; neither can be in the future or begin twice."""
    other = SigningKey(b"\6" * 32)
    new = NewServer(url=known.url, key=bytes(other.verify_key).hex(), place="outside", since=NOW - timedelta(hours=2))
    with database.owning() as connection:
        made = records.add_server(connection, new, WHO, NOW)
        assert made.since == new.since
        assert records.add_server(connection, msgspec.structs.replace(new, since=None), WHO, NOW).since == new.since
        with pytest.raises(SettingsError, match="already"):
            records.add_server(connection, msgspec.structs.replace(new, since=NOW - timedelta(hours=3)), WHO, NOW)
        [ended] = records.end_server(connection, KEY_ID, WHO, NOW, at=NOW - timedelta(hours=1))
        assert ended.ended_at == NOW - timedelta(hours=1)
        again = msgspec.structs.replace(new, key=known.public_key.hex())
        with pytest.raises(SettingsError, match="until"):
            records.add_server(connection, again, WHO, NOW)
        with pytest.raises(SettingsError, match="--at"):
            records.end_server(connection, made.key_id, WHO, NOW, at=NOW - timedelta(hours=3))
        with pytest.raises(SettingsError, match="--at"):
            records.end_server(connection, made.key_id, WHO, NOW, at=NOW + timedelta(hours=3))
    at = NOW - timedelta(minutes=90)
    assert take(a_record("old", at=at), a_record("new", other, at=at), a_record("late")) == [
        "stored",
        "stored",
        "refused",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"since": NOW + timedelta(minutes=1)},
        {"since": NOW - timedelta(days=400)},
        {"key": "12"},
        {"key": "zz" * 32},
        {"url": "one.example"},
        {"url": "ftp://x"},
        {"url": "ws://["},
        {"url": "ws://a\n"},
    ],
)
def test_a_wrong_server_is_said(database, changes):
    """An address or key that is none changes nothing."""
    values = {"url": "wss://one.example", "key": "ab" * 32, "place": "outside"}
    with database.owning() as connection, pytest.raises(SettingsError):
        records.add_server(connection, NewServer(**(values | changes)), WHO, NOW)


@pytest.fixture(name="run")
def running(database):
    """Run one of the commands on the test's database."""

    def do(*words):
        parser = argparse.ArgumentParser()
        common = argparse.ArgumentParser(add_help=False)
        opened = lambda _options: contextlib.nullcontext(database)  # noqa: E731 - the fixture closes it
        cli.add(parser.add_subparsers(required=True), common, opened, at_the_command_line, lambda _options: b"\1" * 32)
        options = parser.parse_args(words)
        return options.command(options)

    return do


def test_the_commands_for_servers(run, capsys, take, add_school, lent):
    """Added, listed, ended; what is missing is listed with its computer."""
    key = bytes(KEY.verify_key).hex()
    assert run("servers", "add", "--url", "wss://one.example", "--key", key, "--place", "outside") == 0
    assert run("servers", "list") == 0
    assert KEY_ID in capsys.readouterr().out
    add_school("0042")
    lent("0042", "c" * 32)
    take(a_record(lease=LEASE), now=datetime.now(UTC) - timedelta(days=15))
    assert run("servers", "missing", "--format", "json") == 0
    [one] = json.loads(capsys.readouterr().out)["items"]
    assert (one["school_id"], one["test_id"], one["agent_id"]) == ("0042", "a-test", "c" * 32)
    assert run("servers", "missing") == 0
    assert "wss://one.example" in capsys.readouterr().out
    assert run("servers", "lease-key") == 0
    assert capsys.readouterr().out == f"{'01' * 32}\n"
    assert run("servers", "end", key) == 0
    assert run("servers", "list", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["items"][0]["ended_at"] is not None


# -- over HTTP -------------------------------------------------------------------------------------------------------


def test_servers_deliver_over_http(client, known, database, add_school, lent):
    """A server needs no login: its signature counts. People need a token, and see what their role may see."""
    add_school("0042", operator="Operator A")
    add_school("0043", operator="Operator B")
    at = datetime.now(UTC) - timedelta(minutes=1)
    lent("0042", at=at)
    body = msgspec.json.encode(wire.RecordBatch(envelopes=(msgspec.Raw(a_record(at=at, lease=LEASE)),)))
    answer = client.post(wire.RECORDS_PATH, content=body)
    assert (answer.status_code, [one["answer"] for one in answer.json()["items"]]) == (200, ["stored"])
    assert client.post(wire.RECORDS_PATH, content=b"nonsense").status_code == 400
    asked = {"school": "0042", "begins": "2026-01-01T00:00:00Z", "ends": "2100-01-01T00:00:00Z"}
    assert client.get(wire.RECORDS_PATH, params=asked).status_code == 401
    whole = {"operator": (None, b""), "auditor": (LEASE, a_record(at=at, lease=LEASE))}
    for role, scope, count in (("operator", "Operator A", 1), ("operator", "Operator B", 0), ("auditor", None, 1)):
        with database.owning() as connection:
            token = access.create(connection, role=role, scope=scope, name=f"{role} {scope}", days=9, now=at)
        client.headers["authorization"] = f"Bearer {token}"
        found = client.get(wire.RECORDS_PATH, params=asked).json()
        assert found["total"] == count
        for one in found["items"]:
            assert (one["lease_id"], base64.b64decode(one["envelope"])) == whole[role]
        assert client.get("/api/v1/records/missing").json()["total"] == 0
        [server] = client.get("/api/v1/records/servers").json()["items"]
        assert server["url"] == known.url
    assert client.get(wire.RECORDS_PATH, params=asked | {"begins": "2026-01-01T00:00:00"}).status_code == 400
