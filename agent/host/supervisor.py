"""What this program tells whoever started it and watches it: systemd's notification socket (sd_notify(3)).

Elsewhere there is no such socket, and nothing is told.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

_SOCKET = "NOTIFY_SOCKET"
_MAX_STATUS = 200


def is_there(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether somebody listens."""
    return hasattr(socket, "AF_UNIX") and bool(environment.get(_SOCKET))


def ready(status: str, environment: Mapping[str, str] = os.environ) -> None:
    """Say that the start is over, and what is done now."""
    _tell(f"READY=1\nSTATUS={_line(status)}", environment)


def alive(status: str | None = None, environment: Mapping[str, str] = os.environ) -> None:
    """Say that the work goes on; who is not heard for ``WatchdogSec`` of its unit is killed and started again."""
    _tell("WATCHDOG=1" if status is None else f"WATCHDOG=1\nSTATUS={_line(status)}", environment)


def stopping(environment: Mapping[str, str] = os.environ) -> None:
    """Say that the end has begun."""
    _tell("STOPPING=1", environment)


def _line(status: str) -> str:
    return " ".join(status.split())[:_MAX_STATUS]


def _tell(words: str, environment: Mapping[str, str]) -> None:
    """Send one datagram and wait for nobody: a service works all the same where it cannot say so."""
    if not is_there(environment):
        return
    name = environment[_SOCKET]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.sendto(words.encode("utf-8", "replace"), f"\0{name[1:]}" if name.startswith("@") else name)
