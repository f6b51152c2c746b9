"""Templates, in the language of the request: what they can say, how figures look, and the frame around them."""

import hashlib
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

from agent.contract.causes import Evidence
from collector.absences import Absence
from collector.context import Asker
from collector.pages import menu
from collector.pages.asking import asked, speech
from collector.words import LANGUAGES, NAMES, Sentence, mark, say

FOLDER = Path(__file__).parent
_DASH = "–"
ABSENCES: dict[Absence, str] = {
    "line_down": mark("the line was down"),
    "collector_down": mark("the collector was down"),
    "agent_broken": mark("the agent did not work"),
    "not_tested": mark("no test was due"),
    "power_cut": mark("power cut"),
    "asleep": mark("computers asleep"),
    "computers_off": mark("computers off"),
    "unheard": mark("not heard of yet"),
    "no_computer": mark("no computer reports"),
}


def html(template: str, status: int = 200, *, person: Asker | None = None, **values: object) -> HTMLResponse:
    """Return a page; what somebody sees who is logged in stays in no browser's cache."""
    kept = {"cache-control": "no-store"} if person is not None and person.login is not None else None
    return HTMLResponse(_templates().get_template(template).render(person=person, **values), status, kept)


def error_page(status: int, detail: Sentence | str) -> str:
    """Return a page that says what is wrong and what to do."""
    return (
        _templates()
        .get_template("error.html")
        .render(status=status, headline=HEADLINES.get(status, _OTHER), detail=detail, person=None)
    )


@cache
def asset(name: str) -> str:
    """Return the address of a file of ours; another content has another address, so that browsers may keep it."""
    digest = hashlib.sha256((FOLDER / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "mbit": mbit,
        "percent": percent,
        "number": _number,
        "fixed": _fixed,
        "day": _day,
        "moment": _moment,
        "clock": _clock,
        "month": _month,
        "period": _period,
        "figure": _figure,
        "sentence": _sentence,
        "said": _said,
        "is_known": _is_known,
    }
    environment.globals |= {
        "_": _say,
        "n_": _count,
        "asset": asset,
        "code": lambda text: Markup("<code>{}</code>").format(text),
        "asked": asked,
        "languages": [(language, NAMES[language]) for language in LANGUAGES],
        "absence": ABSENCES,
        "menu_of": menu.of,
        "home_of": menu.home,
    }
    return environment


def _say(text: str, /, **values: Any) -> Markup:
    """Say a text in the page's language; whatever fills its gaps is escaped."""
    return _filled(speech().text(text), values)


def _count(one: str, many: str, count: int, /, **values: Any) -> Markup:
    return _filled(speech().plural(one, many, count), {"n": count, **values})


def _filled(text: str, values: dict[str, Any]) -> Markup:
    tongue = speech()
    return escape(text).format(**{name: tongue.value(value) for name, value in values.items()})


def _said(what: Sentence | str | None) -> str:
    return _DASH if what is None else speech().said(what)


def _period(label: str) -> str:
    """Return what people call a period."""
    year, _, part = label.partition("-")
    if part.startswith("Q"):
        return _said(say("quarter {quarter} of {year}", quarter=part[1:], year=year))
    return speech().month(label) if part else _said(say("the year {year}", year=year))


def mbit(bps: float | None) -> str:
    """Return a rate in Mbit/s as people read it, a dash where it is not known."""
    if bps is None:
        return _DASH
    rate = bps / 1e6
    return speech().fixed(rate, 0 if rate >= 100 else 1)


def percent(share: float | None) -> str:
    """Return a share in whole percent, a dash where it is not known."""
    return _DASH if share is None else speech().share(share, 0)


def _number(value: float | None, places: int = 0) -> str:
    return _DASH if value is None else speech().number(value, places)


def _fixed(value: float | None, places: int = 1) -> str:
    return _DASH if value is None else speech().fixed(value, places)


def _day(value: date | None) -> str:
    return _DASH if value is None else speech().day(value)


def _moment(value: datetime | None) -> str:
    """Return a moment to the minute; it is given in the zone in which it is to be read."""
    return _DASH if value is None else speech().moment(value)


def _clock(value: datetime) -> str:
    return speech().clock(value)


def _month(name: str) -> str:
    return speech().month(name)


def _sentence(said: object) -> str:
    """Return an error as a sentence of its own."""
    what = said_by(said) if isinstance(said, Exception) else said
    text = speech().said(what) if isinstance(what, Sentence) else speech().text(str(what))
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def said_by(error: Exception) -> Sentence | str:
    """Return what an error says: a sentence for each language, or English."""
    return error.args[0] if error.args and isinstance(error.args[0], Sentence) else str(error)


def _is_known(english: str) -> bool:
    """Tell whether a text is said in the page's language; others have to be marked as English."""
    return speech().language == "en" or speech().text(english) != english


def _figure(one: Evidence) -> str:
    """Return a figure with what it was held against."""
    if one.unit == "mark":
        return speech().say("yes")
    if one.unit == "bit/s":
        value, held = _say("{rate} Mbit/s", rate=mbit(one.value)), mbit(one.threshold)
    else:
        value, held = Markup("{} {}").format(_number(one.value, 3), one.unit), _number(one.threshold, 3)
    return value if one.threshold is None else _say("{value} (held against {limit})", value=value, limit=held)


HEADLINES: dict[int, Sentence] = {
    400: say("This cannot be used"),
    401: say("Who are you?"),
    403: say("Not allowed"),
    404: say("Not found"),
    409: say("This does not fit what is stored"),
    429: say("Too often"),
    503: say("Busy"),
}
_OTHER = say("This did not work")
