"""Being the far end of other computers' tests until told to stop, with records of them where they are wanted."""

import logging
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.contract.errors import SettingsError
from agent.host import tcp_info
from agent.reflector import gate, metrics
from agent.reflector.gate import Gate, Leases, Limits
from agent.reflector.server import EVERYTHING, serve
from agent.settings import Settings

_log = logging.getLogger(__name__)


class Records(Struct, frozen=True, kw_only=True):
    """Where records of tests are kept, to which collector they are sent (null: none), and what the server is called."""

    state: Path
    collector: str | None
    name: str | None
    settings: Settings


class Admission(Struct, frozen=True, kw_only=True):
    """Who may test, and how much.

    ``lease_keys``: a file of collectors' public keys; only tests under a lease of theirs are taken then, for one of the
    addresses ``servers`` under which computers know this server; null: everybody's. ``metrics_port`` of loopback, null
    for none.
    """

    limits: Limits = Limits()
    lease_keys: Path | None = None
    servers: tuple[str, ...] = ()
    metrics_port: int | None = None

    def gate(self) -> Gate:
        """Return what lets tests in; raises SettingsError."""
        if self.lease_keys is None:
            return Gate(self.limits)
        if not self.servers:
            raise SettingsError(
                "--require-lease needs --url: the address under which computers are told of this server, because a"
                " lease is for one server"
            )
        try:
            text = self.lease_keys.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{self.lease_keys} cannot be read: {error}; write into it what 'netready-collector servers lease-key'"
                " prints"
            ) from error
        keys = gate.read_keys(text, str(self.lease_keys))
        return Gate(self.limits, Leases(public_keys=keys, servers=self.servers))


def run(
    listen: tuple[tuple[str, int], int | None],
    tls: tuple[str, str] | None,
    records: Records | None,
    admission: Admission,
    ready: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT; ``listen`` is the TCP address and the UDP port, ``ready`` is told when it does.

    Raises:
        SettingsError: it cannot listen there, or the certificate, the keys or the metrics' port cannot be used.
        StateError: the folder for records cannot be used.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        offer = msgspec.structs.replace(EVERYTHING, gate=admission.gate())
        if admission.metrics_port is not None and offer.gate is not None:
            port = stack.enter_context(metrics.served(offer.gate.metrics, admission.metrics_port))
            _log.info("metrics at http://127.0.0.1:%d/metrics", port)
            _log.info("tests are sent with %s", "bbr" if _has_bbr() else "the system's usual control: it has no bbr")
        if records is not None:
            from agent.reflector import reporting
            from agent.uplink import Uplink

            send = None
            if records.collector is not None:
                send = partial(Uplink(records.settings).deliver_records, records.collector)
            offer = stack.enter_context(reporting.recorded(records.state, records.name, send, offer))
        try:
            serve(*listen, tls, ready, stop, offer=offer)
        except OSError as error:
            raise SettingsError(error.strerror or str(error)) from error


def _has_bbr() -> bool:
    """Tell whether this process may choose BBR: the kernel has to have it, and to allow it to those without rights."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        return tcp_info.choose_congestion_control(sock, "bbr") and tcp_info.congestion_control(sock) == "bbr"
