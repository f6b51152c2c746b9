"""What macOS' own commands say of the router, the name servers and the lease; reading them is pure.

Written after the commands' manual pages and published output, and never run on macOS.
"""

import re

from agent.contract.values import is_address
from agent.host import program

_COMMAND_S = 5.0
_BLOCK = re.compile(r"^resolver #\d+", re.MULTILINE)
_SERVER = re.compile(r"^\s*nameserver\[\d+\]\s*:\s*(\S+)", re.MULTILINE)
_INTERFACE = re.compile(r"^\s*if_index\s*:\s*\d+\s*\((\S+)\)", re.MULTILINE)
_GATEWAY = re.compile(r"^\s*gateway:\s*(\S+)\s*$", re.MULTILINE)
_LEASE_SERVER = re.compile(r"^\s*server_identifier\s*\(ip\):\s*(\S+)\s*$", re.MULTILINE)


def gateway(interface: str, family: str) -> str | None:
    """Ask for the router of the interface's default route; ``family`` is "-inet" or "-inet6"."""
    return decode_gateway(_answer("route", "-n", "get", family, "-ifscope", interface, "default"))


def resolvers(interface: str) -> tuple[str, ...]:
    """Ask for the name servers that this interface uses."""
    return decode_resolvers(_answer("scutil", "--dns"), interface)


def lease_server(interface: str) -> str | None:
    """Ask for the DHCP server of the interface's lease."""
    return decode_lease_server(_answer("ipconfig", "getpacket", interface))


def decode_gateway(answer: str) -> str | None:
    """Read ``route -n get default``."""
    found = _GATEWAY.search(answer)
    return found[1] if found is not None and is_address(found[1]) else None


def decode_resolvers(answer: str, interface: str) -> tuple[str, ...]:
    """Read ``scutil --dns``: the servers of the blocks that name the interface, else of the first block."""
    blocks = _BLOCK.split(answer)[1:]
    own = [block for block in blocks if (of := _INTERFACE.search(block)) is not None and of[1] == interface]
    found = (server for block in own or blocks[:1] for server in _SERVER.findall(block))
    return tuple(dict.fromkeys(server for server in found if is_address(server)))


def decode_lease_server(answer: str) -> str | None:
    """Read ``ipconfig getpacket``."""
    found = _LEASE_SERVER.search(answer)
    return found[1] if found is not None and is_address(found[1]) else None


def _answer(*command: str) -> str:
    return program.text(*command, within_s=_COMMAND_S)
