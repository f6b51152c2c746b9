"""The process that listens for other computers' announcements: reads for how long, prints the texts of all, ends.

It believes nothing and proves nothing: whatever is announced as our kind of service is handed on, within bounds.
"""

import random
import sys
import time
from contextlib import suppress
from typing import Any

import msgspec
from zeroconf import Error, InterfaceChoice, ServiceBrowser, ServiceInfo, Zeroconf

from agent.meter import greeting

_MOST_NAMES = 4096  # far beyond any school, so that made-up ones do not crowd out the others
_MOST_TEXTS, _LONGEST_TEXT = 32, 255
_ASK_MS, _ASKING_S = 300, 1.0  # for one announcement that came in part, and for all of them


def listen(seconds: float) -> list[dict[str, str]]:
    """Return the texts of all announcements; raises OSError without a network."""
    names: set[str] = set()

    def changed(*, name: str, **_more: Any) -> None:
        if len(names) < _MOST_NAMES:
            names.add(name)

    with Zeroconf(interfaces=InterfaceChoice.All) as network:
        browser = ServiceBrowser(network, greeting.SERVICE_TYPE, handlers=[changed])
        time.sleep(seconds)
        browser.cancel()
        # What came whole needs no question, so those that came in part take time from each other only.
        whole: list[ServiceInfo] = []
        in_part: list[ServiceInfo] = []
        for info in filter(None, map(_info, names)):
            (whole if info.load_from_cache(network) else in_part).append(info)
        random.shuffle(in_part)
        until = time.monotonic() + _ASKING_S
        whole += [info for info in in_part if _ask(network, info, until)]
    return [texts(info.properties) for info in whole]


def texts(properties: dict[bytes, bytes | None]) -> dict[str, str]:
    """Return an announcement's keys and values as texts; what is none shows as such, and proves nothing."""
    some = list(properties.items())[:_MOST_TEXTS]
    return {
        key.decode("ascii", "replace"): (value or b"")[:_LONGEST_TEXT].decode("ascii", "replace") for key, value in some
    }


def _info(name: str) -> ServiceInfo | None:
    with suppress(Error, ValueError):  # a name that cannot be is nobody of ours
        return ServiceInfo(greeting.SERVICE_TYPE, name)
    return None


def _ask(network: Zeroconf, info: ServiceInfo, until: float) -> bool:
    left_ms = min(_ASK_MS, int((until - time.monotonic()) * 1000))
    with suppress(Error, ValueError):
        return left_ms > 0 and info.request(network, left_ms)
    return False


def main() -> None:
    """Do what standard input says."""
    seconds = msgspec.json.decode(sys.stdin.buffer.read(), type=float)
    sys.stdout.buffer.write(msgspec.json.encode(listen(seconds)))


if __name__ == "__main__":
    main()
