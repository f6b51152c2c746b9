"""What agents are told: whom to measure against, when, and what their school needs.

When and how often is one policy for the country; what is known of the inside of a school is its own.
"""

import hashlib
import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from agent.contract import standards
from agent.contract.coverage import MAX_ROOMS
from agent.contract.errors import SettingsError
from agent.contract.wire import CameraAsked, Hours, Inside, Policy, QuietHours
from collector import periods
from collector.settings import PolicySettings
from collector.store import own_networks, peers, rooms
from collector.store.database import Connection
from collector.store.own_networks import Own
from collector.store.schools import SchoolRecord

_LEARNT_WITHIN = timedelta(days=90)
_PEERS_WITHIN = timedelta(days=3)
_CAMERA_COLUMNS, _CAMERA_PLACES = ("num_cameras", "cameras"), "camera_urls"
_MOST_PLACES, _LONGEST_PLACE = 50, 512
_MOST_CAMERAS = 10_000


def zone_of(settings: PolicySettings) -> ZoneInfo:
    """Return the country's time zone; raises SettingsError for one that does not exist."""
    try:
        return ZoneInfo(settings.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(f"there is no time zone {settings.time_zone!r}; for example Asia/Almaty") from error


def check_servers(settings: PolicySettings) -> None:
    """See that agents can use the servers they are told of; raises SettingsError naming the one they cannot."""
    for server in settings.servers:
        parts = urlsplit(server)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise SettingsError(f"{server!r} is no server that agents can test against; write wss://HOST:PORT")


def check_places(settings: PolicySettings) -> None:
    """See that agents can ask the platforms and control centres; raises SettingsError naming the one they cannot."""
    for platform in settings.platforms:
        if not _is_place(platform.url, ("http", "https")):
            raise SettingsError(f"policy.platforms: {platform.name}: {platform.url!r} is no http or https URL")
    for centre in settings.control_centres:
        if not _is_place(centre.url, ("rtsp", "tcp")):
            raise SettingsError(
                f"policy.control_centres: {centre.name}: {centre.url!r} is no address; write tcp://HOST:PORT"
            )


def _is_place(url: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.scheme != "tcp" or parts.port is not None)
    except ValueError:
        return False


def policy_for(school: SchoolRecord, settings: PolicySettings, inside: Inside | None = None) -> Policy:
    """Return the policy of a school's computers; ``inside`` is what is known of the inside of the school."""
    return Policy(
        version=version(settings),
        servers=settings.servers,
        hours=Hours(start=settings.start, end=settings.end, weekdays=settings.weekdays, time_zone=settings.time_zone),
        quiet_hours=QuietHours(start=settings.quiet_start, end=settings.quiet_end, weekdays=settings.quiet_weekdays),
        capacity_sessions_per_day=settings.capacity_sessions_per_day,
        long_capacity_days=settings.long_capacity_days,
        latency_interval_s=settings.latency_interval_s,
        monthly_bytes=settings.monthly_bytes,
        target=standards.target_for(school.pupils),
        inside=inside or Inside(),
    )


def inside_of(connection: Connection, school: SchoolRecord, settings: PolicySettings, now: datetime) -> Inside:
    """Return what is known of the inside of a school: its networks, rooms, contract, computers and their key.

    A room is missing where nobody looked at its Wi-Fi in the current quarter.
    """
    learnt = own_networks.of_schools(connection, now - _LEARNT_WITHIN, now, school.school_id)
    known = rooms.rooms(connection, school.school_id)[:MAX_ROOMS]
    seen = rooms.looked_at(connection, school.school_id, periods.quarter_of(now, zone_of(settings)))
    return Inside(
        peer_key=peers.key_of_school(connection, school.school_id),
        peers=peers.cards(connection, school.school_id, now - _PEERS_WITHIN),
        peer_bytes=settings.peer_bytes,
        wifi_scans_per_day=settings.wifi_scans_per_day,
        platforms=settings.platforms,
        cameras=(*_control_centres(settings), *_camera_places(school)),
        cameras_registered=_cameras(school),
        own_ssids_hex=learnt.get(school.school_id, Own()).ssids_hex,
        rooms=tuple(room.label for room in known),
        rooms_missing=tuple(room.label for room in known if room.room_key not in seen),
        contracted_download_bps=school.download_contracted_bps,
        contracted_upload_bps=school.upload_contracted_bps,
    )


def _cameras(school: SchoolRecord) -> int | None:
    """Return how many cameras a further column of the registry tells; null where it has no whole number."""
    told = (school.extra.get(column, "").strip() for column in _CAMERA_COLUMNS)
    # Ministries keep remarks in such columns too ("yes", "12?"): of those nothing is guessed.
    counts = (int(text) for text in told if text.isascii() and text.isdecimal())
    return next((count for count in counts if count <= _MOST_CAMERAS), None)


def _control_centres(settings: PolicySettings) -> tuple[CameraAsked, ...]:
    return tuple(msgspec.structs.replace(one, kind="control_centre") for one in settings.control_centres)


def _camera_places(school: SchoolRecord) -> tuple[CameraAsked, ...]:
    """Return the cameras whose addresses the registry's further column tells; what is no address is left out."""
    told = (
        place for place in re.split(r"[\s;,]+", school.extra.get(_CAMERA_PLACES, "")) if _is_place(place, ("rtsp",))
    )
    places = tuple(dict.fromkeys(place for place in told if len(place) <= _LONGEST_PLACE))[:_MOST_PLACES]
    return tuple(CameraAsked(name=f"camera {number}", url=place) for number, place in enumerate(places, 1))


def version(settings: PolicySettings) -> int:
    """Return a number that changes whenever the policy does, so that agents know when to fetch it again."""
    digest = hashlib.sha256(msgspec.json.encode(settings)).digest()
    return 1 + int.from_bytes(digest[:4], "big")
