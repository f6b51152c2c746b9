"""Listening for what needs the administrator's rights: a child process with scapy, watched and ended by its id."""

import contextlib
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import IO, Self

from msgspec import Struct

from agent.contract.lan import SwitchPort
from agent.contract.values import Denied
from agent.host.neighbours import Neighbour
from agent.probes import _lan_talk as talk
from agent.probes._lan_talk import Line, Order

_DIES_WITHIN_S = 5.0
_ROUND_S = 0.1
_MOST_LINES = 10_000
_LEAST_COUNTED_S = 3.0
_RIGHTS = (
    "hearing the switch and the DHCP servers needs the administrator's rights: run the agent as a service (root; on "
    "Linux CAP_NET_RAW is enough)"
)
_SOFTWARE = "hearing the switch and the DHCP servers needs Npcap on this computer (npcap.com; mind its licence): {}"
_MEDIUM = "the switch and the DHCP servers cannot be heard on this interface: {}"


class Listened(Struct, frozen=True, kw_only=True):
    """What was heard.

    ``mac`` is this computer's own, which is one of the ``owners`` too; ``asked``: it has asked for DHCP servers.
    """

    switch_ports: tuple[SwitchPort, ...] = ()
    servers: tuple[str, ...] = ()
    owners: tuple[Neighbour, ...] = ()
    mac: str | None = None
    asked: bool = False
    broadcasts_per_s: float | None = None
    denied: tuple[Denied, ...] = ()


def refusal(*, active: bool) -> tuple[Denied, ...] | None:
    """Say at once, and without a child process, that this user may not listen; None where it may be allowed."""
    if sys.platform == "linux":
        try:
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
        except PermissionError:
            return denied(_RIGHTS, active=active)
    return None


def denied(setting: str, *, active: bool) -> tuple[Denied, ...]:
    """Name what cannot be known without listening; without asking nobody expects to hear all DHCP servers."""
    return tuple(Denied(what=what, setting=setting) for what in (("lldp", "dhcp_server") if active else ("lldp",)))


class Listening:
    """The child process; used in a ``with`` statement."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._lines: queue.Queue[bytes] = queue.Queue(_MOST_LINES)
        self._heard: list[Line] = []
        self._is_over = False

    def __enter__(self) -> Self:
        """Start it."""
        self._began = time.monotonic()
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "agent.probes._lan_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        threading.Thread(target=self._read, name="lan-child", daemon=True).start()
        with contextlib.suppress(BrokenPipeError):
            self._stdin.write(talk.encode(self._order))
            self._stdin.flush()
        return self

    def __exit__(self, *_exception: object) -> None:
        """See that it is gone."""
        self._process.kill()
        self._process.wait(_DIES_WITHIN_S)
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        self._errors.close()

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 - asked for
        return self._process.stdin

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - asked for
        with self._process.stdout as output:
            for said in output:
                self._lines.put(said)
        self._lines.put(b"")

    @property
    def is_listening(self) -> bool:
        """Whether it has begun to listen, as far as is known by now: it may have been refused."""
        self._catch_up()
        return any(isinstance(each, talk.Began) for each in self._heard)

    def told(self, until: float) -> Listened:
        """Wait until a switch has named itself and all questions are asked, or until that time; say what was heard."""
        while not self._is_over and time.monotonic() < until and not self._is_enough():
            self._take(min(_ROUND_S, max(0.0, until - time.monotonic())))
        return summarise(self._heard, self._order, self._last_words())

    def _is_enough(self) -> bool:
        self._catch_up()
        kinds = {type(each) for each in self._heard}
        return talk.Switch in kinds and (talk.Asked in kinds or not self._order.active)

    def _catch_up(self) -> None:
        while not self._lines.empty() and not self._is_over:
            self._take(0.0)

    def _take(self, patience_s: float) -> None:
        try:
            said = self._lines.get(timeout=patience_s) if patience_s else self._lines.get_nowait()
        except queue.Empty:
            return
        if said:
            self._heard.append(talk.line(said))
        self._is_over = not said or len(self._heard) >= _MOST_LINES

    def _last_words(self) -> str:
        """Return why it ended by itself; empty where it runs."""
        if not self._is_over or self._heard:
            return ""
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace").strip()[-300:] or "it ended without a word"


def summarise(heard: list[Line], order: Order, last_words: str) -> Listened:
    """Put what the child said together."""
    refused = next((each for each in heard if isinstance(each, talk.Refused)), None)
    setting = _why_not(refused, last_words)
    began = next((each for each in heard if isinstance(each, talk.Began)), None)
    own = () if began is None or order.source is None else (Neighbour(order.source, began.mac),)
    counted = next((each for each in reversed(heard) if isinstance(each, talk.Counted)), None)
    is_long = counted is not None and counted.seconds >= _LEAST_COUNTED_S
    return Listened(
        switch_ports=tuple(each.port for each in heard if isinstance(each, talk.Switch)),
        servers=tuple(each.address for each in heard if isinstance(each, talk.Server)),
        owners=(*own, *(Neighbour(each.address, each.mac) for each in heard if isinstance(each, talk.Owner))),
        mac=None if began is None else began.mac,
        asked=any(isinstance(each, talk.Asked) for each in heard),
        broadcasts_per_s=round(counted.frames / counted.seconds, 1) if counted is not None and is_long else None,
        denied=() if setting is None else denied(setting, active=order.active),
    )


def _why_not(refused: talk.Refused | None, last_words: str) -> str | None:
    if refused is not None:
        return {"rights": _RIGHTS, "software": _SOFTWARE, "medium": _MEDIUM}[refused.why].format(refused.detail)
    return f"listening failed, please report this: {last_words}" if last_words else None
