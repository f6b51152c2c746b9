"""From bytes of payload to bytes of IP packets; pure. Judged rates are IP-layer rates (BEREC BoR (17) 112)."""

import socket
import ssl

from msgspec import Struct

from agent.host import tcp_info

TIMESTAMPS_BYTES = 12  # RFC 7323; every system a school has uses them, Windows 10 and later once the peer does
_HEADER_BYTES = {socket.AF_INET: 20 + 20 + TIMESTAMPS_BYTES, socket.AF_INET6: 40 + 20 + TIMESTAMPS_BYTES}
_ETHERNET_MTU = 1500
TLS_RECORD_BYTES = 16_384
_TLS_1_3_OVERHEAD_BYTES = 22  # RFC 8446, 5.2: header 5, content type 1, tag 16
_TLS_1_2_OVERHEAD_BYTES = 29  # RFC 5288: header 5, explicit nonce 8, tag 16


class Segment(Struct, frozen=True):
    """What one full TCP segment of a connection carries, and the IP, TCP and timestamp headers around it."""

    payload_bytes: int
    header_bytes: int

    @property
    def ip_per_payload(self) -> float:
        """Bytes of IP packets for each byte of TCP payload, for a stream of full segments."""
        return (self.payload_bytes + self.header_bytes) / self.payload_bytes


USUAL = Segment(_ETHERNET_MTU - _HEADER_BYTES[socket.AF_INET], _HEADER_BYTES[socket.AF_INET])


def segment(sock: socket.socket) -> Segment:
    """Return the segment of a connection: asked of the system, else what fits an Ethernet frame."""
    headers = _HEADER_BYTES[socket.AddressFamily(sock.family)]
    return Segment(tcp_info.segment_bytes(sock) or _ETHERNET_MTU - headers, headers)


def record_overhead(sock: socket.socket) -> int:
    """Return the bytes that TLS adds to each record on this connection; 0 without TLS."""
    if not isinstance(sock, ssl.SSLSocket):
        return 0
    return _TLS_1_3_OVERHEAD_BYTES if sock.version() == "TLSv1.3" else _TLS_1_2_OVERHEAD_BYTES
