"""What a session looks at beside the line: Wi-Fi, platforms, other computers; when, and with what the policy says.

Looking at the air is cheap and happens some times a day, platforms and other computers are asked once a day, and a
video lesson, which takes data, is played as seldom as the long capacity test is made.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from agent.contract.measurement import Failed, Measurement
from agent.contract.peer import Peer
from agent.contract.services import Services
from agent.contract.wifi import Wifi
from agent.contract.wire import Inside, Policy
from agent.errors import ProbeUnavailable
from agent.host import wifi
from agent.outbox import Outbox

_DAY = timedelta(days=1)
_EARLY = timedelta(hours=1)  # sessions are drawn anew each day: an hour less than a day is a day too
_VIDEO = "last video lesson"
_NO_VIDEO_BYTES = 1
_LEAST_PEER_BYTES = 4_000_000  # the probe takes no smaller limit
_LAST = {"wifi": "last look at the Wi-Fi", "services": "last look at the platforms", "peer": "last peer test"}


def due(policy: Policy, outbox: Outbox, now: datetime) -> tuple[str, ...]:
    """Return the probes beside the usual ones whose time has come, in the order in which they run."""
    inside = policy.inside
    every: dict[str, timedelta | None] = {
        "wifi": _DAY / inside.wifi_scans_per_day if inside.wifi_scans_per_day and has_wifi() else None,
        "services": _DAY,
        "peer": _DAY if inside.peer_key is not None else None,
    }
    return tuple(
        name for name, each in every.items() if each is not None and _is_due(outbox, _LAST[name], each - _EARLY, now)
    )


def has_wifi() -> bool:
    """Tell whether this computer has a Wi-Fi card; not where its system has nothing that knows of Wi-Fi."""
    try:
        return bool(wifi.interfaces())
    except (ProbeUnavailable, OSError):
        return False


def remember(seen: Iterable[Measurement], outbox: Outbox, now: datetime) -> None:
    """Note what was looked at, however it came out; what was skipped, whatever for, is still due in the next session.

    So is a video lesson for which the data budget had no room.
    """
    for one in seen:
        name = _name(one)
        if name in _LAST:
            outbox.write_note(_LAST[name], now.isoformat())
        if isinstance(one, Services) and one.video is not None:
            outbox.write_note(_VIDEO, now.isoformat())


def handed(policy: Policy, outbox: Outbox, agent: str, left_bytes: int | None, now: datetime) -> dict[str, Any]:
    """Return the settings that the policy gives to each of these probes.

    Args:
        policy: the collector's.
        outbox: for when a video lesson was last played.
        agent: this computer's id.
        left_bytes: what a test may take of the month's data budget; None for no limit, 0 for nothing.
        now: the time.
    """
    inside = policy.inside
    rarely = timedelta(days=policy.long_capacity_days) - _EARLY
    services: dict[str, Any] = {"cameras": inside.cameras, "cameras_registered": inside.cameras_registered}
    if inside.platforms:
        services["platforms"] = inside.platforms
    if left_bytes is not None:
        services["max_bytes"] = max(_NO_VIDEO_BYTES, left_bytes)
    if not _is_due(outbox, _VIDEO, rarely, now):
        services["max_bytes"] = _NO_VIDEO_BYTES
    return {
        "wifi": own_networks(inside),
        "lan": {} if inside.peer_key is None else {"key": inside.peer_key},
        "peer": other_computers(inside, agent),
        "services": services,
    }


def own_networks(inside: Inside) -> dict[str, Any]:
    """Return the wifi probe's settings: which networks are the school's."""
    return {"own_ssids_hex": inside.own_ssids_hex, "own_bssid_prefixes": inside.own_bssid_prefixes}


def other_computers(inside: Inside, agent: str) -> dict[str, Any]:
    """Return the peer probe's settings: the school's key and computers, and how much a test between two may take."""
    return {
        "key": "" if inside.peer_key is None else inside.peer_key.hex(),
        "agent": agent,
        "peers": inside.peers,
        "max_bytes": max(_LEAST_PEER_BYTES, inside.peer_bytes),
    }


def _name(seen: Measurement) -> str | None:
    match seen:
        case Wifi():
            return "wifi"
        case Services():
            return "services"
        case Peer():
            return "peer"
        case Failed():
            return seen.probe
    return None


def _is_due(outbox: Outbox, note: str, every: timedelta, now: datetime) -> bool:
    """Tell whether it is so long ago; a clock that was wrong may have put it into the future."""
    written = outbox.note(note)
    last = None if written is None else datetime.fromisoformat(written)
    return last is None or last > now or now - last >= every
