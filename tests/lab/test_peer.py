"""Two computers of a school behind one switch find each other, and what they measure is what the switch carries."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache

import msgspec
import pytest

from agent.contract import measurement
from agent.contract.peer import Peer
from agent.contract.wire import PeerCard
from tests.lab import namespaces
from tests.lab.namespaces import Namespace
from tests.lab.peer_door import KEY

pytestmark = pytest.mark.root

ONE, OTHER = "1" * 32, "2" * 32
RATE_BPS = 100e6
_why_not = cache(namespaces.unavailable)


class Switch:
    """A bridge with two computers; each of its ports sends at RATE_BPS, so that both ways have a rate of their own."""

    def __init__(self, stack: ExitStack) -> None:
        self.middle = self._namespace(stack)
        self.one, self.other = (self._namespace(stack, self.middle) for _ in range(2))
        self.middle.run("ip", "link", "add", "switch", "type", "bridge", "mcast_snooping", "0")
        self.middle.run("ip", "link", "set", "switch", "up")
        for number, computer in enumerate((self.one, self.other), 1):
            port = f"port{number}"
            peer = ("peer", "name", "lan", "netns", str(computer.pid))
            self.middle.run("ip", "link", "add", port, "type", "veth", *peer)
            self.middle.run("ip", "link", "set", port, "master", "switch", "up", "gso_max_segs", "1")
            computer.run("ip", "link", "set", "lan", "gso_max_segs", "1")
            computer.run("ip", "address", "add", f"10.79.0.{number}/24", "dev", "lan")
            computer.run("ip", "link", "set", "lo", "up")
            computer.run("ip", "link", "set", "lan", "up")
            computer.run("ip", "route", "add", "default", "dev", "lan")
            tbf = ("rate", f"{RATE_BPS:.0f}bit", "burst", "50000", "limit", "250000")
            self.middle.run("tc", "qdisc", "replace", "dev", port, "root", "tbf", *tbf)

    @staticmethod
    def _namespace(stack: ExitStack, inside: Namespace | None = None) -> Namespace:
        made = Namespace(inside=inside)
        stack.callback(made.close)
        return made

    def isolate(self, *, on: bool) -> None:
        """Keep the computers apart, as an access point or a switch with client isolation does."""
        for number in (1, 2):
            word = "on" if on else "off"
            self.middle.run("ip", "link", "set", f"port{number}", "type", "bridge_slave", "isolated", word)


@pytest.fixture(scope="module")
def switch() -> Iterator[Switch]:
    """The switch, with a door open on the other computer."""
    reason = _why_not()
    if reason is not None:
        assert os.environ.get("CI") != "true", f"in CI the lab has to run: {reason}"
        pytest.skip(reason)
    with ExitStack() as stack:
        made = Switch(stack)
        door = made.other.start(sys.executable, "-m", "tests.lab.peer_door", OTHER)
        try:
            assert door.stdout.readline() == "8871\n"
            yield made
        finally:
            door.stdin.close()
            door.wait(10)
            door.stdout.close()


MEASURE = """
import json, sys
from agent import probes
from agent.contract import measurement
print(measurement.encode(probes.make("peer", json.loads(sys.argv[1])).measure(60)).decode())
"""


def measured(switch: Switch, **settings: object) -> Peer:
    given = msgspec.json.encode({"key": KEY.hex(), "agent": ONE, **settings}).decode()
    seen = measurement.decode(switch.one.run(sys.executable, "-c", MEASURE, given, timeout_s=90).encode())
    assert isinstance(seen, Peer), seen
    return seen


def test_they_find_each_other_and_measure_the_switch(switch: Switch) -> None:
    """Found by its announcement alone; both directions are within 4 % of what the switch carries, evenly."""
    seen = measured(switch)
    [reached] = seen.peers
    assert (reached.agent, reached.found_by, reached.failure) == (OTHER, "mdns", None), reached
    assert reached.download_bps == pytest.approx(namespaces.ip_rate(RATE_BPS), rel=0.04)
    assert reached.upload_bps == pytest.approx(namespaces.ip_rate(RATE_BPS), rel=0.04)
    assert max(reached.download_spread_bps, reached.upload_spread_bps) < 0.1 * RATE_BPS
    assert (reached.address, reached.medium_here, reached.medium_there) == ("10.79.0.2", "virtual", "virtual")
    assert reached.rtt_idle_ms < reached.rtt_loaded_ms
    assert reached.bytes < 200_000_000


def test_a_limit_of_bytes_is_kept(switch: Switch) -> None:
    """Both directions together take no more than they may, and the figure is about right."""
    [reached] = measured(switch, peer="10.79.0.2:8871", max_bytes=12_000_000, idle_s=1).peers
    assert reached.failure is None, reached
    assert reached.bytes <= 12_100_000
    assert reached.download_bps == pytest.approx(namespaces.ip_rate(RATE_BPS), rel=0.1)


def test_computers_that_are_kept_apart_are_a_finding(switch: Switch) -> None:
    """With client isolation nobody announces itself; the collector's card shows that somebody should be there."""
    switch.isolate(on=True)
    try:
        seen = measured(switch, peers=[PeerCard(agent=OTHER, addresses=("10.79.0.2",), port=8871)])
    finally:
        switch.isolate(on=False)
    [reached] = seen.peers
    assert (reached.agent, reached.found_by, reached.medium_here) == (OTHER, "collector", "virtual")
    assert reached.failure in {"unreachable", "connect_timeout"}
    assert "keeps computers of the school apart" in reached.detail
