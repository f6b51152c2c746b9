"""Policies as data: the settings file is the base; the country, a region and a school change it, field by field.

The narrower wins. What was set is kept for ever, with who set it, when and why; whoever asks for a moment in the past
gets what held then.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct

from agent.contract import settings_file, standards, timetable, wire
from agent.contract.coverage import key_of
from agent.contract.errors import SettingsError
from agent.contract.wire import Shift
from collector import policy
from collector.errors import NotAllowed, NotFound
from collector.settings import PolicySettings
from collector.store import audit, policies, schools
from collector.store.audit import Who
from collector.store.database import Connection, Viewer
from collector.store.policies import PolicyChange, Scope
from collector.store.schools import SchoolRecord

COUNTRY = Scope()
EXAMPLE = "config/collector.toml"
# start and end are the one shift of those who never heard of shifts: two ways to say the same would contradict.
FIELDS = tuple(name for name in PolicySettings.__struct_fields__ if name not in {"start", "end"})
SCHOOL_MAY = frozenset({"paused", "shifts", "weekdays", "holidays", "quiet_start", "quiet_end", "quiet_weekdays"})
_JUDGED_AGAIN = timedelta(days=40)
_JUDGED_BY = frozenset(
    {"standard", "target_download_bps", "target_upload_bps", "shifts", "weekdays", "terms", "holidays", "extra_days"}
    | {"slot_minutes", "time_zone"}
)
_LONGEST_NOTE = 500


class Book:
    """What every scope set, for many schools at once."""

    def __init__(self, base: PolicySettings, changes: Mapping[str, PolicyChange]) -> None:
        self._base = base
        self._changes = changes

    def of(self, school: SchoolRecord) -> PolicySettings:
        """Return what holds at a school."""
        return merged(self._base, self._bodies(scopes_of(school)))

    def above(self, scope: Scope) -> PolicySettings:
        """Return what holds in a scope apart from what it sets itself; ``scope`` names the region of a school too."""
        wider = (COUNTRY, Scope(scope.region_id) if scope.school_id else COUNTRY)
        return merged(self._base, self._bodies(dict.fromkeys(one for one in wider if one != scope)))

    def _bodies(self, scopes: Iterable[Scope]) -> list[dict[str, Any]]:
        return [self._changes[str(scope)].body for scope in scopes if str(scope) in self._changes]


def scopes_of(school: SchoolRecord) -> tuple[Scope, Scope, Scope]:
    """Return the scopes that a school is in, the widest first."""
    return COUNTRY, Scope(school.region_id), Scope(school.region_id, school.school_id)


def merged(base: PolicySettings, bodies: Iterable[Mapping[str, Any]]) -> PolicySettings:
    """Return the settings with what these set, the later ones before the earlier; fields of newer versions pass by."""
    together = {name: value for body in bodies for name, value in body.items() if name in FIELDS}
    set_here = msgspec.convert(together, PolicySettings)
    return msgspec.structs.replace(base, **{name: getattr(set_here, name) for name in together})


def book(connection: Connection, base: PolicySettings, at: datetime | None = None) -> Book:
    """Return what every scope sets, or set at a moment."""
    return Book(base, policies.newest(connection, None, at))


def effective(
    connection: Connection, school: SchoolRecord, base: PolicySettings, at: datetime | None = None
) -> PolicySettings:
    """Return what holds, or held at a moment, at one school."""
    return Book(base, policies.newest(connection, scopes_of(school), at)).of(school)


def checked(body: Mapping[str, Any], above: PolicySettings) -> PolicySettings:
    """Return the settings that a scope would have with this body; ``above`` is what holds there without it.

    Raises:
        SettingsError: names the field that is unknown or wrong, and what it has to be.
    """
    for name in body:
        if name in {"start", "end"}:
            raise SettingsError(f'policy.{name}: write shifts = [{{ start = "08:00", end = "13:00" }}] instead')
        if name not in FIELDS:
            raise SettingsError(f"policy.{name}: there is no such setting; there are {', '.join(sorted(FIELDS))}")
    set_here = settings_file.convert({"policy": dict(body)}, _Bodied, "the policy", EXAMPLE).policy
    together = msgspec.structs.replace(above, **{name: getattr(set_here, name) for name in body})
    _check_calendar(together)
    try:
        standards.shipped_standards().chosen(together.standard)
    except SettingsError as error:
        raise SettingsError(f"policy.standard: {error}") from error
    policy.check_servers(together)
    policy.check_places(together)
    policy.check_update(together)
    if any(not key_of(label) for label in together.survey_rooms):
        raise SettingsError("policy.survey_rooms: a room needs a name with a letter or a digit in it")
    return together


class _Bodied(Struct, frozen=True):
    """So that a mistake is said with its whole name: policy.shifts, not shifts."""

    policy: PolicySettings


def _check_calendar(settings: PolicySettings) -> None:
    policy.zone_of(settings)
    windows = [timetable.window(shift.start, shift.end) for shift in settings.all_shifts]
    if any(second[0] < first[0] + first[1] for first, second in pairwise(windows)) or (
        len(windows) > 1 and sum(windows[-1]) - timetable.DAY_MINUTES > windows[0][0]
    ):
        raise SettingsError("policy.shifts: they have to follow one another in the day's order, without overlapping")
    for term in settings.terms:
        if term.last < term.first:
            raise SettingsError(f"policy.terms: the term that begins on {term.first} ends before, on {term.last}")
    both = sorted(set(settings.holidays) & set(settings.extra_days))
    if both:
        raise SettingsError(f"policy.holidays: {both[0]} is one of extra_days too; a day has lessons or has none")


def check_narrower(body: Mapping[str, Any], above: PolicySettings) -> None:
    """See that a school sets no more than it may: it may pause, and shorten its hours and days.

    Raises:
        NotAllowed: names the field, and who can change it.
    """
    others = sorted(body.keys() - SCHOOL_MAY)
    if others:
        raise NotAllowed(f"a school cannot set {others[0]}: ask the education office; its own are {_school_may()}")
    wanted = merged(above, [body])
    reasons = {
        "shifts": all(_lies_in(one, above.all_shifts) for one in wanted.all_shifts),
        "paused": wanted.paused or not above.paused,
        "weekdays": set(wanted.weekdays) <= set(above.weekdays),
        "holidays": set(wanted.holidays) >= set(above.holidays),
        "quiet_weekdays": set(wanted.quiet_weekdays) <= set(above.quiet_weekdays),
        "quiet_start": _lies_in(
            Shift(start=wanted.quiet_start, end=wanted.quiet_end),
            (Shift(start=above.quiet_start, end=above.quiet_end),),
        ),
    }
    for name, is_narrower in reasons.items():
        if not is_narrower:
            raise NotAllowed(
                f"{name}: a school can pause and shorten its hours and days, not add to them: ask the education office"
            )


def _school_may() -> str:
    return ", ".join(sorted(SCHOOL_MAY))


def _lies_in(inner: Shift, outer: Iterable[Shift]) -> bool:
    start, length = timetable.window(inner.start, inner.end)
    for one in outer:
        first, within = timetable.window(one.start, one.end)
        if (start - first) % timetable.DAY_MINUTES + length <= within:
            return True
    return False


def scope_named(connection: Connection, name: str) -> Scope:
    """Return the scope of this name: country, region:KZ-75 or school:ID.

    Raises:
        NotFound: the registry has no such region or school that the viewer may see, or it is another word.
    """
    kind, _, which = name.partition(":")
    if name == "country":
        return COUNTRY
    if kind == "region" and which in schools.regions(connection):
        return Scope(which)
    if kind == "school":
        return Scope(schools.visible_school(connection, which).region_id, which)
    raise NotFound(f"there is no scope {name!r}; write country, region:CODE (as region:KZ-75) or school:ID")


def check_may_change(viewer: Viewer, scope: Scope) -> None:
    """See that somebody may change what is told to this scope; raises NotAllowed."""
    may = {
        "ministry": True,
        "admin": True,
        "region": bool(scope.region_id) and scope.region_id == viewer.scope,
        "school": bool(scope.school_id) and scope.school_id == viewer.scope,
    }
    if not may.get(viewer.role, False):
        raise NotAllowed(
            f"the role {viewer.role} cannot change {scope}: the ministry can, a region its own, a school part of it"
        )


def change(
    connection: Connection,
    scope: Scope,
    body: Mapping[str, Any],
    base: PolicySettings,
    *,
    who: Who,
    note: str,
    now: datetime,
) -> PolicyChange:
    """Set what a scope says from now on, instead of all that it said before.

    What the ministry or the region set for a school stays when the school itself changes its own part.

    Raises:
        SettingsError: a field is unknown or wrong.
        NotAllowed: a school wants more than it may.
    """
    policies.one_change_at_a_time(connection)
    known = policies.newest(connection, (COUNTRY, Scope(scope.region_id), scope))
    before = known[str(scope)].body if str(scope) in known else {}
    above = Book(base, known).above(scope)
    new = dict(body)
    checked(new, above)
    if who.role == "school":
        kept = {name: value for name, value in before.items() if name not in SCHOOL_MAY}
        check_narrower(new, merged(above, [kept]))
        new = kept | new
        checked(new, above)
    plain: dict[str, Any] = msgspec.to_builtins(new)
    kept_change = policies.keep(connection, scope, plain, who=who, note=note[:_LONGEST_NOTE], now=now)
    touched = {name for name in {*before, *plain} if before.get(name) != plain.get(name)}
    if touched & _JUDGED_BY:
        policies.touch_days(connection, scope, (now - _JUDGED_AGAIN).date())
    detail = {"version": kept_change.version, "fields": sorted(touched), "note": kept_change.note}
    audit.note(connection, who, "changed", f"policy of {scope}", now=now, detail=detail)
    return kept_change


def pause(
    connection: Connection, scope: Scope, base: PolicySettings, *, paused: bool, who: Who, now: datetime
) -> PolicyChange:
    """Stop what fills the line by itself in a scope, or let it go on as wider scopes say."""
    known = policies.newest(connection, (scope,))
    body = dict(known[str(scope)].body) if str(scope) in known else {}
    body.pop("paused", None)
    if who.role == "school":
        body = {name: value for name, value in body.items() if name in SCHOOL_MAY}
    if paused:
        body["paused"] = True
    return change(connection, scope, body, base, who=who, note="paused" if paused else "resumed", now=now)


def made(connection: Connection, school: SchoolRecord, base: PolicySettings, now: datetime) -> wire.Policy:
    """Return what the computers of a school are told."""
    settings = effective(connection, school, base)
    return policy.policy_for(school, settings, policy.inside_of(connection, school, settings, now))
