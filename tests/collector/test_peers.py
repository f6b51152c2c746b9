from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest

from agent.contract import signing, wire
from agent.contract.measurement import Link
from agent.contract.wire import PeerCard
from collector import enrollment, ingest, policy
from collector.settings import PolicySettings
from collector.store import agents, peers, schools
from collector.store.database import MINISTRY
from tests.fakes.computer import Computer, wire_link

NOW = datetime.now(UTC)


def inside(database, school_id, now=NOW):
    with database.ingesting() as connection:
        return policy.inside_of(connection, schools.school(connection, school_id), PolicySettings(), now)


def deliver(database, computer, link, at=NOW):
    with database.ingesting() as connection:
        [receipt] = ingest.accept(connection, [computer.report(link, at=at)], NOW)
    assert receipt.answer == "stored"


def reachable(address="10.1.2.3", port=8871, at=NOW) -> Link:
    return wire_link(address=address, peer_port=port, started_at=at)


def test_a_school_has_one_key_of_its_own(database, add_school):
    """It is 32 random bytes, the same whenever it is asked for, and another one for each school."""
    add_school("1")
    add_school("2")
    first, again, other = inside(database, "1"), inside(database, "1"), inside(database, "2")
    assert len(first.peer_key) == 32
    assert first.peer_key == again.peer_key != other.peer_key


def test_computers_are_told_of_each_other(database, add_school, enrolled):
    """Where a computer says that it can be reached is told to its own school, in its newest words."""
    add_school("1")
    add_school("2")
    one, other = enrolled("1", 1), enrolled("1", 2)
    deliver(database, one, reachable(at=NOW - timedelta(hours=2)), NOW - timedelta(hours=2))
    deliver(database, one, reachable("10.1.2.4", 9000))
    deliver(database, one, reachable("10.1.2.9", at=NOW - timedelta(hours=1)), NOW - timedelta(hours=1))  # came late
    deliver(database, other, wire_link(address="10.1.2.5"))  # serves nobody
    assert inside(database, "1").peers == (PeerCard(agent=one.id, addresses=("10.1.2.4",), port=9000),)
    assert inside(database, "2").peers == ()


def test_a_computer_that_is_gone_is_not_named(database, add_school, enrolled):
    """One that was not heard of for days, or was taken out of service, is no computer that should answer."""
    add_school("1")
    computer = enrolled("1")
    deliver(database, computer, reachable())
    assert len(inside(database, "1", NOW + timedelta(days=2)).peers) == 1
    assert inside(database, "1", NOW + timedelta(days=4)).peers == ()
    with database.owning() as connection:
        agents.revoke(connection, computer.id)
    assert inside(database, "1").peers == ()


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "127.0.0.1", "::1", "fe80::1", "::", "224.0.0.1", "x", "", None),
        *(
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "0.0.0.1",
            "fd00::1%<b>",
            "100.64.0.1",
        ),
    ],
)
def test_only_addresses_inside_a_school_are_passed_on(database, add_school, enrolled, address):
    """A computer cannot send others of its school to an address outside, or to themselves."""
    add_school("1")
    deliver(database, enrolled("1"), reachable(address))
    assert inside(database, "1").peers == ()


@pytest.mark.parametrize("address", ["10.1.2.3", "172.31.0.1", "192.168.0.9", "fd12::3"])
def test_addresses_inside_a_school_are_passed_on(database, add_school, enrolled, address):
    """Private addresses of both versions."""
    add_school("1")
    deliver(database, enrolled("1"), reachable(address))
    assert [card.addresses for card in inside(database, "1").peers] == [(address,)]


def test_a_preview_shows_no_key(database, add_school, make_token):
    """Who only looks which school a token is for is given nothing that its computers share; who joins is."""
    add_school("1")
    computer, token = Computer("1"), make_token("1")
    with database.ingesting() as connection:
        body = computer.enrollment(token, preview=True)
        assert enrollment.enroll(connection, body, PolicySettings(), NOW).policy.inside.peer_key is None
        joined = enrollment.enroll(connection, computer.enrollment(token), PolicySettings(), NOW)
    assert joined.policy.inside.peer_key == inside(database, "1").peer_key


def test_an_agent_is_given_the_key_of_its_own_school(client, database, add_school, enrolled):
    """The policy that a computer fetches carries its school's key, and no other's."""
    add_school("1")
    add_school("2")
    key = inside(database, "2").peer_key
    computer = enrolled("2")
    asked = {"authorization": signing.sign_request("GET", wire.POLICY_PATH, computer.key)}
    received = client.get(wire.POLICY_PATH, headers=asked)
    assert msgspec.json.decode(received.content, type=wire.Policy).inside.peer_key == key


@pytest.mark.parametrize("table", ["peer", "peer_key"])
def test_no_reader_sees_keys_or_addresses(database, add_school, table):
    """People's roles read neither, not even the ministry's."""
    add_school("1")
    inside(database, "1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.reading(MINISTRY) as connection:
        connection.execute(psycopg.sql.SQL("select * from {}").format(psycopg.sql.Identifier(table)))


def test_a_key_that_two_ask_for_at_once_is_one(database, add_school):
    """Two computers that join at the same moment get the same key."""
    add_school("1")
    with database.ingesting() as first:
        key = peers.key_of_school(first, "1")
    with database.ingesting() as second:
        assert peers.key_of_school(second, "1") == key
