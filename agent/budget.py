"""What tests may cost: the bytes of a calendar month, kept in the outbox's notes, and whether they are paid for.

Every test counts, whoever asked for it, in both directions at the IP layer. Refuses only what the agent would do by
itself: a person who runs ``check`` or ``probe`` is told, not stopped.
"""

import socket
from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import Struct

from agent.contract.failure import Failure
from agent.contract.measurement import Direction, Failed, Latency, Measurement, Throughput
from agent.contract.services import Services, VideoLesson
from agent.contract.standards import Target
from agent.contract.wire import Policy
from agent.host import link, metered
from agent.meter import echo
from agent.outbox import Outbox
from agent.schedule import zone_of

_NOTE = "bytes by month"
_KEPT_MONTHS = 12
_VERDICT_S = 4.0  # a verdict test takes at most so many seconds' worth of the target in each direction
_LONG_S = 24.0  # the long form takes at most so many seconds in each direction
_ECHO_BYTES = echo.DATAGRAM_BYTES + 28  # IPv4 and UDP headers
_ECHO_PROTOCOL = "udp-echo"
# What a test that failed like this had taken is not known: it counts as a verdict test. The other words come before.
_CUT_SHORT: frozenset[Failure] = frozenset({"stalled", "closed_early", "connection_reset", "deadline"})
# Those that take nothing of the line, or next to nothing, however they end.
_TAKES_NOTHING = frozenset({"link", "latency", "wifi", "lan", "peer", "services"})
# A documentation address (RFC 5737): the way there is the default route, and nothing is sent.
_ANYWHERE = (socket.AF_INET, ("192.0.2.1", 9))


class Budget(Struct, frozen=True, kw_only=True):
    """A calendar month of this computer; ``limit_bytes`` and ``left_bytes`` are null where nothing limits it."""

    month: str
    spent_bytes: int
    limit_bytes: int | None = None
    left_bytes: int | None = None


def of_month(outbox: Outbox, policy: Policy, own_limit: int | None, now: datetime) -> Budget:
    """Return the budget of the month that it is where the school is; the smaller of both limits counts."""
    month = _month(policy, now)
    spent = _read(outbox.note(_NOTE)).get(month, 0)
    limit = min((one for one in (own_limit, policy.monthly_bytes) if one is not None), default=None)
    left = None if limit is None else max(0, limit - spent)
    return Budget(month=month, spent_bytes=spent, limit_bytes=limit, left_bytes=left)


def spend(outbox: Outbox, policy: Policy, spent_bytes: int, now: datetime) -> None:
    """Count bytes against the month; when this returns they are on disk.

    Several months are kept, so that a clock that is wrong for a day neither forgets the right month nor fills it.
    """
    month = _month(policy, now)

    def add(written: str | None) -> str:
        months = _read(written)
        months[month] = months.get(month, 0) + spent_bytes
        others = sorted(months.keys() - {month})
        for old in others[: max(0, len(months) - _KEPT_MONTHS)]:
            del months[old]
        return msgspec.json.encode(months).decode()

    if spent_bytes:
        outbox.change_note(_NOTE, add)


def refusal(budget: Budget, needed_bytes: int) -> str | None:
    """Return why a test that needs so many bytes is not run; None where the budget allows it."""
    if budget.left_bytes is None or budget.left_bytes >= max(1, needed_bytes):
        return None
    limit = volume(budget.limit_bytes or 0)
    return (
        f"the month's data budget of {limit} is used up ({volume(budget.spent_bytes)} of {limit}; a test needs "
        f"{volume(needed_bytes)}); next month, or raise monthly_bytes"
    )


def verdict_bytes(target: Target) -> int:
    """Return what a verdict test takes at most, both directions together."""
    return round(_VERDICT_S * ((target.download_bps or target.download_floor_bps) + target.upload_bps) / 8)


def long_bytes(test: Throughput) -> int:
    """Return what the long form of a capacity test takes here: what it took, or at a short one's rates at most."""
    if test.form == "long":
        return _taken_by(test)
    return round(sum(_LONG_S * one.ip_bps / 8 for one in _directions(test)))


def taken(measurements: Iterable[Measurement], target: Target) -> int:
    """Return the bytes that a session took, as far as they are known."""
    total = 0
    for one in measurements:
        match one:
            case Throughput():
                total += _taken_by(one)
            case Services(video=VideoLesson(bytes=int(video_bytes))):
                total += video_bytes
            case Latency(protocol=protocol) if protocol == _ECHO_PROTOCOL:
                total += _ECHO_BYTES * (one.sent + one.received)
            case Failed(failure=failure, probe=probe, detail=detail) if probe not in _TAKES_NOTHING and (
                failure in _CUT_SHORT or detail.startswith("upload:")  # a whole download came before
            ):
                total += verdict_bytes(target)
    return total


def volume(amount_bytes: int) -> str:
    """Return an amount for people: 5 GB, 12.5 MB, 3 kB; a thousand of one are the next."""
    value, unit = float(amount_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{f'{value:.1f}'.removesuffix('.0')} {unit}"


def is_metered(told: bool | None) -> bool:
    """Tell whether the connection is paid for by volume: as the settings say, else as the system says, else not."""
    if told is not None:
        return told
    try:
        interface = link.interface_of(link.local_address(*_ANYWHERE))
    except OSError:
        return False
    return interface is not None and bool(metered.metered(interface))


def _month(policy: Policy, now: datetime) -> str:
    return f"{now.astimezone(zone_of(policy.hours)):%Y-%m}"


def _read(written: str | None) -> dict[str, int]:
    return msgspec.json.decode(written, type=dict[str, int]) if written else {}


def _taken_by(test: Throughput) -> int:
    """Return what a test took; ``bytes`` are payload, and the headers' share is that of the rates."""
    echoes = (test.echoes_sent or 0) + (test.echoes_received or 0) if test.latency_protocol == _ECHO_PROTOCOL else 0
    payload = (one.bytes * (one.ip_bps / one.goodput_bps if one.goodput_bps else 1.0) for one in _directions(test))
    return round(sum(payload)) + _ECHO_BYTES * echoes


def _directions(test: Throughput) -> list[Direction]:
    return [one for one in (test.download, test.upload) if one is not None]
