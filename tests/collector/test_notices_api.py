"""Notices by API and at the command line: who may subscribe, see and end what."""

import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from collector import access
from collector.cli import main
from collector.notices import sending
from collector.settings import Settings

HOOK = {"name": "desk", "channel": "webhook", "address": "https://hooks.invalid/netready"}


@pytest.fixture
def ask(client, database, add_school):
    """Ask the API as somebody; schools of Alpha and Beta are known."""
    add_school("0101", operator="Alpha")
    add_school("0202", operator="Beta")
    headers = {}

    def do(who, method, path, **more):
        role, _, scope = who.partition(" ")
        if who not in headers:
            with database.owning() as connection:
                token = access.create(
                    connection,
                    role=role,
                    scope=scope or None,
                    name=who,
                    days=30,
                    now=datetime.now(UTC),
                    rights=access.ROLE_RIGHTS[role],
                )
            headers[who] = {"authorization": f"Bearer {token}"}
        return client.request(method, f"/api/v1/notices{path}", headers=headers[who], **more)

    return do


def test_a_subscription_by_api(ask, database):
    """The secret is shown once; a test waits for its turn and is listed; an end is an end."""
    made = ask("operator Alpha", "POST", "/subscribers", json=HOOK).json()
    assert made["secret"].startswith("whsec_")
    one = made["subscriber"]
    assert (one["role"], one["scope"], one["kinds"]) == ("operator", "Alpha", [])
    listed = ask("operator Alpha", "GET", "/subscribers")
    assert ([each["id"] for each in listed.json()["items"]], made["secret"] in listed.text) == ([one["id"]], False)
    tested = ask("operator Alpha", "POST", f"/subscribers/{one['id']}/test").json()
    assert sending.run(database, Settings()) == 1
    (sent,) = ask("operator Alpha", "GET", "/deliveries").json()["items"]
    assert (sent["id"], sent["kind"], sent["state"], sent["tries"]) == (tested["id"], "test", "waiting", 1)
    assert ask("operator Alpha", "POST", f"/subscribers/{one['id']}/end").status_code == 200
    assert ask("operator Alpha", "GET", "/subscribers").json()["total"] == 0
    assert ask("operator Alpha", "GET", "/subscribers", params={"ended": True}).json()["total"] == 1
    sending.run(database, Settings())
    assert ask("operator Alpha", "GET", "/deliveries", params={"state": "dead"}).json()["total"] == 1


def test_another_operator_sees_and_ends_nothing(ask):
    """It does not learn that there is a subscription; an auditor sees it and leaves it; the ministry may end it."""
    one = ask("operator Alpha", "POST", "/subscribers", json=HOOK).json()["subscriber"]
    ask("operator Alpha", "POST", f"/subscribers/{one['id']}/test")
    assert ask("operator Beta", "GET", "/subscribers").json()["total"] == 0
    assert ask("operator Beta", "GET", "/deliveries").json()["total"] == 0
    assert ask("operator Beta", "POST", f"/subscribers/{one['id']}/end").status_code == 404
    assert ask("operator Beta", "POST", f"/subscribers/{one['id']}/test").status_code == 404
    assert ask("auditor", "GET", "/subscribers").json()["total"] == 1
    assert ask("auditor", "POST", f"/subscribers/{one['id']}/end").status_code == 403
    assert ask("ministry", "POST", f"/subscribers/{one['id']}/end").status_code == 200


def test_subscriptions_that_are_refused(ask, client, database):
    """Not a webhook, not a kind, no mail server, and a token without the right."""
    for changed, status in (
        ({"address": "ftp://hooks.invalid/"}, 409),
        ({"kinds": ["all"]}, 400),
        ({"role": "ministry"}, 400),
        ({"channel": "email", "address": "a@b.example"}, 400),
        ({"name": "a\nb"}, 400),
    ):
        assert ask("school 0101", "POST", "/subscribers", json=HOOK | changed).status_code == status, changed
    with database.owning() as connection:
        token = access.create(connection, role="ministry", scope=None, name="bi", days=1, now=datetime.now(UTC))
    answer = client.post("/api/v1/notices/subscribers", json=HOOK, headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, "notices" in answer.json()["detail"]) == (403, True)


@pytest.fixture
def command(database_url, add_school, capsys, monkeypatch):
    """Run a command against the database; return its status and what it printed."""
    add_school("0101", operator="Alpha")
    where = conninfo_to_dict(database_url)
    host, port = quote(str(where["host"]), safe=""), where.get("port", "5432")
    url = f"postgresql://{where['user']}@/{where['dbname']}?host={host}&port={port}"
    monkeypatch.setenv("COLUMNS", "250")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["notices", *arguments, "--database", url])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def test_notices_at_the_command_line(command):
    """Subscribe, try, list, end."""
    role = ("--role", "operator", "--scope", "Alpha", "--name", "desk")
    status, secret, _ = command("subscribe", *role, "--webhook", "https://hooks.invalid/", "--kind", "breach.opened")
    assert (status, secret.startswith("whsec_")) == (0, True)
    (one,) = json.loads(command("subscribers", "--format", "json")[1])["items"]
    assert (one["scope"], one["kinds"]) == ("Alpha", ["breach.opened"])
    status, _, said = command("test", one["id"])
    assert (status, "nobody knows an address of hooks.invalid" in said) == (1, True)
    assert "desk" in command("subscribers")[1]
    assert command("list")[0] == command("deliveries")[0] == 0
    assert command("end", one["id"])[0] == 0
    assert command("end", one["id"])[0] == 1
    assert "ended by command line" in command("subscribers", "--ended")[1]
    assert command("subscribe", "--role", "operator", "--name", "x", "--email", "a@b.example")[0] == 1
    assert command("subscribe", *role[:-1], "", "--email", "a@b.example")[0] == 2
