"""Being the far end of other computers' tests until told to stop, with records of them where they are wanted."""

import logging
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import msgspec
from msgspec import Struct

from agent.contract.errors import NetreadyError, SettingsError
from agent.errors import ReflectorError
from agent.host import tcp_info
from agent.reflector import gate, metrics, server, sharing
from agent.reflector.gate import Gate, Leases, Limits
from agent.reflector.metrics import Metrics
from agent.reflector.server import EVERYTHING
from agent.settings import Settings

_LOOK_S = 0.1
_END_S = 4.0

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

    def gates(self, processes: int) -> list[Gate]:
        """Return what lets tests in, one for each process, which count on one board; raises SettingsError."""
        leases, board = self._leases(), metrics.Board(processes)
        return [Gate(self.limits, leases, Metrics(board, number)) for number in range(processes)]

    def _leases(self) -> Leases | None:
        if self.lease_keys is None:
            return None
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
        return Leases(public_keys=keys, servers=self.servers)


class Place(Struct, frozen=True, kw_only=True):
    """Where it listens: TCP address, UDP port (null: the same number), PEM files of certificate chain and key.

    ``processes`` share it, each network's tests in one of them (agent.reflector.sharing).
    """

    address: tuple[str, int]
    udp_port: int | None = None
    tls: tuple[str, str] | None = None
    processes: int = 1


def run(place: Place, records: Records | None, admission: Admission, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is told ``listening HOST:PORT udp PORT`` once everything listens.

    Without ``records`` none are made.

    Raises:
        SettingsError: it cannot listen there, or the certificate, the keys or the metrics' port cannot be used.
        StateError: the folder for records cannot be used.
        ReflectorError: one of several processes ended by itself.
    """
    sharing.check(place.processes)
    context = None if place.tls is None else server.server_context(*place.tls)
    gates = admission.gates(place.processes)
    try:
        with ExitStack() as stack:
            pairs = _sockets(place, stack)
            line = server.said(*pairs[0])
            if place.processes == 1:
                stop = _stop_on_signals()
                _announce(stack, admission, gates[0].metrics.board)
                ready(line)
                _serve(pairs[0], context, records, gates[0], stop, sends=True)
                return
            if records is not None:
                _check(records)
            family = stack.enter_context(
                Family(
                    partial(_serve, pair, context, records, gate, sends=number == 0)
                    for number, (pair, gate) in enumerate(zip(pairs, gates, strict=True))
                )
            )
            _announce(stack, admission, gates[0].metrics.board)
            ready(line)
            family.wait()
    except OSError as error:
        raise SettingsError(error.strerror or str(error)) from error


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _sockets(place: Place, stack: ExitStack) -> list[tuple[socket.socket, socket.socket]]:
    """Return a pair of listening sockets for each process; the kernel numbers them in this order."""
    if place.processes == 1:
        return [server.listening(place.address, place.udp_port, stack)]
    free = stack.enter_context(ExitStack())  # nobody else's: what shares its port would take another program's networks
    tcp, udp = (sock.getsockname()[1] for sock in server.listening(place.address, place.udp_port, free))
    free.close()
    address = (place.address[0], tcp)
    pairs = [server.listening(address, udp, stack, shared=True) for _ in range(place.processes)]
    for sock in pairs[0]:
        sharing.spread(sock, place.processes)
    return pairs


def _announce(stack: ExitStack, admission: Admission, board: metrics.Board) -> None:
    """Serve metrics where they are wanted, and say what their monitoring should know."""
    if admission.metrics_port is None:
        return
    port = stack.enter_context(metrics.served(board, admission.metrics_port))
    _log.info("metrics at http://127.0.0.1:%d/metrics", port)
    _log.info("tests are sent with %s", "bbr" if _has_bbr() else "the system's usual control: it has no bbr")


def _check(records: Records) -> None:
    """Make the key and the spool before several processes would; raises StateError."""
    from agent.reflector import records as signed
    from agent.reflector.spool import Spool

    signed.key_in(records.state)
    Spool(records.state)


def _serve(
    sockets: tuple[socket.socket, socket.socket],
    context: ssl.SSLContext | None,
    records: Records | None,
    gate: Gate,
    stop: threading.Event,
    *,
    sends: bool,
) -> None:
    """Serve on these sockets until ``stop`` is set; of several processes one ``sends`` the records of all."""
    offer = msgspec.structs.replace(EVERYTHING, gate=gate)
    with ExitStack() as stack:
        if records is not None:
            from agent.reflector import reporting
            from agent.uplink import Uplink

            send = None
            if records.collector is not None and sends:
                send = partial(Uplink(records.settings).deliver_records, records.collector)
            offer = stack.enter_context(reporting.recorded(records.state, records.name, send, offer))
        server.serve_on(*sockets, context, stop, offer)


class Family:
    """Processes that do the same side by side; when one ends by itself, all end, to be started again together.

    They end too where this one is gone, however it went: they see the end of a pipe that only it holds.
    """

    def __init__(self, works: Iterable[Callable[[threading.Event], None]]) -> None:
        self._works = works
        self._pids: list[int] = []
        self._ended: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        """Fork them; before that this process has one thread."""
        watched, held = os.pipe()
        for work in self._works:
            pid = os.fork()
            if pid == 0:
                os.close(held)
                _be_a_child(work, watched)
            self._pids.append(pid)
        os.close(watched)
        self._held = held
        return self

    def wait(self) -> None:
        """Wait for SIGTERM or SIGINT; raises ReflectorError when one of them ended."""
        stop = _stop_on_signals()
        while not stop.wait(_LOOK_S):
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid:
                self._pids.remove(pid)
                code = os.waitstatus_to_exitcode(status)
                how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
                raise ReflectorError(f"one of the processes that share the port {how}; all were ended, start it again")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Ask them to end; kill what does not."""
        os.close(self._held)
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)
        ends = time.monotonic() + _END_S
        while self._pids and time.monotonic() < ends:
            self._pids = [pid for pid in self._pids if os.waitpid(pid, os.WNOHANG) == (0, 0)]
            time.sleep(_LOOK_S)
        for pid in self._pids:
            _log.error("a process did not end in time and is killed")
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _stop_when_alone(watched: int, stop: threading.Event) -> None:
    os.read(watched, 1)  # returns at its end: nothing is ever written
    stop.set()


def _be_a_child(work: Callable[[threading.Event], None], watched: int) -> NoReturn:
    """Work until told to stop, or until the parent is gone; never returns into what the parent was doing."""
    code = 1
    try:
        stop = _stop_on_signals()
        threading.Thread(target=_stop_when_alone, args=(watched, stop), name="parent", daemon=True).start()
        work(stop)
        code = 0
    except NetreadyError as error:
        _log.error("%s", error)
    except Exception:  # noqa: BLE001 - nobody above is left who could say it
        _log.exception("a process of the reflector failed")
    finally:
        logging.shutdown()
        os._exit(code)


def _has_bbr() -> bool:
    """Tell whether this process may choose BBR: the kernel has to have it, and to allow it to those without rights."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        return tcp_info.choose_congestion_control(sock, "bbr") and tcp_info.congestion_control(sock) == "bbr"
