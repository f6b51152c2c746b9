"""A school's pages: its answer and what to do next, its tests, rooms and history, and a sheet for the notice board."""

import functools
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Response
from markupsafe import Markup
from msgspec import Struct

from agent.contract.coverage import key_of
from agent.contract.standards import shipped_standards
from collector import coverage, policies, policy, readiness, rollup
from collector.context import Asker, Context, In, PageBy, PageByWhom, note_school
from collector.coverage import SchoolCoverage
from collector.diagnosis import Told, stored, words
from collector.errors import NotFound
from collector.pages import school_services, school_week, school_words
from collector.pages.asking import asked as here_asked
from collector.pages.asking import speech
from collector.pages.drawing import rooms as drawn_rooms
from collector.pages.drawing import speeds, strip
from collector.pages.rendering import ABSENCES, html, mbit, percent
from collector.pages.school_week import Day, Held, Slot
from collector.periods import Period, before
from collector.readiness import Readiness
from collector.store import days, figures, fleet, rollups, school_looks, schools
from collector.store import rooms as stored_rooms
from collector.store.database import Connection, Viewer
from collector.store.days import SchoolDay, SchoolMonth
from collector.store.school_looks import TestsAsked
from collector.store.schools import RegionRecord, SchoolRecord
from collector.words import Sentence, mark, say

PAGE_ROWS = 50
_MOST_PAGES = 10_000
_FAILURES_SHOWN = 20
_TESTS_SHOWN = 5
_YEARS = range(2000, 2100)
OUTCOMES: dict[str, str] = {
    "met": mark("met"),
    "missed": mark("missed"),
    "open": mark("measured, but it leaves the answer open"),
    "absent": mark("not measured"),
    "coming": mark("not over yet"),
}


class Look(Struct, frozen=True, kw_only=True):
    """Who looks at which school in which period."""

    context: Context
    viewer: Viewer
    person: Asker
    school: SchoolRecord
    region: RegionRecord
    period: Period

    @property
    def sees_inside(self) -> bool:
        """Operators judge lines: what is inside a school is not theirs to see."""
        return self.viewer.role != "operator"

    @property
    def sees_computers(self) -> bool:
        """Regions see schools; their single computers are the school's own matter."""
        return self.viewer.role not in ("operator", "region")

    @property
    def may_work(self) -> bool:
        """Tell whether the to-do page of the school is for this person."""
        return self.viewer.role in ("school", "ministry", "admin", "region", "auditor")

    @property
    def address(self) -> str:
        """How the school stands in addresses."""
        return quote(self.school.school_id, safe="/")

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Return one of the school's pages."""
        return html(
            template,
            status,
            person=self.person,
            look=self,
            school=self.school,
            region=self.region,
            period=self.period,
            zone=self.context.zone,
            local=self.local,
            said=school_words,
            **values,
        )

    def local(self, moment: datetime | None) -> datetime | None:
        """Return a moment as the clock at the school shows it."""
        return None if moment is None else moment.astimezone(self.context.zone)


def look(context: In, viewer: PageBy, person: PageByWhom, school_id: str, period: str | None = None) -> Look:
    """Find the school that an address names, and note that somebody looked; raises NotFound."""
    when = context.period(period or None)
    context.catch_up()
    with context.database.reading(viewer) as connection:
        school = visible(connection, school_id)
        region = schools.regions(connection)[school.region_id]
    note_school(context, person, school_id, page=True, period=when.label)
    return Look(context=context, viewer=viewer, person=person, school=school, region=region, period=when)


Looking = Annotated[Look, Depends(look)]


def visible(connection: Connection, school_id: str) -> SchoolRecord:
    """Return a school; raises NotFound with a sentence for people."""
    found = schools.school(connection, school_id)
    if found is None:
        raise NotFound(say("there is no school {id} that you may see; ids are text, leading zeros count", id=school_id))
    return found


def router() -> APIRouter:
    """Return the school's pages."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/schools/{school_id:path}")(overview)
    routes.get("/tests/{school_id:path}")(listed_tests)
    routes.get("/rooms/{school_id:path}")(rooms)
    routes.get("/history/{school_id:path}")(history)
    routes.get("/board/{school_id:path}")(board)
    return routes


def overview(one: Looking, week: str | None = None) -> Response:
    """Answer whether the school is fit for lessons, and what is to be done next."""
    with one.context.database.reading(one.viewer) as connection:
        judged = readiness.of_school(connection, one.school, one.period)
        told = stored.told_of_school(connection, one.school, one.period, for_operator=not one.sees_inside)
        covered = coverage.of_school(connection, one.school, one.period) if one.sees_inside else None
        listed = school_looks.tests(connection, one.school.school_id, one.period, TestsAsked(limit=_TESTS_SHOWN))
        looks = school_looks.services(connection, one.school.school_id, one.period) if one.sees_inside else []
        failures = figures.school_failures(connection, one.school.school_id, one.period, limit=_FAILURES_SHOWN)
        newest = listed[0].measured_at if listed else None
        monday = _monday(one, week, newest)
        held = held_by(one, connection)
        shown = school_week.week(connection, one.school.school_id, monday, held, with_reasons=one.sees_inside)
    return one.page(
        "school/overview.html",
        judged=judged,
        reason=readiness.said(judged),
        told=told,
        defects=[words.said(defect.sentence) for defect in told.diagnosis.defects],
        evidence=_evidence(told),
        step=school_words.next_step(judged, told.diagnosis.cause),
        monday=monday,
        sunday=monday + timedelta(days=6),
        week_days=shown,
        counted=school_week.counted(shown),
        drawn_week=_drawn_week(shown),
        hours=_hours(shown),
        slot_said=_slot_said,
        weeks=(monday - timedelta(days=7), monday + timedelta(days=7)),
        drawn_speeds=_drawn_speeds(judged),
        covered=covered,
        drawn_rooms=_drawn_rooms(covered, one) if covered is not None else None,
        platforms=school_services.summed(looks),
        tests=listed,
        failures=failures,
        periods=recent(one.context, one.period),
    )


def listed_tests(
    one: Looking,
    room: str | None = None,
    medium: str | None = None,
    state: str | None = None,
    page: int = 1,
) -> Response:
    """Answer single tests; what failed is data too."""
    number = min(max(page, 1), _MOST_PAGES)
    asked = TestsAsked(
        room=room or None,
        medium=medium if medium in school_words.MEDIA else None,
        disturbed={"disturbed": True, "undisturbed": False}.get(state or ""),
        limit=PAGE_ROWS,
        offset=(number - 1) * PAGE_ROWS,
    )
    with one.context.database.reading(one.viewer) as connection:
        found = school_looks.tests(connection, one.school.school_id, one.period, asked)
        failures = figures.school_failures(connection, one.school.school_id, one.period)
        known = stored_rooms.rooms(connection, one.school.school_id) if one.sees_computers else []
    total = found[0].total if found else 0
    return one.page(
        "school/tests.html",
        tests=found,
        total=total,
        failures=failures,
        rooms=[record.label for record in known],
        chosen=asked,
        state=state if asked.disturbed is not None else None,
        number=number,
        pages=max(1, -(-total // PAGE_ROWS)),
        address=lambda wanted: here_asked().here(page=wanted),
        periods=recent(one.context, one.period),
    )


def rooms(one: Looking) -> Response:
    """Answer how the Wi-Fi is, room by room."""
    if not one.sees_inside:
        raise NotFound(say("operators judge lines; a school's rooms are not shown to them"))
    with one.context.database.reading(one.viewer) as connection:
        covered = coverage.of_school(connection, one.school, one.period)
        standing = computers_by_room(connection, one) if one.sees_computers else {}
    return one.page(
        "school/rooms.html",
        covered=covered,
        drawn=_drawn_rooms(covered, one),
        standing=standing,
        key_of=key_of,
        periods=recent(one.context, one.period),
    )


def history(one: Looking, year: int | None = None) -> Response:
    """Answer a year of the school: its months and its days."""
    this = one.context.now().astimezone(one.context.zone).year
    chosen = year if year is not None and year in _YEARS else this
    begins, ends = date(chosen, 1, 1), date(chosen + 1, 1, 1)
    with one.context.database.reading(one.viewer) as connection:
        found = days.history(connection, one.school.school_id, begins, ends)
    return one.page(
        "school/history.html",
        year=chosen,
        this_year=this,
        days=found.days,
        months=found.months,
        reasons=[readiness.said(month) for month in found.months],
        drawn_year=_drawn_year(chosen, found.days),
        drawn_months=_drawn_months(found.months),
    )


def board(one: Looking) -> Response:
    """Answer one sheet of paper for the notice board."""
    with one.context.database.reading(one.viewer) as connection:
        judged = readiness.of_school(connection, one.school, one.period)
        told = stored.told_of_school(connection, one.school, one.period, for_operator=not one.sees_inside)
        covered = coverage.of_school(connection, one.school, one.period) if one.sees_inside else None
    return one.page(
        "school/board.html",
        judged=judged,
        reason=readiness.said(judged),
        told=told,
        step=school_words.next_step(judged, told.diagnosis.cause),
        covered=covered,
        today=one.context.now().astimezone(one.context.zone),
        drawn_speeds=_drawn_speeds(judged),
    )


def held_by(one: Look, connection: Connection) -> Held:
    """Return what the school's half hours are held against, in the voice in which its period is judged."""
    settings = policies.effective(connection, one.school, one.context.settings.policy)
    known = rollups.periods(connection, one.period.label, one.school.school_id).get(one.school.school_id)
    return Held(
        calendar=rollup.calendar_of(settings),
        target=policy.target_of(one.school, settings),
        cabled=known is not None and known.voice == "cable",
        now=one.context.now(),
    )


def recent(context: Context, chosen: Period) -> list[str]:
    """Return the period looked at, this year and the last five quarters, the newest first."""
    quarter = context.period(None)
    labels = [quarter.label]
    for _ in range(4):
        quarter = before(quarter, context.zone)
        labels.append(quarter.label)
    year = str(context.now().astimezone(context.zone).year)
    return [*dict.fromkeys([chosen.label, *labels, year])]


def computers_by_room(connection: Connection, one: Look) -> dict[str, int]:
    """Return how many computers in service stand in each room, by its key."""
    rows, _ = fleet.by_computer(connection, fleet.Asked(school_id=one.school.school_id), limit=500, offset=0)
    found: dict[str, int] = {}
    for row in rows:
        key = key_of(row.room or "")
        found[key] = found.get(key, 0) + 1
    return found


def _monday(one: Look, week: str | None, newest: datetime | None) -> date:
    """Return the Monday of the week that is asked for, else of the newest test, else of now or the period's end."""
    zone = one.context.zone
    last = min(one.context.now(), one.period.end - timedelta(seconds=1))
    usual = school_week.monday_of((newest or last).astimezone(zone).date())
    try:
        asked = school_week.monday_of(date.fromisoformat(week or ""))
    except (ValueError, OverflowError):
        return usual
    return asked if asked.year in _YEARS else usual


def _evidence(told: Told) -> list[tuple[bool, Any, Sentence]]:
    """Return each figure with whether it speaks against the verdict, and its name."""
    found = told.diagnosis
    marked = ((False, found.evidence), (True, found.counter_evidence))
    return [(against, one, words.said(one.figure)) for against, figures_of in marked for one in figures_of]


def _hours(week: Sequence[Day]) -> list[str]:
    """Return the half hours that any day of a week has, as the clock shows them."""
    return sorted({f"{slot.begins:%H:%M}" for day in week for slot in day.slots})


def _slot_said(slot: Slot) -> str:
    """Return how a half hour came out, with why it was not measured."""
    tongue = speech()
    if slot.outcome == "absent" and slot.why is not None:
        return tongue.say("not measured: {why}", why=tongue.text(ABSENCES[slot.why]))
    return tongue.text(OUTCOMES[slot.outcome])


def _drawn_week(week: Sequence[Day]) -> Markup | None:
    hours = _hours(week)
    if not hours:
        return None
    tongue = speech()
    rows = []
    for day in week:
        by_hour = {f"{slot.begins:%H:%M}": slot for slot in day.slots}
        if by_hour:
            squares = tuple(
                strip.Square(slot.outcome, f"{hour}: {_slot_said(slot)}") if (slot := by_hour.get(hour)) else None
                for hour in hours
            )
            rows.append(strip.Row(tongue.day(day.day), squares))
    named = [hour if hour.endswith(":00") else "" for hour in hours]
    return strip.week(tongue.say("Half hours of lessons in the week, day by day"), named, rows)


def _drawn_speeds(judged: Readiness) -> Markup | None:
    school, target = judged.school, judged.target
    rows = [
        _speed("download", judged, target.download_bps, school.download_contracted_bps),
        _speed("upload", judged, target.upload_bps, school.upload_contracted_bps),
    ]
    if all(row.typical_bps is None and row.high_bps is None for row in rows):
        return None
    known = [
        bps
        for row in rows
        for bps in (row.low_bps, row.typical_bps, row.high_bps, row.target_bps, row.contract_bps)
        if bps is not None
    ]
    step = _tick(max(known))
    ticks = [(step * number, mbit(step * number)) for number in range(int(max(known) / step) + 2)]
    return speeds.speeds(speech().say("Measured speeds against the target, in Mbit/s"), rows, ticks)


def _speed(name: str, judged: Readiness, target: float | None, contract: float | None) -> speeds.Speed:
    tongue = speech()
    typical = getattr(judged, f"{name}_bps")
    at_least = getattr(judged, f"{name}_at_least_bps")
    value = typical if typical is not None else at_least
    return speeds.Speed(
        name=tongue.text({"download": "Download", "upload": "Upload"}[name]),
        low_bps=getattr(judged, f"{name}_p25_bps"),
        typical_bps=value,
        high_bps=getattr(judged, f"{name}_p95_bps"),
        is_at_least=typical is None and at_least is not None,
        target_bps=target,
        contract_bps=contract,
        typical_said=tongue.say("typical: {rate} Mbit/s", rate=mbit(value)),
        target_said=tongue.say("target {rate}", rate=mbit(target)),
        contract_said=tongue.say("contract: {rate} Mbit/s", rate=mbit(contract)),
    )


def _tick(most: float) -> float:
    """Return a round step that cuts a scale into four to ten parts."""
    step = 1e5
    while most / step > 8:
        step *= 2 if str(int(step))[0] in "15" else 2.5
    return step


def _drawn_rooms(covered: SchoolCoverage, one: Look) -> Markup | None:
    if not covered.by_room:
        return None
    tongue = speech()
    floors: dict[str, list[drawn_rooms.Room]] = {}
    for number, room in enumerate(covered.by_room):
        state = "unknown" if not room.measured else "good" if room.passes else "bad"
        below = tongue.text("not measured") if not room.measured else _signal(room.signal_dbm)
        floor = tongue.say("Floor {floor}", floor=room.floor) if room.floor else tongue.text("No floor told")
        drawn = drawn_rooms.Room(
            label=room.room,
            state=state,
            below=below,
            title=f"{room.room}: {tongue.text(_ROOM_STATES[state])}",
            link=f"/rooms/{one.address}?period={one.period.label}#room-{number}",
        )
        floors.setdefault(floor, []).append(drawn)
    whole = [drawn_rooms.Floor(name, tuple(members)) for name, members in floors.items()]
    return drawn_rooms.rooms(tongue.say("Wi-Fi in the rooms, floor by floor"), whole)


_ROOM_STATES = {"good": mark("passes"), "bad": mark("does not pass"), "unknown": mark("not measured")}
_NAMES = (mark("Download"), mark("Upload"), mark("No floor told"))  # said above by their word


def _signal(dbm: float | None) -> str:
    tongue = speech()
    return tongue.say("{dbm} dBm", dbm=f"{dbm:.0f}") if dbm is not None else tongue.text(mark("not heard"))


def _drawn_year(year: int, known: Sequence[SchoolDay]) -> Markup:
    tongue = speech()
    by_day = {one.day: one for one in known}
    first = date(year, 1, 1)
    whole = [first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days)]
    drawn = []
    for day in whole:
        one = by_day.get(day)
        judged = one.slots_met + one.slots_missed if one else 0
        share = one.slots_met / judged if one and judged else None
        title = tongue.day(day)
        if one is not None and share is not None:
            title = tongue.say("{day}: {met} of {judged} half hours met", day=title, met=one.slots_met, judged=judged)
        drawn.append(strip.YearDay(day, share, one is not None and one.tests > 0, title))
    months = [(date(year, number, 1), _short_month(number)) for number in range(1, 13)]
    weekdays = [tongue.locale.days["format"]["abbreviated"][number] for number in range(7)]
    rows = [name if place % 2 == 0 else "" for place, name in enumerate(weekdays)]
    return strip.year(tongue.say("Days of {year}", year=str(year)), months, drawn, rows)


def _drawn_months(months: Sequence[SchoolMonth]) -> Markup | None:
    if not months:
        return None
    tongue = speech()
    limit = _needed_share()
    drawn = [
        speeds.Month(
            name=_short_month(int(one.period[5:])),
            share=one.share,
            low=one.share_low,
            high=one.share_high,
            meets=one.meets,
            title=f"{tongue.month(one.period)}: {percent(one.share)}",
        )
        for one in months
    ]
    return speeds.months(tongue.say("Share of half hours that met the target, by month"), drawn, limit, percent(limit))


def _short_month(number: int) -> str:
    return str(speech().locale.months["stand-alone"]["abbreviated"][number])


@functools.cache
def _needed_share() -> float:
    return shipped_standards().readiness.slot_share
