"""Who is at the other end of a connection, as far as that may be believed, and how little of it is kept."""

import ipaddress
from collections.abc import Collection

_KEPT_BITS = {4: 24, 6: 48}
# A household or school has one IPv4 address or one IPv6 network of at least this size.
_ONE_PLACE_BITS = {4: 32, 6: 64}


def of_request(peer: str | None, forwarded: list[str], trusted: Collection[str]) -> str | None:
    """Return the address that asks: the last one that a trusted proxy does not vouch for.

    Args:
        peer: the other end of the connection, null where there is none.
        forwarded: the values of X-Forwarded-For, each a list of addresses with commas.
        trusted: the addresses of our own proxies.
    """
    address = _parsed(peer)
    passed_on = [part.strip() for value in forwarded for part in value.split(",")][-16:]
    while address is not None and address in trusted and passed_on:
        before = _parsed(passed_on.pop())
        if before is None:
            break
        address = before
    return address


def shortened(address: str | None) -> str | None:
    """Return an address's network: enough to see a pattern, too little to find a person."""
    return _network(address, _KEPT_BITS)


def place(address: str | None) -> str:
    """Return what counts as one place when wrong passwords are counted."""
    return _network(address, _ONE_PLACE_BITS) or "unknown"


def _network(address: str | None, bits: dict[int, int]) -> str | None:
    if address is None:
        return None
    parsed = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((parsed.packed, bits[parsed.version]), strict=False))


def _parsed(text: str | None) -> str | None:
    try:
        parsed = ipaddress.ip_address((text or "").partition("%")[0].strip("[]"))
    except ValueError:
        return None
    # An IPv4 address is the same one where a server listens on both kinds.
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)
