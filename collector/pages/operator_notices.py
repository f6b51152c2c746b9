"""Notices as pages: who is told of breaches, disputes and silence, where, and what became of each message."""

from collections.abc import Mapping

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from agent.contract.errors import SettingsError
from collector.context import Asker, Context, In, PageByWhom
from collector.notices import subscribing
from collector.notices.errors import NoticeError
from collector.notices.subscribing import Holder, Subscribed, Wish
from collector.pages import forms
from collector.pages.forms import Posted
from collector.pages.operator_shared import PAGE_ROWS, Page, Wrong, check_text, known_id, may, numbered, wrong_of
from collector.pages.rendering import html
from collector.store import notices
from collector.store.database import Viewer
from collector.store.notices import KINDS as ALL_KINDS
from collector.words import mark, say

Text = str | None
KINDS = {
    "breach.opened": mark("a line broke its contract"),
    "breach.continuing": mark("it went on breaking it"),
    "breach.ended": mark("it keeps its contract again"),
    "breach.withdrawn": mark("a verdict is no breach any more"),
    "dispute.opened": mark("a verdict is disputed"),
    "dispute.withdrawn": mark("a dispute was withdrawn"),
    "dispute.decided": mark("a dispute was decided"),
    "dispute.due": mark("a deadline is near"),
    "dispute.overdue": mark("a deadline has passed"),
    "school.silent": mark("a school fell silent"),
    "school.heard": mark("a school is heard again"),
    "test": mark("a test"),
}
STATES = {"waiting": mark("waits"), "delivered": mark("delivered"), "dead": mark("given up")}
SIGNS = {"waiting": "◐", "delivered": "✔", "dead": "✘"}
SENSES = {"waiting": "unknown", "delivered": "yes", "dead": "no"}
CHANNELS = {"webhook": mark("webhook"), "email": mark("email")}
_MOST_NAME, _MOST_ADDRESS = 128, 2_000


def add(routes: APIRouter) -> None:
    """Add the routes."""
    _add_list(routes)
    _add_changes(routes)


def _add_list(routes: APIRouter) -> None:
    @routes.get("/notices")
    def list_notices(
        request: Request, context: In, person: PageByWhom, page: Text = None, tested: Text = None
    ) -> Response:
        person.require("read")
        return _page(request, context, person, number=numbered(page), was_tested=tested == "yes")


def _add_changes(routes: APIRouter) -> None:
    @routes.post("/notices")
    def subscribe(request: Request, context: In, person: PageByWhom, fields: Posted) -> Response:
        person.require("notices")
        typed = {name: fields.get(name, "").strip() for name in ("name", "channel", "address")}
        kinds = tuple(kind for kind in KINDS if fields.get(f"kind.{kind}") == "yes")
        wrong = _check(typed)
        if wrong:
            return _page(request, context, person, typed=typed, kinds=kinds, wrong=wrong)
        try:
            made = _subscribe(context, person, typed, kinds)
        except (NoticeError, SettingsError) as error:
            wrong = {"address": wrong_of(error, {})[""]}
            return _page(request, context, person, typed=typed, kinds=kinds, wrong=wrong)
        if made.secret is None:
            return RedirectResponse("/notices", status_code=303)
        return html("operator/subscribed.html", person=person, made=made)

    @routes.post("/notices/{subscriber_id}/end")
    def end(context: In, person: PageByWhom, _fields: Posted, subscriber_id: str) -> Response:
        person.require("notices")
        with context.database.reading(person.viewer) as connection:
            ended = notices.subscribers(connection, subscriber_id=known_id(subscriber_id), with_ended=True)
            if ended and ended[0].ended_at is not None:
                return RedirectResponse("/notices", status_code=303)  # sent twice
            found = subscribing.one_of(connection, known_id(subscriber_id), person.viewer)
        with context.database.ingesting() as connection:
            subscribing.end(connection, found, who=person.who(), now=context.now())
        return RedirectResponse("/notices", status_code=303)

    @routes.post("/notices/{subscriber_id}/test")
    def test(context: In, person: PageByWhom, _fields: Posted, subscriber_id: str) -> Response:
        person.require("notices")
        with context.database.reading(person.viewer) as connection:
            found = subscribing.one_of(connection, known_id(subscriber_id), person.viewer)
            waiting, _ = notices.deliveries(connection, subscriber_id, "waiting", limit=PAGE_ROWS, offset=0)
        if all(one.kind != "test" for one in waiting):  # else it was sent twice
            with context.database.ingesting() as connection:
                subscribing.test(connection, found, who=person.who(), now=context.now())
        return RedirectResponse("/notices?tested=yes", status_code=303)


def _check(typed: Mapping[str, str]) -> Wrong:
    wrong = {**check_text(typed, "name", _MOST_NAME), **check_text(typed, "address", _MOST_ADDRESS)}
    if any(ord(letter) < 32 for letter in typed["name"]):
        wrong["name"] = say("a text here holds a character that nobody can read")
    if typed["channel"] not in CHANNELS:
        wrong["channel"] = say("choose one")
    return wrong


def _subscribe(context: Context, person: Asker, typed: Mapping[str, str], kinds: tuple[str, ...]) -> Subscribed:
    wish = msgspec.convert({**typed, "kinds": kinds}, Wish)
    holder = Holder("token", person.name) if person.login is None else Holder("account", person.login.session.name)
    with context.database.ingesting() as connection:
        return subscribing.subscribe(
            connection,
            wish,
            person.viewer,
            context.settings.notices,
            who=person.who(),
            now=context.now(),
            holder=holder,
        )


def _page(
    request: Request,
    context: Context,
    person: Asker,
    *,
    number: int = 1,
    was_tested: bool = False,
    typed: Mapping[str, str] | None = None,
    kinds: tuple[str, ...] = (),
    wrong: Wrong | None = None,
) -> Response:
    with context.database.reading(person.viewer) as connection:
        told = notices.subscribers(connection, with_ended=True)
        sent, total = notices.deliveries(connection, None, None, limit=PAGE_ROWS, offset=(number - 1) * PAGE_ROWS)
    mine = Viewer(person.viewer.role, person.viewer.scope)
    return html(
        "operator/notices.html",
        409 if wrong else 200,
        person=person,
        told=[one for one in told if one.ended_at is None],
        ended=[one for one in told if one.ended_at is not None],
        own={one.id for one in told if Viewer(one.role, one.scope) == mine or mine.role in ("ministry", "admin")},
        names={one.id: one.name for one in told},
        sent=sent,
        page=Page(number=number, total=total),
        was_tested=was_tested,
        typed={"name": "", "channel": "webhook", "address": "", **(typed or {})},
        chosen=kinds,
        wrong=wrong or {},
        may_change=may(person, "notices"),
        has_mail=context.settings.notices.smtp_host is not None,
        kinds=[kind for kind in ALL_KINDS if kind != "test"],
        kind_words=KINDS,
        states=STATES,
        signs=SIGNS,
        senses=SENSES,
        channels=CHANNELS,
        zone=context.zone,
        form_token=forms.token_for(request),
    )
