import gzip
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from psycopg import sql

from agent.contract import signing, wire
from agent.contract.measurement import Throughput
from collector import policy, telling
from collector.settings import PolicySettings
from collector.store.schools import SchoolRecord
from tests.fakes.computer import Computer, batch, direction, paced, throughput, wire_link

MONDAY = datetime(2026, 3, 2, 4, tzinfo=UTC)  # 9 o'clock in Almaty
THEN = {"period": "2026-Q1"}


def NEAR(rate: float):  # noqa: N802 - reads as a value
    """Return a rate as exact as rollups keep it."""
    return pytest.approx(rate, rel=0.003)


def wish_of(computer) -> bytes:
    """Return the body with which a computer asks for the line."""
    wish = wire.LeaseRequest(lease="ab" * 16, trigger="scheduled", purpose="verdict", seconds=60.0, servers=())
    return msgspec.json.encode(signing.sign(wire.LEASE_TYPE, msgspec.json.encode(wish), computer.key))


@pytest.fixture
def country(add_school, enrolled, client):
    """Two schools of two operators in two regions, each with ten tests in lessons."""
    add_school("0007", operator="Operator A", download_contracted_bps=50_000_000, upload_contracted_bps=5_000_000)
    add_school("12", operator="Operator B", region_id="KZ-71", pupils=1000, download_contracted_bps=100_000_000)
    add_school("13", connected=False)
    for number, (school, speed) in enumerate((("0007", 30e6), ("12", 40e6)), start=1):
        deliver(client, enrolled(school, number), *[throughput(speed, 6e6)] * 10)


def deliver(client, computer, *tests):
    """Deliver one report for each test: two a day, in the lessons of a week long ago."""
    times = [MONDAY + timedelta(days=number // 2, hours=3 * (number % 2)) for number in range(len(tests))]
    reports = [
        computer.report(wire_link(started_at=at), msgspec.structs.replace(one, started_at=at), at=at)
        for at, one in zip(times, tests, strict=True)
    ]
    answer = client.post("/api/v1/reports", content=batch(*reports))
    assert [one["answer"] for one in answer.json()["items"]] == ["stored"] * len(tests)


def problem(answer, status: int) -> str:
    """Check that an answer is a problem document with a sentence, and return the sentence."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert len(document["detail"]) > 10
    return document["detail"]


def test_a_computer_enrols_delivers_and_fetches_its_policy(client, add_school, make_token):
    """The whole conversation of an agent with the collector."""
    add_school("0007", pupils=1000)
    computer = Computer("0007")
    reply = client.post("/api/v1/enroll", content=computer.enrollment(make_token("0007")))
    assert reply.status_code == 200
    assert reply.json()["school"] == {
        "id": "0007",
        "name": "School 0007",
        "region": "Almaty",
        "district": None,
        "pupils": 1000,
        "synthetic": False,
    }
    body = gzip.compress(batch(computer.report(throughput(30e6, 6e6))))
    answer = client.post("/api/v1/reports", content=body, headers={"content-encoding": "gzip"})
    assert [one["answer"] for one in answer.json()["items"]] == ["stored"]
    signed = {"authorization": signing.sign_request("GET", wire.POLICY_PATH, computer.key)}
    received = client.get("/api/v1/policy", headers=signed).json()
    assert received["servers"] == ["ws://127.0.0.1:4443"]
    assert received["target"]["download_bps"] == 50_000_000
    assert received["version"] == answer.json()["policy_version"]
    assert received["quiet_hours"] == {"start": "18:00", "end": "22:00", "weekdays": [1, 2, 3, 4, 5]}
    assert (received["long_capacity_days"], received["monthly_bytes"]) == (7, None)


def test_the_policy_says_what_the_settings_say():
    """Quiet hours, the long test's days and the data budget reach every school's computers, under a new version."""
    school = SchoolRecord(school_id="1", name="One", region_id="KZ-75")
    changed = PolicySettings(
        quiet_start="17:30", quiet_end="20:00", quiet_weekdays=(6,), long_capacity_days=3, monthly_bytes=10**9
    )
    told = policy.policy_for(school, changed)
    assert told.quiet_hours == wire.QuietHours(start="17:30", end="20:00", weekdays=(6,))
    assert (told.long_capacity_days, told.monthly_bytes) == (3, 10**9)
    assert told.version != policy.policy_for(school, PolicySettings()).version


def test_a_new_version_whenever_anything_in_the_policy_changes():
    """What is known of the inside of a school counts, and its pupils; the same policy has the same version."""
    school = SchoolRecord(school_id="1", name="One", region_id="KZ-75", pupils=100)
    changes = [{}, {"peer_key": bytes(32)}, {"rooms": ("1",)}, {"own_ssids_hex": ("6b",)}, {"cameras_registered": 3}]
    told = [policy.policy_for(school, PolicySettings(), wire.Inside(**change)) for change in changes]
    told.append(policy.policy_for(msgspec.structs.replace(school, pupils=2000), PolicySettings()))
    assert len({one.version for one in told}) == len(told)
    assert policy.policy_for(school, PolicySettings()).version == told[0].version


def test_a_change_inside_the_school_is_told_with_the_next_delivery(client, database, add_school, enrolled, monkeypatch):
    """Each answer names the version of the sender's own school; another computer's door makes a new one."""
    monkeypatch.setattr(telling, "_VERSION_HOLDS", timedelta(0))
    add_school("0007")
    add_school("0008")
    one, other, elsewhere = enrolled("0007", 1), enrolled("0007", 2), enrolled("0008", 3)

    def version(computer, **door):
        at = datetime.now(UTC) - timedelta(seconds=1)
        sent = computer.report(wire_link(started_at=at, **door), at=at)
        return client.post("/api/v1/reports", content=batch(sent)).json()["policy_version"]

    first, foreign = version(one), version(elsewhere)
    assert version(one) == first != foreign
    with_door = version(other, address="10.1.2.3", peer_port=8871)
    assert with_door not in {first, foreign, None}
    assert version(one) == with_door
    signed = {"authorization": signing.sign_request("GET", wire.POLICY_PATH, one.key)}
    assert client.get("/api/v1/policy", headers=signed).json()["version"] == with_door
    assert version(elsewhere) == foreign


def test_a_stranger_is_told_no_version(client, add_school):
    """Who delivers nothing that is taken learns nothing of any school."""
    add_school("0007")
    answer = client.post("/api/v1/reports", content=batch(Computer("0007", seed=9).report(throughput(30e6, 6e6))))
    assert answer.json()["policy_version"] is None


@pytest.mark.parametrize("column", ["revoked_at", "ended_at"])
def test_who_is_not_in_service_gets_neither_the_line_nor_a_policy(client, add_school, enrolled, database, column):
    """Taken out of service, left or replaced by a newer key: the line is for those whose tests count."""
    add_school("0007")
    computer = enrolled("0007")
    signed = {"authorization": signing.sign_request("GET", wire.POLICY_PATH, computer.key)}
    assert client.get(wire.POLICY_PATH, headers=signed).status_code == 200
    assert client.post(wire.LEASE_PATH, content=wish_of(computer)).status_code == 200
    with database.owning() as connection:
        change = sql.SQL("update agent set {} = now() where agent_id = %s").format(sql.Identifier(column))
        connection.execute(change, [computer.id])
    for answer in (
        client.get(wire.POLICY_PATH, headers=signed),
        client.post(wire.LEASE_PATH, content=wish_of(computer)),
    ):
        assert "enrol it again" in problem(answer, 401)


def test_a_policy_is_given_to_its_own_computer_only(client, add_school, enrolled):
    """An unknown key, a wrong signature and no signature are told apart and refused."""
    add_school("0007")
    computer = enrolled("0007")
    stranger = Computer("0007", seed=9)
    problem(client.get("/api/v1/policy"), 401)
    asked = {"authorization": signing.sign_request("GET", wire.POLICY_PATH, stranger.key)}
    assert "never enrolled" in problem(client.get("/api/v1/policy", headers=asked), 404)
    forged = asked["authorization"].replace(stranger.id, computer.id)
    problem(client.get("/api/v1/policy", headers={"authorization": forged}), 401)


def test_a_token_is_good_for_its_uses_and_days(client, add_school, make_token):
    """Unknown, used-up and expired tokens are refused in a sentence; a lost reply may be asked for again."""
    add_school("0007")
    token = make_token("0007", uses=1)
    first = Computer("0007").enrollment(token)
    assert client.post("/api/v1/enroll", content=first).status_code == 200
    assert client.post("/api/v1/enroll", content=first).status_code == 200
    assert "used 1 times" in problem(client.post("/api/v1/enroll", content=Computer("0007", 2).enrollment(token)), 403)
    old = make_token("0007", days=1, now=datetime.now(UTC) - timedelta(days=2))
    assert "expired on" in problem(client.post("/api/v1/enroll", content=Computer("0007", 3).enrollment(old)), 403)
    assert "not known" in problem(
        client.post("/api/v1/enroll", content=Computer("0007", 4).enrollment("nonsense")), 403
    )


def test_a_preview_shows_the_school_and_binds_nothing(client, add_school, make_token):
    """Asking "is this your school?" spends no use of the token."""
    add_school("0007")
    token = make_token("0007", uses=1)
    computer = Computer("0007")
    preview = client.post("/api/v1/enroll", content=computer.enrollment(token, preview=True))
    assert preview.json()["school"]["id"] == "0007"
    (receipt,) = client.post("/api/v1/reports", content=batch(computer.report())).json()["items"]
    assert receipt["reason"] == "unknown_agent"
    assert client.post("/api/v1/enroll", content=Computer("0007", 2).enrollment(token)).status_code == 200


def test_an_enrolment_must_be_signed_by_its_own_key(client, add_school, make_token):
    """Nobody can enrol a key that is not theirs."""
    add_school("0007")
    request = wire.EnrollRequest(token=make_token("0007"), public_key=Computer("1", 5).public_key, software="x")
    forged = signing.sign(wire.ENROLLMENT_TYPE, msgspec.json.encode(request), Computer("1", 6).key)
    problem(client.post("/api/v1/enroll", content=msgspec.json.encode(forged)), 401)
    problem(client.post("/api/v1/enroll", content=b"{}"), 400)


def test_rankings_carry_the_promised_keys_for_every_ranking(client, country, bearer):
    """Rows have at least the keys of DESIGN 5.5; the schools' order, answers and classes are right."""
    keys = {
        "rank",
        "id",
        "name",
        "tests",
        "download_bps",
        "upload_bps",
        "required_download_bps",
        "required_upload_bps",
        "meets",
    }
    for name in ("schools", "regions", "operators"):
        answer = client.get(f"/api/v1/rankings/{name}", params=THEN, headers=bearer("ministry")).json()
        assert answer["total"] == len(answer["items"]) > 0
        assert all(keys <= set(row) for row in answer["items"])
    rows = client.get("/api/v1/rankings/schools", params=THEN, headers=bearer("ministry")).json()["items"]
    assert [(row["rank"], row["id"], row["meets"], row["state"]) for row in rows] == [
        (1, "0007", True, "ready"),
        (2, "12", False, "not ready"),
        (None, "13", None, "not connected"),
    ]


def test_each_role_sees_its_own_and_nothing_else(client, country, bearer):
    """Region, operator and school see only theirs, in every list and by every id."""
    for role, scope, sees in (
        ("operator", "Operator A", {"0007"}),
        ("region", "KZ-71", {"12"}),
        ("school", "12", {"12"}),
        ("auditor", None, {"0007", "12", "13"}),
    ):
        asked = bearer(role, scope)
        for path in ("/api/v1/schools", "/api/v1/rankings/schools"):
            assert {row["id"] for row in client.get(path, headers=asked).json()["items"]} == sees
        assert {
            row["id"] for row in client.get("/api/v1/sla/breaches", params=THEN, headers=asked).json()["items"]
        } <= sees
        for school in ("0007", "12", "13"):
            found = client.get(f"/api/v1/schools/{school}", headers=asked).status_code
            assert found == (200 if school in sees else 404)
    operators = client.get("/api/v1/rankings/operators", headers=bearer("operator", "Operator A")).json()
    assert [row["id"] for row in operators["items"]] == ["Operator A"]


def test_an_operator_that_takes_over_a_school_does_not_see_the_earlier_tests(client, country, bearer, add_school):
    """Tests belong to the operator of the time they were made."""
    add_school("0007", operator="Operator B")
    new = client.get("/api/v1/schools/0007", params=THEN, headers=bearer("operator", "Operator B")).json()
    assert (new["tests"], new["speed_tests"]) == (0, [])


def test_breaches_come_with_their_tests(client, country, bearer):
    """Lines measured below contract are listed, worst first, with every test behind them."""
    found = client.get("/api/v1/sla/breaches", params=THEN, headers=bearer("ministry")).json()["items"]
    assert [(one["id"], one["download_below"], one["upload_below"], len(one["evidence"])) for one in found] == [
        ("12", True, False, 10),
        ("0007", True, False, 10),
    ]


def test_what_cannot_speak_for_a_line_never_accuses_it(client, add_school, enrolled, bearer):
    """Paced, disturbed, Wi-Fi and slow-link tests below contract are no evidence."""
    add_school("0007", operator="A", download_contracted_bps=100_000_000)
    computer = enrolled("0007")
    slow = throughput(30e6, 6e6)
    unfit = [
        (wire_link(), msgspec.structs.replace(slow, download=paced(30e6))),
        (wire_link(), msgspec.structs.replace(slow, tainted=("cross_traffic",))),
        (wire_link(medium="wifi"), slow),
        (wire_link(speed_bps=100e6), slow),
    ]
    body = batch(*[computer.report(*one) for one in unfit for _ in range(4)])
    assert client.post("/api/v1/reports", content=body).status_code == 200
    assert client.get("/api/v1/sla/breaches", params=THEN, headers=bearer("ministry")).json()["total"] == 0


def test_lists_are_paged_and_foreign_cursors_refused(client, country, bearer):
    """Following the cursor gives every row once; a cursor of another question or a made-up one is a 400."""
    asked = bearer("ministry")
    seen, cursor = [], None
    for _ in range(5):
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        answer = client.get("/api/v1/schools", params=query, headers=asked).json()
        assert answer["total"] == 3
        seen += [row["id"] for row in answer["items"]]
        first, cursor = cursor or answer["cursor"], answer["cursor"]
        if cursor is None:
            break
    assert seen == ["0007", "12", "13"]
    problem(client.get("/api/v1/rankings/schools", params={"cursor": first}, headers=asked), 400)
    problem(client.get("/api/v1/schools", params={"cursor": "x'; drop table school"}, headers=asked), 400)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/rankings/schools?period=soon", 400),
        ("/api/v1/rankings/nothing", 404),
        ("/api/v1/rankings/..%2f..%2fapp", 404),
        ("/api/v1/schools/%00", 400),
        ("/api/v1/schools?limit=0", 400),
        ("/api/v1/rankings/schools?format=exe", 400),
        ("/api/v1/no-such-thing", 404),
    ],
)
def test_wrong_questions_get_a_sentence(client, bearer, path, status):
    """Nonsense in a query is the caller's error, said in words."""
    answer = client.get(path, headers=bearer("ministry"))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_api_needs_a_token_even_at_this_computer(client, country, bearer):
    """Without, with a made-up, a revoked or an expired token: 401 and what to do."""
    assert "access create" in problem(client.get("/api/v1/schools"), 401)
    problem(client.get("/api/v1/schools", headers={"authorization": "Bearer nr_made_up"}), 401)
    long_ago = datetime.now(UTC) - timedelta(days=9)
    assert "expired" in problem(client.get("/api/v1/schools", headers=bearer("ministry", days=1, now=long_ago)), 401)


def test_bad_deliveries_are_refused_whole_with_a_reason(client):
    """No batch, too large, wrong encoding: a problem document, and nothing is stored."""
    problem(client.post("/api/v1/reports", content=b"hello"), 400)
    problem(client.post("/api/v1/reports", content=b" " * (wire.MAX_BATCH_BYTES + 100_000)), 413)
    problem(client.post("/api/v1/reports", content=b"x", headers={"content-encoding": "gzip"}), 400)
    problem(client.post("/api/v1/reports", content=b"x", headers={"content-encoding": "br"}), 400)
    bomb = gzip.compress(b" " * 100_000_000)
    problem(client.post("/api/v1/reports", content=bomb, headers={"content-encoding": "gzip"}), 413)


@pytest.mark.parametrize("wanted", ["csv", "xlsx", "parquet"])
def test_rankings_come_as_files_too(client, country, bearer, wanted):
    """Every format is offered for download with a telling name."""
    answer = client.get(
        "/api/v1/rankings/schools", params={"format": wanted, "period": "2026"}, headers=bearer("ministry")
    )
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="schools-2026.{wanted}"'
    assert len(answer.content) > 100


def test_the_document_names_every_fixed_path(client):
    """The OpenAPI document has the paths that others rely on, and resolves within itself."""
    document = client.get("/openapi.json").json()
    assert {
        "/api/v1/enroll",
        "/api/v1/reports",
        "/api/v1/policy",
        "/api/v1/schools",
        "/api/v1/schools/{school_id}",
    } <= set(document["paths"])
    text = client.get("/openapi.json").text
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])


def test_health_and_metrics(client, country):
    """Health looks at the database; the metrics count reports by answer."""
    assert client.get("/healthz").json()["status"] == "ok"
    assert 'netready_reports_total{answer="stored"} 20.0' in client.get("/metrics").text


def test_pages_show_the_same_answers(client, country):
    """Each ranking, a school and the API's description are pages; synthetic data would be marked."""
    assert client.get("/").status_code == 307
    page = client.get("/rankings/schools").text
    assert "School 0007" in page
    assert "ready" in page
    assert "Synthetic data" not in page
    assert "Almaty" in client.get("/rankings/regions").text
    assert "Operator A" in client.get("/rankings/operators?region=KZ-75").text
    assert "0007" in client.get("/schools/0007").text
    assert "/api/v1/rankings/{name}" in client.get("/docs").text
    assert "default-src 'none'" in client.get("/rankings/schools").headers["content-security-policy"]


def test_pages_escape_what_schools_are_called(client, add_school):
    """Markup in a name is text."""
    add_school("1", name="<script>alert(1)</script>")
    page = client.get("/rankings/schools").text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("headers", [{"x-forwarded-for": "203.0.113.9"}, {"host": "evil.example"}])
def test_pages_need_a_login_unless_asked_from_this_computer(client, country, bearer, headers):
    """Through a proxy or under a stranger's name a token is needed; as the password of Basic it is enough."""
    refused = client.get("/rankings/schools", headers=headers)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    token = bearer("operator", "Operator B")["authorization"].removeprefix("Bearer ")
    page = client.get("/rankings/schools", headers=headers, auth=("anyone", token)).text
    assert "School 12" in page
    assert "School 0007" not in page


def test_a_direction_that_was_not_measured_is_null(client, add_school, enrolled, bearer):
    """Half a test is shown as half a test."""
    add_school("1")
    half = msgspec.structs.replace(throughput(30e6, 6e6), upload=None, download=direction(30e6))
    deliver(client, enrolled("1"), *[half] * 10)
    (row,) = client.get("/api/v1/rankings/schools", params=THEN, headers=bearer("ministry")).json()["items"]
    assert (row["download_bps"], row["upload_bps"], row["meets"], row["rank"]) == (NEAR(30e6), None, None, None)


def held_back(download_bps: float, upload_bps: float) -> Throughput:
    """Return a verdict test that its pace bound in both directions."""
    return throughput(0, 0, purpose="verdict", download=paced(download_bps), upload=paced(upload_bps))


def test_verdict_tests_say_meets_and_capacity_tests_how_fast(client, add_school, enrolled, bearer):
    """Nine tests paced at 30 Mbit/s and one capacity test of 95: the typical speed is 95, and all ten say yes."""
    add_school("1")
    deliver(client, enrolled("1"), *[held_back(30e6, 7.5e6)] * 9, throughput(95e6, 20e6))
    (row,) = client.get("/api/v1/rankings/schools", params=THEN, headers=bearer("ministry")).json()["items"]
    assert (row["download_bps"], row["upload_bps"], row["tests"], row["meets"]) == (NEAR(95e6), NEAR(20e6), 10, True)
    assert (row["download_at_least_bps"], row["upload_at_least_bps"]) == (None, None)


def test_a_school_with_paced_tests_only_has_no_typical_speed(client, add_school, enrolled, bearer):
    """Everywhere the same: null and "at least", a rank and a yes, never a breach of a faster contract."""
    add_school("1", operator="Operator A", download_contracted_bps=100_000_000)
    deliver(client, enrolled("1"), *[held_back(30e6, 7.5e6)] * 10)
    (row,) = client.get("/api/v1/rankings/schools", params=THEN, headers=bearer("ministry")).json()["items"]
    assert (row["download_bps"], row["download_at_least_bps"]) == (None, NEAR(29.7e6))
    assert (row["rank"], row["meets"], row["state"]) == (1, True, "ready")
    school = client.get("/api/v1/schools/1", params=THEN, headers=bearer("ministry")).json()
    assert (school["upload_bps"], school["upload_at_least_bps"]) == (None, NEAR(7.425e6))
    assert all(test["download_at_least"] and test["download_high_bps"] is None for test in school["speed_tests"])
    assert client.get("/api/v1/sla/breaches", params=THEN, headers=bearer("ministry")).json()["items"] == []
    for page in ("/rankings/schools", "/schools/1"):
        assert "≥ 29.7" in client.get(page, params=THEN).text
    (region,) = client.get("/api/v1/rankings/regions", params=THEN, headers=bearer("ministry")).json()["items"]
    assert (region["download_bps"], region["ready_share"]) == (None, 1.0)
    told = client.get("/api/v1/rankings/schools", params={"format": "csv"} | THEN, headers=bearer("ministry")).text
    assert "download_at_least_bps" in told.splitlines()[0]


@pytest.mark.parametrize(
    "word", ["server_limited", "vpn", "proxy", "sleep", "network_changed", "cross_traffic", "a_word_of_tomorrow"]
)
def test_a_tainted_test_is_shown_and_not_judged(client, add_school, enrolled, bearer, word):
    """Whatever spoilt a test, it neither helps nor harms a school, whichever word a newer agent has for it."""
    add_school("1")
    deliver(client, enrolled("1"), *[throughput(2e6, 1e6, tainted=(word,)), throughput(50e6, 9e6)] * 10)
    (row,) = client.get("/api/v1/rankings/schools", params=THEN, headers=bearer("ministry")).json()["items"]
    assert (row["download_bps"], row["meets"], row["tests"]) == (NEAR(50e6), True, 20)


def test_a_boost_is_no_speed_of_the_line(client, add_school, enrolled, bearer):
    """A long test is judged by what the line sustains, not by how it began."""
    add_school("1")
    boosted = direction(15e6, burst_bps=60e6, sustained_bps=15e6)
    long = throughput(15e6, 9e6, form="long", download=boosted)
    deliver(client, enrolled("1"), *[long] * 10)
    (row,) = client.get("/api/v1/rankings/schools", params=THEN, headers=bearer("ministry")).json()["items"]
    assert (row["download_bps"], row["meets"]) == (NEAR(15e6), False)


def test_an_unknown_page_is_a_page(client):
    """A person who mistypes an address reads a sentence, a program a problem document."""
    page = client.get("/no-such-page")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "/docs" in page.text
    assert "/docs" in problem(client.get("/api/v1/no-such-thing"), 404)
