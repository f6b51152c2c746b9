"""How much of a school its Wi-Fi reaches, room by room, and which computers are connected well; judged, never measured.

Three shares, because each alone can mislead: passed of those measured (how good what we know is), measured of all (how
much we know), and passed of all, where a room that nobody measured is not covered (what can be promised).

A room passes if the 20th percentile of the strongest of the school's own access points reaches the threshold, by the
median of what speaks for it: its newest walk with a laptop, and each fixed computer there (the lower one of two, so
that a doubt counts against the room). A computer with a cable and without a look at the air says nothing of Wi-Fi.
Adapters differ by some dB: within that margin of the threshold a room still counts on its side, and as borderline too.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median_low
from typing import Literal

from msgspec import Struct

from agent.contract import coverage as rules_of
from agent.contract.coverage import Grade
from agent.contract.rules import Rules, shipped_rules
from agent.contract.signs import wiring
from collector.periods import Period
from collector.store import own_networks, rooms
from collector.store.database import Connection
from collector.store.rooms import ComputerLink, RoomRecord, Voice
from collector.store.schools import SchoolRecord

By = Literal["survey", "computers", "both"]
_NOTHING_HEARD_DBM = -200.0


class Shares(Struct, frozen=True, kw_only=True):
    """Rooms or computers: how many there are, were measured and passed; a share of nothing is null.

    ``borderline``: those among the measured that another adapter might have put on the other side.
    """

    total: int
    measured: int
    passed: int
    borderline: int
    passed_of_measured: float | None
    measured_of_total: float | None
    passed_of_total: float | None


class RoomResult(Struct, frozen=True, kw_only=True):
    """One room of the register; everything from ``passes`` on is null where it was not measured in the period.

    ``signal_dbm`` is null in a measured room where none of the school's access points was heard.
    """

    room: str
    floor: str | None
    source: rooms.Source
    measured: bool
    passes: bool | None = None
    borderline: bool | None = None
    grade: Grade | None = None
    signal_dbm: float | None = None
    by: By | None = None
    looks: int = 0
    newest_at: datetime | None = None
    access_point: str | None = None
    network: str | None = None
    channel: int | None = None
    adapters: tuple[str, ...] = ()
    gateway_ms: float | None = None


class Coverage(Struct, frozen=True, kw_only=True):
    """A school's coverage in a period. ``rules`` names the version of the thresholds."""

    rooms: Shares
    computers: Shares
    threshold_dbm: float
    borderline_db: float
    source: str
    rules: str


class SchoolCoverage(Coverage, frozen=True, kw_only=True):
    """The same with every room of the register, and the networks that were taken for the school's own."""

    by_room: tuple[RoomResult, ...]
    own_ssids_hex: tuple[str, ...]


def of_school(
    connection: Connection, school: SchoolRecord, period: Period, rules: Rules | None = None
) -> SchoolCoverage:
    """Return the coverage of one school with its rooms."""
    chosen = rules or shipped_rules()
    own = own_networks.of_schools(connection, period.start, period.end, school.school_id)
    voices = _by_room(rooms.voices(connection, period, own, school.school_id))
    links = rooms.computer_links(connection, period, school.school_id)
    results = tuple(
        room_result(room, voices.get(room.room_key, []), chosen) for room in rooms.rooms(connection, school.school_id)
    )
    known = own.get(school.school_id, own_networks.Own())
    whole = _coverage(len(results), results, [passes_by_link(link, chosen) for link in links], chosen)
    return SchoolCoverage(
        **{name: getattr(whole, name) for name in Coverage.__struct_fields__},
        by_room=results,
        own_ssids_hex=known.ssids_hex,
    )


def room_result(room: RoomRecord | None, voices: Sequence[Voice], rules: Rules) -> RoomResult:
    """Judge one room by what speaks for it; without a register entry only its figures matter."""
    label, floor, source = (room.label, room.floor, room.source) if room else ("", None, "register")
    if not voices:
        return RoomResult(room=label, floor=floor, source=source, measured=False)
    middle = median_low(_NOTHING_HEARD_DBM if one.own_dbm is None else one.own_dbm for one in voices)
    signal = None if middle == _NOTHING_HEARD_DBM else middle
    heard = next(one for one in voices if one.own_dbm == signal)
    kinds = {one.is_survey for one in voices}
    delays = [one.gateway_ms for one in voices if one.gateway_ms is not None]
    return RoomResult(
        room=label,
        floor=floor,
        source=source,
        measured=True,
        passes=rules_of.grade(signal, rules.wifi) == "good",
        borderline=rules_of.is_borderline(signal, rules.wifi),
        grade=rules_of.grade(signal, rules.wifi),
        signal_dbm=signal,
        by="both" if len(kinds) > 1 else "survey" if True in kinds else "computers",
        looks=sum(one.looks for one in voices),
        newest_at=max(one.newest_at for one in voices),
        access_point=heard.own_bssid,
        network=heard.own_ssid,
        channel=heard.own_channel,
        adapters=tuple(sorted({one.adapter for one in voices if one.adapter is not None})),
        gateway_ms=median_low(delays) if delays else None,
    )


def passes_by_link(link: ComputerLink, rules: Rules) -> tuple[bool, bool] | None:
    """Tell whether a computer's own connection is good, and whether that is borderline; None where nobody knows.

    By cable: faster than the slowest link that is no damage, both ways at once, next to no broken packets. On Wi-Fi:
    its typical signal reaches the threshold.
    """
    if link.medium == "wifi":
        if link.own_dbm is None:
            return None
        passes = rules_of.grade(link.own_dbm, rules.wifi) == "good"
        return passes, rules_of.is_borderline(link.own_dbm, rules.wifi)
    if link.medium != "ethernet" or link.link_speed_bps is None:
        return None
    is_broken = wiring.error_ratio(link.errors, link.packets, rules.wired) is not None
    return link.link_speed_bps > rules.wired.slowest_link_bps.value and link.duplex != "half" and not is_broken, False


def _coverage(
    total: int, results: Iterable[RoomResult], computers: Sequence[tuple[bool, bool] | None], rules: Rules
) -> Coverage:
    measured = [(bool(one.passes), bool(one.borderline)) for one in results if one.measured]
    return Coverage(
        rooms=shares(total, measured),
        computers=shares(len(computers), [one for one in computers if one is not None]),
        threshold_dbm=rules.wifi.signal_dbm.value,
        borderline_db=rules.wifi.borderline_db.value,
        source=rules.wifi.signal_dbm.source,
        rules=rules.name,
    )


def shares(total: int, measured: Sequence[tuple[bool, bool]]) -> Shares:
    """Sum up what was measured, each as (passes, is borderline), of so many in all."""
    passed = sum(passes for passes, _ in measured)
    return Shares(
        total=total,
        measured=len(measured),
        passed=passed,
        borderline=sum(borderline for _, borderline in measured),
        passed_of_measured=passed / len(measured) if measured else None,
        measured_of_total=len(measured) / total if total else None,
        passed_of_total=passed / total if total else None,
    )


def _by_room(voices: Iterable[Voice]) -> dict[str, list[Voice]]:
    found: dict[str, list[Voice]] = defaultdict(list)
    for one in voices:
        found[one.room_key].append(one)
    return found
