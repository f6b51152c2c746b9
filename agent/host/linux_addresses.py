"""What Linux's files and nmcli say of the router, the name servers and the lease; reading them is pure."""

import ipaddress
import re
import sys
from pathlib import Path

from agent.contract.values import is_address
from agent.host import program

_UP, _GATEWAY = 0x1, 0x2  # Linux, include/uapi/linux/route.h
_MOST_BYTES = 256 * 1024
_MOST_LEASES = 64
_NMCLI_S = 5.0
_RESOLV = "/etc/resolv.conf"
# Where systemd-resolved or NetworkManager's dnsmasq asks in this computer's place, the real ones stand here.
_BEHIND_STUB = ("/run/systemd/resolve/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf")
_DHCLIENT = ("/var/lib/dhcp", "/var/lib/dhclient")
_LEASE = re.compile(r"lease\s*\{(.*?)\}", re.DOTALL)
_LEASE_OF = re.compile(r'interface\s+"([^"]+)"\s*;')
_LEASE_SERVER = re.compile(r"option\s+dhcp-server-identifier\s+([0-9.]+)\s*;")


def text(path: str) -> str | None:
    """Return the beginning of a text file; None where it is not there.

    Raises:
        PermissionError: this user may not read it.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except PermissionError:
        raise
    except OSError:
        return None


def decode_gateway(table: str, interface: str) -> str | None:
    """Return the router of the interface's default route in ``/proc/net/route``, of several that of least metric."""
    found: list[tuple[int, str]] = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        try:
            flags, metric = int(fields[3], 16), int(fields[6])
            is_default = int(fields[1], 16) == 0 and int(fields[7], 16) == 0
            router = ipaddress.IPv4Address(int(fields[2], 16).to_bytes(4, sys.byteorder))
        except (ValueError, IndexError, OverflowError):
            continue
        if fields[0] == interface and is_default and flags & _UP and flags & _GATEWAY:
            found.append((metric, str(router)))
    return min(found)[1] if found else None


def decode_gateway6(table: str, interface: str) -> str | None:
    """Return the router of the interface's default route in ``/proc/net/ipv6_route``, with the zone it may need."""
    found: list[tuple[int, str]] = []
    for line in table.splitlines():
        fields = line.split()
        try:
            flags, metric, length = int(fields[8], 16), int(fields[5], 16), int(fields[1], 16)
            is_default = int(fields[0], 16) == 0 and length == 0
            router = ipaddress.IPv6Address(bytes.fromhex(fields[4]))
        except (ValueError, IndexError):
            continue
        if fields[9:] == [interface] and is_default and flags & _UP and flags & _GATEWAY:
            found.append((metric, f"{router}%{interface}" if router.is_link_local else str(router)))
    return min(found)[1] if found else None


def resolvers() -> tuple[str, ...]:
    """Return the name servers; those behind a program of this computer that asks in its place, where it tells them."""
    found = decode_resolvers(text(_RESOLV) or "")
    if found and not all(is_loopback(each) for each in found):
        return found
    for path in _BEHIND_STUB:
        behind = tuple(each for each in decode_resolvers(text(path) or "") if not is_loopback(each))
        if behind:
            return behind
    return found


def decode_resolvers(config: str) -> tuple[str, ...]:
    """Read a resolv.conf(5): its name servers in order, each once."""
    words = (line.split() for line in config.splitlines())
    found = (each[1] for each in words if len(each) >= 2 and each[0] == "nameserver")
    return tuple(dict.fromkeys(each for each in found if is_address(each)))


def is_loopback(address: str) -> bool:
    """Tell whether it is an address of this computer's own."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def lease_server(interface: str, index: int) -> str | None:
    """Return the DHCP server of the interface's lease, from whichever program keeps it; None where none tells.

    Raises:
        PermissionError: there is a lease that this user may not read.
    """
    refused: PermissionError | None = None
    found = None
    try:
        found = decode_pairs(text(f"/run/systemd/netif/leases/{index}") or "", "SERVER_ADDRESS")
    except PermissionError as error:
        refused = error
    if found is None:
        of_device = ("-t", "-f", "DHCP4", "device", "show", interface)
        found = decode_nmcli(program.text("nmcli", *of_device, within_s=_NMCLI_S))
    for path in () if found else _leases():
        try:
            found = decode_dhclient(text(str(path)) or "", interface) or found
        except PermissionError as error:
            refused = error
    if found is None and refused is not None:
        raise refused
    return found


def _leases() -> list[Path]:
    return [path for folder in _DHCLIENT for path in sorted(Path(folder).glob("*lease*"))[:_MOST_LEASES]]


def decode_pairs(lease: str, wanted: str) -> str | None:
    """Read the address that a ``KEY=VALUE`` lease has under this key (systemd-networkd)."""
    pairs = (line.partition("=") for line in lease.splitlines())
    return next((value.strip() for key, _, value in pairs if key == wanted and is_address(value.strip())), None)


def decode_nmcli(answer: str) -> str | None:
    r"""Read ``nmcli -t -f DHCP4``: lines as ``DHCP4.OPTION[3]:dhcp_server_identifier = 192.0.2.1``."""
    for line in answer.splitlines():
        name, _, value = line.partition(":")[2].partition("=")
        if name.strip() == "dhcp_server_identifier" and is_address(value.strip()):
            return value.strip()
    return None


def decode_dhclient(leases: str, interface: str) -> str | None:
    """Read dhclient.leases(5): the server of the interface's last lease."""
    found = None
    for lease in _LEASE.findall(leases):
        of, server = _LEASE_OF.search(lease), _LEASE_SERVER.search(lease)
        if of is not None and of[1] == interface and server is not None and is_address(server[1]):
            found = server[1]
    return found
