import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent.contract import signing, ticket, wire
from agent.contract.errors import MalformedError
from collector import cli, policies, steering, turns
from collector.errors import NotAllowed, NotFound
from collector.ledger import ticketing
from collector.settings import DatabaseSettings, PolicySettings, Server, Settings
from collector.steering import Steering
from collector.store import agents, leases, schools
from collector.store.audit import Who
from collector.store.leases import Placed
from collector.store.policies import Scope
from tests.fakes.computer import Computer, batch, throughput, wire_link

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
BASE = PolicySettings(servers=("ws://one:1",))
SCHOOL = Scope("KZ-75", "0042")
MINISTER = Who("the ministry", "ministry")


@pytest.fixture
def computers(add_school, enrolled) -> list[Computer]:
    """Three computers of school 0042, which has 300 pupils."""
    add_school("0042")
    return [enrolled("0042", seed) for seed in (1, 2, 3)]


@pytest.fixture
def ask(database):
    """Ask for the line as one of the computers."""

    def do(computer: Computer, at: datetime = NOW, base: PolicySettings = BASE, **changes) -> wire.LeaseReply:
        request = wish(base, **changes)
        with database.ingesting() as connection:
            return turns.ask(connection, record(connection, computer), request, base, at)

    return do


@pytest.fixture
def release(database):
    """Give a lease back."""

    def do(computer: Computer, lease_id: str, at: datetime = NOW) -> None:
        with database.ingesting() as connection:
            turns.release(connection, record(connection, computer), lease_id, at)

    return do


@pytest.fixture
def steer(database):
    """Ask something of computers."""

    def do(action: str, *who: Computer, scope: Scope = SCHOOL, at: datetime = NOW, base: PolicySettings = BASE):
        asked = Steering(action=action, scope=scope, agents=[one.id for one in who] or None)
        with database.ingesting() as connection:
            return steering.steer(connection, asked, base, who=MINISTER, now=at)

    return do


def wish(base: PolicySettings = BASE, **changes) -> wire.LeaseRequest:
    """Return a request for the line."""
    usual = {
        "lease": secrets.token_hex(16),
        "trigger": "scheduled",
        "purpose": "verdict",
        "seconds": 60.0,
        "servers": tuple(server.url for server in base.all_servers),
    }
    return wire.LeaseRequest(**(usual | changes))


def record(connection, computer: Computer):
    """Return the computer as the database knows it."""
    return agents.agents_by_id(connection, [computer.id])[computer.id]


def later(seconds: float) -> datetime:
    """Return a moment some seconds after the first."""
    return NOW + timedelta(seconds=seconds)


def test_one_at_a_time_and_the_next_when_it_is_given_back(computers, ask, release):
    """The first has the line, the second waits, gets it after the release, and the third after the lease's end."""
    first, second, third = computers
    one = ask(first)
    assert (one.state, one.server, one.ends_in_s) == ("granted", "ws://one:1", 60.0)
    mine, its = secrets.token_hex(16), secrets.token_hex(16)
    assert ask(second, later(1), lease=mine).state == "wait"
    assert ask(third, later(2), lease=its).position == 1
    release(first, one.lease, later(5))
    assert ask(second, later(6), lease=mine).state == "granted"
    assert ask(third, later(30), lease=its).state == "wait"
    assert ask(third, later(67), lease=its).state == "granted"


def test_asking_again_is_the_same_wish_and_what_is_over_is_over(computers, ask, release):
    """A lost reply is given again; a lease that was given back, or another's, cannot be had again."""
    first, second, _ = computers
    one = ask(first)
    again = ask(first, later(10), lease=one.lease)
    assert (again.state, again.ends_in_s) == ("granted", 50.0)
    with pytest.raises(MalformedError, match="another computer's"):
        ask(second, later(10), lease=one.lease)
    release(second, one.lease, later(11))
    assert ask(second, later(12)).state == "wait"
    release(first, one.lease, later(13))
    release(first, one.lease, later(14))
    with pytest.raises(MalformedError, match="over"):
        ask(first, later(15), lease=one.lease)


def test_a_server_takes_no_more_than_it_can_of_the_whole_country(add_school, enrolled, computers, ask, release):
    """Schools know nothing of each other; the server's limit holds for all of them together."""
    base = PolicySettings(servers=(Server(url="ws://one:1", tests=1), Server(url="ws://two:1", tests=1)))
    add_school("0043")
    add_school("0044")
    first, second, third = computers[0], enrolled("0043", 8), enrolled("0044", 9)
    one, two = ask(first, base=base), ask(second, base=base)
    assert (one.server, two.server) == ("ws://one:1", "ws://two:1")
    mine = secrets.token_hex(16)
    waits = ask(third, base=base, lease=mine)
    assert (waits.state, waits.detail) == ("wait", "the test servers are busy")
    release(first, one.lease)
    assert ask(third, later(4), base=base, lease=mine).server == "ws://one:1"
    assert ask(computers[1], later(61), base=base, servers=("ws://two:1",)).server == "ws://two:1"


def test_an_agent_is_sent_only_where_it_can_go(computers, ask):
    """A server that did not answer it is left out; where it knows none of the policy's, the policy's are given."""
    base = PolicySettings(servers=("ws://one:1", "ws://two:1"))
    assert ask(computers[0], base=base, servers=("ws://two:1",)).server == "ws://two:1"
    assert ask(computers[0], later(70), base=base, servers=("ws://old:1",)).server == "ws://one:1"
    assert ask(computers[0], later(140), base=PolicySettings(), servers=()).server is None


def test_without_leases_everybody_goes_on(computers, ask):
    """Where the policy has it so, nobody keeps order."""
    base = PolicySettings(lease=False)
    assert [ask(one, base=base).state for one in computers] == ["free"] * 3


def test_the_best_placed_by_its_newest_link_has_every_second_turn(client, database, computers, ask, release):
    """Who has a cable and the fastest port by its own report goes before who came earlier."""
    now = datetime.now(UTC)
    for computer, speed in zip(computers, (1e8, 1e9, 1e8), strict=True):
        link = msgspec.structs.replace(wire_link(), speed_bps=speed)
        sent = client.post("/api/v1/reports", content=batch(computer.report(link, throughput(30e6, 6e6)))).json()
        assert [one["answer"] for one in sent["items"]] == ["stored"]
    with database.ingesting() as connection:
        placed = leases.placed(connection, "0042", now - timedelta(days=1))
    assert placed[0] == Placed(agent_id=computers[1].id, medium="ethernet", link_speed_bps=1e9)
    one = ask(computers[2], now)
    early, best = secrets.token_hex(16), secrets.token_hex(16)
    ask(computers[0], now + timedelta(seconds=1), lease=early)
    ask(computers[1], now + timedelta(seconds=2), lease=best)
    release(computers[2], one.lease, now + timedelta(seconds=3))
    assert ask(computers[0], now + timedelta(seconds=4), lease=early).state == "wait"
    assert ask(computers[1], now + timedelta(seconds=5), lease=best).state == "granted"


def test_a_test_now_goes_first_and_is_done_with_its_lease(database, computers, ask, release, steer):
    """Who is asked for goes before the queue; once it has the line nobody asks it again."""
    first, second, third = computers
    one = ask(first)
    mine, its = secrets.token_hex(16), secrets.token_hex(16)
    ask(second, later(1), lease=mine)
    assert steer("now", third).agents == (third.id,)
    ask(third, later(2), lease=its)
    release(first, one.lease, later(3))
    assert ask(second, later(3), lease=mine).state == "wait"
    assert ask(third, later(4), lease=its).state == "granted"
    release(third, its, later(5))
    assert ask(second, later(8), lease=mine).state == "granted"
    with database.ingesting() as connection:
        assert leases.asked_of(connection, "0042", third.id, later(9)) == []


def test_pauses_of_a_computer_and_of_a_school(client, computers, ask, steer):
    """What is paused is not measured until it is resumed; a test that a person asks for is made all the same."""
    first, second, _ = computers
    steer("pause", first)
    assert ask(first).state == "paused"
    assert ask(second, later(1)).state == "granted"
    steer("resume", first)
    assert ask(first, later(2)).state == "wait"
    steer("pause")
    assert ask(second, later(100)).state == "paused"
    steer("now", second)
    assert ask(second, later(101)).state == "granted"
    steer("resume")
    assert ask(first, later(200)).state == "granted"
    with pytest.raises(NotFound, match="paused"):
        steer("resume", first)


def test_one_computer_of_a_pair_waits_for_the_other(client, database, computers, ask, release, steer):
    """Cable and Wi-Fi in two turns in a row, whatever else waits."""
    wired, wireless, third = computers
    now = datetime.now(UTC)
    air = msgspec.structs.replace(wire_link(), medium="wifi", speed_bps=3e8)
    for computer, link in ((wired, wire_link()), (wireless, air)):
        client.post("/api/v1/reports", content=batch(computer.report(link)))
    assert set(steer("pair", at=now).agents) == {wired.id, wireless.id}
    one, two, three = (secrets.token_hex(16) for _ in range(3))
    assert ask(third, now, lease=three).state == "granted"
    again = secrets.token_hex(16)
    release(third, three, now + timedelta(seconds=1))
    assert ask(wired, now + timedelta(seconds=1), lease=one).detail.startswith("the other computers")
    assert ask(wireless, now + timedelta(seconds=2), lease=two).state == "wait"
    assert ask(wired, now + timedelta(seconds=3), lease=one).state == "granted"
    assert ask(wireless, now + timedelta(seconds=9), lease=two).state == "wait"
    release(wired, one, now + timedelta(seconds=10))
    assert ask(third, now + timedelta(seconds=10), lease=again).state == "wait"
    assert ask(wireless, now + timedelta(seconds=11), lease=two).state == "granted"


def test_several_computers_begin_a_joint_test_together(client, database, add_school, enrolled, ask, steer):
    """Where no port carries the target, as few as can carry it measure at once, each against its share."""
    add_school("0050", pupils=30_000)  # 1.5 Gbit/s
    computers = [enrolled("0050", seed) for seed in (11, 12, 13)]
    scope, now = Scope("KZ-75", "0050"), datetime.now(UTC)
    for computer in computers:
        link = msgspec.structs.replace(wire_link(), speed_bps=1e9)
        client.post("/api/v1/reports", content=batch(computer.report(link)))
    chosen = steer("joint", scope=scope, at=now).agents
    assert len(chosen) == 2
    first, second = (one for one in computers if one.id in chosen)
    one, two = secrets.token_hex(16), secrets.token_hex(16)
    assert ask(first, now, lease=one).state == "wait"
    reply = ask(second, now + timedelta(seconds=1), lease=two)
    assert (reply.state, reply.starts_in_s, reply.share) == ("granted", 8.0, 0.5)
    other = ask(first, now + timedelta(seconds=3), lease=one)
    assert (other.state, other.starts_in_s, other.share) == ("granted", 6.0, 0.5)
    third = next(one for one in computers if one.id not in chosen)
    assert ask(third, now + timedelta(seconds=4)).state == "wait"


def test_what_cannot_be_asked_is_refused(computers, steer):
    """Unknown computers, pairs without a Wi-Fi, joint tests of a region: a sentence, and nothing is asked of any."""
    with pytest.raises(NotFound, match="nothing was asked"):
        steer("now", computers[0], Computer("0042", 99))
    with pytest.raises(NotAllowed, match="one on Wi-Fi"):
        steer("pair")
    with pytest.raises(NotAllowed, match="one school's"):
        steer("joint", scope=Scope("KZ-75"))
    with pytest.raises(NotFound, match="no computer in service"):
        steer("now", scope=Scope("KZ-71"))


def test_fifty_threads_in_two_processes_worth_of_connections_never_get_two_leases(database, add_school, enrolled):
    """PostgreSQL does the locking: whatever comes at once, one has the line."""
    add_school("0042")
    computers = [enrolled("0042", seed) for seed in range(1, 13)]
    start = threading.Barrier(len(computers))

    def one(computer: Computer) -> str:
        start.wait(20)
        with database.ingesting() as connection:
            return turns.ask(connection, record(connection, computer), wish(), BASE, NOW).state

    with ThreadPoolExecutor(len(computers)) as pool:
        states = list(pool.map(one, computers))
    assert sorted(states) == ["granted"] + ["wait"] * 11


def signed(computer: Computer, kind: str, payload: msgspec.Struct) -> bytes:
    """Return a signed request."""
    return msgspec.json.encode(signing.sign(kind, msgspec.json.encode(payload), computer.key))


def test_a_lease_brings_a_ticket_for_its_server(client, computers, capsys):
    """Whoever gets the line gets a signed ticket for the server he was sent to; who has to wait gets none.

    It is signed by the key that the command prints, which is neither the log's nor that of receipts.
    """
    first, second, _ = computers
    reply = client.post(wire.LEASE_PATH, content=signed(first, wire.LEASE_TYPE, wish())).json()
    assert cli.main(["servers", "lease-key"]) == 0
    public_key = bytes.fromhex(capsys.readouterr().out.strip())
    shown = ticket.read(reply["ticket"], (public_key,))
    assert (shown.lease, shown.server) == (reply["lease"], reply["server"])
    lasts = shown.expires - shown.not_before
    assert reply["ends_in_s"] <= lasts <= reply["ends_in_s"] + ticketing.AFTER.total_seconds() + 3
    assert abs(shown.not_before - datetime.now(UTC).timestamp()) < 30
    assert shown.max_bytes >= 1e9 / 8 * lasts, "a fast line's test would be cut off"
    assert client.post(wire.LEASE_PATH, content=signed(second, wire.LEASE_TYPE, wish())).json().get("ticket") is None


def test_without_a_place_for_its_key_a_collector_gives_leases_all_the_same(tmp_path, caplog):
    """Servers that want tickets refuse then; the reason stands in the collector's log."""
    (tmp_path / "file").write_text("")
    settings = Settings(database=DatabaseSettings(data=str(tmp_path / "file" / "under")))
    reply = wire.LeaseReply(state="granted", lease="ab" * 16, server="ws://one:1", ends_in_s=60)
    assert ticketing.with_ticket(settings, reply, NOW) == reply
    assert "leases go without tickets" in caplog.text


def test_leases_over_http(client, computers):
    """Asked and given back with the computer's own signature; strangers, forgers and nonsense are told apart."""
    first, second, _ = computers
    asked = wish()
    reply = client.post(wire.LEASE_PATH, content=signed(first, wire.LEASE_TYPE, asked)).json()
    assert (reply["state"], reply["lease"]) == ("granted", asked.lease)
    assert client.post(wire.LEASE_PATH, content=signed(second, wire.LEASE_TYPE, wish())).json()["state"] == "wait"
    back = signed(first, wire.RELEASE_TYPE, wire.LeaseRelease(lease=asked.lease))
    assert [client.post(wire.RELEASE_PATH, content=back).status_code for _ in range(2)] == [200, 200]
    assert client.post(wire.LEASE_PATH, content=back).status_code == 401
    stranger = signed(Computer("0042", 77), wire.LEASE_TYPE, wish())
    assert client.post(wire.LEASE_PATH, content=stranger).status_code == 404
    for nonsense in (
        b"",
        b"{}",
        b"[" * 1000,
        b"x" * 100_000,
        signed(first, wire.LEASE_TYPE, wire.Shift(start="08:00", end="09:00")),
    ):
        assert client.post(wire.LEASE_PATH, content=nonsense).status_code == 400


def test_orders_are_told_with_the_receipts(client, database, computers, steer):
    """A test that somebody wants is told until the computer has its lease; a paused one is told to fetch its policy."""
    first, second, _ = computers
    now = datetime.now(UTC)

    def told(computer: Computer):
        return client.post("/api/v1/reports", content=batch(computer.report(throughput(30e6, 6e6)))).json()

    before = told(first)
    assert before["orders"] == []
    steer("now", first, at=now)
    assert told(first)["orders"] == ["run_now"]
    assert told(second)["orders"] == []
    client.post(wire.LEASE_PATH, content=signed(first, wire.LEASE_TYPE, wish(trigger="ordered")))
    assert told(first)["orders"] == []
    steer("pause", first, at=now)
    assert told(first)["policy_version"] not in {None, told(second)["policy_version"]}
    header = {"authorization": signing.sign_request("GET", wire.POLICY_PATH, first.key)}
    policy = client.get(wire.POLICY_PATH, headers=header).json()
    assert (policy["paused"], policy["version"]) == (True, told(first)["policy_version"])
    with database.ingesting() as connection:
        school = schools.visible_school(connection, "0042")
        assert not policies.effective(connection, school, BASE).paused
