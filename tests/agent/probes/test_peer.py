import base64
import socket
import threading
import time
from contextlib import contextmanager

import msgspec
import pytest

from agent import probes
from agent.contract.errors import SettingsError
from agent.contract.measurement import Direction, Failed, Throughput
from agent.contract.peer import Peer, Reached
from agent.contract.wire import PeerCard
from agent.errors import ProbeUnavailable
from agent.meter import announcement, greeting
from agent.meter.announcement import Said
from agent.meter.errors import TransferError
from agent.meter.greeting import Answer, Hello, Signed, Talk
from agent.probes import _peer_discovery, _peer_visit, peer
from agent.probes._peer_discovery import Other
from agent.probes.peer import Probe
from agent.reflector.peer import Door, Host

KEY, WRONG = bytes(range(32)), bytes(32)
HOST, ME, THIRD = "a" * 32, "b" * 32, "c" * 32
QUICK = {"key": KEY.hex(), "agent": ME, "idle_s": 0.0, "patience_s": 0.5, "find_s": 0.0, "max_bytes": 20_000_000}
WAIT_S = 20
NOW = 1_795_000_000.0


@contextmanager
def opened(**changes):
    """Open a door on loopback that waits for no quiet, and give it."""
    door = Door(Host(**({"agent": HOST, "key": KEY, "max_bytes": 10**8, "idle_s": 0.0} | changes)))
    door.open("127.0.0.1", 0)
    try:
        yield door
    finally:
        door.close()


@contextmanager
def far_end(behaves):
    """A door whose every connection ``behaves`` as a test wants; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock:
                    try:
                        behaves(Talk(sock))
                    except (TransferError, OSError):
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(WAIT_S)


def answering(answer: Answer, key: bytes = KEY, agent: str = HOST):
    """Behave as a door that gives this answer, proven with this key, and then waits."""

    def behaves(talk: Talk) -> None:
        asked = talk.say(greeting.challenge(agent))
        signed = greeting.read(talk.hear(time.monotonic() + WAIT_S), Signed)
        wants = greeting.read(signed.body, Hello).wants
        body = msgspec.json.encode(Answer(granted=True) if wants == "lease" else answer)
        proof = greeting.proof(key, "answer", asked, signed.body.encode(), body)
        talk.say(Signed(body=body.decode(), proof=proof))
        if wants == "test":
            talk.sock.settimeout(WAIT_S)
            talk.sock.recv(1)

    return behaves


def card(port: int, agent: str = HOST) -> PeerCard:
    return PeerCard(agent=agent, addresses=("127.0.0.1",), port=port)


def measured(*cards: PeerCard, deadline_s: float = 30.0, **changes) -> Peer | Failed:
    return probes.make("peer", {**QUICK, "peers": cards, **changes}).measure(deadline_s)


def only(seen: Peer | Failed) -> Reached:
    assert isinstance(seen, Peer), seen
    [reached] = seen.peers
    return reached


def test_two_computers_measure_each_other():
    """Both directions, round trips, bytes and both media are there; the other is named as it proved itself."""
    with opened() as door:
        seen = measured(card(door.port))
    reached = only(seen)
    assert reached.failure is None, reached
    assert (reached.agent, reached.found_by, reached.address) == (HOST, "collector", "127.0.0.1")
    assert (reached.medium_here, reached.medium_there) == ("loopback", "loopback")
    assert min(reached.download_bps, reached.upload_bps) > 1e6
    assert reached.rtt_idle_ms < 1000
    assert 0 < reached.bytes < 60_000_000
    assert seen.found == 1


def test_settings_of_a_command_line_are_enough():
    """``--set peer=HOST:PORT --set key=...`` measures between two machines, the key in hex or base64."""
    with opened() as door:
        given = {"peer": f"127.0.0.1:{door.port}", "key": base64.b64encode(KEY).decode(), "idle_s": "0"}
        reached = only(probes.make("peer", given).measure(30.0))
    assert (reached.agent, reached.found_by, reached.failure) == (HOST, "settings", None)


def test_a_wrong_key_is_refused():
    """A computer of another school measures nothing here, and is told why."""
    with opened() as door:
        reached = only(measured(card(door.port), key=WRONG.hex()))
        given = measured(key=WRONG.hex(), peer=f"127.0.0.1:{door.port}")
    assert reached.failure == "refused_by_server"
    assert "key is not that of this school" in reached.detail
    assert isinstance(given, Failed)
    assert given.failure == "refused_by_server"


def test_who_does_not_prove_the_key_is_not_believed():
    """A computer that only pretends to be of the school is found out before any byte is measured."""
    with far_end(answering(Answer(granted=True, port=9, max_bytes=10**8), key=WRONG)) as port:
        reached = only(measured(card(port)))
    assert reached.failure == "protocol_error"
    assert "does not prove" in reached.detail


def test_another_computer_at_the_address_is_not_measured_in_its_place():
    """Addresses move; a figure must not stand under the wrong name."""
    with opened(agent=THIRD) as door:
        assert only(measured(card(door.port))).failure == "protocol_error"


def test_a_computer_that_cannot_be_reached_is_a_finding(closed_port):
    """What the collector knows and nobody answers is in the result, with what it may mean."""
    reached = only(measured(card(closed_port)))
    assert (reached.failure, reached.found_by, reached.agent) == ("connect_refused", "collector", HOST)
    silent = TransferError("connect_timeout", "the server does not answer")
    words = _peer_visit._explained(silent, Other(agent=HOST, addresses=("10.0.0.1",), port=8871, found_by="collector"))
    assert "keeps computers of the school apart" in words
    assert "8871" in words


def test_it_goes_on_to_the_next_that_answers(closed_port):
    """One that cannot be reached does not take the place of one that can."""
    with opened() as door:
        seen = measured(card(closed_port, THIRD), card(door.port), max_peers=2)
    assert {one.agent: one.failure for one in seen.peers} == {THIRD: "connect_refused", HOST: None}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(granted=True),  # no port
        Answer(granted=True, port=9, max_bytes=10),  # too little to measure anything
        Answer(granted=True, port=1, max_bytes=10**8),  # nothing is there
    ],
)
def test_a_grant_of_nothing_is_a_failure(answer):
    """A door that grants a test and gives nothing to test with ends in a word."""
    with far_end(answering(answer)) as port:
        reached = only(measured(card(port)))
    assert reached.failure in {"protocol_error", "connect_refused"}
    assert reached.download_bps is None


def test_a_far_end_that_stalls_ends_within_the_deadline():
    """The door is fine and its far end takes connections and says nothing: a word, and in time."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        far_end(answering(Answer(granted=True, port=silent.getsockname()[1], max_bytes=10**8))) as port,
    ):
        began = time.monotonic()
        reached = only(measured(card(port), deadline_s=8.0))
    assert reached.failure in {"stalled", "deadline"}
    assert time.monotonic() - began < 12


@pytest.mark.parametrize(
    ("says", "word"),
    [
        (None, "stalled"),
        (b"SSH-2.0-OpenSSH\r\n", "protocol_error"),
        (b"x" * 9000, "protocol_error"),
        (b"", "closed_early"),
    ],
)
def test_a_door_that_is_none_ends_in_a_word(says, word, monkeypatch):
    """Silence, another program's greeting, an endless line, a closed connection."""
    monkeypatch.setattr(_peer_visit, "_HELLO_S", 0.3)

    def behaves(talk: Talk) -> None:
        if says is None:
            talk.sock.settimeout(WAIT_S)
            talk.sock.recv(1)
        else:
            talk.sock.sendall(says)

    with far_end(behaves) as port:
        assert only(measured(card(port))).failure == word


def test_a_busy_computer_is_waited_for_and_then_said():
    """Busy is asked again until the patience is over; the reason is the other's own."""
    with opened() as door, door.lease(THIRD):
        began = time.monotonic()
        seen = measured(card(door.port), patience_s=2.5)
        assert time.monotonic() - began > 1.5
    assert isinstance(seen, Failed)
    assert (seen.failure, "two other computers" in seen.detail) == ("busy", True)
    with opened() as door:
        lease = door.lease(THIRD)
        lease.__enter__()
        threading.Timer(1.0, lambda: lease.__exit__(None, None, None)).start()
        assert only(measured(card(door.port), patience_s=5.0)).failure is None


def test_a_computer_that_grants_no_more_today_is_no_isolation():
    """Its day's bytes are used up: nothing is measured and nobody is at fault, at once and in its words."""
    with opened(daily_bytes=0) as door:
        began = time.monotonic()
        with pytest.raises(ProbeUnavailable, match=r"no more tests today.*peer_bytes"):
            measured(card(door.port), patience_s=30.0)
        with pytest.raises(ProbeUnavailable, match="no more tests today"):
            measured(peer=f"127.0.0.1:{door.port}", patience_s=30.0)
        assert time.monotonic() - began < 10


def test_beside_others_it_is_named_as_busy(closed_port):
    """Where another was tried too, it stands beside it as one that is there."""
    with opened(daily_bytes=0) as door:
        seen = measured(card(door.port), card(closed_port, THIRD))
    assert {one.agent: one.failure for one in seen.peers} == {HOST: "busy", THIRD: "connect_refused"}


def test_own_traffic_is_a_reason_too(monkeypatch):
    """Where this computer's own link does not become quiet nothing is measured, and that is said."""
    monkeypatch.setattr(_peer_visit.Quiet, "seconds", lambda self: setattr(self, "busy_bps", 30e6) or 0.0)
    monkeypatch.setattr(_peer_visit, "_MORE_S", 0.3)
    monkeypatch.setattr(_peer_visit, "_AGAIN_S", 60.0)  # the first "busy" is the last word, however slow this machine
    with opened() as door:
        reached = only(measured(card(door.port), idle_s=5.0, patience_s=20.0))
    assert (reached.failure, "30.0 Mbit/s" in reached.detail) == ("busy", True)


def test_without_a_key_it_cannot_run():
    """A computer without its school's key says what would change that."""
    with pytest.raises(ProbeUnavailable, match="policy brings one"):
        Probe().measure(5.0)


@pytest.mark.parametrize("key", ["short", "00" * 31, "zz" * 32, base64.b64encode(b"x" * 31).decode()])
def test_a_key_that_is_none_is_named(key):
    """A mistyped key stops the start."""
    with pytest.raises(SettingsError, match="32 bytes"):
        probes.make("peer", {"key": key})


def test_addresses_outside_are_never_called():
    """Neither a setting nor a card leads outside the school."""
    given = measured(peer="8.8.8.8:8871")
    assert (given.failure, "private addresses only" in given.detail) == ("unreachable", True)
    outside = PeerCard(agent=HOST, addresses=("8.8.8.8", "school.example"), port=8871)
    assert measured(outside) == Peer(found=0, peers=())


def test_it_never_tests_against_itself():
    """Its own card and announcement are no other computer."""
    with opened(agent=ME) as door:
        assert measured(card(door.port, ME)) == Peer(found=0, peers=())


def told(key: bytes = KEY, agent: str = HOST, port: int = 8871, **changes) -> dict[str, str]:
    """What a computer announces, with a proof by this key, changed afterwards."""
    said = Said(agent=agent, addresses=("10.0.0.1",), port=port, medium="wifi", time=NOW)
    return {**announcement.texts(key, said), **changes}


def test_only_announcements_with_proof_are_candidates():
    """A stranger's inventions, and what it made of an overheard one, lead to nobody."""
    changed = [{"proof": ""}, {"port": "9"}, {"addresses": "10.0.0.66"}, {"agent": THIRD}, {"time": str(int(NOW) + 9)}]
    forged = [told(WRONG, THIRD), {}, *(told() | change for change in changed)]
    assert _peer_discovery.proven(KEY, forged, NOW) == ()
    found = Other(agent=HOST, addresses=("10.0.0.1",), port=8871, medium="wifi", found_by="mdns")
    assert _peer_discovery.proven(KEY, [*forged, told(), told()], NOW) == (found,)


def test_forged_announcements_take_nobodys_place(monkeypatch, closed_port):
    """However many computers a stranger invents, none is dialled or reported, and the one that is there is tested."""
    invented = [told(WRONG, f"{number:032x}", closed_port, addresses="127.0.0.1") for number in range(50)]
    monkeypatch.setattr(_peer_discovery, "_heard", lambda _seconds: invented)
    with opened() as door:
        seen = measured(card(door.port), find_s=0.1)
    assert (seen.found, only(seen).agent, only(seen).failure) == (1, HOST, None)


def test_wired_computers_that_announce_themselves_come_first():
    """They say most about the network; those that only the collector knows come last."""
    others = [
        Other(agent="1" * 32, addresses=("10.0.0.1",), port=1, found_by="collector"),
        Other(agent="2" * 32, addresses=("10.0.0.2",), port=1, medium="wifi", found_by="mdns"),
        Other(agent="3" * 32, addresses=("10.0.0.3",), port=1, medium="ethernet", found_by="mdns"),
    ]
    assert [one.agent[0] for one in peer.in_order(others)] == ["3", "2", "1"]


def way(*samples_mbps: float) -> Direction:
    return Direction(
        goodput_bps=1.0,
        ip_bps=77e6,
        bytes=1000,
        duration_s=1.0,
        connections=2,
        stop="time",
        counted_at="server",
        samples_bps=tuple(sample * 1e6 for sample in samples_mbps),
    )


def test_the_figure_is_a_median_with_its_spread():
    """Of 100 ms samples, without the beginning; the meter's own where there are too few."""
    seen = Throughput(
        engine="msak", server="x", download=way(0, 10, 40, 60, *[90, 90, 94, 98, 90, 90, 100, 104]), upload=way(5, 6)
    )
    told = _peer_visit.told(Reached(agent=HOST, found_by="mdns"), seen, None)
    # 5, 50, 90, 96, 90, 102 in Mbit/s: their median is 90, from which on 90, 96, 90, 102 count.
    assert (told.download_bps, told.download_spread_bps) == (93e6, 7.5e6)
    assert (told.upload_bps, told.upload_spread_bps) == (77e6, None)


def test_a_figure_that_no_link_carries_is_a_lie():
    """What the other says it received is not believed beyond this computer's own link."""
    seen = Throughput(engine="msak", server="x", download=way(), upload=way())
    with pytest.raises(TransferError) as error:
        _peer_visit.told(Reached(agent=HOST, found_by="mdns"), seen, 10e6)
    assert error.value.failure == "protocol_error"
