"""This computer as a far end for the others of its school, as the policy has it: the door, and that it is told of."""

import logging
import threading
import time
from collections.abc import Callable

from msgspec import Struct

from agent.contract.wire import Inside
from agent.reflector import peer_advert
from agent.reflector.peer import Door, Host, Line
from agent.reflector.peer_advert import Advert, Card, Place

_RENEW_S, _LOOK_S = 60.0, 1.0
_TESTS_A_DAY = 8  # of the largest that the policy allows; each computer asks for one a day, and there are other doors

_log = logging.getLogger(__name__)


class _Open(Struct, frozen=True):
    """A door that is open, what it was opened with, and what ends its announcements."""

    door: Door
    key: bytes
    max_bytes: int
    stop: threading.Event


class Presence:
    """Opens the door when the policy gives a key, and closes it when it takes the key back."""

    def __init__(self, agent: str, line: Line, find: Callable[[], Place] = peer_advert.here) -> None:
        """``line`` has this computer's line alone; ``find`` tells where it can be reached."""
        self._agent = agent
        self._line = line
        self._find = find
        self._open: _Open | None = None
        self._teller: threading.Thread | None = None

    @property
    def port(self) -> int | None:
        """Where others knock; None while nobody can."""
        return None if self._open is None else self._open.door.port

    def follow(self, inside: Inside) -> None:
        """Be there as this policy says; what cannot be is one line in the log."""
        is_same = self._open is not None and (inside.peer_key, inside.peer_bytes) == (
            self._open.key,
            self._open.max_bytes,
        )
        if is_same:
            return
        self.close()
        if inside.peer_key is None:
            return
        host = Host(
            agent=self._agent,
            key=inside.peer_key,
            max_bytes=inside.peer_bytes // 2,
            daily_bytes=_TESTS_A_DAY * inside.peer_bytes,
            line=self._line,
        )
        door = Door(host)
        try:
            door.open()
        except OSError as error:
            _log.warning("other computers of the school cannot test against this one: %s", error)
            return
        self._open = _Open(door, inside.peer_key, inside.peer_bytes, threading.Event())
        self._teller = threading.Thread(target=self._tell, args=(self._open,), name="peer-advert", daemon=True)
        self._teller.start()

    def close(self) -> None:
        """Be there no more."""
        was, self._open = self._open, None
        if was is not None:
            was.stop.set()
            was.door.close()

    def join(self) -> None:
        """Wait a moment until the network was told goodbye, after ``close``."""
        if self._teller is not None:
            self._teller.join(_LOOK_S + 1.0)

    def _tell(self, one: _Open) -> None:
        """Tell the network of the door, and again whenever this computer's addresses change."""
        advert, told = None, None
        while not one.stop.is_set():
            if (place := self._find()) != told:
                if advert is not None:
                    advert.close()
                advert, told = self._advert(one, place), place
            renews_at = time.monotonic() + _RENEW_S
            while time.monotonic() < renews_at and not one.stop.is_set():
                if advert is None:
                    one.stop.wait(_RENEW_S)
                else:
                    advert.answer(_LOOK_S)
        if advert is not None:
            advert.close()

    def _advert(self, one: _Open, place: Place) -> Advert | None:
        try:
            return Advert(Card(agent=self._agent, key=one.key, port=one.door.port or 0, place=place))
        except OSError as error:
            _log.info("other computers cannot be told of this one (mDNS): %s", error)
            return None
