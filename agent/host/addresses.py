"""What an interface was told of its network: the router, the name servers, the DHCP server.

All of it comes from the network and may be wrong or hostile: what is no address of a host is left out.
"""

import ipaddress
import socket
import sys
from collections.abc import Iterable

from msgspec import Struct

from agent.contract.values import Denied
from agent.host import linux_addresses, macos_addresses, windows_addresses
from agent.host.windows_addresses import Adapter

_MOST_RESOLVERS = 16
_LEASE_SETTING = (
    "only the administrator may read the lease on this computer; run the agent as a service (root), or allow its user "
    "to read the files of the DHCP client"
)
_WINDOWS_SETTING = "Windows did not tell its adapters; check that the service IP Helper (iphlpsvc) runs"


class Around(Struct, frozen=True, kw_only=True):
    """The addresses around an interface; null or empty where there is none or it is not known."""

    gateway: str | None = None
    gateway6: str | None = None
    resolvers: tuple[str, ...] = ()
    dhcp_server: str | None = None
    denied: tuple[Denied, ...] = ()


def around(interface: str) -> Around:
    """Ask the system for the addresses around an interface; at most some ten seconds, where commands hang."""
    if sys.platform == "win32":
        return _windows(interface)
    if sys.platform == "darwin":
        return _macos(interface)
    denied: tuple[Denied, ...] = ()
    try:
        server = linux_addresses.lease_server(interface, _index(interface))
    except PermissionError:
        server, denied = None, (Denied(what="dhcp_server", setting=_LEASE_SETTING),)
    try:
        resolvers = linux_addresses.resolvers()
    except PermissionError as error:
        resolvers, denied = (), (*denied, Denied(what="resolvers", setting=f"allow the agent to read {error.filename}"))
    gateways = _linux_gateways(interface)
    return Around(
        gateway=gateways[0],
        gateway6=gateways[1],
        resolvers=_resolvers(resolvers),
        dhcp_server=_host(server),
        denied=denied,
    )


def gateway(interface: str) -> str | None:
    """Ask only for the first router, of IPv4 where there is one: quickly, and without a command where that can be."""
    if sys.platform == "win32":
        told = _windows(interface)
        return told.gateway or told.gateway6
    if sys.platform == "darwin":
        return _host(macos_addresses.gateway(interface, "-inet") or macos_addresses.gateway(interface, "-inet6"))
    gateways = _linux_gateways(interface)
    return gateways[0] or gateways[1]


def _linux_gateways(interface: str) -> tuple[str | None, str | None]:
    try:
        tables = [linux_addresses.text(path) or "" for path in ("/proc/net/route", "/proc/net/ipv6_route")]
    except PermissionError:
        return None, None
    return (
        _host(linux_addresses.decode_gateway(tables[0], interface)),
        _host(linux_addresses.decode_gateway6(tables[1], interface)),
    )


def _windows(interface: str) -> Around:
    adapters = windows_addresses.fetch()
    if adapters is None:
        whats = ("resolvers", "dhcp_server")
        return Around(denied=tuple(Denied(what=what, setting=_WINDOWS_SETTING) for what in whats))
    return of_adapter(next((each for each in adapters if each.alias == interface), None))


def of_adapter(adapter: Adapter | None) -> Around:
    """Return what Windows' adapter of the interface says; nothing where there is none."""
    if adapter is None:
        return Around()
    gateways = [found for each in adapter.gateways if (found := _host(each)) is not None]
    return Around(
        gateway=next((each for each in gateways if ":" not in each), None),
        gateway6=next((each for each in gateways if ":" in each), None),
        resolvers=_resolvers(adapter.resolvers),
        dhcp_server=_host(adapter.dhcp_server),
    )


def _macos(interface: str) -> Around:
    return Around(
        gateway=_host(macos_addresses.gateway(interface, "-inet")),
        gateway6=_host(macos_addresses.gateway(interface, "-inet6")),
        resolvers=_resolvers(macos_addresses.resolvers(interface)),
        dhcp_server=_host(macos_addresses.lease_server(interface)),
    )


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return 0


def _resolvers(told: Iterable[str]) -> tuple[str, ...]:
    """Keep the addresses of hosts; this computer itself may be one, where it asks on."""
    kept = (found for each in told if (found := _host(each, own_too=True)) is not None)
    return tuple(dict.fromkeys(kept))[:_MOST_RESOLVERS]


def _host(told: str | None, *, own_too: bool = False) -> str | None:
    """Return the address if it can be that of one host: no group, no broadcast, and not this computer itself."""
    if told is None or len(told) > 64:
        return None
    try:
        found = ipaddress.ip_address(told.partition("%")[0])
    except ValueError:
        return None
    is_one = not (found.is_multicast or found.is_unspecified or found == _BROADCAST)
    return told if is_one and (own_too or not found.is_loopback) else None


_BROADCAST = ipaddress.IPv4Address(2**32 - 1)
