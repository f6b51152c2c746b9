"""The process that listens for other computers' announcements: reads [digest, seconds], prints what was found, ends."""

import sys
import threading
import time
from contextlib import suppress
from typing import Any

import msgspec
from zeroconf import Error, InterfaceChoice, ServiceBrowser, Zeroconf

from agent.meter import greeting
from agent.probes import _peer_discovery
from agent.probes._peer_discovery import Other

_MOST_NAMES = 64
_ASK_MS, _ASKING_S = 300, 1.0  # for one announcement that came in part, and for all of them


def listen(digest: str, seconds: float) -> tuple[Other, ...]:
    """Return the computers of the school that announce themselves; raises OSError without a network."""
    names: set[str] = set()
    enough = threading.Event()

    def changed(*, name: str, **_more: Any) -> None:
        names.add(name)
        if len(names) >= _MOST_NAMES:
            enough.set()

    with Zeroconf(interfaces=InterfaceChoice.All) as network:
        browser = ServiceBrowser(network, greeting.SERVICE_TYPE, handlers=[changed])
        enough.wait(seconds)
        browser.cancel()
        until = time.monotonic() + _ASKING_S
        found = [_ask(network, name, digest, until) for name in sorted(names)[:_MOST_NAMES]]
    return tuple({one.agent: one for one in found if one is not None}.values())


def _ask(network: Zeroconf, name: str, digest: str, until: float) -> Other | None:
    left_ms = min(_ASK_MS, int((until - time.monotonic()) * 1000))
    with suppress(Error, ValueError):  # a name or record that cannot be is nobody of ours
        info = network.get_service_info(greeting.SERVICE_TYPE, name, max(1, left_ms))
        if info is not None:
            return _peer_discovery.decode(info.properties, info.parsed_scoped_addresses(), digest)
    return None


def main() -> None:
    """Do what standard input says."""
    digest, seconds = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[str, float])
    sys.stdout.buffer.write(msgspec.json.encode(listen(digest, seconds)))


if __name__ == "__main__":
    main()
