"""The first router: echoes beside a test, the way through it, and the neighbours, in a school of namespaces."""

import json
import os
import sys
from collections.abc import Iterator

import pytest

from agent.contract.measurement import Throughput
from tests.lab import emulator, school
from tests.lab.far_end import FarEnd, far_end
from tests.lab.lines import LINES
from tests.lab.namespaces import SERVER_IP, Line
from tests.lab.test_shaped_line import measured

pytestmark = pytest.mark.root
ROUTER = "10.78.1.1"
_NO_ECHOES = "echo {} > /proc/sys/net/ipv4/icmp_echo_ignore_all"
# What the interpreter loads late it loads before: this user may not read its folder.
_AS_NOBODY = "ping.run('127.0.0.1', 1); os.setgroups([]); os.setgid(65534); os.setuid(65534)"
_LOOK = """
import json, os, sys, time
from agent.host import addresses, hops, neighbours, path_mtu, ping
{as_whom}
def look():
{body}
print(json.dumps(look()))
"""


@pytest.fixture(scope="module")
def end() -> Iterator[FarEnd]:
    """A school behind an emulated line."""
    reason = school.unavailable()
    if reason is not None:
        assert os.environ.get("CI") != "true", f"in CI the lab has to run: {reason}"
        pytest.skip(reason)
    with far_end(LINES["cable 20/5"]) as made:
        yield made


def look(end: FarEnd, body: str, as_whom: str = "") -> object:
    """Run a look on the school's computer."""
    script = _LOOK.format(body=body, as_whom=as_whom)
    return json.loads(end.client.run(sys.executable, "-c", script, timeout_s=40))


def test_echoes_beside_a_test(end: FarEnd) -> None:
    """The router answers within a moment while the line beyond it is full: the school adds nothing."""
    result = end.become(LINES["cable 20/5"]).measure("msak", 40, "max_s=4")
    assert isinstance(result, Throughput), result
    told = result.gateway
    assert told.protocol == "icmp"
    assert told.sent >= 20
    assert told.received == told.sent
    assert told.loss_ratio == 0
    for rtt_ms in (told.idle_ms, told.download_ms, told.upload_ms, told.download_p95_ms, told.upload_p95_ms):
        assert rtt_ms < 20
    assert result.rtt_download_ms > 60  # the queue beyond the router
    assert 0 < result.cpu_busy_ratio <= 1


def test_a_router_without_echoes(end: FarEnd) -> None:
    """Where the router answers no echoes, its refusal of a handshake tells the time, and the test goes on."""
    router = end._place.router
    router.run("sh", "-c", _NO_ECHOES.format(1))
    try:
        result = end.measure("msak", 40, "max_s=3")
    finally:
        router.run("sh", "-c", _NO_ECHOES.format(0))
    assert isinstance(result, Throughput), result
    assert result.gateway.protocol == "tcp"
    assert result.gateway.loss_ratio == 0
    assert result.gateway.download_ms < 20


def test_a_line_without_a_router(line: Line) -> None:
    """Where the interface has no router there is nothing to say of one."""
    line.shape(20e6, 5e6)
    result = measured(line, "msak", f"server={SERVER_IP}:9000", "max_s=2")
    assert isinstance(result, Throughput), result
    assert result.gateway is None


def test_the_way(end: FarEnd) -> None:
    """The router is found, and walked through to the server, by the error queue and by echoes, over both families."""
    seen = look(
        end,
        """
    walked = [[hop.address for hop in hops.walk(far)] for far in ("10.78.2.2", "fd78:2::2")]
    echoed = [hop.address for hop in hops.summarise(hops.by_echoes("10.78.2.2", [1, 1, 2, 2]), 2)]
    return [addresses.gateway("line"), addresses.around("line").gateway6, walked, echoed]
""",
    )
    way, way6 = [ROUTER, school.SERVER_IP], ["fd78:1::1", school.SERVER_IP6]
    assert seen == [ROUTER, "fd78:1::1", [way, way6], way]


def test_the_size_of_packets(end: FarEnd) -> None:
    """A hop that carries less than Ethernet is found behind a router that carries all of it."""
    router = end._place.router
    router.run("ip", "link", "set", emulator.NEAR, "mtu", "1400")
    try:
        body = 'return [path_mtu.find(at) for at in ("10.78.1.1", "10.78.2.2", "192.0.2.1")]'
        assert look(end, f"    {body}") == [1500, 1400, None]
    finally:
        router.run("ip", "link", "set", emulator.NEAR, "mtu", "1500")


def test_the_neighbours(end: FarEnd) -> None:
    """A look through the network finds the router by its MAC address, and nobody who is not there."""
    router = end._place.router
    mac = router.run("cat", "/sys/class/net/school/address").strip()
    body = 'found = neighbours.sweep("line", "10.78.1.2", 28, time.monotonic() + 10)'
    assert look(end, f"    {body}\n    return [[each.address, each.mac] for each in found]") == [[ROUTER, mac]]


def test_without_privileges(end: FarEnd) -> None:
    """An ordinary user without ping sockets still gets round trips, hops, sizes and neighbours, and is told why."""
    if os.geteuid() != 0:
        pytest.skip("becoming an ordinary user needs root")
    seen = look(
        end,
        """
    pinger, samples = ping.run("10.78.1.1", 5, 0.05)
    return {
        "protocol": pinger.protocol, "denied": pinger.denied.what, "back": all(each.rtt_s for each in samples),
        "hops": [hop.address for hop in hops.walk("10.78.2.2")], "size": path_mtu.find("10.78.1.1"),
        "neighbours": len(neighbours.sweep("line", "10.78.1.2", 29, time.monotonic() + 10)),
    }
""",
        as_whom=_AS_NOBODY,
    )
    assert seen == {
        "protocol": "tcp",
        "denied": "icmp",
        "back": True,
        "hops": [ROUTER, school.SERVER_IP],
        "size": 1500,
        "neighbours": 1,
    }
