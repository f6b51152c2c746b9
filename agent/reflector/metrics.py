"""What the reflector did since it started, for a monitoring system: Prometheus' text format, version 0.0.4.

Served on a port of its own and on loopback only: whoever tests here need not know who else does. No address is in it.
"""

import mmap
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from agent.contract import ticket
from agent.contract.errors import SettingsError

KIND = "text/plain; version=0.0.4; charset=utf-8"
_ENGINES = (("/throughput/", "msak"), ("/ndt/", "ndt7"), ("/backend/", "librespeed"), ("/speedtest", "ookla"))
_CAUSES = (*ticket.REFUSALS, "nonce")
_CONTROLS = ("bbr", "cubic", "reno")  # a kernel's other ones count together: nobody can grow the list


_COUNTED = (
    ("connections", "", ("",), "TCP connections accepted"),
    ("tests", "engine", (*(name for _, name in _ENGINES), "other"), "tests begun"),
    ("bytes", "", ("",), "payload moved by tests, both ways"),
    ("refusals", "cause", (*_CAUSES, "other"), "connections, tests and echoes refused"),
    ("controls", "control", (*_CONTROLS, "other", "unknown"), "test connections by congestion control"),
)
_PLACES = {
    (name, value): place
    for place, (name, value) in enumerate(
        (name, value) for name, _, values, _ in (*_COUNTED, ("open", "", ("",), "")) for value in values
    )
}


class Board:
    """The counters of so many processes, in memory that those which are forked from this one share with it."""

    def __init__(self, processes: int = 1) -> None:
        self._cells = memoryview(mmap.mmap(-1, max(1, processes) * len(_PLACES) * 8)).cast("q")

    def of(self, process: int) -> memoryview:
        """Return the counters of one process, which nobody else writes to."""
        return self._cells[process * len(_PLACES) : (process + 1) * len(_PLACES)]

    def text(self) -> str:
        """Return everything, added up."""
        sums = [sum(self._cells[place :: len(_PLACES)]) for place in range(len(_PLACES))]
        lines: list[str] = []
        for name, label, values, about in _COUNTED:
            full = f"netready_reflector_{name}_total"
            lines += [f"# HELP {full} {about}", f"# TYPE {full} counter"]
            lines += [f"{full}{_labels(label, value)} {sums[_PLACES[name, value]]}" for value in values]
        full = "netready_reflector_open_connections"
        lines += [
            f"# HELP {full} TCP connections open now",
            f"# TYPE {full} gauge",
            f"{full} {sums[_PLACES['open', '']]}",
        ]
        return "\n".join(lines) + "\n"


class Metrics:
    """Counters of one process. Used from many threads."""

    def __init__(self, board: Board | None = None, process: int = 0) -> None:
        self.board = Board() if board is None else board
        self._lock = threading.Lock()
        self._counts = self.board.of(process)

    def count_connection(self) -> None:
        """Count a connection that was accepted."""
        self._add("connections", "")

    def set_open_connections(self, number: int) -> None:
        """Say how many connections are open now."""
        self._counts[_PLACES["open", ""]] = number

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
        """Return everything, of all processes."""
        return self.board.text()

    def _add(self, name: str, value: str, more: int = 1) -> None:
        with self._lock:
            self._counts[_PLACES[name, value]] += more


def _labels(label: str, value: str) -> str:
    return f'{{{label}="{value}"}}' if label else ""


@contextmanager
def served(metrics: Metrics | Board, port: int) -> Iterator[int]:
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
