"""What the reflector did since it started, for a monitoring system: Prometheus' text format, version 0.0.4.

Served on a port of its own and on loopback only: whoever tests here need not know who else does. No address is in it.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agent.contract import ticket
from agent.contract.errors import SettingsError

KIND = "text/plain; version=0.0.4; charset=utf-8"
_ENGINES = (("/throughput/", "msak"), ("/ndt/", "ndt7"), ("/backend/", "librespeed"), ("/speedtest", "ookla"))
_CAUSES = (*ticket.REFUSALS, "nonce")
_CONTROLS = ("bbr", "cubic", "reno")  # a kernel's other ones count together: nobody can grow the list


class Metrics:
    """Counters. Used from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self.open_connections: Callable[[], int] = lambda: 0

    def count_connection(self) -> None:
        """Count a connection that was accepted."""
        self._add("connections", "")

    def count_test(self, path: str) -> None:
        """Count a test by what its path belongs to."""
        self._add("tests", next((name for start, name in _ENGINES if path.startswith(start)), "other"))

    def count_bytes(self, more: int) -> None:
        """Count payload that was moved, in either direction."""
        self._add("bytes", "", more)

    def count_refusal(self, cause: str) -> None:
        """Count a test, a connection or an echo that was refused."""
        self._add("refusals", cause if cause in _CAUSES else "other")

    def count_control(self, name: str | None) -> None:
        """Count a connection of a test by the congestion control that its kernel really used."""
        self._add("controls", "unknown" if name is None else name if name in _CONTROLS else "other")

    def text(self) -> str:
        """Return everything."""
        with self._lock:
            counts = dict(self._counts)
        lines: list[str] = []
        for name, label, values, about in (
            ("connections", "", ("",), "TCP connections accepted"),
            ("tests", "engine", (*(name for _, name in _ENGINES), "other"), "tests begun"),
            ("bytes", "", ("",), "payload moved by tests, both ways"),
            ("refusals", "cause", (*_CAUSES, "other"), "connections, tests and echoes refused"),
            ("controls", "control", (*_CONTROLS, "other", "unknown"), "test connections by congestion control"),
        ):
            full = f"netready_reflector_{name}_total"
            lines += [f"# HELP {full} {about}", f"# TYPE {full} counter"]
            for value in values:
                lines.append(f"{full}{_labels(label, value)} {counts.get((name, value), 0)}")
        full = "netready_reflector_open_connections"
        lines += [f"# HELP {full} TCP connections open now", f"# TYPE {full} gauge"]
        lines.append(f"{full} {self.open_connections()}")
        return "\n".join(lines) + "\n"

    def _add(self, name: str, value: str, more: int = 1) -> None:
        with self._lock:
            self._counts[name, value] += more


def _labels(label: str, value: str) -> str:
    return f'{{{label}="{value}"}}' if label else ""


@contextmanager
def served(metrics: Metrics, port: int) -> Iterator[int]:
    """Serve /metrics on this port of 127.0.0.1 (0: a free one) and give the port.

    Raises:
        SettingsError: it cannot listen there.
    """
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer  # nobody else needs it

    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0

        def do_GET(self) -> None:
            """Answer a scrape."""
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404)
                return
            body = metrics.text().encode()
            self.send_response(200)
            self.send_header("Content-Type", KIND)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing: a scrape comes every few seconds."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise SettingsError(
            f"metrics cannot be served on 127.0.0.1:{port}: {error.strerror or error}; choose another port"
        ) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    with server:
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
