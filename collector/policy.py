"""What agents are told: whom to measure against, when, and what their school needs. One policy for the country."""

import hashlib
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from agent.contract import standards
from agent.contract.errors import SettingsError
from agent.contract.wire import Hours, Policy, QuietHours
from collector.settings import PolicySettings
from collector.store.schools import SchoolRecord


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


def policy_for(school: SchoolRecord, settings: PolicySettings) -> Policy:
    """Return the policy of a school's computers."""
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
    )


def version(settings: PolicySettings) -> int:
    """Return a number that changes whenever the policy does, so that agents know when to fetch it again."""
    digest = hashlib.sha256(msgspec.json.encode(settings)).digest()
    return 1 + int.from_bytes(digest[:4], "big")
