"""Is every byte counted on this connection? True, False, or None where the system does not say."""

import sys

from agent.host import ip_helper, link, program

_PATIENCE_S = 2.0


def metered(interface: str) -> bool | None:
    """Say whether an interface's connection is metered.

    Cellular links are. Otherwise NetworkManager knows on Linux, and Windows 10 2004 or later (GetNetworkConnectivity-
    HintForInterface; before that only WinRT and COM told, which are not asked). macOS has no public way to ask outside
    of its Network framework: null.
    """
    raw = link.fetch(interface)
    if raw is not None and link.decode(raw).medium == "cellular":
        return True
    if sys.platform == "linux":
        return decode(fetch(interface))
    return ip_helper.fetch_cost(interface)


def fetch(interface: str, patience_s: float = _PATIENCE_S) -> str | None:
    """Ask NetworkManager; None where it is not installed, does not run, or takes too long."""
    told = program.answer("nmcli", "-t", "-f", "GENERAL.METERED", "device", "show", interface, within_s=patience_s)
    return None if told is None else told.decode("utf-8", "replace")


def decode(answer: str | None) -> bool | None:
    """Read ``nmcli -t -f GENERAL.METERED``: "yes", "no", each also "(guessed)", or "unknown" (libnm, NMMetered)."""
    for line in (answer or "").splitlines():
        name, _, value = line.partition(":")
        if name == "GENERAL.METERED":
            return {"yes": True, "no": False}.get(value.removesuffix("(guessed)").strip())
    return None
