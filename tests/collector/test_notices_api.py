"""Notices by API and at the command line: who may subscribe, see and end what."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from collector import access
from collector.cli import main
from collector.notices import looking, sending
from collector.people import accounts
from collector.settings import Settings
from collector.store import access as stored
from collector.store import audit
from collector.store.audit import Who
from collector.store.database import MINISTRY

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


def test_a_subscription_ends_with_the_tokens_of_its_holder(ask, database):
    """Revoked, they give nothing more, not even what waits; a second token of the same name carries it on."""
    one = ask("operator Alpha", "POST", "/subscribers", json=HOOK).json()["subscriber"]
    assert (one["held_by"], one["holder"]) == ("token", "operator Alpha")
    tested = ask("operator Alpha", "POST", f"/subscribers/{one['id']}/test").json()
    with database.owning() as connection:
        stored.revoke_access(connection, "operator Alpha")
        new = {"role": "operator", "scope": "Alpha", "name": "operator Alpha", "days": 1, "now": datetime.now(UTC)}
        access.create(connection, rights=access.ROLE_RIGHTS["operator"], **new)
    assert sending.run(database, Settings()) == 1
    with database.owning() as connection:
        stored.revoke_access(connection, "operator Alpha")
        access.create(connection, rights=("read",), **new)
        access.create(connection, rights=access.ROLE_RIGHTS["operator"], **new | {"scope": "Beta"})
    assert sending.run(database, Settings(), now=datetime.now(UTC) + timedelta(hours=1)) == 0
    (shown,) = ask("ministry", "GET", "/subscribers", params={"ended": True}).json()["items"]
    assert shown["ended_why"].startswith("no API token 'operator Alpha' holds any more")
    (sent,) = ask("ministry", "GET", "/deliveries").json()["items"]
    assert (sent["id"], sent["state"], sent["outcome"]) == (tested["id"], "dead", "the subscription ended")
    with database.reading(MINISTRY) as connection:
        (noted, *_) = audit.entries(connection, audit.Wanted(about="notices to desk"), limit=9)
    assert (noted.who, noted.detail["done"]) == ("the collector", "ended")


def test_a_subscription_ends_when_its_tokens_expire(ask, database):
    """Nobody renewed the access, so nobody is known to have it still."""
    ask("operator Alpha", "POST", "/subscribers", json=HOOK)
    later = datetime.now(UTC) + timedelta(days=31)
    sending.run(database, Settings(), now=later - timedelta(days=2))
    assert ask("ministry", "GET", "/subscribers").json()["total"] == 1
    sending.run(database, Settings(), now=later)
    assert ask("ministry", "GET", "/subscribers").json()["total"] == 0


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


SET_ACCOUNT = "update account set role = %s, scope = %s where name = 'anna'"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("disabled", "the account 'anna' is out of use"),
        ("removed", "the account 'anna' is out of use"),
        (("operator", "Beta"), "the account 'anna' has another role or scope now"),
        (("auditor", None), "the account 'anna' has another role or scope now"),
    ],
)
def test_a_subscription_ends_with_its_account(command, database, change, why):
    """Taken out of use, removed, or of another scope: nothing more is told, and the list says why."""
    now, by = datetime.now(UTC), Who("a test")
    accounts.create(database, accounts.Wanted(name="anna", role="operator", scope="Alpha"), by, now)
    hook = ("--name", "desk", "--webhook", "https://hooks.invalid/")
    assert command("subscribe", "--account", "Anna", *hook)[0] == 0
    looking.run(database, Settings(), now=now)
    (one,) = json.loads(command("subscribers", "--format", "json")[1])["items"]
    assert (one["role"], one["scope"], one["holder"]) == ("operator", "Alpha", "anna")
    if change == "disabled":
        accounts.disable(database, "anna", by, now)
    else:
        with database.owning() as connection:
            if change == "removed":
                connection.execute("delete from account where name = 'anna'")
            else:
                connection.execute(SET_ACCOUNT, change)
    looking.run(database, Settings(), now=now)
    (one,) = json.loads(command("subscribers", "--ended", "--format", "json")[1])["items"]
    assert (one["ended_why"], one["ended_at"] is not None) == (why, True)
    assert why in command("subscribers", "--ended")[1]
    assert command("subscribe", "--account", "anna", "--scope", "Beta", *hook)[0] == 2
    status, _, said = command("subscribe", "--account", "nobody", *hook)
    assert (status, "no account 'nobody' is in use" in said) == (1, True)


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
