"""Wi-Fi: pure decoders of captured bytes and texts, and what asks each operating system for them.

The three functions here are the same on every system; the module of the system does the work.
"""

import sys
from types import ModuleType

from agent.contract.values import Denied
from agent.contract.wifi import WifiConnection
from agent.errors import ProbeUnavailable
from agent.host.wifi.heard import Heard


def interfaces() -> tuple[str, ...]:
    """Return the names of this computer's Wi-Fi interfaces, the likeliest in use first; none without a card.

    Raises:
        ProbeUnavailable: the system does not tell of Wi-Fi; says what to change.
    """
    return tuple(_system().interfaces())


def connection(interface: str, within_s: float = 5.0) -> tuple[WifiConnection | None, tuple[Denied, ...]]:
    """Return what can be known of an interface's connection, None where there is none, and what was refused.

    Raises:
        OSError: the interface is gone.
        ProbeUnavailable: the system does not tell of Wi-Fi; says what to change.
    """
    told: tuple[WifiConnection | None, tuple[Denied, ...]] = _system().connection(interface, within_s)
    return told


def neighbours(interface: str, *, fresh: bool, within_s: float = 15.0) -> Heard:
    """Return the networks heard: of late, or in a new scan where ``fresh`` is asked for and allowed.

    Raises:
        OSError: the interface is gone, or the scan was broken off or did not end in time.
        ProbeUnavailable: the system does not tell of Wi-Fi; says what to change.
    """
    heard: Heard = _system().neighbours(interface, fresh=fresh, within_s=within_s)
    return heard


def _system() -> ModuleType:
    """Load the part for this system only: the resident agent stays small."""
    if sys.platform == "linux":
        from agent.host.wifi import linux as system
    elif sys.platform == "win32":
        from agent.host.wifi import windows as system
    elif sys.platform == "darwin":
        from agent.host.wifi import macos as system
    else:
        raise ProbeUnavailable(f"Wi-Fi cannot be measured on {sys.platform}; use Linux, Windows or macOS")
    return system
