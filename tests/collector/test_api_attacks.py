import base64
import gzip
import io
import json
import socket
import zipfile
from datetime import UTC, datetime

import msgspec
import psycopg
import pytest

from agent.contract import signing, wire
from collector import access, export
from collector.store import schema
from tests.fakes.computer import Computer, batch, throughput


@pytest.fixture
def holder(database):
    """Make an API token of a role and return the header that uses it."""

    def make(role: str, scope: str | None = None) -> dict[str, str]:
        with database.owning() as connection:
            token = access.create(connection, role=role, scope=scope, name="test", days=None, now=datetime.now(UTC))
        return {"authorization": f"Bearer {token}"}

    return make


def raw(client, head: bytes) -> bytes:
    """Send bytes as they are and return the beginning of the answer."""
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=60) as connection:
        connection.sendall(head)
        return connection.recv(65_536)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /rankings/schools HTTP/1.1\r\nHost: \r\n\r\n",
        b"GET /rankings/schools HTTP/1.1\r\nHost: x/api/\r\n\r\n",
        b"GET /rankings/schools HTTP/1.1\r\nHost: evil.example@127.0.0.1\r\n\r\n",
        b"GET /rankings/schools HTTP/1.1\r\nHost: [::1\r\n\r\n",
        b"GET /rankings/schools HTTP/1.1\r\nHost: 127.0.0.1, evil.example\r\n\r\n",
        b"GET http://127.0.0.1/rankings/schools HTTP/1.1\r\nHost: evil_name.example\r\n\r\n",
        b"GET /rankings/schools HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\n\r\n",
        b"GET /rankings/schools HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /rankings/schools HTTP/1.0\r\n\r\n",
    ],
)
def test_a_doubtful_host_or_a_silent_proxy_is_not_this_computer(client, head):
    """Pages open without a login only to a browser that names this computer and came to it directly."""
    assert raw(client, head).split()[1] in (b"400", b"401", b"404")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8080", "[::1]:8080", "LOCALHOST"])
def test_a_person_at_this_computer_needs_no_login(client, host):
    """The usual names of this computer open the pages."""
    assert client.get("/rankings/schools", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("value", ["é".encode("latin-1"), b"!!!!", base64.b64encode(b"\xff:\xff")])
def test_a_login_that_cannot_be_read_is_refused(client, value):
    """Whatever stands after Basic, the answer is a 401 that asks again."""
    answer = client.get("/rankings/schools", headers={b"authorization": b"Basic " + value})
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize("path", ["/api/v1/rankings/schools?format=csv&period=20२६", "/rankings/schools?period=२०२६"])
def test_digits_of_other_scripts_are_no_period(client, holder, path):
    """A period is written in ASCII; it also becomes a file's name in a header."""
    assert client.get(path, headers=holder("ministry")).status_code in (400, 404)


def test_headers_have_a_limit(client):
    """Nobody can fill the memory with headers that never end."""
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        try:
            for _ in range(64):
                connection.sendall(b"X-Filler: " + b"a" * 65_536 + b"\r\n")
            assert connection.recv(65_536).split()[1] == b"400"
        except (ConnectionResetError, BrokenPipeError):
            pass  # cut off while we were still sending: that is the limit
        else:
            assert connection.recv(1) == b""


def test_an_enrolment_nested_without_end_is_refused(client):
    """Deep JSON inside of the signed payload is the sender's mistake, not ours."""
    computer = Computer("1")
    payload = b'{"token":"x","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    body = msgspec.json.encode(signing.sign(wire.ENROLLMENT_TYPE, payload, computer.key))
    assert client.post("/api/v1/enroll", content=body).status_code == 400


def test_an_envelope_with_nul_spoils_only_itself(client, add_school, enrolled):
    """Each envelope has its own answer, whatever another one calls its key."""
    add_school("1")
    computer = enrolled("1")
    odd = json.loads(computer.signed(b"{}"))
    odd["signatures"][0]["keyid"] = "\0"
    body = batch(computer.report(throughput(30e6, 6e6)), json.dumps(odd).encode())
    answers = client.post("/api/v1/reports", content=body).json()["items"]
    assert [one["answer"] for one in answers] == ["stored", "refused"]
    assert answers[1]["reason"] == "unknown_agent"


def test_what_is_nested_too_deep_for_the_database_is_refused(client, database_url, add_school, enrolled):
    """It would fail again for ever: the report is refused for good, the others of its batch are stored."""
    add_school("1")
    computer = enrolled("1")
    with psycopg.connect(database_url, autocommit=True) as connection:
        _, ingest = schema.role_names(connection.info.dbname)
        connection.execute(f"alter role {ingest} set max_stack_depth = '100kB'")
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (ingest,))
    payload = json.loads(computer.payload(throughput(30e6, 6e6)))
    deep = b'{"kind":"newer","x":' + b"[" * 900 + b"]" * 900 + b"}"
    spoilt = json.dumps(payload | {"measurements": ["here"]}).encode().replace(b'"here"', deep)
    body = batch(computer.signed(spoilt), computer.report(throughput(30e6, 6e6)))
    answers = client.post("/api/v1/reports", content=body).json()["items"]
    assert [one["answer"] for one in answers] == ["refused", "stored"]


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"", mtime=0) * 200_000,
        b"\x1f\x8b\x08\x08\0\0\0\0\0\3" + b"a" * 4_000_000,
        gzip.compress(b"{}", mtime=0)[:-4],
        gzip.compress(b"{}", mtime=0)[:-8] + b"\0" * 8,
        gzip.compress(b"{}", mtime=0) + b"more",
        b"",
    ],
)
def test_gzip_is_one_whole_member(client, body):
    """Endless members and names, torn ends and wrong sums are refused without walking through them."""
    answer = client.post("/api/v1/reports", content=body, headers={"content-encoding": "gzip"})
    assert answer.status_code == 400
    assert "gzip" in answer.json()["detail"]


def test_a_read_only_database_is_a_503(client, database_url, add_school, enrolled):
    """After a failover to a standby nothing is accepted, and agents are asked to come back."""
    add_school("1")
    body = batch(enrolled("1").report(throughput(30e6, 6e6)))
    with psycopg.connect(database_url, autocommit=True) as connection:
        _, ingest = schema.role_names(connection.info.dbname)
        connection.execute(f"alter role {ingest} set default_transaction_read_only = on")
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (ingest,))
        answer = client.post("/api/v1/reports", content=body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        connection.execute(f"alter role {ingest} reset default_transaction_read_only")
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (ingest,))
    assert client.post("/api/v1/reports", content=body).json()["items"][0]["answer"] == "stored"


def test_operators_do_not_see_the_ministrys_further_columns(client, add_school, holder):
    """Columns of its own that the ministry imported may name people; an operator gets none of them."""
    add_school("1", operator="Operator A", extra={"head": "A Person", "phone": "+7 700"})
    for role, scope, sees in (("ministry", None, True), ("school", "1", True), ("operator", "Operator A", False)):
        asked = holder(role, scope)
        for path in ("/api/v1/schools", "/api/v1/schools/1"):
            assert ("A Person" in client.get(path, headers=asked).text) is sees


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\n=1", "'\n'=1"),
        ('A; "=cmd|x', "A; \"'=cmd|x"),
        ("A;B", "A;B"),
        ("№ 5 - school", "№ 5 - school"),
    ],
)
def test_no_cell_of_a_spreadsheet_is_a_formula(client, add_school, holder, name, safe):
    """A name stays text in CSV, where ';' separates cells too, and in XLSX."""
    assert export.safe_text(name) == safe
    add_school("1", name=name)
    asked = holder("ministry")
    table = client.get("/api/v1/rankings/schools?format=xlsx", headers=asked).content
    assert b"<f" not in zipfile.ZipFile(io.BytesIO(table)).read("xl/worksheets/sheet1.xml")


def test_the_document_says_who_may_ask_and_what_is_sent(client):
    """Programs are written from it: logins, bodies, the names of rankings."""
    document = client.get("/openapi.json").json()
    logins = document["components"]["securitySchemes"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert method in {"post", "put"} or "requestBody" not in operation, path
            assert {login for one in operation.get("security", ()) for login in one} <= set(logins)
            (tag,) = operation["tags"]
            assert ("security" in operation) is (
                tag in {"people", "steering", "contracts, exclusions, disputes", "notices"}
                or path == wire.POLICY_PATH
                or (tag in {"evidence", "test servers"} and method == "get")  # what they bring is signed
            ), path
    (name,) = [
        one for one in document["paths"]["/api/v1/rankings/{name}"]["get"]["parameters"] if one["name"] == "name"
    ]
    assert "schools" in name["schema"]["enum"]
