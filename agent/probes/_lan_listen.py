"""Listening for what needs the administrator's rights: a child process with scapy, watched and ended by its id."""

import socket
import sys
import time

from msgspec import Struct

from agent.contract.lan import SwitchPort
from agent.contract.values import Denied
from agent.host.neighbours import Neighbour
from agent.probes import _lan_talk as talk
from agent.probes._child import Child
from agent.probes._lan_talk import Line, Order

_ROUND_S = 0.1
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


class Listening(Child[Line]):
    """The child process; used in a ``with`` statement."""

    def __init__(self, order: Order) -> None:
        super().__init__("agent.probes._lan_child", order, talk.lines)
        self._wanted = order
        self._heard: list[Line] = []

    @property
    def is_listening(self) -> bool:
        """Whether it has begun to listen, as far as is known by now: it may have been refused."""
        self._catch_up()
        return any(isinstance(each, talk.Began) for each in self._heard)

    def told(self, until: float) -> Listened:
        """Wait until a switch has named itself and all questions are asked, or until that time; say what was heard."""
        while not self.is_over and time.monotonic() < until and not self._is_enough():
            self._take(min(_ROUND_S, max(0.0, until - time.monotonic())))
        return summarise(self._heard, self._wanted, self._why_it_ended())

    def _is_enough(self) -> bool:
        self._catch_up()
        kinds = {type(each) for each in self._heard}
        return talk.Switch in kinds and (talk.Asked in kinds or not self._wanted.active)

    def _catch_up(self) -> None:
        while self._take(0.0):
            pass

    def _take(self, patience_s: float) -> bool:
        said = self.hear(patience_s)
        if said is not None:
            self._heard.append(said)
        return said is not None

    def _why_it_ended(self) -> str:
        """Return why it ended before it began; empty where it runs, or has said why itself."""
        return (self.last_words() or "it ended without a word") if self.is_over and not self._heard else ""


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
