"""Ask a netready reflector for the nonce that its UDP echo may want; any other server has none, and wants none."""

import ssl
import time
from contextlib import suppress

import msgspec

from agent.contract.errors import NetreadyError
from agent.meter import echo
from agent.meter.dial import Dialler, Endpoint
from agent.meter.echo import Nonce
from agent.meter.http_answer import Answers
from agent.meter.http_lane import get

_WITHIN_S = 3.0
_MAX_BYTES = 4096
_MOST_SERVERS = 64

_wanting: set[str] = set()  # servers that were found to want one: they are asked before the first echo


def is_wanted(target: Endpoint) -> bool:
    """Tell whether this server is known to answer no echo without one."""
    return target.authority in _wanting


def ask(target: Endpoint, context: ssl.SSLContext | None, deadline: float) -> bytes | None:
    """Return a nonce where the server wants one; null where it wants none, or does not say."""
    found = _asked(target, context, min(deadline, time.monotonic() + _WITHIN_S))
    if found is None or not found.needed:
        if found is not None:
            _wanting.discard(target.authority)
        return None
    if len(_wanting) < _MOST_SERVERS:
        _wanting.add(target.authority)
    return bytes.fromhex(found.nonce)


def _asked(target: Endpoint, context: ssl.SSLContext | None, deadline: float) -> Nonce | None:
    with suppress(NetreadyError, OSError), Dialler(target, context).dial(deadline) as sock:
        answers = Answers(_MAX_BYTES)
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        sock.sendall(get(target, f"{target.prefix}{echo.NONCE_PATH}"))
        while not answers.complete and answers.body_bytes <= _MAX_BYTES and time.monotonic() < deadline:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            data = memoryview(sock.recv(_MAX_BYTES))
            if not data:
                return None
            while data:
                data = data[answers.feed(data) :]
        if answers.complete == 1 and answers.status == 200:
            with suppress(msgspec.MsgspecError, UnicodeDecodeError):
                return msgspec.json.decode(answers.kept, type=Nonce)
    return None
