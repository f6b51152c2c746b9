"""Rooms and how well the school's Wi-Fi reaches them, as both sides see it: labels, what was heard, its grade; pure."""

import unicodedata
from typing import Literal

from msgspec import Struct

from agent.contract.measurement import Link
from agent.contract.rules import WifiRules
from agent.contract.wifi import Dbm, Network, Wifi, WifiConnection

MAX_ROOMS = 1_000
"""So many rooms of a school are kept; as many as a policy can name."""
MAX_LABEL_CHARACTERS = 128

Grade = Literal["good", "weak", "none"]

_TIES = "\u200c\u200d"  # joiners: some scripts' letters look otherwise without them, and no two labels differ by them
_SPACES = frozenset({"Zs", "Zl", "Zp", "Cc"})
_UNSEEN = frozenset({"Cf", "Cs", "Co", "Cn"})


class Heard(Struct, frozen=True, kw_only=True):
    """The strongest of the school's own access points at one place; ``signal_dbm`` null where none was heard.

    ``signal_dbm`` is the 20th percentile over the scans: what the place has nearly all the time. Which network it is
    says whoever knows the school's networks: an agent takes the one it is connected to for one of them.
    """

    signal_dbm: Dbm | None
    median_dbm: Dbm | None = None
    bssid: str | None = None
    ssid: str | None = None
    ssid_hex: str | None = None
    channel: int | None = None


def label_of(text: str) -> str:
    """Return a room's label as it is shown: composed letters, single spaces, no control or direction marks.

    Empty where nothing that can be seen is left; never longer than ``MAX_LABEL_CHARACTERS``.
    """
    signs = []
    for sign in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(sign)
        if kind in _SPACES:
            signs.append(" ")
        elif kind not in _UNSEEN or sign in _TIES:
            signs.append(sign)
    cut = " ".join("".join(signs).split())[:MAX_LABEL_CHARACTERS].strip()
    return cut if cut.strip(_TIES + " ") else ""


def key_of(label: str) -> str:
    """Return what makes two labels the same room: their letters and digits, whatever the case and the spaces."""
    folded = unicodedata.normalize("NFKC", label_of(label)).casefold()
    return "".join(sign for sign in folded if not sign.isspace() and sign not in _TIES)


def heard_in(wifi: Wifi | None, link: Link | None) -> Heard | None:
    """Return what a look at the air says of the place; None where it says nothing.

    A computer that may not look around still knows the access point it is connected to. One that is connected to none
    says nothing then, and neither does one that knows none of the school's networks.
    """
    if wifi is not None:
        own = [(one.signal_dbm, one) for one in wifi.networks if one.own is not False and one.signal_dbm is not None]
        if own:
            median, best = max(own, key=lambda pair: pair[0])
            low = best.signal_p20_dbm if best.signal_p20_dbm is not None else median
            return _heard(best, low, median)
    connection = (wifi.connection if wifi else None) or (link.wifi if link else None)
    may_look = wifi is not None and not any(one.what == "neighbours" for one in wifi.denied)
    if may_look and wifi is not None and wifi.own_known:
        return Heard(signal_dbm=None)
    if connection is None or connection.signal_dbm is None:
        return None
    return _heard(connection, connection.signal_dbm, connection.signal_dbm)


def _heard(of: Network | WifiConnection, signal_dbm: float, median_dbm: float) -> Heard:
    return Heard(
        signal_dbm=signal_dbm,
        median_dbm=median_dbm,
        bssid=of.bssid,
        ssid=of.ssid,
        ssid_hex=of.ssid_hex,
        channel=of.channel,
    )


def grade(signal_dbm: float | None, rules: WifiRules) -> Grade:
    """Return how good a signal is: good from the threshold on, none where it is too weak to use or not there."""
    if signal_dbm is None or signal_dbm < rules.no_signal_dbm.value:
        return "none"
    return "good" if signal_dbm >= rules.signal_dbm.value else "weak"


def is_borderline(signal_dbm: float | None, rules: WifiRules) -> bool:
    """Tell whether another adapter might have come to the other side of the threshold."""
    return signal_dbm is not None and abs(signal_dbm - rules.signal_dbm.value) <= rules.borderline_db.value
