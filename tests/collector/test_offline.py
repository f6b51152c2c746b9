import gzip
import hashlib
import random
from datetime import UTC, datetime

import msgspec
import pytest
from psycopg.conninfo import conninfo_to_dict

from agent import carrying
from agent.contract import carried, report, signing
from agent.outbox import Outbox
from collector import cli, offline
from collector.store import peers
from collector.store.database import MINISTRY
from tests.fakes.computer import throughput

NOW = datetime.now(UTC)


@pytest.fixture
def bring(database):
    """Import files and return what became of them."""

    def bring_them(*files):
        return offline.import_files(database, files, lambda: datetime.now(UTC))

    return bring_them


@pytest.fixture
def stored(database):
    """Count what is stored."""

    def count(question="select count(*) from report"):
        with database.reading(MINISTRY) as connection:
            return connection.execute(question).fetchone()[0]

    return count


@pytest.fixture
def computer(add_school, enrolled):
    """A computer of school 0007."""
    add_school("0007")
    return enrolled("0007")


def section(computer, envelopes, **changes) -> bytes:
    """Return one computer's part of a file."""
    body = b"".join(one + b"\n" for one in envelopes)
    values = {
        "agent": computer.id,
        "school": computer.school,
        "reports": len(envelopes),
        "sha256": hashlib.sha256(body).hexdigest(),
        "made_at": NOW,
        "software": "test",
    }
    return msgspec.json.encode(carried.Header(**(values | changes))) + b"\n" + body


def reports_of(computer, count):
    return [computer.report(throughput(30e6, 6e6)) for _ in range(count)]


def test_carried_reports_are_stored_once_and_in_any_order(computer, bring, stored, tmp_path):
    """A shuffled file, brought twice, packed and unpacked, stores each report once."""
    envelopes = reports_of(computer, 120)
    random.Random(1).shuffle(envelopes)  # noqa: S311 - the same order in every run
    (tmp_path / "plain").write_bytes(section(computer, envelopes))
    (tmp_path / "packed").write_bytes(gzip.compress(section(computer, envelopes)))
    done = bring(tmp_path / "plain", tmp_path / "packed")
    assert (done.stored, done.known, done.refused, done.findings()) == (120, 120, 0, ())
    assert done.is_whole
    assert stored() == 120
    assert stored("select count(*) from speed_test") == 120


def test_schools_may_be_mixed_and_each_report_goes_to_its_own(computer, add_school, enrolled, bring, stored, tmp_path):
    """Joined files of two schools, one under the other's heading, end up where their signatures say."""
    add_school("0008")
    other = enrolled("0008", seed=2)
    mixed = [*reports_of(computer, 3), *reports_of(other, 4)]
    (tmp_path / "file").write_bytes(gzip.compress(section(computer, mixed)) + gzip.compress(section(other, [])))
    assert bring(tmp_path / "file").stored == 7
    assert stored("select count(*) from report where school_id = '0008'") == 4


def test_a_refusal_is_named_by_its_line_and_stops_nothing(computer, bring, stored, tmp_path):
    """A changed report, a foreign one and nonsense are refused; the reports around them are stored."""
    first, second, third = reports_of(computer, 3)
    stranger = type(computer)("0007", seed=99).report(throughput(1e6, 1e6))
    changed = msgspec.json.decode(second, type=signing.Envelope)
    forged = msgspec.json.encode(msgspec.structs.replace(changed, payload=changed.payload.replace(b"0007", b"0008")))
    (tmp_path / "file").write_bytes(section(computer, [first, forged, stranger, b"nonsense", third]))
    done = bring(tmp_path / "file")
    assert (done.stored, done.refused) == (2, 3)
    assert [told.partition(": line ")[2][:15] for told in done.findings()] == [
        "3: signature: t",
        "4: unknown_agen",
        "5: malformed: n",
    ]
    assert stored() == 2


def test_what_is_missing_is_told(computer, bring, stored, tmp_path):
    """A file cut off, one without its beginning, and one that was changed give what they hold and say what lacks."""
    whole = section(computer, reports_of(computer, 40))
    lines = whole.splitlines(keepends=True)
    (tmp_path / "cut").write_bytes(gzip.compress(whole)[:-200])
    (tmp_path / "few").write_bytes(b"".join(lines[:11]))
    (tmp_path / "headless").write_bytes(b"".join(lines[1:]))
    (tmp_path / "turned").write_bytes(b"".join([lines[0], *reversed(lines[1:])]))
    cut = bring(tmp_path / "cut")
    assert any("not copied whole" in told for told in cut.findings())
    assert 0 < cut.stored <= 40
    assert "10 of 40 reports came" in bring(tmp_path / "few").findings()[0]
    assert "40 lines under no heading" in bring(tmp_path / "headless").findings()[0]
    assert "not as they were written" in bring(tmp_path / "turned").findings()[0]
    assert stored() == 40


def test_hostile_files_end_early_and_the_next_file_is_read(computer, bring, tmp_path):
    """A bomb, endless nonsense and a missing file each cost one sentence or a hundred, never the other files."""
    (tmp_path / "bomb").write_bytes(gzip.compress(bytes(2**24)))
    (tmp_path / "noise").write_bytes(b"x\n" * 100_000)
    (tmp_path / "good").write_bytes(section(computer, reports_of(computer, 1)))
    done = bring(tmp_path / "bomb", tmp_path / "noise", tmp_path / "none", tmp_path / "good")
    assert done.stored == 1
    assert done.refused == offline.MAX_UNREADABLE
    assert len(done.findings()) == offline.MAX_TOLD + 1
    assert done.findings()[0].startswith("bomb: line 1 is longer")


def test_receipts_go_back_and_empty_the_outbox(database, computer, bring, tmp_path):
    """The whole round: an agent's own file is imported, and the sealed receipts let exactly its reports go."""
    outbox = Outbox(tmp_path / "state", max_bytes=2**26, max_age_days=90)

    def make(place):
        payload = computer.payload(throughput(30e6, 6e6), sequence=place.sequence, previous=place.previous)
        return signing.sign(report.PAYLOAD_TYPE, payload, computer.key)

    for _ in range(7):
        outbox.append(computer.id, "http://collector", make)
    carrying.export(outbox, tmp_path / "out", "test", NOW)
    done = bring(tmp_path / "out")
    assert (done.stored, done.findings()) == (7, ())
    assert offline.write_receipts(database, done, tmp_path / "receipts", NOW) == 7
    with database.ingesting() as connection:
        key = peers.key_of_school(connection, "0007")
    assert carrying.take_receipts(outbox, tmp_path / "receipts", key).forgotten == 7
    assert outbox.contents().reports == 0


def test_only_reports_with_a_true_signature_get_receipts(database, computer, bring, tmp_path):
    """Nobody can make a school's computer put its report aside by bringing a spoiled copy of it."""
    (envelope,) = reports_of(computer, 1)
    opened = msgspec.json.decode(envelope, type=signing.Envelope)
    spoiled = msgspec.structs.replace(opened, signatures=(signing.Signature(keyid=computer.id, sig=bytes(64)),))
    (tmp_path / "file").write_bytes(section(computer, [msgspec.json.encode(spoiled)]))
    done = bring(tmp_path / "file")
    assert done.refused == 1
    assert offline.write_receipts(database, done, tmp_path / "receipts", NOW) == 0


def test_the_command_counts_and_ends_with_1_where_something_is_wrong(
    database_url, database, computer, tmp_path, capsys
):
    """Whoever brought the files sees what became of them, and scripts too."""
    (tmp_path / "good").write_bytes(section(computer, reports_of(computer, 2)))
    (tmp_path / "bad").write_bytes(b"{}\n")
    named = conninfo_to_dict(database_url)
    url = f"postgresql://{named['user']}@/{named['dbname']}?host={named['host']}&port={named['port']}"
    words = ["reports", "import", "--database", url, "--receipts", str(tmp_path / "receipts")]
    assert cli.main([*words, str(tmp_path / "good")]) == 0
    assert "stored: 2, known already: 0, refused: 0" in capsys.readouterr().err
    assert (tmp_path / "receipts").stat().st_size > 0
    assert cli.main([*words, str(tmp_path / "good"), str(tmp_path / "bad")]) == 1
    assert "bad: line 1: malformed" in capsys.readouterr().err
