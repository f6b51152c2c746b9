"""A real reflector in a thread of the test, on free ports of loopback."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.reflector import serve

STOPS_WITHIN_S = 10


@contextmanager
def reflector(host: str = "127.0.0.1", tls: tuple[str, str] | None = None) -> Iterator[str]:
    """Run a reflector and give its HOST:PORT."""
    stop, listens = threading.Event(), threading.Event()
    lines: list[str] = []

    def ready(line: str) -> None:
        lines.append(line)
        listens.set()

    thread = threading.Thread(target=serve, args=((host, 0), None, tls, ready, stop), daemon=True)
    thread.start()
    try:
        assert listens.wait(10), "the reflector did not start"
        yield lines[0].split()[1]
    finally:
        stop.set()
        thread.join(STOPS_WITHIN_S)
        assert not thread.is_alive(), "the reflector did not stop"


def connected(place: str) -> socket.socket:
    """Connect to a reflector."""
    host, _, port = place.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=15)


def everything(sock: socket.socket) -> bytes:
    """Return all that comes until the other end closes."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


def said(place: str, request: bytes) -> bytes:
    """Return everything that a reflector answers to these bytes until it closes."""
    with connected(place) as sock:
        sock.sendall(request)
        return everything(sock)


def certificate(folder: Path, name: str = "DNS:localhost,IP:127.0.0.1") -> tuple[str, str]:
    """Make a self-signed certificate for these names; return the files of certificate and key."""
    files = str(folder / "cert.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    options = ["-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={name}"]
    outputs = ["-out", files[0], "-keyout", files[1]]
    subprocess.run([*command, *options, *outputs], check=True, capture_output=True, timeout=30)
    return files
