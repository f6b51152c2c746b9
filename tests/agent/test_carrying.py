import gzip
import io
import json
from datetime import UTC, datetime

import msgspec
import pytest
from nacl.signing import SigningKey

from agent import carrying, cli, identity
from agent.contract import carried, signing, wire
from agent.contract.errors import MalformedError, SettingsError, SignatureError
from agent.contract.wire import Inside, Policy
from agent.errors import NotEnrolledError
from tests.agent.conftest import SCHOOL, agent_of

URL = "http://collector"
NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
KEY = b"k" * 32


@pytest.fixture
def fill(outbox, key, make_report):
    """Put reports into the outbox."""

    def fill_it(count: int) -> None:
        for _ in range(count):
            outbox.append(agent_of(key), URL, make_report)

    return fill_it


def lines_of(file):
    with file.open("rb") as stream:
        return [line for _, line in carried.lines(stream)]


def receipts(agent: str, hashes, answer="stored", key=KEY, **changes) -> bytes:
    slip = carried.Slip(
        school=SCHOOL.id,
        agent=agent,
        made_at=NOW,
        items=tuple(wire.Receipt(answer=answer, sha256=one, **changes) for one in hashes),
    )
    return msgspec.json.encode(carried.seal(slip, key)) + b"\n"


def waiting(outbox, key):
    return outbox.waiting_of(agent_of(key), 0, 10**6)


def test_everything_that_waits_is_written_and_stays(tmp_path, outbox, key, fill):
    """The file holds each envelope as it would be sent, under a heading that says how many; the outbox keeps all."""
    fill(450)
    done = carrying.export(outbox, tmp_path / "out.jsonl.gz", "test", NOW)
    header, *envelopes = lines_of(done.file)
    said = carried.read_header(header)
    assert (said.agent, said.school, said.reports, done.reports) == (agent_of(key), SCHOOL.id, 450, 450)
    assert envelopes == [one.envelope for one in waiting(outbox, key)]
    assert done.bytes == done.file.stat().st_size


def test_a_folder_gets_a_file_named_by_school_computer_and_time(tmp_path, outbox, key, fill):
    """Many computers' files meet on one memory stick, and none takes another's place."""
    fill(1)
    done = carrying.export(outbox, tmp_path, "test", NOW)
    assert done.file.name == f"netready-{SCHOOL.id}-{agent_of(key)[:8]}-20261123T040506.jsonl.gz"
    with pytest.raises(SettingsError, match="is there already"):
        carrying.export(outbox, done.file, "test", NOW)


def test_nothing_waiting_makes_no_file(tmp_path, outbox):
    """An empty file on a stick would look like a delivery."""
    assert carrying.export(outbox, tmp_path / "out", "test", NOW) is None
    assert not (tmp_path / "out").exists()


def test_a_stick_that_cannot_be_written_loses_nothing(tmp_path, outbox, key, fill):
    """The error is a sentence, no half file is left, and the reports wait on."""
    fill(2)
    with pytest.raises(SettingsError, match="nothing was lost"):
        carrying.export(outbox, tmp_path / "no-such-folder" / "out", "test", NOW)
    assert len(waiting(outbox, key)) == 2


def test_files_of_several_computers_can_be_joined(tmp_path, outbox, key, fill):
    """Joined end to end they are still lines, packed or not."""
    fill(3)
    one = carrying.export(outbox, tmp_path / "one", "test", NOW).file.read_bytes()
    (tmp_path / "both").write_bytes(one + one)
    (tmp_path / "plain").write_bytes(gzip.decompress(one) * 2)
    assert lines_of(tmp_path / "both") == lines_of(tmp_path / "plain")
    assert len(lines_of(tmp_path / "both")) == 8


def test_reports_with_a_receipt_leave_and_the_others_stay(tmp_path, outbox, key, fill):
    """Stored and duplicate are forgotten, refused is put aside with its reason, what no receipt names stays."""
    fill(4)
    hashes = [one.sha256 for one in waiting(outbox, key)]
    file = tmp_path / "receipts"
    file.write_bytes(
        receipts(agent_of(key), hashes[:1])
        + receipts(agent_of(key), hashes[1:2], "duplicate")
        + receipts(agent_of(key), hashes[2:3], "refused", reason="sequence_conflict", detail="two computers")
    )
    settled = carrying.take_receipts(outbox, file, KEY)
    assert (settled.forgotten, settled.refused, settled.notes) == (2, 1, ())
    assert [one.sha256 for one in waiting(outbox, key)] == hashes[3:]
    assert outbox.refusals()[0].detail == "two computers"
    assert carrying.take_receipts(outbox, file, KEY).forgotten == 0


@pytest.mark.parametrize("wrong", ["key", "bytes", "agent"])
def test_receipts_that_are_not_the_collectors_for_this_computer_change_nothing(tmp_path, outbox, key, fill, wrong):
    """Without the school's seal over exactly these bytes, or for another computer, no report is forgotten."""
    fill(1)
    (one,) = waiting(outbox, key)
    agent = agent_of(SigningKey.generate()) if wrong == "agent" else agent_of(key)
    line = receipts(agent, [one.sha256], key=b"x" * 32 if wrong == "key" else KEY)
    if wrong == "bytes":
        changed = json.loads(receipts(agent, ["0" * 64]))
        changed["payload"] = json.loads(line)["payload"]
        line = json.dumps(changed).encode()
    (tmp_path / "receipts").write_bytes(line)
    settled = carrying.take_receipts(outbox, tmp_path / "receipts", KEY)
    assert (settled.forgotten, settled.others) == (0, 1)
    assert len(waiting(outbox, key)) == 1


def test_a_file_never_revokes_a_computer(tmp_path, outbox, key, fill):
    """An answer "revoked" that came by hand is told to the person; only the collector itself stops a computer."""
    fill(1)
    (one,) = waiting(outbox, key)
    (tmp_path / "receipts").write_bytes(receipts(agent_of(key), [one.sha256], "revoked"))
    settled = carrying.take_receipts(outbox, tmp_path / "receipts", KEY)
    assert "taken out of service" in settled.notes[0]
    assert outbox.revoked(agent_of(key)) is None
    assert len(waiting(outbox, key)) == 1


def test_without_the_schools_key_no_receipt_is_believed(tmp_path, outbox, key, fill):
    """The sentence says that nothing is lost by that."""
    fill(1)
    with pytest.raises(NotEnrolledError, match="takes each once"):
        carrying.take_receipts(outbox, tmp_path / "receipts", None)


def test_what_is_no_receipt_is_named_by_its_line(tmp_path, outbox):
    """The wrong file says so."""
    (tmp_path / "photo").write_bytes(b"{}\nhello\n")
    assert [note[:6] for note in carrying.take_receipts(outbox, tmp_path / "photo", KEY).notes] == ["line 1", "line 2"]


def test_the_commands_write_and_settle(tmp_path, state, outbox, key, fill, capsys):
    """`export` and `import-receipts` do it from the command line, by the key in the stored policy."""
    fill(2)
    identity.save_policy(state, Policy(inside=Inside(peer_key=KEY)))
    assert cli.main(["export", str(tmp_path / "out"), "--state", str(state)]) == 0
    hashes = [one.sha256 for one in waiting(outbox, key)]
    (tmp_path / "receipts").write_bytes(receipts(agent_of(key), hashes))
    assert cli.main(["import-receipts", str(tmp_path / "receipts"), "--state", str(state)]) == 0
    assert "leave this computer: 2" in capsys.readouterr().out
    assert cli.main(["export", str(tmp_path / "again"), "--state", str(state)]) == 0
    assert not (tmp_path / "again").exists()


def test_a_packed_bomb_ends_at_its_first_long_line():
    """A gigabyte of nothing in a megabyte is refused after half a megabyte."""
    packer = io.BytesIO()
    with gzip.GzipFile(fileobj=packer, mode="wb", compresslevel=1) as packed:
        for _ in range(64):
            packed.write(bytes(2**20))
    packer.seek(0)
    with pytest.raises(MalformedError, match="line 1 is longer"):
        list(carried.lines(packer))
    assert packer.tell() < 2**18


def test_too_many_lines_end_the_reading():
    """A bomb of empty lines is refused too."""
    bomb = io.BytesIO(gzip.compress(b"\n" * (carried.MAX_LINES + 1)))
    with pytest.raises(MalformedError, match="more than 2000000 lines"):
        list(carried.lines(bomb))


def test_a_file_cut_off_gives_what_came_and_says_so():
    """A stick pulled out too early loses the end and nothing before it."""
    whole = gzip.compress(b"".join(b"line %d\n" % number for number in range(20_000)), mtime=0)
    seen = []
    with pytest.raises(MalformedError, match="not copied whole"):
        seen.extend(line for _, line in carried.lines(io.BytesIO(whole[: len(whole) // 2])))
    assert seen[:2] == [b"line 0", b"line 1"]


@pytest.mark.parametrize("tail", [b"plain text\n", b"\x1f\x8bnot gzip at all", b"\0\0\0\0\0\0\0\0\0\0\0\0"])
def test_what_is_joined_must_be_of_one_kind(tail):
    """After a packed part only another packed part can stand."""
    with pytest.raises(MalformedError, match="damaged from here on"):
        list(carried.lines(io.BytesIO(gzip.compress(b"one\n") + tail)))


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 300_000])
def test_lines_arrive_whole_whatever_their_size(size):
    """Borders between pieces are nowhere seen."""
    written = [b"a" * size, b"b", b"c" * size]
    found = [line for _, line in carried.lines(io.BytesIO(gzip.compress(b"\r\n".join(written))))]
    assert found == [line for line in written if line]


def test_a_seal_holds_for_receipts_only():
    """An envelope of another type is refused before its seal is looked at."""
    slip = carried.Slip(school="1", agent="0" * 32, made_at=NOW, items=(wire.Receipt(answer="stored"),))
    sealed = carried.seal(slip, KEY)
    assert carried.unseal(sealed, KEY) == slip
    other = signing.Envelope(payload_type="text/plain", payload=sealed.payload, signatures=sealed.signatures)
    with pytest.raises(SignatureError):
        carried.unseal(other, KEY)
