import socket

import pytest

from agent.contract.wire import Inside
from agent.errors import StateError
from agent.meter import announcement, greeting
from agent.reflector import peer_advert
from agent.reflector.peer_advert import Card, Place
from agent.reflector.peer_presence import Presence

KEY = bytes(range(32))
AGENT = "0123456789abcdef" * 2
CARD = Card(
    agent=AGENT,
    key=KEY,
    port=8871,
    place=Place(addresses=("10.0.0.5", "fd00::5"), medium="ethernet"),
)
NOW = 1_795_000_000.0


def question(*labels: bytes) -> bytes:
    """Return an mDNS question for a name's PTR record."""
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return b"\0" * 5 + b"\1" + b"\0" * 6 + name + b"\0\x0c\0\1"


def test_the_announcement_is_read_by_others():
    """The packet says what the library that others look with reads: our kind, agent, medium and place, proven."""
    from zeroconf import DNSIncoming

    read = DNSIncoming(peer_advert.packet(CARD, NOW))
    assert read.valid
    assert not read.is_query()
    answers = {(one.type, one.name): one for one in read.answers()}
    instance = f"{AGENT}.{greeting.SERVICE_TYPE}"
    assert answers[12, greeting.SERVICE_TYPE].alias == instance
    assert answers[33, instance].port == 8871
    host = answers[33, instance].server
    assert socket.inet_ntop(socket.AF_INET, answers[1, host].address) == "10.0.0.5"
    assert socket.inet_ntop(socket.AF_INET6, answers[28, host].address) == "fd00::5"
    told, text = {}, answers[16, instance].text
    while text:
        word, text = text[1 : 1 + text[0]], text[1 + text[0] :]
        name, _, value = word.decode("ascii").partition("=")
        told[name] = value
    said = announcement.read(KEY, told, NOW)
    assert said is not None
    assert (said.agent, said.port, said.medium) == (AGENT, 8871, "ethernet")
    assert said.addresses == ("10.0.0.5", "fd00::5")
    assert announcement.read(bytes(32), told, NOW) is None


def test_many_long_addresses_fit_into_one_packet():
    """A computer with more addresses than a text holds tells of the first of them, in one packet of an Ethernet."""
    long = tuple(f"fd00:1111:2222:3333:4444:5555:6666:777{number}" for number in range(8))
    card = Card(agent=AGENT, key=KEY, port=65_535, place=Place(addresses=long, medium="ethernet"))
    assert len(peer_advert.packet(card, NOW)) < 1472


def test_the_goodbye_lives_no_second():
    """A computer that stops is forgotten at once."""
    from zeroconf import DNSIncoming

    assert {one.ttl for one in DNSIncoming(peer_advert.packet(CARD, NOW, gone=True)).answers()} == {0}


@pytest.mark.parametrize(
    ("datagram", "asked"),
    [
        (question(b"_netready", b"_tcp", b"local"), True),
        (question(b"_NetReady", b"_TCP", b"local"), True),
        (question(b"_http", b"_tcp", b"local"), False),
        (question(b"_netready", b"_tcp", b"local") + AGENT.encode(), False),  # has our answer already
        (peer_advert.packet(CARD, NOW), False),
        (b"", False),
        (b"\0" * 12, False),
        (b"\xff" * 9000, False),
    ],
)
def test_only_questions_for_our_kind_are_answered(datagram, asked):
    """Other kinds, answers, nonsense, and those who know us already are left alone."""
    assert peer_advert.asks(datagram, AGENT.encode()) is asked


def test_this_computer_never_tells_of_loopback():
    """What others cannot call is not announced."""
    place = peer_advert.here()
    assert all(greeting.is_inside(one) and not one.startswith(("127.", "::1", "fe80")) for one in place.addresses)
    assert place.medium != "loopback"


def nowhere() -> Place:
    return Place(addresses=(), medium=None)


def no_line():
    raise StateError("taken")


def test_the_door_follows_the_policy():
    """It opens with the key, stays for the same policy, is another for another key, and closes without one."""
    presence = Presence(AGENT, no_line, nowhere)
    assert presence.port is None
    presence.follow(Inside())
    assert presence.port is None
    presence.follow(Inside(peer_key=KEY))
    door = presence._open.door
    presence.follow(Inside(peer_key=KEY))
    assert presence._open.door is door
    presence.follow(Inside(peer_key=bytes(32)))
    assert presence._open.door is not door
    assert door.port is None
    presence.follow(Inside())
    assert presence.port is None
    presence.close()
