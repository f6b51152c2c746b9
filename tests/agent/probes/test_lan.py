"""The lan probe: its settings, what its parts say together, parts that hang or are refused, and listening."""

import socket
import sys
import threading
import time
from typing import Any

import msgspec
import psutil
import pytest

from agent import probes
from agent.contract.errors import SettingsError
from agent.contract.lan import Hop, Lan, Router, SwitchPort
from agent.contract.measurement import Failed
from agent.errors import ProbeUnavailable
from agent.host import icmp
from agent.host.addresses import Around
from agent.host.neighbours import Neighbour, digest
from agent.meter.errors import TransferError
from agent.probes import _lan_listen, _lan_look, lan
from agent.probes import _lan_talk as talk
from agent.probes._lan_listen import Listened, Listening
from agent.probes._lan_look import Look, Wanted, Way, double_nat, hosts_of
from agent.probes._lan_parts import Part
from agent.probes._lan_talk import Order
from tests.fakes.name_server import NameServer, says

KEY = b"sixteen bytes or more"
ROUTER = Neighbour("10.0.0.1", "02:00:00:00:00:01")
TWIN, OTHER_TWIN = Neighbour("10.0.0.9", "02:00:00:00:00:02"), Neighbour("10.0.0.9", "02:00:00:00:00:03")
ORDER = Order(interface="lo", seconds=0.2, active=False, source="10.0.0.7")


@pytest.mark.parametrize(
    "setting",
    [
        {"anchor": "ftp://x"},
        {"server": "http://"},
        {"gateway": "router"},
        {"names": ["a..b"]},
        {"names": ["x.example"] * 17},
        {"key": "c2hvcnQ="},
        {"active": "perhaps"},
    ],
)
def test_wrong_settings_are_refused(setting: dict[str, Any]) -> None:
    """A setting that cannot be meant stops the probe before anything is sent."""
    with pytest.raises(SettingsError):
        probes.make("lan", setting)


def test_settings_as_the_policy_gives_them() -> None:
    """A key is bytes from the policy and base64 from a file; names are those of the platforms unless they are given."""
    assert probes.make("lan", {"key": KEY}) == probes.make("lan", {"key": "c2l4dGVlbiBieXRlcyBvciBtb3Jl"})
    assert 1 <= len(lan.Probe()._asked_names()) <= 10
    assert "kundelik.kz" in lan.Probe()._asked_names()
    assert lan.Probe(names=("x.example",))._asked_names() == ("x.example",)


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any way out that is a failure; towards this computer itself there is no network to look at."""
    assert lan.Probe(server="127.0.0.1:9").measure(5) == Lan(interface="lo")
    monkeypatch.setattr(lan, "_ANYWHERE", [])
    told = lan.Probe().measure(5)
    assert isinstance(told, Failed)
    assert told.failure == "unreachable"


def test_an_interface_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not say which interface leads out, the probe cannot run here."""
    monkeypatch.setattr(lan.link, "interface_of", lambda _address: None)
    with pytest.raises(ProbeUnavailable, match="interface"):
        lan.Probe().measure(5)


def test_a_name_that_cannot_be_resolved_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A far end whose name nobody resolves is left out; the rest is measured."""

    def fail(*_arguments: object) -> None:
        raise TransferError("dns_failed", "the name cannot be resolved")

    monkeypatch.setattr(lan.dial, "addresses", fail)
    assert isinstance(lan.Probe(server="no-such-name.invalid:80").measure(5), Lan)


def looked(monkeypatch: pytest.MonkeyPatch, around: Around, ends_in_s: float = 3.0, *, active: bool = False) -> Lan:
    """Look at loopback as if it were a school's network with these addresses; nobody may listen."""
    monkeypatch.setattr(_lan_look.addresses, "around", lambda _interface: around)
    monkeypatch.setattr(_lan_listen, "refusal", lambda *, active: _lan_listen.denied("rights", active=active))
    monkeypatch.setattr(_lan_look._lan_router, "_SEARCH_S", 0.1)
    way = Way(interface="lo", source="127.0.0.1", far="127.0.0.1")
    wanted = Wanted(gateway="127.0.0.1", key=KEY, names=("x.example",), active=active)
    return Look(wanted, way, time.monotonic() + ends_in_s).measure()


def test_the_parts_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses, names and hops come together; what was refused is said, the DHCP server of the lease counts."""
    with NameServer(says({"x.example": "9.9.9.9"})) as server:
        monkeypatch.setattr(_lan_look, "Server", lambda address: _lan_look._lan_names.Server(address, server.port))
        told = looked(monkeypatch, Around(resolvers=("127.0.0.1",), dhcp_server="10.0.0.5"))
    assert (told.interface, told.gateway, told.dhcp_servers) == ("lo", "127.0.0.1", ("10.0.0.5",))
    assert [each.answered for each in told.resolvers] == [6]
    assert told.router is None
    assert told.double_nat is None
    assert "lldp" in [each.what for each in told.denied]
    if sys.platform == "linux":
        assert [hop.address for hop in told.hops] == ["127.0.0.1"]


def test_what_the_system_refuses_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pings are not allowed that is said, once, and the rest is measured."""

    def refuse(*_arguments: object) -> None:
        raise PermissionError(icmp.SETTING)

    monkeypatch.setattr(_lan_look.hops, "walk", refuse)
    monkeypatch.setattr(_lan_look.path_mtu, "find", refuse)
    told = looked(monkeypatch, Around())
    assert [each.what for each in told.denied].count("icmp") == 1
    assert (told.hops, told.path_mtu_bytes, told.gateway_mtu_bytes) == ((), None, None)


@pytest.mark.parametrize("active", [True, False])
def test_addresses_are_asked_without_rights_too(monkeypatch: pytest.MonkeyPatch, active: bool) -> None:
    """Where nobody may listen, every address is asked all the same if the settings allow it, and only then."""
    monkeypatch.setattr(_lan_look.neighbours, "sweep", lambda *_arguments: (ROUTER, TWIN))
    told = looked(monkeypatch, Around(), active=active)
    assert (told.hosts or 0) == (2 if active else 0)
    assert told.dhcp_asked is False
    assert ("dhcp_server" in [each.what for each in told.denied]) == active


def test_a_part_that_hangs_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that never comes back is left behind when time is over."""
    released = threading.Event()
    monkeypatch.setattr(_lan_look.path_mtu, "find", lambda _address: released.wait(60))
    told = looked(monkeypatch, Around(dhcp_server="10.0.0.5"), 1.0)
    released.set()
    assert told.path_mtu_bytes is None
    assert told.dhcp_servers == ("10.0.0.5",)


def test_a_bug_in_a_part_rises() -> None:
    """What neither the system nor the network refused is a bug, and rises where the part is waited for."""
    with pytest.raises(ZeroDivisionError):
        Part("icmp", lambda: 1 // 0).result(time.monotonic() + 5)


@pytest.mark.parametrize(
    ("external", "second", "twice"),
    [
        (True, None, True),
        (True, True, True),
        (False, False, False),
        (False, None, False),
        (False, True, None),
        (None, True, None),
    ],
)
def test_double_translation_needs_proof(external: bool | None, second: bool | None, twice: bool | None) -> None:
    """Only the router's own outer address proves it; a private second hop makes a public one doubtful."""
    hops = (Hop(ttl=1, private=True), Hop(ttl=2, private=second))
    assert double_nat(Router(external_private=external), hops) is twice
    assert double_nat(None, hops) is None


def test_neighbours_become_digests() -> None:
    """With a key there are digests for the router, the hosts and those that share an address; without it a number."""
    heard = Listened(owners=(OTHER_TWIN, Neighbour("10.0.0.7", "02:00:00:00:00:07")), mac="02:00:00:00:00:07")
    told = hosts_of((ROUTER, TWIN), (ROUTER,), heard, gateway=ROUTER.address, key=KEY)
    assert told["hosts"] == 3
    assert told["gateway_digest"] == digest(ROUTER.mac, KEY)
    assert set(told["conflicts"]) == {digest(each.mac, KEY) for each in (TWIN, OTHER_TWIN)}
    assert len(told["host_digests"]) == 3
    assert hosts_of((ROUTER, TWIN), (), heard, gateway=ROUTER.address, key=None) == {"hosts": 3}
    assert hosts_of((), (), Listened(), gateway=None, key=None) == {"hosts": None}


# -- listening -----------------------------------------------------------------------------------------------------


def test_what_was_heard() -> None:
    """What the child says is put together; this computer is among those who have an address."""
    port = SwitchPort(protocol="lldp", system="switch")
    heard: list[talk.Line] = [
        talk.Began(mac="02:00:00:00:00:07"),
        talk.Switch(port=port),
        talk.Server(address="10.0.0.1"),
        talk.Owner(address=TWIN.address, mac=TWIN.mac),
        talk.Counted(frames=5, seconds=1.0),
        talk.Counted(frames=50, seconds=10.0),
        talk.Asked(addresses=254),
    ]
    told = _lan_listen.summarise([talk.lines.decode(msgspec.json.encode(each)) for each in heard], ORDER, "")
    assert told == Listened(
        switch_ports=(port,),
        servers=("10.0.0.1",),
        owners=(Neighbour("10.0.0.7", "02:00:00:00:00:07"), TWIN),
        mac="02:00:00:00:00:07",
        asked=True,
        broadcasts_per_s=5.0,
    )
    assert _lan_listen.summarise(heard[:5], ORDER, "").broadcasts_per_s is None  # too short to tell


@pytest.mark.parametrize(
    ("why", "words"), [("rights", "administrator"), ("software", "Npcap"), ("medium", "no Ethernet frames")]
)
def test_why_nothing_can_be_heard(why: Any, words: str) -> None:
    """What to change is said; for DHCP servers only where they were to be asked for."""
    refused = talk.Refused(why=why, detail="it carries no Ethernet frames")
    told = _lan_listen.summarise([refused], Order(interface="x", seconds=1, active=True), "")
    assert [each.what for each in told.denied] == ["lldp", "dhcp_server"]
    assert words in told.denied[0].setting
    assert [each.what for each in _lan_listen.summarise([refused], ORDER, "").denied] == ["lldp"]
    assert "report" in _lan_listen.summarise([], ORDER, "MemoryError").denied[0].setting


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the child process finds out")
def test_who_may_not_listen_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rights that is said at once."""

    def refuse(*_arguments: object) -> socket.socket:
        raise PermissionError

    monkeypatch.setattr(_lan_listen.socket, "socket", refuse)
    assert [each.what for each in _lan_listen.refusal(active=False)] == ["lldp"]


def test_the_child_ends_in_time() -> None:
    """The real child process says that it may not, or listens until its time is over; then it is gone."""
    with Listening(Order(interface="lo", seconds=0.5, active=False)) as listening:
        told = listening.told(time.monotonic() + 30)
        assert listening.is_listening == (told.mac is not None)
    assert (told.mac is None) == bool(told.denied)
    assert not any("_lan_child" in " ".join(one.cmdline()) for one in psutil.Process().children(recursive=True))


def test_an_interface_that_is_gone() -> None:
    """An interface that was unplugged is said to be no place to listen at, and nothing raises."""
    with Listening(Order(interface="no-such-one", seconds=5, active=False)) as listening:
        told = listening.told(time.monotonic() + 30)
        assert not listening.is_listening
    assert [each.what for each in told.denied] == ["lldp"]
    assert told.switch_ports == ()
