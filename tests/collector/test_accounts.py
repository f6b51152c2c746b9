"""Accounts, tokens and the audit log as commands and through the API."""

import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from collector import access, cli
from collector.people import accounts
from collector.people.accounts import Wanted
from collector.store import audit
from collector.store.audit import Who
from collector.store.database import MINISTRY

NOBODY = Who("a test")


@pytest.fixture
def command(database_url, database, capsys):
    """Run a command of the collector; return its exit status and what it printed."""
    where = conninfo_to_dict(database_url)
    host, port = quote(str(where["host"]), safe=""), where.get("port", 5432)
    url = f"postgresql://{where['user']}@/{where['dbname']}?host={host}&port={port}"

    def run(*words: str) -> tuple[int, str, str]:
        status = cli.main([*words, "--database", url])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture
def bearer(database):
    """Make an API token with rights, and return the header that uses it."""

    def make(role: str, *rights: str, scope: str | None = None, name: str = "program") -> dict[str, str]:
        with database.owning() as connection:
            token = access.create(
                connection, role=role, scope=scope, name=name, days=None, now=datetime.now(UTC), rights=rights
            )
        return {"authorization": f"Bearer {token}"}

    return make


def test_an_account_from_the_command_line(command, database):
    """The password alone on standard output; listed, disabled, enabled, reset, unlocked; each written down."""
    status, out, err = command("accounts", "create", "--role", "admin", "--name", "Dana", "--full-name", "Дана А.")
    assert (status, out.count("\n"), len(out.strip())) == (0, 1, 23)
    assert "shown only now" in err
    for words in (("disable", "dana"), ("enable", "dana"), ("unlock", "dana")):
        assert command("accounts", *words)[0] == 0
    assert command("accounts", "disable", "nobody")[0] == 1
    assert len(command("accounts", "reset-password", "dana", "--second-factor")[1].strip()) == 23
    (listed,) = json.loads(command("accounts", "list", "--format", "json")[1])["items"]
    assert (listed["name"], listed["full_name"], listed["must_change"]) == ("dana", "Дана А.", True)
    assert "dana" in command("accounts", "list")[1]
    told = json.loads(command("audit", "--about", "account dana", "--format", "json")[1])
    assert told["total"] == 5
    assert all(one["who"].startswith("command line, user ") for one in told["items"])
    assert ": changed account dana {" in command("audit", "--limit", "1")[1]
    assert command("audit", "--since", "soon")[0] == 2
    assert json.loads(command("audit", "--since", "2999-01-01", "--format", "json")[1])["total"] == 0


def test_a_token_from_the_command_line_has_an_end_and_rights(command, database):
    """Too long or with a right that the role has not: refused; what was made is written down without the token."""
    assert command("access", "create", "--role", "auditor", "--name", "bi", "--rights", "read,policy")[0] == 1
    assert command("access", "create", "--role", "auditor", "--name", "bi", "--expires", "731")[0] == 1
    status, token, _ = command("access", "create", "--role", "auditor", "--name", "bi", "--rights", "read, audit")
    assert status == 0
    holder = access.holder_of(database, token.strip(), datetime.now(UTC))
    assert holder.rights == ("read", "audit")
    assert command("access", "revoke", "--name", "bi")[0] == 0
    told = command("audit", "--about", "token of bi", "--format", "json")[1]
    assert json.loads(told)["total"] == 2
    assert token.strip() not in told


def test_administrators_programs_make_accounts(client, bearer):
    """Through the API as on the pages: the first password in the answer that makes it, and nowhere else."""
    header = bearer("admin", "read", "accounts")
    made = client.post("/api/v1/accounts", json={"name": "Dana", "role": "ministry"}, headers=header)
    assert made.status_code == 200
    assert len(made.json()["password"]) == 23
    for action, changed in (("disable", True), ("enable", True), ("unlock", False)):
        answer = client.post(f"/api/v1/accounts/dana/{action}", headers=header)
        assert answer.json() == {"name": "dana", "done": action, "changed": changed}
    again = client.post("/api/v1/accounts/dana/reset-password", headers=header).json()["password"]
    assert again != made.json()["password"]
    listed = client.get("/api/v1/accounts", headers=header)
    assert (listed.json()["total"], again in listed.text) == (1, False)
    (token,) = client.get("/api/v1/access", headers=header).json()["items"]
    assert (token["name"], token["rights"], token["last_used_at"] is not None) == (
        "program",
        ["read", "accounts"],
        True,
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[" * 5_000,
        b'{"name": "a\\u0000b", "role": "ministry"}',
        b'{"name": "dana", "role": "king"}',
        b"x" * 20_000,
    ],
)
def test_nonsense_makes_no_account(client, bearer, body):
    """A sentence, and nothing is made."""
    header = bearer("admin", "read", "accounts")
    assert client.post("/api/v1/accounts", content=body, headers=header).status_code == 400
    assert client.get("/api/v1/accounts", headers=header).json()["total"] == 0


@pytest.mark.parametrize(
    ("role", "rights"),
    [("ministry", ("read", "audit")), ("auditor", ("read", "audit")), ("admin", ("read", "export"))],
)
def test_who_may_not_manage_accounts_does_not(client, database, bearer, role, rights):
    """Neither another role, nor an administrator's token that is not for it."""
    accounts.create(database, Wanted(name="dana", role="ministry"), NOBODY, datetime.now(UTC))
    header = bearer(role, *rights)
    assert client.post("/api/v1/accounts", json={"name": "eve", "role": "admin"}, headers=header).status_code == 403
    for action in ("disable", "enable", "unlock", "reset-password"):
        assert client.post(f"/api/v1/accounts/dana/{action}", headers=header).status_code == 403
    assert client.get("/api/v1/accounts", headers=header).status_code == (200 if role == "auditor" else 403)


def test_a_token_without_the_right_to_read_reads_nothing(client, bearer, add_school):
    """A program that may only ask for tests sees no school, and one that may read takes no file."""
    add_school("1")
    assert client.get("/api/v1/schools", headers=bearer("ministry", "run-now")).status_code == 403
    reads = bearer("ministry", "read")
    assert client.get("/api/v1/rankings/schools", headers=reads).status_code == 200
    assert client.get("/api/v1/rankings/schools?format=csv", headers=reads).status_code == 403


def test_the_audit_log_has_pages_that_nothing_new_moves(client, database, bearer):
    """Newest first, with a total; what is written while one reads on shifts no page; each entry comes once."""
    with database.admitting() as connection:
        for number in range(5):
            audit.note(connection, NOBODY, "saw", f"school {number}", now=datetime.now(UTC))
    header = bearer("auditor", "read", "audit")
    seen, cursor = [], None
    for _ in range(5):
        question = {"limit": 2, "what": "saw"} | ({"cursor": cursor} if cursor else {})
        answer = client.get("/api/v1/audit", params=question, headers=header).json()
        seen += [one["about"] for one in answer["items"]]
        cursor = answer["cursor"]
        with database.admitting() as connection:
            audit.note(connection, NOBODY, "saw", "school new", now=datetime.now(UTC))
        if cursor is None:
            break
    assert seen == [f"school {number}" for number in (4, 3, 2, 1, 0)]
    assert client.get("/api/v1/audit?about=school%203", headers=header).json()["total"] == 1
    assert client.get("/api/v1/audit?since=2999-01-01", headers=header).json()["total"] == 0
    for wrong in ("cursor=x", "since=soon", "limit=0", "who=%00"):
        assert client.get(f"/api/v1/audit?{wrong}", headers=header).status_code == 400


def test_the_audit_log_is_not_for_regions(client, bearer):
    """Nor for operators, schools, or a ministry's program that was not made for it."""
    for header in (bearer("region", "read", scope="KZ-75"), bearer("ministry", "read")):
        assert client.get("/api/v1/audit", headers=header).status_code == 403
    assert client.get("/api/v1/audit", headers=bearer("ministry", "audit")).status_code == 200


def test_a_refused_change_leaves_no_entry(database):
    """What was not done is not written down as done."""
    for name in ("dana", "dana"):
        try:
            accounts.create(database, Wanted(name=name, role="ministry"), NOBODY, datetime.now(UTC))
        except accounts.AccountError:
            continue
    with database.reading(MINISTRY) as connection:
        assert audit.count(connection, audit.Wanted()) == 1
