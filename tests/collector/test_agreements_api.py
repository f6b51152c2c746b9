"""Contracts, exclusions and disputes by API: everybody says and sees what concerns them, and nothing else."""

import hashlib
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from collector import access

VERDICT = """
insert into verdict (
    school_id, line, month, operator, version, region_id, synthetic, state, is_recurring, judged_at, body, sha256, facts
)
values ('0101', '1', '2026-10', 'Alpha', 1, 'KZ-75', false, 'breach', false, now(), '', '', '')
"""
CONTRACT = {
    "school": "0101",
    "contract": "A-1",
    "operator": "Alpha",
    "valid_from": "2026-09-01",
    "download_bps": 20_000_000,
    "price_per_month": "45000.00",
    "currency": "KZT",
}
OBJECTION = {"school": "0101", "month": "2026-10", "version": 1, "claim": "the school was without power"}


@pytest.fixture
def ask(client, database, add_school):
    """Ask the API as somebody; school 0101 is known."""
    add_school("0101")
    headers: dict[tuple[str, str | None], dict[str, str]] = {}

    def header(role: str, scope: str | None) -> dict[str, str]:
        if (role, scope) not in headers:
            with database.owning() as connection:
                token = access.create(
                    connection,
                    role=role,
                    scope=scope,
                    name=f"{role} {scope}",
                    days=30,
                    now=datetime.now(UTC),
                    rights=access.ROLE_RIGHTS[role],
                )
            headers[role, scope] = {"authorization": f"Bearer {token}"}
        return headers[role, scope]

    def do(who: str, method: str, path: str, **more):
        role, _, scope = who.partition(" ")
        return client.request(method, f"/api/v1/{path}", headers=header(role, scope or None), **more)

    return do


@pytest.fixture
def contracted(ask):
    """A line of Alpha's."""
    assert ask("ministry", "POST", "contracts", json=CONTRACT).status_code == 200


def power_cut(**changes) -> dict:
    now = datetime.now(UTC)
    told = {"kind": "power_cut", "school": "0101", "begins": (now - timedelta(hours=9)).isoformat(), "reason": "so"}
    return told | {"ends": (now - timedelta(hours=5)).isoformat()} | changes


def test_a_contract_by_api(ask, contracted):
    """It is answered as it was recorded, to whom it concerns; the price stays exact."""
    found = ask("operator Alpha", "GET", "contracts").json()
    assert found["total"] == 1
    (one,) = found["items"]
    assert (one["state"], one["backdated"], one["terms"]["price_per_month"]) == ("holds", True, "45000.00")
    assert len(one["sha256"]) == 64
    assert (
        ask("school 0101", "GET", "contracts", params={"day": "2026-08-31"}).json()["items"][0]["state"]
        == "no contract"
    )
    assert ask("region KZ-71", "GET", "contracts").json()["total"] == 0
    assert ask("region KZ-71", "GET", "contracts", params={"school": "0101"}).status_code == 404


def test_contracts_that_are_refused(ask, contracted):
    """What it contradicts is a conflict, what cannot be read a bad request, whose it is not nobody's business."""
    other = CONTRACT | {"contract": "B", "operator": "Beta"}
    answer = ask("ministry", "POST", "contracts", json=other)
    assert (answer.status_code, "contract A-1" in answer.json()["detail"]) == (409, True)
    assert ask("operator Alpha", "POST", "contracts", json=other).status_code in (403, 404)
    assert ask("region KZ-71", "POST", "contracts", json=other).status_code == 404
    assert ask("ministry", "POST", "contracts", json=CONTRACT | {"number": 7}).status_code == 400
    assert ask("ministry", "POST", "contracts", json=CONTRACT | {"school": "0\u0000"}).status_code == 400
    assert ask("ministry", "POST", "contracts", content=b"x" * 300_000).status_code == 413
    assert ask("auditor", "POST", "contracts", json=other).status_code == 403


def test_a_token_without_the_right_changes_nothing(client, database, ask):
    """The usual token reads."""
    with database.owning() as connection:
        token = access.create(connection, role="ministry", scope=None, name="bi", days=1, now=datetime.now(UTC))
    answer = client.post("/api/v1/contracts", json=CONTRACT, headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, "agreements" in answer.json()["detail"]) == (403, True)


def test_an_exclusion_by_api(ask, contracted):
    """An operator claims, the school confirms, all records are answered."""
    one = ask("operator Alpha", "POST", "exclusions", json=power_cut()).json()
    assert (one["state"], one["operator"], one["role"]) == ("claimed", "Alpha", "operator")
    settled = ask("school 0101", "POST", f"exclusions/{one['id']}", json={"action": "confirm", "reason": "yes"})
    assert settled.json()["state"] == "in_force"
    assert [each["state"] for each in ask("region KZ-75", "GET", f"exclusions/{one['id']}").json()["items"]] == [
        "claimed",
        "in_force",
    ]
    assert ask("region KZ-71", "GET", f"exclusions/{one['id']}").status_code == 404
    assert ask("region KZ-71", "POST", f"exclusions/{one['id']}", json={"action": "refuse"}).status_code == 404
    assert ask("operator Alpha", "POST", f"exclusions/{one['id']}", json={"action": "refuse"}).status_code == 403
    assert ask("ministry", "GET", "exclusions", params={"school": "0101"}).json()["total"] == 1
    assert ask("ministry", "GET", "exclusions", params={"since": "2026-10-05T07:00:00"}).status_code == 400
    assert ask("school 0101", "POST", "exclusions", json=power_cut(school="0199")).status_code == 404
    assert ask("ministry", "POST", "exclusions", json=power_cut(kind="bad_luck")).status_code == 400


def test_a_dispute_by_api(ask, contracted, database_url):
    """From the claim to the decision, with a file that comes back as it was; times left are told."""
    with psycopg.connect(database_url) as connection:
        connection.execute(VERDICT)
    assert ask("operator Alpha", "POST", "disputes", json=OBJECTION | {"version": 2}).status_code == 404
    opened = ask("operator Alpha", "POST", "disputes", json=OBJECTION).json()
    assert (opened["standing"]["waits_for"], opened["standing"]["days_left"]) == ("evidence", 10)
    path = f"disputes/{opened['dispute']['id']}"
    named = {"name": "counters.csv", "text": "our own"}
    known = ask("operator Alpha", "POST", f"{path}/files", params=named, content=b"<script>1</script>").json()
    sha256 = hashlib.sha256(b"<script>1</script>").hexdigest()
    assert known["dispute"]["steps"][1]["attached"] == {"name": "counters.csv", "size": 18, "sha256": sha256}
    got = ask("school 0101", "GET", f"{path}/files/{sha256}")
    assert (got.content, got.headers["content-type"]) == (b"<script>1</script>", "application/octet-stream")
    assert got.headers["content-disposition"].startswith("attachment")
    for name in ("../up", "a\nb", "", "x" * 201):
        assert (
            ask("operator Alpha", "POST", f"{path}/files", params=named | {"name": name}, content=b"1").status_code
            == 400
        )
    assert ask("ministry", "POST", f"{path}/withdrawal", json={"reason": "no"}).status_code == 403
    assert (
        ask("operator Alpha", "POST", f"{path}/decision", json={"outcome": "upheld", "reason": "x"}).status_code == 403
    )
    follows = power_cut(line="1", begins="2026-10-05T00:00:00+05:00", ends="2026-10-06T00:00:00+05:00")
    decision = {"outcome": "upheld", "reason": "it was", "exclusions": [follows]}
    done = ask("ministry", "POST", f"{path}/decision", json=decision).json()
    assert (done["dispute"]["state"], len(done["dispute"]["exclusions"])) == ("decided", 1)
    assert ask("ministry", "POST", f"{path}/decision", json=decision).status_code == 409
    assert ask("auditor", "GET", "disputes", params={"month": "2026-10"}).json()["total"] == 1
    assert ask("region KZ-71", "GET", path).status_code == 404
    assert ask("region KZ-71", "GET", f"{path}/files/{sha256}").status_code == 404


def test_a_dispute_is_withdrawn(ask, contracted, database_url):
    """By the operator, for good."""
    with psycopg.connect(database_url) as connection:
        connection.execute(VERDICT)
    path = f"disputes/{ask('operator Alpha', 'POST', 'disputes', json=OBJECTION).json()['dispute']['id']}"
    assert ask("operator Alpha", "POST", f"{path}/withdrawal", json={"reason": "a mistake"}).json()["standing"] == {
        "waits_for": None,
        "until": None,
        "days_left": None,
        "is_overdue": False,
    }
    assert ask("operator Alpha", "POST", "disputes", json=OBJECTION).status_code == 409


def test_another_operator_learns_nothing(ask, contracted, database_url):
    """Not of the contract, the exclusion, the dispute, nor of its file: as if there were none."""
    ask("ministry", "POST", "contracts", json=CONTRACT | {"contract": "B", "operator": "Beta", "line": "2"})
    with psycopg.connect(database_url) as connection:
        connection.execute(VERDICT)
        connection.execute("update school set operator = 'Beta'")
    one = ask("operator Alpha", "POST", "exclusions", json=power_cut()).json()
    known = ask("operator Alpha", "POST", "disputes", json=OBJECTION).json()
    for path in ("contracts", "exclusions", "disputes"):
        assert "Alpha" not in ask("operator Beta", "GET", path, params={"school": "0101"}).text
    for path in (f"exclusions/{one['id']}", f"disputes/{known['dispute']['id']}"):
        assert ask("operator Beta", "GET", path).status_code == 404
    assert ask("operator Beta", "POST", "disputes", json=OBJECTION).status_code == 404
