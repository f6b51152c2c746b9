"""The lan probe inside a school of namespaces: what it finds of routers, names, addresses and the switch."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.contract.lan import Lan
from agent.contract.measurement import decode
from agent.probes._lan_names import KNOWN
from tests.lab import namespaces
from tests.lab.inside import ROUTER_IP, SECOND_ROUTER_IP, SERVER_IP, SMALL_MTU, TWINS_IP, Inside

pytestmark = pytest.mark.root
NAMES = {name: min(addresses) for name, addresses in KNOWN.items()} | {"diary.example": "8.8.4.4"}
KEY = "bmV0cmVhZHkgdGVzdCBrZXkgbmV0cmVhZHk="
SERVER = f"{SERVER_IP}:9000"


@pytest.fixture(scope="module")
def school() -> Iterator[Inside]:
    """A school with two routers behind each other."""
    reason = namespaces.unavailable()
    if reason is not None:
        assert os.environ.get("CI") != "true", f"in CI the lab has to run: {reason}"
        pytest.skip(reason)
    with Inside() as made:
        yield made


def test_everything_is_found(school: Inside, tmp_path: Path) -> None:
    """As administrator, and allowed to ask: the way, the names, both address servers, the twins, the switch."""
    with ExitStack() as stack:
        about = {"names": NAMES, "external": "10.78.2.2", "interface": "school", "port": "port0"}
        stack.enter_context(school.services(school.router, address=ROUTER_IP, **about))
        stack.enter_context(school.services(school.twin, address=TWINS_IP, interface="line"))
        told = school.probe(tmp_path, 26, server=SERVER, active=True, key=KEY, names=["diary.example"])
    assert isinstance(decode(json.dumps(told).encode()), Lan)
    assert told["gateway"] == ROUTER_IP
    assert told["gateway_echoes"]["loss_ratio"] == told["second_hop_echoes"]["loss_ratio"] == 0
    assert told["gateway_echoes"]["received"] >= 10
    assert [hop["address"] for hop in told["hops"]] == [ROUTER_IP, SECOND_ROUTER_IP, SERVER_IP]
    assert told["double_nat"] is True
    assert (told["gateway_mtu_bytes"], told["path_mtu_bytes"]) == (1500, SMALL_MTU)
    [resolver] = told["resolvers"]
    assert (resolver["address"], resolver["answered"], resolver["asked"]) == (ROUTER_IP, 6, 6)
    assert (resolver["invents"], resolver["differs"], resolver["failure"]) == (False, [], None)
    assert told["router"]["counts"]
    assert told["router"]["external_private"] is True
    assert (sorted(told["dhcp_servers"]), told["dhcp_asked"]) == ([ROUTER_IP, TWINS_IP], True)
    assert told["hosts"] == len(told["host_digests"]) == 3
    assert len(told["conflicts"]) == 2
    assert told["gateway_digest"] in told["host_digests"]
    assert told["gateway_digest"] not in told["conflicts"]
    assert [(port["system"], port["port"]) for port in told["switch_ports"]] == [("switch-2", "Gi0/7")]
    assert told["broadcasts_per_s"] > 0
    assert told["denied"] == []


def test_nothing_is_asked_unless_allowed(school: Inside, tmp_path: Path) -> None:
    """By default nobody is asked for addresses, MAC addresses stay here, and a liar's names are named."""
    with school.services(school.router, address=ROUTER_IP, names={}, lies_with="10.78.1.1", port="port0"):
        told = school.probe(tmp_path, 14, server=SERVER)
    assert (told["dhcp_asked"], told["dhcp_servers"]) == (False, [])
    assert (told["hosts"], told["host_digests"], told["conflicts"], told["gateway_digest"]) == (1, [], [], None)
    [resolver] = told["resolvers"]
    assert resolver["invents"] is True
    assert resolver["differs"] == sorted(KNOWN)
    assert (told["router"], told["double_nat"]) == (None, None)
    assert [port["system"] for port in told["switch_ports"]] == ["switch-2"]


def test_what_fails_costs_nothing_else(school: Inside, tmp_path: Path) -> None:
    """Without a name server, a switch that speaks or a far end that answers, the rest is still measured, in time."""
    told = school.probe(tmp_path, 8, anchor="203.0.113.9:9")
    [resolver] = told["resolvers"]
    assert (resolver["answered"], resolver["failure"]) == (0, "connect_refused")
    assert told["path_mtu_bytes"] is None
    assert told["gateway_mtu_bytes"] == 1500
    assert told["gateway_echoes"]["received"] > 0
    assert told["switch_ports"] == []
    assert told["took_s"] < 12
