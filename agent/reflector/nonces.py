"""Nonces for the UDP echo: who has one was answered over TCP at its address, which nobody can forge.

A nonce is a keyed hash of the source and the time, so that nothing is remembered of those who asked; the key is made
at the start and never leaves.
"""

import hashlib
import hmac
import secrets
import time

import msgspec

from agent.meter import echo
from agent.reflector import source
from agent.reflector.request import JSON, Exchange, Handler, peer, reply

WINDOW_S = 300  # a nonce holds to the end of the next window: from five minutes to ten


class Nonces:
    """Makes and knows nonces."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def made(self, host: str, now: float | None = None) -> bytes:
        """Return the nonce of whoever stands at this address."""
        return self._of(source.of(host), _window(now))

    def is_good(self, nonce: bytes, host: str, now: float | None = None) -> bool:
        """Tell whether this is a nonce of that address, and still good."""
        whose, window = source.of(host), _window(now)
        return any(hmac.compare_digest(nonce, self._of(whose, one)) for one in (window, window - 1))

    def route(self, *, needed: bool) -> Handler:
        """Return what hands them out."""

        def answer(exchange: Exchange) -> None:
            nonce = echo.Nonce(nonce=self.made(peer(exchange)).hex(), needed=needed, seconds=WINDOW_S)
            reply(exchange, msgspec.json.encode(nonce).decode(), JSON)

        return answer

    def _of(self, whose: str, window: int) -> bytes:
        return hmac.digest(self._key, f"{window} {whose}".encode(), hashlib.sha256)[: echo.NONCE_BYTES]


def _window(now: float | None) -> int:
    return int((time.monotonic() if now is None else now) // WINDOW_S)
