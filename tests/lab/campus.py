"""A lab school: an operator's line, a router, switches, computers, two servers; each computer in its own namespace.

        servers ── operator's line ── router ── switch ─┬─ computers, each on a cable of its own speed
                    (emulator)                          └─ segment ── second switch or access point ── computers
                                                           (emulator)

``tests.lab.school`` is its backbone, with the switch in place of its one computer. As there, nothing outlives the test
process. Everything is measured by our own probes, but what a virtual card cannot say, which ``labelled`` alone adds.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal, Self

import msgspec
from msgspec import Struct

from agent.contract import measurement
from agent.contract.measurement import Link, Measurement
from agent.contract.wifi import Crowd, Network, Wifi, WifiConnection
from agent.session import Plan, Question
from tests.lab import devices, emulator, school
from tests.lab.lines import KnownLine
from tests.lab.namespaces import ETHERNET_BYTES, MTU, Namespace
from tests.lab.school import Emulated, School
from tests.lab.shape import Command, Shape

PORT = 9000
ROUTER_IP = "10.78.1.1"
SERVER_IPS = (school.SERVER_IP, "10.78.2.3")
_STRAY_IP = "10.78.1.250"  # a home router that somebody plugged in
_FIRST_HOST = 10
_SWITCH = "lan"
_GIGABIT = 1e9
_TEST_CONNECTIONS = 8  # of a test, about: beside so many greedy downloads it gets half of the line
_CABLE_QUEUE_MS = 30  # of the card and of the switch's port
_ENDS_WITHIN_S, _SESSION_S = 10, 120
_LAN_S = 8.0  # it listens until then for a switch that names itself, which ours does not
_QUEUE_PACKETS = "10000"
# Its name servers are those of the school, without touching this machine's.
_RESOLVER = "mount -t tmpfs none /mnt && echo nameserver {} > /mnt/it && mount --bind /mnt/it /etc/resolv.conf"
_BUSY = "import select, sys\nwhile not select.select([sys.stdin], [], [], 0)[0]: sum(range(100000))"
_BESIDE_BUSY = ("nice", "-n", "17")  # what is busy on a starved computer goes before the agent
_PROGRAMS = 4  # that are busy
OWN_NETWORK, OWN_BSSID = "mektep", "02:00:5e:00:01:01"
_BAND_5GHZ = 5000


class Desk(Struct, frozen=True, kw_only=True):
    """A computer: how it is connected, how fast its cable is, on which switch, and what its Wi-Fi card would say.

    ``behind``: on the second switch. ``rivals`` are strong foreign networks on its channel.
    """

    name: str
    medium: Literal["ethernet", "wifi"] = "ethernet"
    cable_bps: float = _GIGABIT
    behind: bool = False
    signal_dbm: float = -52
    channel: int = 44
    radio_bps: float = 300e6
    rivals: int = 0


class Premises(Struct, frozen=True, kw_only=True):
    """What is in the school: its computers, the way to the second switch (None without one), its router's services."""

    desks: tuple[Desk, ...]
    segment: Shape | None = None
    names_after_ms: float = 1.0
    names_lie: bool = False
    second_dhcp: bool = False
    router_counts: bool = False


class Campus:
    """The school. ``become`` tells its line what it is; ``sit`` has one computer's agent measure."""

    def __init__(self, premises: Premises) -> None:
        self.premises = premises
        self.desks = {desk.name: desk for desk in premises.desks}
        self._computers: dict[str, Namespace] = {}

    def __enter__(self) -> Self:
        """Build it."""
        with ExitStack() as made:
            self._made = made
            self._backbone = made.enter_context(School())
            self.router, self.server = self._backbone.router, self._backbone.server
            self._switch = self._backbone.client
            self._wire_the_switch()
            behind = None if self.premises.segment is None else self._second_switch(self.premises.segment)
            for number, desk in enumerate(self.premises.desks):
                self._seat(desk, number, behind if desk.behind else self._switch)
            self._begin(self._services())
            self._made = made.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Take it away."""
        self._made.close()

    def become(self, line: KnownLine) -> None:
        """Let the line be this one from now on."""
        self.line = line
        self._backbone.become(line)

    def distrust(self) -> str | None:
        """Return why the line was not what it was told to be since then; None where it was."""
        return self._backbone.distrust()

    def sit(
        self, name: str, probes: Sequence[str], *, server: int = 0, starved: bool = False, max_s: float | None = 3.0
    ) -> list[Measurement]:
        """Have one session of this computer's agent against one of the servers; returns it ``labelled``.

        A direction of a test lasts at most ``max_s``; ``starved`` lets other programs take the computer's processor.
        """
        plan = Plan(
            servers=(f"{SERVER_IPS[server]}:{PORT}",),
            question=Question(purpose="capacity", form="short"),
            probes={
                "link": {"count_s": 0.3},
                "lan": {"names": tuple(devices.NAMES), "active": True},
                "msak": {} if max_s is None else {"max_s": max_s},
            },
        )
        order = {"probes": list(probes), "plan": plan, "deadlines_s": {"lan": _LAN_S}}
        told = (sys.executable, "-m", "tests.lab.sitting", msgspec.json.encode(order).decode())
        with self._busy(name, starved=starved):
            lines = self._computers[name].run(*(_BESIDE_BUSY if starved else ()), *told, timeout_s=_SESSION_S)
        return labelled([measurement.decode(line.encode()) for line in lines.splitlines()], self.desks[name])

    @contextmanager
    def downloading(self, name: str, share: float, *, greedy: bool) -> Iterator[None]:
        """Let this computer fill a share of the line, evenly as video does, or by TCP as greedily as downloads do.

        Downloads by TCP fill the whole line; the share is what about remains theirs beside a test.
        """
        port = "9300"
        with ExitStack() as stack:
            if greedy:
                stack.enter_context(self._working(self.server, "give", port))
                number = str(round(_TEST_CONNECTIONS * share / (1 - share)))
                stack.enter_context(self._working(self._computers[name], "take", SERVER_IPS[0], port, number))
            else:
                rate_bps = str(self.line.download.rate_bps * share)
                stack.enter_context(self._working(self._computers[name], "count", port))
                stack.enter_context(self._working(self.server, "send", self._address(name), port, rate_bps))
            yield

    @contextmanager
    def _busy(self, name: str, *, starved: bool) -> Iterator[None]:
        """Let other programs of this computer take all processor cores."""
        with ExitStack() as stack:
            for _program in range(_PROGRAMS if starved else 0):
                process = self._computers[name].start(sys.executable, "-c", _BUSY)
                stack.callback(process.communicate, timeout=_ENDS_WITHIN_S)
            yield

    @contextmanager
    def _working(self, namespace: Namespace, *arguments: str) -> Iterator[None]:
        process = namespace.start(sys.executable, "-m", "tests.lab.traffic", *arguments)
        try:
            self._await(process)
            yield
        finally:
            process.communicate(timeout=_ENDS_WITHIN_S)

    # -- building ------------------------------------------------------------------------------------------------

    def _wire_the_switch(self) -> None:
        self._switch.run("ip", "address", "flush", "dev", "line")
        _bridge(self._switch, "line")
        self.server.run("ip", "address", "add", f"{SERVER_IPS[1]}/24", "dev", "line")

    def _second_switch(self, shape: Shape) -> Namespace:
        second = self._namespace()
        emulated = Emulated(second, "ethernet")
        self._made.callback(emulated.close)
        second.run("ip", "link", "set", emulator.FAR, "netns", str(self._switch.pid), "name", "segment")
        for namespace, port in ((second, emulator.NEAR), (self._switch, "segment")):
            namespace.run("ip", "link", "set", port, "mtu", str(MTU), "txqueuelen", _QUEUE_PACKETS)
        _bridge(second, emulator.NEAR)
        _bridge(self._switch, "segment")
        emulated.tell(Command(download=shape, upload=msgspec.structs.replace(shape, seed=shape.seed + 1)))
        return second

    def _seat(self, desk: Desk, number: int, switch: Namespace) -> None:
        namespace = self._computers[desk.name] = self._namespace()
        self._plug(namespace, switch, f"port{number}", f"10.78.1.{_FIRST_HOST + number}")
        if desk.cable_bps < _GIGABIT:
            for place, device in ((namespace, "line"), (switch, f"port{number}")):
                _shape(place, device, desk.cable_bps)
        namespace.run("sh", "-c", _RESOLVER.format(ROUTER_IP))

    def _namespace(self) -> Namespace:
        made = Namespace(inside=self._switch)
        self._made.callback(made.close)
        return made

    @staticmethod
    def _plug(namespace: Namespace, switch: Namespace, port: str, address: str) -> None:
        # Single packets, as on a real card (namespaces.py says why).
        end = ("mtu", str(MTU), "gso_max_segs", "1")
        namespace.run(
            *("ip", "link", "add", "line", *end, "type", "veth"), *("peer", "name", port, "netns", str(switch.pid))
        )
        _bridge(switch, port)
        for command in (
            ("address", "add", f"{address}/24", "dev", "line"),
            ("link", "set", "lo", "up"),
            ("link", "set", "line", "up"),
            ("route", "add", "default", "via", ROUTER_IP),
        ):
            namespace.run("ip", *command)

    def _services(self) -> list[tuple[Namespace, tuple[str, ...]]]:
        """Return what runs beside the computers: two test servers, the router's services, a stray router."""
        premises = self.premises
        router = devices.Order(
            address=ROUTER_IP,
            interface="school",
            names_after_ms=premises.names_after_ms,
            lies=premises.names_lie,
            hands_out=True,
            counts=emulator.NEAR if premises.router_counts else None,
        )
        found = [(self.server, ("tests.lab.reflect", address, str(PORT))) for address in SERVER_IPS]
        found.append((self.router, ("tests.lab.devices", msgspec.json.encode(router).decode())))
        if premises.second_dhcp:
            stray = self._namespace()
            self._plug(stray, self._switch, "stray", _STRAY_IP)
            order = devices.Order(address=_STRAY_IP, interface="line", hands_out=True)
            found.append((stray, ("tests.lab.devices", msgspec.json.encode(order).decode())))
        return found

    def _begin(self, services: Sequence[tuple[Namespace, tuple[str, ...]]]) -> None:
        """Start them all, then wait for all."""
        begun = []
        for namespace, command in services:
            process = namespace.start(sys.executable, "-m", *command)
            self._made.callback(process.communicate, timeout=_ENDS_WITHIN_S)
            begun.append(process)
        for process in begun:
            self._await(process)

    @staticmethod
    def _await(process: object) -> None:
        if not process.stdout.readline().startswith(("ready", "listening ")):
            raise OSError(f"{process.args} does not start")

    def _address(self, name: str) -> str:
        return f"10.78.1.{_FIRST_HOST + list(self.desks).index(name)}"


def _bridge(namespace: Namespace, port: str) -> None:
    """Plug a port into this namespace's switch, which is made with its first port."""
    namespace.run("sh", "-c", f"ip link show {_SWITCH} || ip link add {_SWITCH} up type bridge")
    namespace.run("ip", "link", "set", port, "master", _SWITCH, "up")


def _shape(namespace: Namespace, device: str, cable_bps: float) -> None:
    """Let a cable's end send no faster than this; tbf counts the Ethernet header but no preamble and gap."""
    frame = MTU + ETHERNET_BYTES
    rate_bps = cable_bps * frame / (frame + 24)
    queue = max(10 * frame, int(rate_bps / 8 * _CABLE_QUEUE_MS / 1000))
    bucket = max(5 * frame, int(rate_bps / 8 * 0.004))
    limits = ("rate", f"{rate_bps:.0f}bit", "burst", str(bucket), "limit", str(queue))
    namespace.run("tc", "qdisc", "replace", "dev", device, "root", "tbf", *limits)


def labelled(seen: Sequence[Measurement], desk: Desk) -> list[Measurement]:
    """Add what a virtual card cannot say, and nothing else: the medium, the cable's speed, the Wi-Fi's facts.

    The link says "virtual"; instead it says what the lab has built. The neighbours in the air are the lab's word too.
    """
    found: list[Measurement] = []
    for one in seen:
        if isinstance(one, Link) and desk.medium == "ethernet":
            found.append(msgspec.structs.replace(one, medium="ethernet", speed_bps=desk.cable_bps, duplex="full"))
        elif isinstance(one, Link):
            found += [msgspec.structs.replace(one, medium="wifi", wifi=_connection(desk)), _air(desk, one)]
        else:
            found.append(one)
    return found


def _connection(desk: Desk) -> WifiConnection:
    return WifiConnection(
        source="lab",
        ssid=OWN_NETWORK,
        ssid_hex=OWN_NETWORK.encode().hex(),
        bssid=OWN_BSSID,
        channel=desk.channel,
        frequency_mhz=_BAND_5GHZ + 5 * desk.channel,
        width_mhz=40,
        generation="ac",
        signal_dbm=desk.signal_dbm,
        receive_bps=desk.radio_bps,
        transmit_bps=desk.radio_bps,
        security="wpa2-psk",
    )


def _air(desk: Desk, link: Link) -> Wifi:
    own = Network(
        bssid=OWN_BSSID,
        ssid=OWN_NETWORK,
        ssid_hex=OWN_NETWORK.encode().hex(),
        channel=desk.channel,
        frequency_mhz=_BAND_5GHZ + 5 * desk.channel,
        signal_dbm=desk.signal_dbm,
        security="wpa2-psk",
        generation="ac",
        associated=True,
        own=True,
    )
    crowd = (Crowd(channel=desk.channel, networks=desk.rivals, strongest_dbm=-55),) if desk.rivals else ()
    return Wifi(
        started_at=link.started_at,
        took_s=0.0,
        interface=link.interface,
        source="lab",
        own_known=True,
        networks=(own,),
        foreign=crowd,
        connection=_connection(desk),
    )
