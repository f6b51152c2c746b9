"""The log through the API: what anybody checks it with, what a witness sends, what a delivery is promised."""

import argparse
import contextlib
import hashlib
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from nacl.signing import SigningKey

from agent.contract import wire
from agent.contract.errors import SettingsError
from collector import access
from collector.app import make_app
from collector.errors import NotFound
from collector.evidence import cli as evidence_cli
from collector.evidence import entry, merkle, note, promise, witnessing
from collector.evidence.errors import EvidenceError
from collector.evidence.note import Note
from collector.evidence.witnessing import Fork, Setup
from collector.ledger import checkpointing, cosigning, sequencing
from collector.ledger import cli as ledger_cli
from collector.ledger.promising import WITHIN
from collector.settings import Serve, Settings
from collector.store import audit, evidence
from collector.store.audit import Who
from collector.store.database import MINISTRY
from collector.store.evidence import Pending
from tests.collector.conftest import serving
from tests.fakes.computer import batch, throughput

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SETTINGS = Settings()
WITNESS = SigningKey(bytes(range(32)))
WITNESS_KEY = note.key("auditor.test", "witness", bytes(WITNESS.verify_key))


@pytest.fixture
def grow(database):
    """Let things into the log, and sign it."""
    total = [0]

    def add(by: int, *, school: str | None = "1", operator: str | None = None):
        numbers = range(total[0], total[0] + by)
        total[0] += by
        wanted = [
            Pending(
                subject="report",
                key=f"agent/{number}",
                school_id=school,
                operator=operator,
                sha256=hashlib.sha256(number.to_bytes(8)).digest(),
                at=AT + timedelta(seconds=number),
            )
            for number in numbers
        ]
        with database.ingesting() as connection:
            evidence.pend(connection, wanted)
        return checkpointing.run(database, SETTINGS)

    return add


@pytest.fixture
def register(database):
    """Let a witness cosign."""

    def add(name: str = "The auditor", key: str = WITNESS_KEY.text) -> None:
        with database.owning() as connection:
            cosigning.add(connection, name, key, Who("somebody"), datetime.now(UTC))

    return add


@pytest.fixture
def setup(client, tmp_path):
    """What a witness on this computer knows, once there is a log."""

    def make(**changes) -> Setup:
        key = note.read_key(client.get("/api/v1/evidence/key").json()["key"])
        values = {"url": str(client.base_url), "log": key, "state": tmp_path, "key_file": tmp_path / "witness.key"}
        return Setup(**(values | changes))

    return make


def ask(client, path: str, status: int = 200, **params) -> httpx.Response:
    answer = client.get(f"/api/v1/evidence/{path}", params=params)
    assert answer.status_code == status, answer.text
    return answer


def test_before_there_is_a_log(client):
    """Every question says that there is none yet."""
    for path in ("log", "checkpoint", "key", "tile/0/000"):
        assert "no log yet" in ask(client, path, 404).json()["detail"]
    assert client.get("/healthz").json()["log"] == "none"


def test_what_another_program_checks(client, grow):
    """Checkpoint, key, tiles, proofs: with these alone the log is checked from outside."""
    first, second = grow(300), grow(10)
    shown = note.read(ask(client, "checkpoint").text)
    key = note.read_key(ask(client, "key").json()["key"])
    note.check(shown, key)
    said = note.checkpoint_of(shown)
    assert (said.size, said.root) == (310, second.root)
    assert note.checkpoint_of(note.read(ask(client, "checkpoint", size=300).text)).root == first.root
    hashes = ask(client, "tile/0/000").content + ask(client, "tile/0/001.p/54").content
    leaves = [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
    assert merkle.root_of(leaves) == second.root
    assert ask(client, "tile/1/000.p/1").content == merkle.root_of(leaves[:256])
    found = ask(client, "consistency", **{"from": 300, "to": 310}).json()
    path = msgspec.convert(found["proof"], list[bytes])
    merkle.check_consistency((300, first.root), (310, second.root), path)
    (one,) = ask(client, "proof", subject="report", key="agent/301").json()["items"]
    leaf = merkle.leaf_hash(one["entry"].encode())
    assert merkle.root_with(leaf, one["index"], one["size"], msgspec.convert(one["proof"], list[bytes])) == second.root
    assert entry.decode(one["entry"].encode()).key == "agent/301"


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("tile/0/001", 404, "54 hashes"),
        ("tile/0/000.p/300", 400, "1 to 256"),
        ("tile/0/000.p/0", 400, "1 to 256"),
        ("tile/7/000", 400, "named as"),
        ("tile/0/x1/000", 400, "named as"),
        ("tile/0/x999/x999/x999/x999/x999/999", 400, "so many tiles"),
        ("consistency?from=5&to=311", 404, "310 entries"),
        ("consistency?from=6&to=5", 404, "310 entries"),
        ("proof?subject=report&key=none", 404, "no such entry"),
        ("checkpoint?size=7", 404, "no such checkpoint"),
        ("checkpoint?log=2", 404, "no such log"),
        ("entries?cursor=xyz", 400, "cursor"),
    ],
)
def test_questions_that_have_no_answer(client, grow, path, status, word):
    """Each is refused with a sentence."""
    grow(310)
    answer = client.get(f"/api/v1/evidence/{path}")
    assert (answer.status_code, word in answer.json()["detail"]) == (status, True), answer.text


def test_entries_come_page_by_page(client, grow):
    """Every entry once, in order; of one school only its own."""
    grow(5)
    grow(7, school="2")
    found, cursor = [], None
    while True:
        page = ask(client, "entries", limit=5, **({"cursor": cursor} if cursor else {})).json()
        found += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert [one["index"] for one in found] == list(range(12))
    assert page["total"] == 12
    own = ask(client, "entries", school="2", subject="report").json()
    assert [one["index"] for one in own["items"]] == list(range(5, 12))


def test_an_operator_sees_its_own_entries_and_the_tree(database, grow):
    """A token is asked for; another operator's entry is as if it were not there, the hashes are for all."""
    grow(1, operator="A")
    grow(1, operator="B")
    with database.owning() as connection:
        connection.execute("insert into region (region_id, name_kk, name_ru, name_en) values ('X', 'x', 'x', 'x')")
        connection.execute(
            "insert into school (school_id, name, region_id, operator, synthetic) values ('1', 'one', 'X', 'A', false)"
        )
        token = access.create(
            connection, role="operator", scope="A", name="A", days=9, now=datetime.now(UTC), rights=("read",)
        )
    app = make_app(database, Settings(serve=Serve(listen="0.0.0.0:1", local_pages=False)))
    with serving(app) as address, httpx.Client(base_url=address) as anybody:
        assert anybody.get("/api/v1/evidence/checkpoint").status_code == 401
        anybody.headers["authorization"] = f"Bearer {token}"
        assert [one["index"] for one in ask(anybody, "entries").json()["items"]] == [0]
        ask(anybody, "proof", 404, subject="report", key="agent/1")
        assert len(ask(anybody, "tile/0/000.p/2").content) == 64


def test_a_witness_cosigns_what_continues(client, grow, register, setup, database, tmp_path):
    """The first time it believes, then it checks; its line is shown; while it is off line, nobody waits for it."""
    grow(5)
    register("The auditor", witnessing.own_key(tmp_path / "witness.key", None)[0].text)
    assert witnessing.observe(setup(), AT).is_new
    assert not witnessing.observe(setup(), AT).is_new
    own = witnessing.own_key(tmp_path / "witness.key", None)[0]
    shown = note.read(ask(client, "checkpoint").text)
    assert [one.at for one in note.witnessed(shown, [own])] == [AT]
    grow(300)
    assert note.witnessed(note.read(ask(client, "checkpoint").text), [own]) == []
    (state,) = ask(client, "log").json()["witnesses"]
    assert (state["name"], state["size"], state["behind"]) == ("The auditor", 5, 301)
    assert witnessing.observe(setup(), AT + timedelta(days=3)).checkpoint.size == 306
    (state,) = ask(client, "log").json()["witnesses"]
    assert state["behind"] == 0
    with database.owning() as connection:
        cosigning.end(connection, "The auditor", Who("somebody"), AT)
    with pytest.raises(EvidenceError, match="registered"):
        witnessing.observe(setup(), AT)
    assert note.witnessed(note.read(ask(client, "checkpoint").text), [own])


def test_a_fork_is_refused_loudly(client, grow, register, setup, tmp_path, capsys, database):
    """Both histories are printed and kept, and nothing is cosigned."""
    grow(5)
    register("The auditor", witnessing.own_key(tmp_path / "witness.key", None)[0].text)
    witnessing.observe(setup(), AT)
    kept = next(tmp_path.glob("*.checkpoint"))
    known = note.read(kept.read_text())
    said = note.checkpoint_of(known)
    bent = note.Checkpoint(said.origin, said.size - 1, bytes(32))
    kept.write_text(Note(bent.body, known.lines).text)
    given = ["witness", "--collector", str(client.base_url), "--log-key", setup().log.text, "--state", str(tmp_path)]
    assert evidence_cli.main(given) == 1
    told = capsys.readouterr().err
    assert "not a continuation" in told
    assert bent.body in told
    assert said.body in told
    assert len(list(tmp_path.glob("fork-*-kept.note"))) == len(list(tmp_path.glob("fork-*-shown.note"))) == 1
    assert note.checkpoint_of(note.read(kept.read_text())) == bent
    longer = note.Checkpoint(said.origin, said.size + 1, bytes(32))
    kept.write_text(Note(longer.body, known.lines).text)
    with pytest.raises(Fork, match="shorter"):
        witnessing.observe(setup(), AT)


def test_a_witness_at_the_command_line(client, grow, register, setup, tmp_path, capsys):
    """It shows its key, says what it cosigned, and says what is wrong."""
    grow(3)
    folder = ["--state", str(tmp_path)]
    assert evidence_cli.main(["witness", "--show-key", *folder, "--name", "me"]) == 0
    key = capsys.readouterr().out.strip()
    assert note.read_key(key).name == "me"
    given = ["witness", "--collector", str(client.base_url), "--log-key", setup().log.text, "--name", "me", *folder]
    assert evidence_cli.main(given) == 1
    assert "registered" in capsys.readouterr().err
    register("me", key)
    assert evidence_cli.main(given) == 0
    assert "cosigned" in capsys.readouterr().out
    assert evidence_cli.main(["witness", *folder]) == 2
    assert evidence_cli.main([*given[:4], key, *given[5:]]) == 2
    other = note.key(setup().log.name, "log", bytes(WITNESS.verify_key)).text
    assert evidence_cli.main([*given[:4], other, *given[5:]]) == 1
    assert "not signed by" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "status"),
    [("http://192.0.43.8", 2), ("ftp://127.0.0.1", 2), ("http://127.0.0.1:1", 1), ("http://[::1", 2), ("https:///", 2)],
)
def test_addresses_that_a_witness_refuses(url, status, tmp_path, capsys):
    """Without TLS a token goes to nobody outside; what does not answer is said."""
    key = note.key("netready/x", "log", bytes(WITNESS.verify_key)).text
    given = ["witness", "--collector", url, "--log-key", key, "--state", str(tmp_path), "--token", "t"]
    assert evidence_cli.main(given) == status
    assert capsys.readouterr().err.startswith("netready-collector: ")


def test_what_a_witness_may_not_send(client, grow, register):
    """Another note, an unknown key, a bent signature, no note at all: nothing is kept."""
    signed = grow(4)
    register()
    body = note.read(signed.note).body
    line = note.cosign(body, WITNESS_KEY.name, WITNESS, AT)
    stranger = SigningKey(bytes(range(1, 33)))
    bent = note.Line(line.name, line.key_id, line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
    other = note.Checkpoint(note.checkpoint_of(note.read(signed.note)).origin, signed.size, bytes(32))
    for text, status in (
        (Note(body, (note.cosign(body, "stranger", stranger, AT),)).text, 400),
        (Note(body, (bent,)).text, 400),
        (Note(other.body, (note.cosign(other.body, WITNESS_KEY.name, WITNESS, AT),)).text, 400),
        (body.replace("\n4\n", "\n3\n") + "\n" + line.text, 404),
        ("nothing", 400),
        (b"\xff", 400),
        ("x" * 70_000, 400),
    ):
        answer = client.post("/api/v1/evidence/cosignature", content=text)
        assert answer.status_code == status, answer.text
    assert ask(client, "log").json()["witnesses"][0]["size"] is None
    sent = Note(body, (line,)).text
    for _ in range(2):
        assert client.post("/api/v1/evidence/cosignature", content=sent).json()["witnesses"] == ["The auditor"]


def test_witnesses_are_registered_once(database, register):
    """Neither a name nor a key is used twice, a log's key is none, and each change is told in the log and the audit."""
    register()
    for name, key, word in (
        ("The auditor", note.key("b", "witness", bytes(32)).text, "before"),
        ("Another", WITNESS_KEY.text, "before"),
        ("Another", note.key("log", "log", bytes(WITNESS.verify_key)).text, "of a log"),
        ("", WITNESS_KEY.text, "has a name"),
        ("Another", "nonsense", "not the key"),
    ):
        with pytest.raises(EvidenceError, match=word):
            register(name, key)
    with database.owning() as connection:
        with pytest.raises(NotFound):
            cosigning.end(connection, "nobody", Who("somebody"), AT)
        cosigning.end(connection, "The auditor", Who("somebody"), AT)
        assert connection.execute("select array_agg(key) from log_pending").fetchone() == (
            ["witness/The auditor", "witness/The auditor"],
        )
    with database.reading(MINISTRY) as connection:
        assert audit.count(connection, audit.Wanted(about="witness The auditor")) == 2


def test_a_delivery_is_promised_its_place(database, client, grow, add_school, enrolled):
    """The promise names the log, the reports and the time; its key is published, in the log too; the log keeps it."""
    add_school("1")
    computer = enrolled("1")
    first = client.post("/api/v1/reports", content=batch(computer.report(throughput(3e7, 8e6))))
    assert first.json()["promise"] is None  # there is no log yet
    grow(1)
    with serving(make_app(database, SETTINGS)) as address:
        body = batch(computer.report(throughput(3e7, 8e6)), computer.report(throughput(3e7, 8e6)), b"{}")
        for _ in range(2):  # the second time as duplicates
            reply = msgspec.json.decode(
                httpx.post(f"{address}/api/v1/reports", content=body).content, type=wire.BatchReply
            )
            assert reply.promise is not None
            (known,) = ask(client, "key").json()["receipts"]
            promise.check(reply.promise, reply.items, bytes.fromhex(known["public_key"]))
            assert reply.promise.key == known["key_id"]
            assert timedelta(0) < reply.promise.include_by - datetime.now(UTC) <= WITHIN
            with pytest.raises(EvidenceError, match="other reports"):
                promise.check(reply.promise, reply.items[:1], bytes.fromhex(known["public_key"]))
            with pytest.raises(EvidenceError, match="not signed"):
                promise.check(reply.promise, reply.items, bytes(32))
        refused = httpx.post(f"{address}/api/v1/reports", content=batch(b"{}"))
        assert refused.json()["promise"] is None
    sequencing.run(database, SETTINGS)
    assert ask(client, "log").json()["origin"] == reply.promise.log
    ask(client, "proof", subject="key", key=f"receipts/{known['key_id']}")
    for sequence in (1, 2, 3):
        ask(client, "proof", subject="report", key=f"{computer.id}/{sequence}")


def test_a_log_that_stands_still_says_so(database, client, grow):
    """At /healthz, in the figures and in the API; and nobody is promised a place."""
    grow(2)
    assert client.get("/healthz").json() == client.get("/healthz").json() | {"status": "ok", "log": "running"}
    assert "netready_log_stopped 0.0" in client.get("/metrics").text
    with database.owning() as connection:
        evidence.stop_log(connection, 1, "because of a test")
    assert client.get("/healthz").json()["log"] == "stopped"
    assert ask(client, "log").json()["stopped"] == "because of a test"
    with serving(make_app(database, SETTINGS)) as address:
        assert "netready_log_stopped 1.0" in httpx.get(f"{address}/metrics", timeout=60).text


@pytest.fixture
def run(database):
    """Run one of the commands on the test's database."""

    def do(*words: str) -> int:
        parser = argparse.ArgumentParser()
        commands = parser.add_subparsers(required=True)
        opened = lambda _settings: contextlib.nullcontext(database)  # noqa: E731 - the fixture closes it
        ledger_cli.add(commands, argparse.ArgumentParser(add_help=False), lambda _options: SETTINGS, opened)
        options = parser.parse_args(["evidence", *words])
        return options.command(options)

    return do


def test_the_commands(run, grow, capsys):
    """Checkpoint, key, state and witnesses at the command line of whoever runs the collector."""
    for word in ("key", "checkpoint"):
        with pytest.raises(NotFound):
            run(word)
    grow(3)
    run("checkpoint")
    shown = note.read(capsys.readouterr().out)
    run("key")
    note.check(shown, note.read_key(capsys.readouterr().out))
    run("witnesses", "add", "The auditor", WITNESS_KEY.text)
    run("witnesses", "list")
    assert "The auditor: cosigned nothing" in capsys.readouterr().out
    run("status", "--format", "json")
    assert msgspec.json.decode(capsys.readouterr().out)["checkpoint_size"] == 3
    run("witnesses", "end", "The auditor")
    run("witnesses", "list", "--format", "json")
    assert msgspec.json.decode(capsys.readouterr().out)["items"][0]["ended_at"] is not None
    with pytest.raises(SettingsError):
        run("restart-log", "--reason", " ")
    run("restart-log", "--reason", "to try it")
    capsys.readouterr()
    run("status")
    assert "/2: 1 entries" in capsys.readouterr().out
