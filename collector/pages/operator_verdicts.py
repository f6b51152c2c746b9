"""Verdicts as pages: the list with its filters, and one verdict with all that it rests on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response
from msgspec import Struct

from agent.contract.errors import MalformedError
from collector.agreements.exclusions import kinds_of
from collector.context import Asker, Context, In, PageBy, PageByWhom, note_school
from collector.errors import NotFound
from collector.pack import gathering
from collector.pack.charts import Plot, plots
from collector.pack.contents import contents
from collector.pack.gathering import Asked, Case
from collector.pages import forms
from collector.pages.asking import speech
from collector.pages.drawing.halves import halves, key, scale
from collector.pages.operator_shared import (
    PAGE_ROWS,
    SENSES,
    SIGNS,
    STATES,
    Page,
    clean,
    countdown,
    may,
    numbered,
    pack_speech,
    today_of,
)
from collector.pages.rendering import html
from collector.store import agreements, schools, verdicts
from collector.store.database import Viewer
from collector.store.verdicts import PRELIMINARY, Line, Listed, Wanted
from collector.verdicts.facts import days_of
from collector.verdicts.verdict import State
from collector.words import NAMES, say

Text = str | None
_MOST_VERSION_DIGITS = 6
_ALL = "all"


class Section(Struct, frozen=True):
    """A part of the page: its heading, and what stands under it."""

    title: str | None
    blocks: list[dict[str, Any]]


def add(routes: APIRouter) -> None:
    """Add the routes."""
    _add_list(routes)
    _add_one(routes)


def _add_list(routes: APIRouter) -> None:
    @routes.get("/verdicts")
    def list_verdicts(
        context: In,
        viewer: PageBy,
        person: PageByWhom,
        month: Text = None,
        state: Text = None,
        region: Text = None,
        operator: Text = None,
        school: Text = None,
        page: Text = None,
    ) -> Response:
        region, operator, school = clean(region, operator, school)
        number = numbered(page)
        with context.database.reading(viewer) as connection:
            known = verdicts.months(connection)
            chosen = _month(month, known)
            wanted = Wanted(
                school=school,
                region=region,
                first=chosen,
                last=chosen,
                operator=operator,
                state=_state(state),
            )
            found, total = verdicts.listed(connection, wanted, limit=PAGE_ROWS, offset=(number - 1) * PAGE_ROWS)
            steps = agreements.steps(connection, agreements.Wanted(month=chosen))
            regions = schools.regions(connection)
            operators = schools.operators(connection)
        days, today = today_of(context)
        disputed = {_key(one.about) for one in steps}
        months = sorted({*known, *(one for one in (chosen, f"{today:%Y-%m}") if one is not None)}, reverse=True)
        return html(
            "operator/verdicts.html",
            person=person,
            wanted=wanted,
            month=chosen or _ALL,
            months=months,
            closed={name for name, at in known.items() if at is not None},
            rows=[(one, countdown(one, disputed, days, today)) for one in found],
            disputed=disputed,
            regions=regions,
            operators=sorted({*operators, *([operator] if operator else [])}, key=speech().sort_key),
            page=Page(number=number, total=total),
            synthetic=any(one.synthetic for one in found),
            pack=pack_speech(),
            **_words(),
        )


def _add_one(routes: APIRouter) -> None:
    @routes.get("/verdicts/{month}/{line}/{school_id:path}")
    def one_verdict(
        request: Request,
        context: In,
        viewer: PageBy,
        person: PageByWhom,
        month: str,
        line: str,
        school_id: str,
        operator: Text = None,
        version: Text = None,
        tests: Text = None,
    ) -> Response:
        clean(month, line, school_id, operator)
        known = _versions(context, viewer, Line(school_id, line), month, operator or None)
        note_school(context, person, school_id, page="verdict", month=month, line=line)
        if len({one.operator for one in known}) > 1:
            return html("operator/choose.html", person=person, month=month, line=line, school_id=school_id, rows=known)
        asked = Asked(school=school_id, month=month, line=line, operator=operator or None, version=_number(version))
        case = gathering.kept(context.database, viewer, asked, context.settings.policy)
        if tests == "yes":
            case = gathering.judged_again(context.database, case)
        return _page(request, context, person, case, known)


def _versions(context: Context, viewer: Viewer, line: Line, month: str, operator: str | None) -> list[Listed]:
    """Return all versions of a verdict; raises NotFound, which says what is missing."""
    if _readable(month) is None:
        raise NotFound(say("there is no such month; write it as 2026-10"))
    with context.database.reading(viewer) as connection:
        found = verdicts.versions(connection, line, month, operator)
        if found:
            return found
        school = schools.school(connection, line.school_id)
        terms = agreements.terms_of(connection, schools=[line.school_id])
    if school is None and not terms:
        raise NotFound(say("there is no verdict of this school that you may see; ids are text, leading zeros count"))
    if not terms:
        raise NotFound(
            say(
                "nobody recorded a contract of this school, so that nothing can be judged; the ministry or the region"
                " records it: netready-collector contracts import FILE.csv"
            )
        )
    raise NotFound(
        say("this line was not judged in this month: its contract began later, or the month's turn has not come yet")
    )


def _page(request: Request, context: Context, person: Asker, case: Case, known: Sequence[Listed]) -> Response:
    one, say_so = case.verdict, pack_speech()
    shown = contents(case, say_so)
    days, today = today_of(context)
    disputed = {_key(each.about) for each in case.disputes}
    behind = [] if case.judgement is None else plots(case.facts, case.judgement)
    return html(
        "operator/verdict.html",
        person=person,
        case=case,
        one=one,
        shown=shown,
        sections=list(_sections(shown["blocks"], behind)),
        versions=known,
        preliminary=one.version == PRELIMINARY,
        left=countdown(one, disputed, days, today),
        may_dispute=may(person, "agreements") and person.viewer.role == "operator",
        may_export=may(person, "export"),
        may_file=may(person, "agreements") and bool(kinds_of(person.viewer.role)),
        downloads=_downloads(one),
        languages_of_pack=NAMES,
        place=place_of(one),
        every_test=place(one.month, one.line, one.school, one.operator, one.version) + "&tests=yes",
        zone=context.zone,
        form_token=forms.token_for(request),
        pack=say_so,
        **_words(),
    )


def place_of(one: Listed) -> str:
    """Return where a verdict's page is."""
    return place(one.month, one.line, one.school, one.operator)


def place(month: str, line: str, school: str, operator: str, version: int | None = None) -> str:
    """Return where the page of a verdict is, or of one of its versions."""
    query = {"operator": operator} | ({} if version is None else {"version": str(version)})
    return f"/verdicts/{month}/{quote(line, safe='')}/{quote(school, safe='/')}?{urlencode(query)}"


def _downloads(one: Listed) -> dict[str, Any]:
    """Return where the evidence is: the bundle, and the pack in each language; the API answers whoever is logged in."""
    of = {"operator": one.operator, "version": one.version}
    bundle = urlencode({"school": one.school, "line": one.line, "month": one.month} | of)
    pack = "/".join(quote(each, safe="") for each in (one.school, one.line, one.month))
    return {
        "bundle": f"/api/v1/evidence/bundle?{bundle}",
        "packs": {
            language: f"/api/v1/sla/verdicts/{pack}/pack.pdf?{urlencode({'language': language} | of)}"
            for language in NAMES
        },
    }


def _sections(blocks: Sequence[Mapping[str, Any]], behind: Sequence[Plot]) -> Iterator[Section]:
    """Cut what the pack says at its headings, and draw its charts, each with the half hours behind it."""
    found = Section(None, [])
    pictures = iter(behind)
    for block in blocks:
        if block["kind"] == "heading":
            if found.blocks:
                yield found
            found = Section(block["text"], [])
            continue
        if block["kind"] == "chart":
            legend = [{"key": key(one["kind"]), "text": one["text"]} for one in block["legend"]]
            found.blocks.append({**block, "svg": halves(block, block["alt"]), "plot": next(pictures), "legend": legend})
        elif block["kind"] == "parts":
            cells = [[*row["cells"], scale(row["share"], row["bound"], row["limit"])] for row in block["rows"]]
            found.blocks.append({**block, "cells": cells, "head": [*block["head"], "● | ▼"]})
        else:
            found.blocks.append(dict(block))
    if found.blocks:
        yield found


def _key(about: Any) -> tuple[str, str, str, int, str]:
    return (about.school, about.line, about.month, about.version, about.operator)


def _month(text: str | None, known: Mapping[str, object]) -> str | None:
    """Return the month that is asked for; the newest closed one where none is, null for all of them."""
    if text == _ALL:
        return None
    if text:
        if _readable(text) is None:
            raise MalformedError(say("there is no such month; write it as 2026-10"))
        return text
    return max((month for month, at in known.items() if at is not None), default=None)


def _readable(month: str) -> str | None:
    try:
        days_of(month)
    except ValueError:
        return None
    return month if len(month) == len("2026-10") else None


def _state(text: str | None) -> State | None:
    return next((one for one in get_args(State) if one == text), None)


def _number(text: str | None) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > _MOST_VERSION_DIGITS:
        raise NotFound(say("there is no such version of this verdict"))
    return int(text)


def _words() -> dict[str, Any]:
    return {"signs": SIGNS, "states": STATES, "senses": SENSES}
