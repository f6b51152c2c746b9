"""What a school's computers are told: whom to measure against, when, and what is known of the school and its inside.

The settings that come in here are the school's own already: collector.policies puts them together.
"""

import hashlib
import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from agent.contract import releases, standards
from agent.contract.coverage import MAX_ROOMS
from agent.contract.errors import SettingsError
from agent.contract.standards import Target
from agent.contract.timetable import Timetable
from agent.contract.wire import CameraAsked, Hours, Inside, Policy, QuietHours, ServerPlace
from collector import periods
from collector.settings import PolicySettings
from collector.store import own_networks, peers, rooms
from collector.store.database import Connection
from collector.store.own_networks import Own
from collector.store.rooms import RoomRecord
from collector.store.schools import SchoolRecord

_LEARNT_WITHIN = timedelta(days=90)
_PEERS_WITHIN = timedelta(days=3)
_CAMERA_COLUMNS, _CAMERA_PLACES = ("num_cameras", "cameras"), "camera_urls"
_MOST_PLACES, _LONGEST_PLACE = 50, 512
_MOST_CAMERAS, _MOST_ASKED = 10_000, 64


def zone_of(settings: PolicySettings) -> ZoneInfo:
    """Return the country's time zone; raises SettingsError for one that does not exist."""
    try:
        return ZoneInfo(settings.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(f"there is no time zone {settings.time_zone!r}; for example Asia/Almaty") from error


def check_servers(settings: PolicySettings) -> None:
    """See that agents can use the servers they are told of; raises SettingsError naming the one they cannot."""
    for server in settings.all_servers:
        try:
            parts = urlsplit(server.url)
            usable = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise SettingsError(
                f"policy.servers: {server.url!r} is no server that agents can test against; write wss://HOST:PORT"
            )


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
    for camera in settings.cameras:
        if not _is_place(camera.url, ("rtsp", "tcp")):
            raise SettingsError(f"policy.cameras: {camera.name}: {camera.url!r} is no address; write rtsp://HOST/PATH")


def check_update(settings: PolicySettings) -> None:
    """See that agents can go by the version they shall have; raises SettingsError saying what is wrong with it."""
    wanted = settings.update
    if wanted is None:
        return
    if not releases.is_version(wanted.version):
        raise SettingsError(f"policy.update: {wanted.version!r} is no version; write it as in 1.4.2")
    for mirror in wanted.mirrors:
        if not _is_place(mirror, ("http", "https")):
            raise SettingsError(f"policy.update: {mirror!r} is no http or https URL")


def _is_place(url: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.scheme != "tcp" or parts.port is not None)
    except ValueError:
        return False


def policy_for(school: SchoolRecord, settings: PolicySettings, inside: Inside | None = None) -> Policy:
    """Return the policy of a school's computers; ``inside`` is what is known of the inside of the school.

    Its version is a number that changes whenever anything in it does, so that agents know when to fetch it again.
    """
    shifts = settings.all_shifts
    hours = Hours(start=shifts[0].start, end=shifts[-1].end, weekdays=settings.weekdays, time_zone=settings.time_zone)
    servers = settings.all_servers
    told = Policy(
        servers=tuple(server.url for server in servers),
        places=tuple(ServerPlace(url=server.url, place=server.place) for server in servers),
        engines=settings.engines,
        hours=hours,
        shifts=shifts,
        terms=settings.terms,
        holidays=settings.holidays,
        extra_days=settings.extra_days,
        slot_minutes=settings.slot_minutes,
        quiet_hours=QuietHours(start=settings.quiet_start, end=settings.quiet_end, weekdays=settings.quiet_weekdays),
        capacity_sessions_per_day=settings.capacity_sessions_per_day,
        long_capacity_days=settings.long_capacity_days,
        latency_interval_s=settings.latency_interval_s,
        monthly_bytes=settings.monthly_bytes,
        target=target_of(school, settings),
        inside=inside or Inside(),
        lease=settings.lease,
        paused=settings.paused,
        update=settings.update,
    )
    return numbered(told)


def numbered(told: Policy) -> Policy:
    """Return the policy with the number that goes with all that it says."""
    digest = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(told, version=1))).digest()
    return msgspec.structs.replace(told, version=1 + int.from_bytes(digest[:4], "big"))


def timetable_of(settings: PolicySettings) -> Timetable:
    """Return when a policy says that there are lessons."""
    return Timetable(
        shifts=settings.all_shifts,
        time_zone=settings.time_zone,
        weekdays=settings.weekdays,
        terms=settings.terms,
        holidays=settings.holidays,
        extra_days=settings.extra_days,
    )


def target_of(school: SchoolRecord, settings: PolicySettings) -> Target:
    """Return what a school needs: as the standard says for its pupils, or as somebody set it."""
    target = standards.target_for(school.pupils, name=settings.standard)
    download, upload = settings.target_download_bps, settings.target_upload_bps
    if download is not None:
        target = msgspec.structs.replace(target, download_bps=download, download_floor_bps=download)
    return target if upload is None else msgspec.structs.replace(target, upload_bps=upload)


def inside_of(connection: Connection, school: SchoolRecord, settings: PolicySettings, now: datetime) -> Inside:
    """Return what is known of the inside of a school: its networks, rooms, contract, computers and their key.

    A room is missing where nobody looked at its Wi-Fi in the current quarter. Computers stand in an order that does not
    change with every report.
    """
    learnt = own_networks.of_schools(connection, now - _LEARNT_WITHIN, now, school.school_id)
    cards = peers.cards(connection, school.school_id, now - _PEERS_WITHIN)
    known = _survey_rooms(rooms.rooms(connection, school.school_id), settings, school.school_id)
    seen = rooms.looked_at(connection, school.school_id, periods.quarter_of(now, zone_of(settings)))
    return Inside(
        peer_key=peers.key_of_school(connection, school.school_id),
        peers=tuple(sorted(cards, key=lambda card: card.agent)),
        peer_bytes=settings.peer_bytes,
        wifi_scans_per_day=settings.wifi_scans_per_day,
        platforms=settings.platforms,
        cameras=(*_control_centres(settings), *settings.cameras, *_camera_places(school))[:_MOST_ASKED],
        cameras_registered=_cameras(school),
        own_ssids_hex=learnt.get(school.school_id, Own()).ssids_hex,
        rooms=tuple(room.label for room in known),
        rooms_missing=tuple(room.label for room in known if room.room_key not in seen),
        contracted_download_bps=school.download_contracted_bps,
        contracted_upload_bps=school.upload_contracted_bps,
    )


def _survey_rooms(known: list[RoomRecord], settings: PolicySettings, school_id: str) -> list[RoomRecord]:
    """Return the school's rooms with those that the policy wants looked at, as many as a policy can name."""
    wanted = (RoomRecord(school_id=school_id, label=label) for label in settings.survey_rooms)
    by_key = {room.room_key: room for room in (*wanted, *known)}
    return list(by_key.values())[:MAX_ROOMS]


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
