"""The same answers as HTML: plain pages that open on a slow school line, print well and need no script."""

from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import jinja2
from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from agent.contract.causes import Evidence
from collector import coverage, rankings, readiness
from collector.absences import Absence
from collector.context import Asker, In, PageBy, PageByWhom, note_school
from collector.diagnosis import stored
from collector.periods import Period, before
from collector.store import figures, schools

PAGE_ROWS = 50
_MOST_PAGES = 10_000
_FOLDER = Path(__file__).parent
_ABSENCES: dict[Absence, str] = {
    "line_down": "the line was down",
    "collector_down": "the collector was down",
    "agent_broken": "the agent did not work",
    "not_tested": "no test was due",
    "power_cut": "power cut",
    "asleep": "computers asleep",
    "computers_off": "computers off",
    "unheard": "not heard of yet",
    "no_computer": "no computer reports",
}


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"mbit": _mbit, "percent": _percent, "figure": _figure, "sentence": _sentence}
    environment.globals["absence"] = _ABSENCES
    environment.globals["menu"] = [(name, rankings.get(name).title) for name in rankings.names()]
    return environment


def _mbit(bps: float | None) -> str:
    """Return a rate in Mbit/s as people read it, a dash where it is not known."""
    if bps is None:
        return "–"
    rate = bps / 1e6
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.1f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _sentence(said: object) -> str:
    """Return an error as a sentence of its own."""
    text = str(said)
    return text[:1].upper() + text[1:] + "."


def _figure(one: Evidence) -> str:
    """Return a figure with what it was held against."""
    if one.unit == "mark":
        return "yes"
    if one.unit == "bit/s":
        held = "" if one.threshold is None else f" (held against {_mbit(one.threshold)})"
        return f"{_mbit(one.value)} Mbit/s{held}"
    held = "" if one.threshold is None else f" (held against {one.threshold:g})"
    return f"{one.value:.3g} {one.unit}{held}"


def error_page(status: int, detail: str) -> str:
    """Return a page that says what is wrong and what to do."""
    return _templates().get_template("error.html").render(status=status, detail=detail)


def router() -> APIRouter:
    """Return the pages' routes; they are not part of the API and not in its document."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def start() -> Response:
        return RedirectResponse("/rankings/schools", status_code=307)

    @routes.get("/static/netready.css")
    def style() -> Response:
        text = (_FOLDER / "static" / "netready.css").read_text(encoding="utf-8")
        return Response(text, media_type="text/css", headers={"cache-control": "max-age=3600"})

    @routes.get("/rankings/{name}")
    def ranking(
        context: In,
        viewer: PageBy,
        person: PageByWhom,
        name: str,
        period: str | None = None,
        region: str | None = None,
        district: str | None = None,
        operator: str | None = None,
        technology: str | None = None,
        state: str | None = None,
        page: int = 1,
    ) -> Response:
        wanted = rankings.get(name)
        number = min(max(page, 1), _MOST_PAGES)
        window = rankings.Window(
            context.period(period or None),
            region or None,
            district=district or None,
            operator=operator or None,
            technology=technology or None,
            state=state or None,
            limit=PAGE_ROWS,
            offset=(number - 1) * PAGE_ROWS,
        )
        context.catch_up(window.period if wanted.rests_on_findings else None)
        with context.database.reading(viewer) as connection:
            found = wanted.ranked(connection, window)
            regions = schools.regions(connection)
        pages = max(1, -(-found.total // PAGE_ROWS))
        return html(
            "ranking.html",
            person=person,
            name=name,
            ranking=wanted,
            window=window,
            regions=regions,
            periods=_recent(context, window.period),
            rows=found.rows,
            page=number,
            pages=pages,
            summary=found.counted,
            synthetic=found.synthetic,
            link=lambda **changes: _link(name, window, changes),
        )

    @routes.get("/schools/{school_id:path}")
    def school(context: In, viewer: PageBy, person: PageByWhom, school_id: str, period: str | None = None) -> Response:
        when = context.period(period or None)
        context.catch_up()
        with context.database.reading(viewer) as connection:
            found = schools.visible_school(connection, school_id)
            note_school(context, person, school_id, page=True, period=when.label)
            return html(
                "school.html",
                person=person,
                judged=readiness.of_school(connection, found, when),
                diagnosis=stored.of_school(connection, found, when, for_operator=viewer.role == "operator"),
                region=schools.regions(connection)[found.region_id],
                period=when,
                zone=context.zone,
                covered=None if viewer.role == "operator" else coverage.of_school(connection, found, when),
                tests=figures.school_tests(connection, school_id, when),
                failures=figures.school_failures(connection, school_id, when, limit=20),
            )

    return routes


def documentation(document: dict[str, object]) -> Response:
    """Return the API's document as a page of our own: the usual viewers load scripts from third parties."""
    return html("docs.html", document=document)


def html(template: str, status: int = 200, *, person: Asker | None = None, **values: object) -> HTMLResponse:
    """Return a page; what somebody sees who is logged in stays in no browser's cache."""
    kept = {"cache-control": "no-store"} if person is not None and person.login is not None else None
    return HTMLResponse(_templates().get_template(template).render(person=person, **values), status, kept)


def _link(name: str, window: rankings.Window, changes: dict[str, object]) -> str:
    query = {
        "period": window.period.label,
        "region": window.region_id,
        "district": window.district,
        "operator": window.operator,
        "technology": window.technology,
        "state": window.state,
        **changes,
    }
    return f"/rankings/{name}?" + urlencode({key: value for key, value in query.items() if value is not None})


def _recent(context: In, chosen: Period) -> list[str]:
    """Return the period looked at and the last five quarters, newest first."""
    quarter = context.period(None)
    labels = [quarter.label]
    for _ in range(4):
        quarter = before(quarter, context.zone)
        labels.append(quarter.label)
    return labels if chosen.label in labels else [chosen.label, *labels]
