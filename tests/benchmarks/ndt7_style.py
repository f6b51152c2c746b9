"""A plain ndt7-style client: one connection, ten seconds each way, the mean since the start.

    python -m tests.benchmarks.ndt7_style HOST PORT

prints one JSON line with ``download`` and ``upload`` in bit/s of payload; the upload is what the server counted.
"""

import json
import re
import socket
import sys
import time

_TEST_S = 10
_WAIT_S = 15
_MESSAGE_BYTES = 1 << 16
_MASKED_BINARY = b"\x82\xff" + _MESSAGE_BYTES.to_bytes(8) + bytes(4)  # with a mask of zeros the payload stays as it is
_COUNTS = re.compile(rb'"AppInfo":\{"ElapsedTime":(\d+),"NumBytes":(\d+)')


def _opened(host: str, port: int, way: str) -> socket.socket:
    sock = socket.create_connection((host, port), _WAIT_S)
    sock.sendall(
        f"GET /ndt/v7/{way} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: net.measurementlab.ndt.v7\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    if b" 101 " not in head:
        raise OSError(f"the server does not speak ndt7: {head!r}")
    return sock


def download(host: str, port: int) -> float:
    """Count what comes in ten seconds, frame headers and the server's few messages included."""
    with _opened(host, port, "download") as sock:
        began, received, buffer = time.monotonic(), 0, bytearray(1 << 18)
        while (elapsed := time.monotonic() - began) < _TEST_S and (size := sock.recv_into(buffer)):
            received += size
        return received * 8 / elapsed


def upload(host: str, port: int) -> float:
    """Send for ten seconds and believe the server's last count."""
    message, heard = _MASKED_BINARY + bytes(_MESSAGE_BYTES), b""
    with _opened(host, port, "upload") as sock:
        began = time.monotonic()
        sock.settimeout(0.1)
        rest = memoryview(message)
        while time.monotonic() - began < _TEST_S:
            try:
                rest = rest[sock.send(rest) :] or memoryview(message)
            except TimeoutError:
                continue
        sock.setblocking(False)
        while piece := sock.recv(1 << 16):
            heard += piece
            if len(piece) < 1 << 16:
                break
    elapsed_us, count = _COUNTS.findall(heard)[-1]
    return int(count) * 8e6 / int(elapsed_us)


if __name__ == "__main__":
    place = sys.argv[1], int(sys.argv[2])
    print(json.dumps({"download": download(*place), "upload": upload(*place)}))
