"""A reflector's own records of tests: made with a state folder, asked for by clients, kept on disk, sent by itself."""

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
import uuid

import msgspec
import pytest
from nacl.signing import SigningKey
from websockets.sync.client import connect

from agent.contract import record, signing, wire
from agent.contract.errors import NetreadyError, SignatureError
from agent.contract.measurement import Throughput
from agent.errors import StateError, UplinkError
from agent.probes import msak
from agent.reflector import records, reporting, serve
from agent.reflector.records import Records
from agent.reflector.reporting import Reporting
from agent.reflector.request import Watched
from agent.reflector.spool import Spool
from tests.fakes import reflectors

PROTOCOL = "net.measurementlab.throughput.v1"


@pytest.fixture(scope="module", name="recording")
def a_recording_reflector(tmp_path_factory):
    """Give the HOST:PORT of a reflector with a state folder, the folder, and the envelopes that it sent."""
    with recorded(tmp_path_factory.mktemp("state") / "reflector", None) as made:
        yield made


@contextlib.contextmanager
def recorded(state, tls):
    sent = []

    def send(envelopes):
        sent.extend(envelopes)
        return wire.RecordReply(items=tuple(wire.RecordReceipt(answer="stored") for _ in envelopes))

    stop, listens, lines = threading.Event(), threading.Event(), []

    def ready(line):
        lines.append(line)
        listens.set()

    with contextlib.ExitStack() as stack:
        offer = stack.enter_context(reporting.recorded(state, "a test's reflector", send))
        arguments = (("127.0.0.1", 0), None, tls, ready, stop)
        thread = threading.Thread(target=serve, args=arguments, kwargs={"offer": offer}, daemon=True)
        thread.start()
        assert listens.wait(10)
        yield lines[0].split()[1], state, sent
        stop.set()
        thread.join(10)


def public_key(state):
    return bytes(records.key_in(state).verify_key)


def asked(place, test_id):
    """Ask for a record; return status and body."""
    try:
        with urllib.request.urlopen(f"http://{place}{record.PATH}{test_id}", timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def opened(place, direction, test_id, **query):
    pairs = "&".join(f"{key}={value}" for key, value in {"mid": test_id, "streams": 1, **query}.items())
    url = f"ws://{place}/throughput/v1/{direction}?{pairs}"
    return connect(url, subprotocols=[PROTOCOL], compression=None, max_size=None, open_timeout=10)


def test_a_test_has_two_halves_that_agree(recording):
    """The probe's measurement carries the server's signed record, and both count the same."""
    place, state, _ = recording
    seen = msak.Probe(server=f"ws://{place}", max_s=1.5, lease="ab" * 16).measure(30)
    assert isinstance(seen, Throughput)
    found = record.verify(seen.record, public_key(state))
    assert found.test_id == seen.test_id
    assert found.lease == "ab" * 16
    assert found.server == "a test's reflector"
    assert found.peers == ("127.0.0.0/24",)
    assert found.download.connections >= seen.download.connections
    assert found.upload.counted_at == "received"
    assert record.differs(seen, found) is None
    assert len(seen.record) < 2000


def test_over_tls_both_halves_agree_too(tmp_path):
    """Records around the bytes are not counted as bytes, and the record comes over TLS as the test did."""
    files = reflectors.certificate(tmp_path)
    with recorded(tmp_path / "reflector", files) as (place, state, _):
        seen = msak.Probe(server=f"wss://{place}", max_s=1.5, ca_file=files[0]).measure(30)
    assert isinstance(seen, Throughput)
    assert record.differs(seen, record.verify(seen.record, public_key(state))) is None


def test_a_paced_verdict_says_the_pace(recording):
    """The record has the pace that the client asked for, of all its connections together."""
    place, state, _ = recording
    probe = msak.Probe(server=f"ws://{place}", purpose="verdict", target_download_bps=20e6, target_upload_bps=5e6)
    seen = probe.measure(30)
    assert isinstance(seen, Throughput)
    found = record.verify(seen.record, public_key(state))
    assert found.download.pace_bps == pytest.approx(30e6, rel=0.05)
    assert record.differs(seen, found) is None


def test_the_record_is_sent_as_it_was_given(recording):
    """What the collector gets from the reflector is byte for byte what the computer got."""
    place, _, sent = recording
    test_id = str(uuid.uuid4())
    with opened(place, "download", test_id, bytes=200_000) as client:
        list(client)
    status, body = asked(place, test_id)
    assert status == 200
    until = time.monotonic() + 20
    while body not in sent and time.monotonic() < until:
        time.sleep(0.05)
    assert body in sent


def test_connections_of_one_test_are_added_up(recording):
    """Connections that share an id are one test; bytes are added, the time is from the first to the last."""
    place, state, _ = recording
    test_id = str(uuid.uuid4())
    with opened(place, "upload", test_id, bytes=100_000) as one, opened(place, "upload", test_id, bytes=50_000) as two:
        one.send(b"x" * 100_000)
        two.send(b"x" * 50_000)
        list(one)
        list(two)
    found = record.verify(asked(place, test_id)[1], public_key(state))
    assert found.upload.bytes == 150_000
    assert found.upload.connections == 2
    assert found.download is None


def test_what_comes_after_the_record_is_not_in_it(recording):
    """A record that was given out stays: whoever uses the id again changes nothing and makes no second one."""
    place, _, _ = recording
    test_id = str(uuid.uuid4())
    with opened(place, "download", test_id, bytes=100_000) as client:
        list(client)
    before = asked(place, test_id)
    with opened(place, "download", test_id, bytes=300_000) as client:
        list(client)
    assert asked(place, test_id) == before
    assert before[0] == 200


@pytest.mark.parametrize(
    "test_id", ["unknown", "01234567-89ab-4cde-8f01-23456789abcd", "", "x" * 65, "a%20b", "../healthz"]
)
def test_no_record_is_a_404(recording, test_id):
    """What was no test, or cannot be one, has no record."""
    status, body = asked(recording[0], test_id)
    assert status == 404
    assert json.loads(body)["status"] == 404


@pytest.mark.parametrize("test_id", ["x" * 65, "a%20b", "%00", "%D1%84"])
def test_strange_ids_are_served_and_not_recorded(recording, test_id):
    """Another client's id that is none of ours is no reason to refuse its test."""
    place, _, _ = recording
    with opened(place, "download", test_id, bytes=100_000) as client:
        assert sum(map(len, (one for one in client if isinstance(one, bytes)))) == 100_000


def test_a_few_bytes_are_no_test(recording):
    """What moved next to nothing is not recorded: else anybody could fill the disk cheaply."""
    place, _, _ = recording
    test_id = str(uuid.uuid4())
    with opened(place, "download", test_id, bytes=2_000) as client:
        list(client)
    assert asked(place, test_id)[0] == 404


def test_without_a_state_folder_nothing_is_recorded():
    """A reflector that was given no folder has no records, and the probe measures all the same."""
    with reflectors.reflector() as place:
        seen = msak.Probe(server=f"ws://{place}", max_s=1.0).measure(30)
        assert isinstance(seen, Throughput)
        assert seen.record is None
        assert seen.test_id is not None
        assert asked(place, seen.test_id)[0] == 404


def test_a_test_that_broke_off_is_recorded(tmp_path):
    """A client that vanishes leaves a record behind, signed when the reflector stops at the latest."""
    kept = []
    with Records("a server", records.key_in(tmp_path), kept.append) as made:
        assert made.began("a-test")
        made.ended("a-test", watched(bytes=100_000))
        assert made.began("a-test")  # and never ends
    [envelope] = kept
    found = record.verify(envelope, public_key(tmp_path))
    assert found.download.bytes == 100_000
    assert found.download.lasted_s == 2.0


def test_a_quiet_test_is_over(tmp_path, monkeypatch):
    """Without anybody asking, a test without open connections is signed and kept after a while."""
    monkeypatch.setattr(records, "QUIET_S", 0.0)
    kept, done = [], threading.Event()

    def keep(envelope):
        kept.append(envelope)
        done.set()

    with Records("a server", records.key_in(tmp_path), keep) as made:
        made.began("a-test")
        made.ended("a-test", watched(bytes=100_000))
        assert done.wait(10)
    assert len(kept) == 1


def test_there_is_room_for_so_many_tests(tmp_path, monkeypatch):
    """Ids that never become tests cannot fill the memory."""
    monkeypatch.setattr(records, "MAX_TESTS", 3)
    made = Records("a server", records.key_in(tmp_path), lambda _: None)
    assert [made.began(f"test-{number}") for number in range(5)] == [True, True, True, False, False]


def test_a_full_disk_costs_no_test(tmp_path):
    """Where a record cannot be kept, the client gets it all the same."""

    def keep(_envelope):
        raise StateError("the disk is full")

    made = Records("a server", records.key_in(tmp_path), keep)
    made.began("a-test")
    made.ended("a-test", watched(bytes=100_000))
    assert made.of("a-test") is not None


def watched(**changes):
    now = time.monotonic()
    values = {
        "way": "download",
        "peer": "192.0.2.77",
        "lease": None,
        "began": now - 2,
        "ended": now,
        "bytes": 1,
        "counted_at": "given",
        "congestion_control": None,
        "pace_bps": None,
        "tcp_info": None,
    }
    return Watched(**(values | changes))


def test_the_key_is_made_once_and_private(tmp_path):
    """The key survives a restart, nobody else can read it, and a damaged one is said, not replaced."""
    key = records.key_in(tmp_path / "state")
    assert records.key_in(tmp_path / "state") == key
    file = tmp_path / "state" / "reflector.key"
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("nonsense")
    with pytest.raises(StateError, match="is no key"):
        records.key_in(tmp_path / "state")


def test_another_key_is_noticed(tmp_path):
    """A record that another key signed is none."""
    kept = []
    with Records("a server", records.key_in(tmp_path), kept.append) as made:
        made.began("a-test")
        made.ended("a-test", watched(bytes=100_000))
        made.of("a-test")
    with pytest.raises(SignatureError):
        record.verify(kept[0], bytes(SigningKey.generate().verify_key))
    envelope = signing.decode_envelope(kept[0])
    changed = msgspec.structs.replace(envelope, payload=envelope.payload.replace(b"100000", b"900000"))
    with pytest.raises(SignatureError):
        record.verify(msgspec.json.encode(changed), public_key(tmp_path))


# -- on disk, and on its way -----------------------------------------------------------------------------------------


def test_the_spool_keeps_the_newest(tmp_path):
    """Over its bound the oldest records go; what waits is in order, and survives a restart."""
    spool = Spool(tmp_path, most=3)
    for number in range(5):
        spool.keep(b"%d" % number)
    again = Spool(tmp_path, most=3)
    assert [envelope for _, envelope in again.waiting(10)] == [b"2", b"3", b"4"]
    again.forget([again.waiting(1)[0][0]])
    assert len(again) == 2


def test_a_damaged_spool_is_put_aside(tmp_path):
    """A file that is no database any more does not keep the reflector from starting."""
    (tmp_path / "records.sqlite3").write_bytes(b"this is no database" * 100)
    spool = Spool(tmp_path)
    spool.keep(b"one")
    assert len(spool) == 1
    assert (tmp_path / "records.damaged").exists()


def answering(*answers):
    return wire.RecordReply(items=tuple(wire.RecordReceipt(answer=one) for one in answers))


def test_what_is_stored_or_refused_leaves_the_spool(tmp_path):
    """Stored, known and refused records need not be sent again."""
    spool = Spool(tmp_path)
    for one in (b"a", b"b", b"c"):
        spool.keep(one)
    assert Reporting(spool, lambda _: answering("stored", "duplicate", "refused")).drain() == 3
    assert len(spool) == 0


def test_records_wait_for_a_server_to_be_known(tmp_path):
    """A server that the collector does not know yet loses nothing."""
    spool = Spool(tmp_path)
    spool.keep(b"a")
    with pytest.raises(NetreadyError, match="does not know"):
        Reporting(spool, lambda _: answering("unknown_server")).drain()
    assert len(spool) == 1


def test_a_key_that_is_not_known_keeps_no_other_waiting(tmp_path, monkeypatch):
    """After a server got another key, what the old one signed waits, is asked about once, and holds nobody up."""
    monkeypatch.setattr(wire, "MAX_BATCH_RECORDS", 3)
    old, new = SigningKey(b"\1" * 32), SigningKey(b"\2" * 32)
    spool, sent = Spool(tmp_path), []
    for number in range(20):
        made = record.ServerRecord(test_id=f"t{number}", server="s", software="x")
        spool.keep(record.sign(made, new if number in (4, 19) else old))
    of_new = [envelope for _, envelope in spool.waiting(20)][4::15]

    def send(envelopes):
        sent.append(list(envelopes))
        return answering(*("stored" if one in of_new else "unknown_server" for one in envelopes))

    with pytest.raises(NetreadyError, match="does not know"):
        Reporting(spool, send).drain()
    assert [one for batch in sent[1:] for one in batch] == of_new
    assert (len(sent[0]), len(spool)) == (3, 18)


def test_answers_for_others_are_no_answers(tmp_path):
    """A reply with more or fewer answers than records changes nothing."""
    spool = Spool(tmp_path)
    spool.keep(b"a")
    with pytest.raises(NetreadyError, match="answered for 2"):
        Reporting(spool, lambda _: answering("stored", "stored")).drain()
    assert len(spool) == 1


def test_records_are_sent_once_the_collector_is_back(tmp_path):
    """A collector that cannot be reached is asked again, and gets everything in order."""
    spool, sent, done = Spool(tmp_path), [], threading.Event()
    for number in range(120):
        spool.keep(b"%d" % number)
    failures = iter([UplinkError("not now", retry_after_s=0.01), UplinkError("not yet", retry_after_s=0.01)])

    def send(envelopes):
        for error in failures:
            raise error
        sent.extend(envelopes)
        if len(sent) == 120:
            done.set()
        return answering(*["stored"] * len(envelopes))

    with Reporting(spool, send, every_s=0.01):
        assert done.wait(20)
    assert sent == [b"%d" % number for number in range(120)]
