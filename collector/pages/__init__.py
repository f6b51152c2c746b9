"""The same answers as HTML: plain pages that open on a slow school line, print well and need no script."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import jinja2
from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from agent.contract.causes import Evidence
from collector import coverage, rankings, readiness
from collector.context import In, PageBy
from collector.diagnosis import stored
from collector.periods import Period, before
from collector.store import figures, schools

PAGE_ROWS = 50
_FOLDER = Path(__file__).parent


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"mbit": _mbit, "percent": _percent, "figure": _figure}
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
        context: In, viewer: PageBy, name: str, period: str | None = None, region: str | None = None, page: int = 1
    ) -> Response:
        wanted = rankings.get(name)
        window = rankings.Window(context.period(period or None), region or None)
        with context.database.reading(viewer) as connection:
            rows = wanted.rows(connection, window)
            regions = schools.regions(connection)
        pages = max(1, -(-len(rows) // PAGE_ROWS))
        number = min(max(page, 1), pages)
        return _html(
            "ranking.html",
            name=name,
            ranking=wanted,
            window=window,
            regions=regions,
            periods=_recent(context, window.period),
            rows=rows[(number - 1) * PAGE_ROWS : number * PAGE_ROWS],
            page=number,
            pages=pages,
            summary=_summary(rows),
            synthetic=any(row.synthetic for row in rows),
            link=lambda **changes: _link(name, window, changes),
        )

    @routes.get("/schools/{school_id:path}")
    def school(context: In, viewer: PageBy, school_id: str, period: str | None = None) -> Response:
        when = context.period(period or None)
        with context.database.reading(viewer) as connection:
            found = schools.visible_school(connection, school_id)
            return _html(
                "school.html",
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
    return _html("docs.html", document=document)


def _html(template: str, **values: object) -> HTMLResponse:
    return HTMLResponse(_templates().get_template(template).render(**values))


def _link(name: str, window: rankings.Window, changes: dict[str, object]) -> str:
    query = {"period": window.period.label, "region": window.region_id, **changes}
    return f"/rankings/{name}?" + urlencode({key: value for key, value in query.items() if value is not None})


def _recent(context: In, chosen: Period) -> list[str]:
    """Return the period looked at and the last five quarters, newest first."""
    quarter = context.period(None)
    labels = [quarter.label]
    for _ in range(4):
        quarter = before(quarter, context.zone)
        labels.append(quarter.label)
    return labels if chosen.label in labels else [chosen.label, *labels]


def _summary(rows: Sequence[rankings.Row]) -> dict[str, int]:
    """Count schools by their answer, whether the rows are schools or groups of them."""
    groups = [row for row in rows if isinstance(row, rankings.GroupRow)]
    if groups:
        ready, judged = sum(row.ready for row in groups), sum(row.judged for row in groups)
        off = sum(row.not_connected for row in groups)
        return {"schools": sum(row.schools for row in groups), "ready": ready, "below": judged - ready, "off": off}
    words = {True: "ready", False: "not ready", None: ""}
    states = Counter(getattr(row, "state", words[row.meets]) for row in rows)
    return {
        "schools": len(rows),
        "ready": states["ready"],
        "below": states["not ready"],
        "off": states["not connected"],
    }
