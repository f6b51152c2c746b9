"""A school, its router and a server, with an operator's line between the router and the server.

``School`` is three network namespaces: the school's computer and the router share a veth pair, the router and the
server an emulated line (``emulator``). As with ``namespaces.Line``, nothing outlives the test process.
"""

import os
import subprocess
import sys
from contextlib import ExitStack
from typing import Self

import msgspec

from tests.lab import emulator, namespaces
from tests.lab.lines import KnownLine
from tests.lab.namespaces import MTU, Namespace
from tests.lab.shape import Command, Counts, Passed

CLIENT_IP, CLIENT_IP6 = "10.78.1.2", "fd78:1::2"
SERVER_IP, SERVER_IP6 = "10.78.2.2", "fd78:2::2"
_ROUTER_IP, _ROUTER_IP6 = "10.78.1.1", "fd78:1::1"
_OUTSIDE_IP, _OUTSIDE_IP6 = "10.78.2.1", "fd78:2::1"
# Packets a TUN device holds for the emulator to read: more than any pause between two reads could fill at 1 Gbit/s.
_TUN_PACKETS = 10_000
_ENDS_WITHIN_S = 10
_ROUTES = "echo 1 > /proc/sys/net/ipv4/ip_forward && echo 1 > /proc/sys/net/ipv6/conf/all/forwarding"
_NO_FILTER = "for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $file; done"


def unavailable() -> str | None:
    """Return why there can be no school here, None where there can."""
    reason = namespaces.unavailable()
    if reason is not None:
        return reason
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "the emulated line needs /dev/net/tun (modprobe tun; in a container: --device /dev/net/tun)"
    try:
        with School():
            return None
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", None) or ""
        return f"this machine does not allow an emulated line: {error} {output}"


class Emulated:
    """An emulator at work in a namespace."""

    def __init__(self, namespace: Namespace, *kind: str) -> None:
        """Start it; ``kind`` is "ethernet" for one that carries whole frames."""
        self._process = namespace.start(sys.executable, "-m", "tests.lab.emulator", *kind)
        if self._process.stdout.readline() != "ready\n":
            self.close()
            raise OSError("the emulator does not start")

    def tell(self, command: Command) -> Counts:
        """Tell it what to be, and return its counts."""
        self._process.stdin.write(msgspec.json.encode(command).decode() + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise OSError("the emulator has ended")
        return msgspec.json.decode(answer, type=Counts)

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.wait(_ENDS_WITHIN_S)
        self._process.stdout.close()


class School:
    """The three namespaces; the line carries nothing until it is told what it is (``become``)."""

    client_address, address, address6 = CLIENT_IP, SERVER_IP, SERVER_IP6

    def __enter__(self) -> Self:
        """Build it."""
        with ExitStack() as made:
            self.client = Namespace()
            made.callback(self.client.close)
            self.router, self.server = Namespace(inside=self.client), Namespace(inside=self.client)
            made.callback(self.router.close)
            made.callback(self.server.close)
            self._emulator = Emulated(self.router)
            made.callback(self._emulator.close)
            self._connect()
            self._made = made.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Take it away."""
        self._made.close()

    def become(self, line: KnownLine) -> None:
        """Let the line be this one from now on: empty queues, full buckets, counts at zero."""
        self._line = line
        self._emulator.tell(Command(download=line.download, upload=line.upload))
        self._unread_before = self._unread()

    def counts(self) -> Counts:
        """Return what has passed since the line was shaped."""
        counts, unread = self._emulator.tell(Command()), self._unread()
        passed = (
            msgspec.structs.replace(passed, unread_drops=now - before)
            for passed, now, before in zip((counts.download, counts.upload), unread, self._unread_before, strict=True)
        )
        return Counts(*passed)

    def distrust(self) -> str | None:
        """Return why the line was not what it was told to be since it was shaped; None where it was."""
        counts = self.counts()
        ways: tuple[tuple[str, Passed, object], ...] = (
            ("download", counts.download, self._line.download),
            ("upload", counts.upload, self._line.upload),
        )
        reasons = (f"{name}: {reason}" for name, passed, shape in ways if (reason := passed.distrust(shape)))
        return next(reasons, None)

    def _unread(self) -> tuple[int, int]:
        """Return what the kernel dropped on the way into each direction of the emulator."""
        read = "cat", "/sys/class/net/{}/statistics/tx_dropped"
        return tuple(
            int(namespace.run(read[0], read[1].format(device)))
            for namespace, device in ((self.server, "line"), (self.router, emulator.NEAR))
        )

    def _connect(self) -> None:
        router, school = self.router, ("ip", "link", "add", "school", "type", "veth", "peer", "name", "line")
        router.run(*school, "netns", str(self.client.pid))
        router.run("ip", "link", "set", emulator.FAR, "netns", str(self.server.pid), "name", "line")
        router.run("sh", "-c", _ROUTES)
        for namespace, device, address, address6 in (
            (self.client, "line", CLIENT_IP, CLIENT_IP6),
            (router, "school", _ROUTER_IP, _ROUTER_IP6),
            (router, emulator.NEAR, _OUTSIDE_IP, _OUTSIDE_IP6),
            (self.server, "line", SERVER_IP, SERVER_IP6),
        ):
            # Single packets on the veth pair too (namespaces.py says why): its counters are then a real card's.
            kind = ("gso_max_segs", "1") if device == "school" or namespace is self.client else ()
            namespace.run("ip", "link", "set", device, "mtu", str(MTU), "txqueuelen", str(_TUN_PACKETS), *kind)
            namespace.run("ip", "address", "add", f"{address}/24", "dev", device)
            namespace.run("ip", "address", "add", f"{address6}/64", "dev", device, "nodad")
            namespace.run("ip", "link", "set", "lo", "up")
            namespace.run("ip", "link", "set", device, "up")
        for namespace, gateway, gateway6 in (
            (self.client, _ROUTER_IP, _ROUTER_IP6),
            (self.server, _OUTSIDE_IP, _OUTSIDE_IP6),
        ):
            namespace.run("ip", "route", "add", "default", "via", gateway)
            namespace.run("ip", "-6", "route", "add", "default", "via", gateway6)
            namespace.run("sh", "-c", _NO_FILTER)
        router.run("sh", "-c", _NO_FILTER)
