"""What counts as one source of traffic: shares are given to sources, so that one cannot take everybody's."""

import ipaddress


def of(host: str) -> str:
    """Return the source of a peer's address: an IPv4 address, or the /64 that an IPv6 host picks its addresses from."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)
