"""The page itself: one button, two gauges, the verdict with what to fix, the history, and this computer."""

import math
from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

import agent
from agent import budget
from agent.contract.measurement import Measurement, Unknown
from agent.contract.standards import Outcome
from agent.contract.wire import SchoolCard
from agent.page import judging
from agent.page.checking import Checked, Step, Trouble
from agent.page.gauge import filled, gauge
from agent.page.judging import Judged, Way
from agent.page.markup import Html, Part, inside, tag
from agent.page.speech import NAMES, Sentence, Tongue, megabits
from agent.page.standing import KEPT, Row, Standing
from agent.page.words import FRAME, LANGUAGES
from agent.status import Status

REFRESH_S = 3
_MEGABYTE = 1_000_000
_SIGNS: dict[Outcome, str] = {"PASS": "✓", "FAIL": "✗", "UNDECIDED": "?"}
_KINDS: dict[Outcome, str] = {"PASS": "yes", "FAIL": "no", "UNDECIDED": "unknown"}
_ENROLL = "netready-agent enroll --collector URL --token TOKEN"
_Seen = tuple[Measurement | Unknown, ...]


class View(Struct, frozen=True, kw_only=True):
    """Everything that one showing of the page depends on."""

    standing: Standing
    token: str
    step: Step | None = None
    outcome: Checked | Trouble | None = None
    pause_left_s: float = 0.0
    server: str | None = None
    done: tuple[Row, ...] = ()


class _Result(Struct, frozen=True, kw_only=True):
    """The session that is shown, and when it was."""

    at: datetime
    measurements: _Seen
    checked: Checked | None = None


def page(view: View, tongue: Tongue) -> str:
    """Return the whole page."""
    result = _result(view)
    judged = _judged(view, result)
    waits = REFRESH_S if view.step is not None else math.ceil(view.pause_left_s)
    body = (
        tag("h1", tongue.say("question")),
        _check(view, tongue, has_result=result is not None),
        _dials(view, judged, tongue),
        _verdict(view, result, judged, tongue) if judged is not None and result is not None else None,
        _history(view, tongue),
        _computer(view, tongue),
    )
    return _frame(body, tongue, view.standing.status, waits)


def refusal(key: str, tongue: Tongue) -> str:
    """Return the page that says why a request was not answered."""
    body = (
        tag("h1", tongue.say("refusal.title")),
        tag("p", tongue.say(f"refusal.{key}"), class_="lead"),
        tag(
            "p",
            tag("a", tongue.say("refusal.back"), href=f"/?lang={tongue.language}", class_="button"),
            class_="refused",
        ),
    )
    return _frame(body, tongue, None, 0)


def live(step: Step, standing: Standing, tongue: Tongue) -> dict[str, object]:
    """Return a step for the page's script: its words, and each gauge's figure and how full it is."""
    needs = {one.name: one.needed_bps for one in judging.needed(standing.target)}
    rates = {name: {"text": tongue.rate(bps), "filled": filled(bps, needs[name])} for name, bps in step.rates.items()}
    return {"step": _step(step, tongue), "share": step.share, "now": step.name, "rates": rates}


def _frame(body: Part, tongue: Tongue, status: Status | None, waits_s: int) -> str:
    head = (
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{tongue.say('title')} – netready"),
        tag("link", rel="icon", href="/static/icon.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href="/static/page.css"),
        tag("script", "", src="/static/page.js", defer=True),
        tag("noscript", tag("meta", http_equiv="refresh", content=str(waits_s))) if waits_s else None,
    )
    whole = (
        tag("a", tongue.say("skip"), href="#main", class_="skip"),
        tag("header", tag("span", "netready", class_="brand"), _school_line(status), _languages(tongue)),
        tag("main", body, id="main", tabindex="-1"),
        tag("footer", tag("p", tongue.say("footer")), tag("p", f"netready-agent {agent.__version__}")),
    )
    return "<!doctype html>\n" + inside(tag("html", tag("head", head), tag("body", whole), lang=tongue.language))


def _school_line(status: Status | None) -> Part:
    if status is None or status.school is None:
        return None
    room = (" · ", tag("bdi", status.room)) if status.room else None
    return tag("span", tag("bdi", status.school.name), room, class_="who")


def _languages(tongue: Tongue) -> Html:
    links = [
        tag(
            "a",
            NAMES[one],
            href=f"/?lang={one}",
            lang=one,
            hreflang=one,
            aria_current="true" if one == tongue.language else None,
        )
        for one in LANGUAGES
    ]
    return tag("nav", links, aria_label=tongue.say("language"), class_="languages")


def _result(view: View) -> _Result | None:
    """Return the newest session there is: the check just made, or a planned one that came after it."""
    checked = view.outcome if isinstance(view.outcome, Checked) else None
    newest = view.standing.newest
    if checked is not None and (newest is None or newest.at <= checked.at):
        return _Result(at=checked.at, measurements=checked.measurements, checked=checked)
    return None if newest is None else _Result(at=newest.at, measurements=newest.measurements)


def _judged(view: View, result: _Result | None) -> Judged | None:
    if result is None or view.step is not None:
        return None
    standing = view.standing
    return judging.judge(result.measurements, standing.target, standing.contract, standing.zone)


def _check(view: View, tongue: Tongue, *, has_result: bool) -> Html:
    if view.step is not None:
        return tag("section", _running(view.step, tongue), class_="check", id="check", data_running=True)
    return tag("section", _idle(view, tongue, has_result=has_result), class_="check", id="check")


def _running(step: Step, tongue: Tongue) -> Iterator[Part]:
    yield tag("p", tongue.say("running"), class_="running")
    yield tag("p", _step(step, tongue), id="step", role="status")
    share = None if step.share is None else round(step.share, 3)
    yield tag("progress", "", id="share", max="1", value=share, aria_label=tongue.say("running"))
    yield tag("p", tongue.say("lost"), id="lost", class_="wrong", hidden=True, role="alert")


def _idle(view: View, tongue: Tongue, *, has_result: bool) -> Iterator[Part]:
    standing, outcome = view.standing, view.outcome
    if isinstance(outcome, Trouble):
        key = "trouble" if outcome.word == "said" else f"trouble.{outcome.word}"
        yield tag("p", tongue.say(key), _detail(outcome.detail, tongue), class_="wrong", role="alert")
    if standing.trouble is not None:
        yield tag("p", tongue.say("unreadable"), _detail(standing.trouble, tongue), class_="wrong")
    if standing.status is not None and not standing.status.enrolled:
        yield tag("p", tongue.say("homeless"))
        yield tag("p", tag("code", _ENROLL))
        return
    yield _form(view, tongue, has_result=has_result)
    if view.pause_left_s > 0:
        seconds = math.ceil(view.pause_left_s)
        yield tag("p", tongue.say("pause", seconds=seconds), id="pause", class_="soft", data_seconds=seconds)
    if standing.is_busy:
        yield tag("p", tongue.say("busy.now"), class_="hint")
    yield tag("p", tongue.say("metered" if standing.is_metered else "about"), class_="soft")


def _form(view: View, tongue: Tongue, *, has_result: bool) -> Html:
    return tag(
        "form",
        tag("input", type="hidden", name="token", value=view.token),
        tag("input", type="hidden", name="lang", value=tongue.language),
        tag(
            "button",
            tongue.say("button.again" if has_result else "button"),
            id="begin",
            aria_disabled="true" if view.pause_left_s > 0 else None,
        ),
        method="post",
        action="/check",
    )


def _step(step: Step, tongue: Tongue) -> str:
    key = f"step.{step.name}"
    return tongue.say(key if key in FRAME else "step.engine")


def _dials(view: View, judged: Judged | None, tongue: Tongue) -> Html:
    ways = judged.ways if judged is not None else _ways_now(view)
    return tag("section", [_dial(way, tongue, is_live=view.step is not None) for way in ways], class_="dials")


def _ways_now(view: View) -> tuple[Way, ...]:
    rates = view.step.rates if view.step is not None else {}
    empty = judging.needed(view.standing.target)
    return tuple(Way(name=one.name, needed_bps=one.needed_bps, bps=rates.get(one.name)) for one in empty)


def _dial(way: Way, tongue: Tongue, *, is_live: bool) -> Html:
    kind = _KINDS[way.outcome] if way.outcome is not None else "live"
    unit = tongue.say("gauge.unit")
    value = tag("b", tongue.rate(way.bps) if way.bps is not None else "–", id=f"value-{way.name}")
    least = tag("span", tongue.say("gauge.least"), class_="soft") if way.at_least else None
    caption = (
        tag("span", least, value, tag("span", unit, class_="unit"), class_="speed"),
        tag("span", tongue.say(f"gauge.{way.name}"), class_="name"),
        tag("span", tongue.say("gauge.needed", rate=megabits(way.needed_bps)), class_="soft"),
        _state(way, tongue, is_live=is_live),
    )
    return tag(
        "figure", gauge(way.name, kind, way.bps, way.needed_bps), tag("figcaption", caption), class_=f"dial {kind}"
    )


def _state(way: Way, tongue: Tongue, *, is_live: bool) -> Part:
    if is_live:
        return None
    if way.outcome is None:
        return tag("span", tongue.say("gauge.none"), class_="state unknown")
    return tag("span", f"{_SIGNS[way.outcome]} {tongue.say(f'state.{way.outcome}')}", class_="state")


def _verdict(view: View, result: _Result, judged: Judged, tongue: Tongue) -> tuple[Part, ...]:
    kind = _KINDS[judged.outcome]
    sign = tag("span", _SIGNS[judged.outcome], class_="sign", aria_hidden="true")
    head = tag("h2", tongue.say(f"verdict.{judged.outcome}"), id="verdict-words")
    chip = tag("span", tongue.say(f"word.{judged.outcome}"), class_="chip")
    told = (
        tag("p", chip, " ", tag("span", tongue.say("last", moment=tongue.moment(result.at)), class_="soft")),
        [tag("p", tongue.sentence(one)) for one in judged.reasons],
        tag("p", _target(view.standing, tongue), class_="soft"),
    )
    box = tag("section", sign, tag("div", head, told), class_=f"verdict {kind}", aria_labelledby="verdict-words")
    return (
        box,
        _why(judged, tongue),
        _fixes(judged, tongue),
        _ending(result.checked, tongue),
        _figures(judged, tongue),
    )


def _target(standing: Standing, tongue: Tongue) -> str:
    target = standing.target
    if standing.is_floor or target.pupils is None:
        return tongue.say("floor")
    down, up = (megabits(one.needed_bps) for one in judging.needed(target))
    return tongue.say("target", pupils=target.pupils, down=down, up=up)


def _why(judged: Judged, tongue: Tongue) -> Part:
    if judged.cause is None:
        return None
    unsure = None if judged.is_sure else tag("p", tongue.say("unsure"), class_="soft")
    return tag("section", tag("h2", tongue.say("why")), tag("p", tongue.sentence(judged.cause)), unsure)


def _fixes(judged: Judged, tongue: Tongue) -> Part:
    if not judged.fixes:
        return None
    heading = tongue.say("fix.pass" if judged.outcome == "PASS" else "fix")
    rows = [tag("li", _sentence(one, tongue)) for one in judged.fixes]
    return tag("section", tag("h2", heading), tag("ol", rows, class_="fixes"))


def _sentence(one: Sentence, tongue: Tongue) -> Part:
    return (tongue.sentence(one), _detail(one.detail or "", tongue))


def _detail(detail: str, tongue: Tongue) -> Part:
    """Return what only exists in English, marked so for whoever hears the page."""
    if not detail:
        return None
    return tag("small", tongue.say("detail"), " ", tag("span", tag("bdi", detail), lang="en"), class_="detail")


def _ending(checked: Checked | None, tongue: Tongue) -> Part:
    if checked is None:
        return None
    return tag("p", tongue.say(checked.ending), _detail(checked.detail, tongue), class_="soft")


def _figures(judged: Judged, tongue: Tongue) -> Html:
    lines = tag("pre", "\n".join(judged.figures), lang="en", tabindex="0")
    return tag("details", tag("summary", tongue.say("figures")), lines)


def _history(view: View, tongue: Tongue) -> Html:
    rows = view.done or view.standing.rows
    broken = view.standing.broken
    about = tongue.say("history.about", count=KEPT) if rows else tongue.say("history.none")
    return tag(
        "section",
        tag("h2", tongue.say("history"), id="history"),
        tag("p", about, class_="soft"),
        tag("p", tongue.say("history.broken", count=broken), class_="hint") if broken else None,
        _table(rows, tongue) if rows else None,
    )


def _table(rows: tuple[Row, ...], tongue: Tongue) -> Html:
    unit = tag("small", tongue.say("gauge.unit"))
    heads = (
        tongue.say("history.when"),
        tongue.say("history.result"),
        (tongue.say("gauge.download"), " ", unit),
        (tongue.say("gauge.upload"), " ", unit),
    )
    head = tag("tr", [tag("th", one, scope="col") for one in heads])
    table = tag("table", tag("thead", head), tag("tbody", [_row(one, rows[0].at, tongue) for one in rows]))
    return tag("div", table, class_="scroll", role="region", aria_labelledby="history", tabindex="0")


def _row(row: Row, newest: datetime, tongue: Tongue) -> Html:
    state = f"{_SIGNS[row.outcome]} {tongue.say(f'state.{row.outcome}')}"
    key = f"trigger.{row.trigger}"
    started = tongue.say(key) if key in FRAME else row.trigger
    return tag(
        "tr",
        tag("th", tongue.moment(row.at, of=newest), tag("small", started), scope="row"),
        tag("td", tag("span", state, class_=f"state {_KINDS[row.outcome]}")),
        [tag("td", _speed(way, tongue), class_="number") for way in row.ways],
    )


def _speed(way: Way, tongue: Tongue) -> str:
    if way.bps is None:
        return "–"
    return f"≥ {tongue.rate(way.bps)}" if way.at_least else tongue.rate(way.bps)


def _computer(view: View, tongue: Tongue) -> Part:
    status = view.standing.status
    if view.server is not None:
        facts = tag("dl", _fact(tongue.say("server"), tag("bdi", view.server)))
        return tag("section", tag("h2", tongue.say("computer")), facts)
    if status is None or status.school is None:
        return None
    return tag(
        "section", tag("h2", tongue.say("computer")), _notes(status, tongue), tag("dl", [*_facts(status, tongue)])
    )


def _notes(status: Status, tongue: Tongue) -> Iterator[Part]:
    if status.revoked:
        yield tag("p", tongue.say("revoked"), _detail(status.revoked, tongue), class_="wrong")
    if status.trouble:
        yield tag("p", tongue.say("send.trouble"), _detail(status.trouble, tongue), class_="hint")
    if status.school is not None and status.school.synthetic:
        yield tag("p", tongue.say("synthetic"), class_="hint")


def _facts(status: Status, tongue: Tongue) -> Iterator[Part]:
    if status.school is not None:
        yield _fact(tongue.say("school"), _school(status.school))
    yield _fact(tongue.say("room"), tag("bdi", status.room) if status.room else tongue.say("room.none"))
    moment = tongue.moment(status.next_session) if status.next_session is not None else tongue.say("next.none")
    yield _fact(tongue.say("next"), moment)
    if status.outbox is not None:
        again = tongue.say("waiting.next", moment=tongue.moment(status.next_try)) if status.next_try else None
        yield _fact(tongue.say("waiting"), (str(status.outbox.reports), tag("small", again) if again else None))
        for name, count in (("refused", status.outbox.refused), ("dropped", status.outbox.dropped)):
            if count:
                yield _fact(tongue.say(name), str(count))
    if status.budget is not None:
        yield _fact(tongue.say("data"), _data(status.budget, tongue))
    yield _fact(tongue.say("collector"), tag("bdi", status.collector))


def _school(school: SchoolCard) -> tuple[Part, ...]:
    place = ", ".join(part for part in (school.district, school.region) if part)
    return (tag("bdi", school.name), tag("small", tag("bdi", school.id), (" · ", tag("bdi", place)) if place else None))


def _data(month: budget.Budget, tongue: Tongue) -> str:
    spent = round(month.spent_bytes / _MEGABYTE, 1)
    if month.limit_bytes is None:
        return tongue.say("data.spent", spent=spent)
    return tongue.say("data.of", spent=spent, limit=round(month.limit_bytes / _MEGABYTE, 1))


def _fact(name: str, value: Part) -> Html:
    return tag("div", tag("dt", name), tag("dd", value))
