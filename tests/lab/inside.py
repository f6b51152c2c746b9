"""The inside of a school: a computer, a router with a switch, two devices with one address, and a second router.

``Inside`` is six network namespaces. As with ``namespaces.Line``, nothing outlives the test process. The first router
answers names, has UPnP, hands out addresses and says over LLDP which port the computer is plugged into.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from tests.lab.namespaces import Namespace

CLIENT_IP, ROUTER_IP, TWINS_IP, SERVER_IP = "10.78.1.2", "10.78.1.1", "10.78.1.9", "198.51.100.2"
SECOND_ROUTER_IP = "10.78.2.1"
SMALL_MTU = 1400
_READY_S = 10
_FORWARDS = "echo 1 > /proc/sys/net/ipv4/ip_forward && echo 0 > /proc/sys/net/ipv4/icmp_ratelimit"
_RESOLVES = "file=$(mktemp) && echo nameserver {} > $file && mount --bind $file /etc/resolv.conf && rm $file"


class Inside:
    """The namespaces; ``client`` is the school's computer."""

    def __enter__(self) -> Self:
        """Build them."""
        with ExitStack() as made:
            self.client = Namespace()
            made.callback(self.client.close)
            names = ("router", "twin", "other_twin", "second_router", "server")
            for name in names:
                setattr(self, name, Namespace(inside=self.client))
                made.callback(getattr(self, name).close)
            self._connect()
            self._made = made.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Take them away."""
        self._made.close()

    @contextmanager
    def services(self, namespace: Namespace, **about: Any) -> Iterator[None]:
        """Run the services of a router (tests.lab.router_services) in a namespace."""
        process = namespace.start(sys.executable, "-m", "tests.lab.router_services", json.dumps(about))
        try:
            if process.stdout.readline() != "ready\n":
                raise OSError("the router's services do not start")
            yield
        finally:
            process.stdin.close()
            process.wait(_READY_S)
            process.stdout.close()

    def probe(self, folder: Path, deadline_s: float, **settings: object) -> dict[str, Any]:
        """Run the lan probe on the school's computer as a user would."""
        config = folder / "agent.toml"
        config.write_text(
            "[probes.lan]\n" + "".join(f"{name} = {json.dumps(each)}\n" for name, each in settings.items())
        )
        command = [*self.client.enter(), sys.executable, "-m", "agent", "probe", "lan", "--deadline", str(deadline_s)]
        finished = subprocess.run(
            [*command, "--config", str(config)], check=True, capture_output=True, text=True, timeout=deadline_s + 20
        )
        return json.loads(finished.stdout)

    def _connect(self) -> None:
        router, second, server = self.router, self.second_router, self.server
        router.run("ip", "link", "add", "school", "type", "bridge")
        for number, (namespace, address) in enumerate(
            ((self.client, CLIENT_IP), (self.twin, TWINS_IP), (self.other_twin, TWINS_IP))
        ):
            port = f"port{number}"
            _pair(router, port, namespace, "line")
            router.run("ip", "link", "set", port, "master", "school", "up")
            _address(namespace, "line", address)
        _address(router, "school", ROUTER_IP)
        _pair(router, "wan", second, "lan")
        _address(router, "wan", "10.78.2.2")
        _address(second, "lan", SECOND_ROUTER_IP)
        _pair(second, "wan", server, "line")
        for namespace, device, address in ((second, "wan", "198.51.100.1"), (server, "line", SERVER_IP)):
            namespace.run("ip", "link", "set", device, "mtu", str(SMALL_MTU))
            _address(namespace, device, address)
        for namespace, gateway in (
            *((each, ROUTER_IP) for each in (self.client, self.twin, self.other_twin)),
            (router, SECOND_ROUTER_IP),
            (server, "198.51.100.1"),
        ):
            namespace.run("ip", "route", "add", "default", "via", gateway)
        second.run("ip", "route", "add", "10.78.1.0/24", "via", "10.78.2.2")
        for namespace in (router, second):
            namespace.run("sh", "-c", _FORWARDS)
        self.client.run("sh", "-c", _RESOLVES.format(ROUTER_IP))


def _pair(one: Namespace, name: str, other: Namespace, other_name: str) -> None:
    one.run("ip", "link", "add", name, "type", "veth", "peer", "name", other_name, "netns", str(other.pid))


def _address(namespace: Namespace, device: str, address: str) -> None:
    namespace.run("ip", "link", "set", "lo", "up")
    namespace.run("ip", "link", "set", device, "up")
    namespace.run("ip", "address", "add", f"{address}/24", "dev", device)
