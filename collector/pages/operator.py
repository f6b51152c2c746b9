"""The telecom operator's pages: its contracts at a glance, what it promised, and the routes of all its other pages."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response
from markupsafe import Markup
from msgspec import Struct

from agent.contract.errors import MalformedError
from collector.agreements import contracts, disputes, exclusions
from collector.agreements.contracts import HeldContract
from collector.agreements.disputes import ListedDispute
from collector.context import Context, In, PageBy, PageByWhom, note_school
from collector.errors import NotFound
from collector.pages import operator_disputes, operator_exclusions, operator_notices, operator_verdicts
from collector.pages.asking import speech
from collector.pages.drawing import months, svg
from collector.pages.drawing.months import Bar
from collector.pages.operator_shared import (
    PAGE_ROWS,
    SENSES,
    SIGNS,
    STATES,
    Countdown,
    Page,
    clean,
    countdown,
    numbered,
    pack_speech,
    today_of,
)
from collector.pages.rendering import html
from collector.store import agreements, schools, verdicts
from collector.store.agreements import ContractsWanted
from collector.store.database import Connection, Viewer
from collector.store.verdicts import Count, Listed
from collector.verdicts.facts import named, number_of
from collector.verdicts.standard import shipped_standard
from collector.verdicts.verdict import State
from collector.words import say

_SHOWN_MONTHS = 12
_SHOWN_MONTHS_OF_ALL = 6  # of a whole country a year is read for most of a second
_FEW = 10
_MOST_OPEN = 200
_TICKS = 4
Text = str | None


class Accused(Struct, frozen=True):
    """A verdict that can still be disputed, and for how long."""

    verdict: Listed
    left: Countdown


def router() -> APIRouter:
    """Return the routes of all the operator's pages."""
    routes = APIRouter(include_in_schema=False)
    _add_overview(routes)
    _add_contracts(routes)
    for one in (operator_verdicts, operator_exclusions, operator_disputes, operator_notices):
        one.add(routes)
    return routes


def _add_overview(routes: APIRouter) -> None:
    @routes.get("/operator")
    def overview(context: In, viewer: PageBy, person: PageByWhom, operator: Text = None) -> Response:
        (asked_for,) = clean(operator)
        operator = viewer.scope if viewer.role == "operator" else asked_for
        with context.database.reading(viewer) as connection:
            return html("operator/overview.html", person=person, **_glance(context, connection, viewer, operator))


def _glance(context: Context, connection: Connection, viewer: Viewer, operator: str | None) -> dict[str, Any]:
    days, today = today_of(context)
    current = f"{today:%Y-%m}"
    shown = _SHOWN_MONTHS if operator is not None else _SHOWN_MONTHS_OF_ALL
    first = named(number_of(current) - shown + 1)
    counted = verdicts.counts(connection, first, current, operator)
    closed = max((month for month, at in verdicts.months(connection).items() if at is not None), default=None)
    listed = disputes.listed(connection, agreements.Wanted(operator=operator), days=days, now=context.now())
    open_ones = _accusing(connection, operator, named(number_of(current) - 2), closed)
    found = exclusions.listed(connection, school=None, begins=None, ends=None)
    claims = sum(one.state == "claimed" and operator in (None, one.operator) for one in found)
    return {
        "operator": operator,
        "is_own": viewer.role == "operator",
        "months": [(month, _of_month(counted, month)) for month in (closed, current) if month is not None],
        "closed": closed,
        "current": current,
        "chart": _chart(counted, operator),
        "by_month": _by_month(counted),
        "operators": sorted({one.operator for one in counted}, key=speech().sort_key),
        "breaches": [one for one in open_ones if (one.month, one.state) == (closed, "breach")][:_FEW],
        "breaches_total": 0 if closed is None else _of_month(counted, closed)["breach"],
        "accused": _accused(context, open_ones, listed),
        "waiting": [one for one in listed if one.standing.waits_for is not None],
        "claims": claims,
        "has_contracts": agreements.schools_with_terms(
            connection, ContractsWanted(operator=operator), limit=1, offset=0
        )[1],
        "synthetic": any(one.synthetic for one in counted),
        "colours": months.COLOURS,
        "key": svg.key,
        **_words(),
    }


def _accusing(connection: Connection, operator: str | None, first: str, closed: str | None) -> list[Listed]:
    """Return the newest verdicts that accuse a line, until the newest month that is closed, breaches first."""
    states: tuple[State, ...] = ("breach", "watch") if closed is not None else ()
    wanted = [
        verdicts.Wanted(first=min(first, str(closed)), last=closed, operator=operator, state=one) for one in states
    ]
    return [one for each in wanted for one in verdicts.listed(connection, each, limit=_MOST_OPEN, offset=0)[0]]


def _accused(context: Context, accusing: list[Listed], listed: list[ListedDispute]) -> list[Accused]:
    """Return the verdicts that can still be disputed, the most urgent first."""
    days, today = today_of(context)
    about = [one.dispute.about for one in listed]
    known = {(one.school, one.line, one.month, one.version, one.operator) for one in about}
    left = ((one, countdown(one, known, days, today)) for one in accusing)
    found = [Accused(one, until) for one, until in left if until is not None]
    return sorted(found, key=lambda one: (one.left.until, one.verdict.state, one.verdict.school, one.verdict.line))


def _of_month(counted: list[Count], month: str) -> dict[str, int]:
    found = dict.fromkeys(STATES, 0)
    for one in counted:
        if one.month == month:
            found[one.state] += one.lines
    return found


def _by_month(counted: list[Count]) -> list[tuple[str, dict[str, int]]]:
    return [(month, _of_month(counted, month)) for month in sorted({one.month for one in counted}, reverse=True)]


def _chart(counted: list[Count], operator: str | None) -> Markup | None:
    """Return the months as a drawing; null where there is nothing to compare."""
    shown = list(reversed(_by_month(counted)))
    if not shown:
        return None
    tongue = speech()
    most = max(sum(lines.values()) for _, lines in shown)
    query = "" if operator is None else f"&operator={quote(operator, safe='')}"
    bars = [
        Bar(
            name=f"{month[5:]}.{month[2:4]}",
            place=f"/verdicts?month={month}{query}",
            label=tongue.say("Verdicts of {month}", month=tongue.month(month)),
            lines=lines,
        )
        for month, lines in shown
    ]
    step = -(-most // _TICKS)
    figures = [tongue.number(step * number) for number in range(_TICKS + 1)] if most >= _TICKS else ["0", str(most)]
    title = tongue.say("How the lines came out, month by month; the figures are in the table below")
    return months.months(bars, title, figures, step * _TICKS if most >= _TICKS else most)


def _words() -> dict[str, Any]:
    return {"signs": SIGNS, "states": STATES, "senses": SENSES}


def _add_contracts(routes: APIRouter) -> None:
    @routes.get("/contracts")
    def list_contracts(
        context: In,
        viewer: PageBy,
        person: PageByWhom,
        school: Text = None,
        region: Text = None,
        operator: Text = None,
        missing: Text = None,
        page: Text = None,
    ) -> Response:
        school, region, operator = clean(school, region, operator)
        wanted = ContractsWanted(school_id=school, region=region, operator=operator, missing=missing == "yes")
        number = numbered(page)
        with context.database.reading(viewer) as connection:
            ids, total = agreements.schools_with_terms(
                connection, wanted, limit=PAGE_ROWS, offset=(number - 1) * PAGE_ROWS
            )
            held = contracts.of_schools(connection, ids, operator=operator, zone=context.zone, now=context.now())
            names = {one.school_id: one for one in schools.schools_by_id(connection, ids)}
            regions = schools.regions(connection)
            return html(
                "operator/contracts.html",
                person=person,
                wanted=wanted,
                rows=[(school_id, names.get(school_id), _shown(held[school_id])) for school_id in ids],
                regions=regions,
                operators=sorted(schools.operators(connection), key=speech().sort_key),
                page=Page(number=number, total=total),
                synthetic=any(one.synthetic for one in names.values()),
            )

    @routes.get("/contracts/{line}/{school_id:path}")
    def one_line(context: In, viewer: PageBy, person: PageByWhom, line: str, school_id: str) -> Response:
        clean(line, school_id)
        with context.database.reading(viewer) as connection:
            found = schools.school(connection, school_id)
            every = contracts.of_schools(connection, [school_id], operator=None, zone=context.zone, now=context.now())
            held = [one for one in every[school_id] if one.line == line]
            if not held and found is None:
                raise NotFound(say("there is no contract of this line that you may see"))
            wanted = verdicts.Wanted(school=school_id, line=line)
            judged, _ = verdicts.listed(connection, wanted, limit=_SHOWN_MONTHS, offset=0)
            regions = schools.regions(connection)
        note_school(context, person, school_id, page="contract", line=line)
        return html(
            "operator/contract.html",
            person=person,
            school=found,
            school_id=school_id,
            region=None if found is None else regions.get(found.region_id),
            line=line,
            held=sorted(held, key=_age, reverse=True),
            standing=next((one for one in held if one.state == "holds"), None),
            judged=judged,
            rules=shipped_standard().rules,
            zone=context.zone,
            pack=pack_speech(),
            **_words(),
        )


def _shown(held: list[HeldContract]) -> list[HeldContract]:
    """Return of each contract the record that counts, those that hold first."""
    order = {"holds": 0, "not yet": 1, "ended": 2, "amended": 3}
    found = [one for one in held if one.state != "amended"]
    return sorted(found, key=lambda one: (order.get(one.state, 9), one.line or ""))


def _age(one: HeldContract) -> tuple[datetime, int]:
    if one.terms is None:
        raise MalformedError("a record of a contract without its terms")
    return one.terms.recorded_at, one.terms.number
