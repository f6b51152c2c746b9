"""Disputes of verdicts as pages: which there are and how long they have, opening one, its steps and the answer."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import get_args
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from agent.contract.errors import NetreadyError
from collector.agreements import disputes
from collector.agreements.disputes import Decision, ListedDispute, Objection, Occasion, Piece
from collector.agreements.exclusions import Filing
from collector.context import Asker, Context, In, PageBy, PageByWhom, note
from collector.errors import NotAllowed, NotFound
from collector.pages import forms
from collector.pages.asking import speech
from collector.pages.forms import File, Posted, TooLarge
from collector.pages.operator_shared import (
    PAGE_ROWS,
    Page,
    Wrong,
    check_text,
    clean,
    known_id,
    may,
    moment,
    numbered,
    pack_speech,
    today_of,
    wrong_of,
)
from collector.pages.operator_verdicts import place
from collector.pages.rendering import html
from collector.store import agreements, schools, verdicts
from collector.store.agreements import Wanted
from collector.store.verdicts import Line, Listed
from collector.verdicts.disputes import OUTCOMES, Attached, Dispute, Disputed, Outcome, id_of
from collector.verdicts.errors import AgreementError, Ended, TooLate
from collector.verdicts.exclusions import KINDS
from collector.words import Sentence, mark, say

Text = str | None
STATES = {"open": mark("not decided yet"), "withdrawn": mark("withdrawn"), "decided": mark("decided")}
OUTCOME_WORDS = {
    "upheld": mark("what the operator claims is true"),
    "partly": mark("what the operator claims is partly true"),
    "rejected": mark("what the operator claims is not true"),
}
ACTIONS = {
    "opened": mark("opened"),
    "evidence": mark("evidence was given"),
    "withdrawn": mark("withdrawn"),
    "decided": mark("decided"),
}
_MOST_TEXT = 2_000  # typed in Kazakh, a letter takes six bytes of a form
_DECIDERS = ("ministry", "admin")
_BESIDE_FILE = 128 * 1024  # of a form: the other fields
# What opens as a document and is none of the computer's programs; all else gets an ending that nothing opens.
_DOCUMENTS = re.compile(
    r"\.(csv|docx?|eml|gz|heic|jpe?g|json|log|mp4|od[st]|p7s|pcap(ng)?|pdf|png|pptx|rtf|sig|tiff?|txt|webp|xlsx?|xml|zip)$",
    re.IGNORECASE,
)
_CHOSEN = "file.chosen"
_Work = Callable[[Dispute, Occasion], None]


def add(routes: APIRouter) -> None:
    """Add the routes."""
    _add_list(routes)
    _add_new(routes)
    _add_one(routes)
    _add_steps(routes)


def _add_list(routes: APIRouter) -> None:
    @routes.get("/disputes")
    def list_disputes(
        context: In,
        viewer: PageBy,
        person: PageByWhom,
        state: Text = None,
        school: Text = None,
        operator: Text = None,
        month: Text = None,
        page: Text = None,
    ) -> Response:
        school, operator, month = clean(school, operator, month)
        days, _ = today_of(context)
        wanted = Wanted(school=school, operator=operator, month=month)
        with context.database.reading(viewer) as connection:
            every = disputes.listed(connection, wanted, days=days, now=context.now())
            chosen = [one for one in every if state in (None, "", one.dispute.state)]
            at = Page(number=numbered(page), total=len(chosen))
            rows = chosen[at.offset : at.offset + PAGE_ROWS]
            ids = sorted({one.dispute.about.school for one in rows})
            names = {one.school_id: one.name for one in schools.schools_by_id(connection, ids)}
        return html(
            "operator/disputes.html",
            person=person,
            rows=rows,
            names=names,
            wanted=wanted,
            state=state or None,
            operators=sorted({one.dispute.about.operator for one in every}, key=speech().sort_key),
            page=at,
            zone=context.zone,
            states=STATES,
            outcomes=OUTCOME_WORDS,
            place=_place,
        )


def _add_new(routes: APIRouter) -> None:
    @routes.get("/disputes/new")
    def form(
        request: Request,
        context: In,
        person: PageByWhom,
        school: Text = None,
        line: Text = None,
        month: Text = None,
        version: Text = None,
    ) -> Response:
        person.require("agreements")
        typed = {"school": school or "", "line": line or "", "month": month or "", "version": version or ""}
        return _form(request, context, person, typed | {"claim": ""}, {})

    @routes.post("/disputes")
    def open_one(request: Request, context: In, person: PageByWhom, fields: Posted) -> Response:
        person.require("agreements")
        typed = {name: fields.get(name, "").strip() for name in ("school", "line", "month", "version", "claim")}
        wrong = check_text(typed, "claim", _MOST_TEXT)
        if wrong:
            return _form(request, context, person, typed, wrong)
        said = _objection(typed)
        known = _known(context, person, said)
        if known is not None:
            return RedirectResponse(f"/disputes/{known}", status_code=303)  # sent twice
        try:
            with context.database.reading(person.viewer) as connection:
                found = disputes.judged(connection, said, person.viewer)
            with context.database.ingesting() as connection:
                opened = disputes.open_one(connection, said, found, _occasion(context, person))
        except (AgreementError, NotAllowed) as error:
            known = _known(context, person, said)
            if known is not None:
                return RedirectResponse(f"/disputes/{known}", status_code=303)  # in another window meanwhile
            return _form(request, context, person, typed, _too_late(error))
        return RedirectResponse(f"/disputes/{opened.id}", status_code=303)


def _too_late(error: NetreadyError) -> Wrong:
    if isinstance(error, TooLate):
        return {"": say("the time in which this verdict could be disputed is over; the ministry can file an exclusion")}
    return wrong_of(error, {})


def _objection(typed: Mapping[str, str]) -> Objection:
    version = typed["version"]
    number = int(version) if version.isascii() and version.isdecimal() and len(version) <= 5 else 0
    try:
        return msgspec.convert({**typed, "line": typed["line"] or "1", "version": number}, Objection)
    except msgspec.ValidationError as error:
        raise NotFound(say("a dispute is opened from the page of its verdict; go there and follow the link")) from error


def _known(context: Context, person: Asker, said: Objection) -> str | None:
    """Return the dispute that this operator opened of this version already."""
    if person.viewer.scope is None:
        return None
    about = Disputed(
        school=said.school, line=said.line, month=said.month, version=said.version, operator=person.viewer.scope
    )
    with context.database.reading(person.viewer) as connection:
        return id_of(about) if agreements.steps(connection, Wanted(id=id_of(about))) else None


def _form(request: Request, context: Context, person: Asker, typed: Mapping[str, str], wrong: Wrong) -> Response:
    said = _objection({**typed, "claim": typed["claim"][:_MOST_TEXT] or "-"})
    with context.database.reading(person.viewer) as connection:
        operator = person.viewer.scope if person.viewer.role == "operator" else None
        known = verdicts.versions(connection, Line(said.school, said.line), said.month, operator)
    one = next((each for each in known if each.version == said.version), None)
    if one is None:
        raise NotFound(say("there is no such verdict about a contract of yours"))
    return html(
        "operator/dispute_new.html",
        409 if wrong else 200,
        person=person,
        one=one,
        typed=typed,
        wrong=wrong,
        may_open=person.viewer.role == "operator",
        most_text=_MOST_TEXT,
        times=disputes.times(),
        place=_place_of_verdict(one),
        pack=pack_speech(),
        form_token=forms.token_for(request),
    )


def _place_of_verdict(one: Listed) -> str:
    return place(one.month, one.line, one.school, one.operator, one.version)


def _place(one: Dispute) -> str:
    about = one.about
    return place(about.month, about.line, about.school, about.operator, about.version)


def _add_one(routes: APIRouter) -> None:
    @routes.get("/disputes/{dispute_id}")
    def one(request: Request, context: In, person: PageByWhom, dispute_id: str) -> Response:
        person.require("read")
        return _page(request, context, person, dispute_id)

    @routes.get("/disputes/{dispute_id}/files/{sha256}")
    def file(context: In, viewer: PageBy, person: PageByWhom, dispute_id: str, sha256: str) -> Response:
        with context.database.reading(viewer) as connection:
            attached, content = disputes.file_of(connection, known_id(dispute_id), known_id(sha256, 64))
        note(context, person, "saw", f"dispute {dispute_id}", file=sha256)
        headers = {
            "content-disposition": _saved(attached),
            "cache-control": "no-store",
        }
        return Response(content, media_type="application/octet-stream", headers=headers)


def _saved(one: Attached) -> str:
    """Return under which name a browser saves a file; it never shows it (RFC 6266)."""
    name = forms.bare_name(one.name) or "file"
    shown = name if _DOCUMENTS.search(name) else f"{name}.bin"
    return f"attachment; filename=\"{one.sha256}.bin\"; filename*=UTF-8''{quote(shown, safe='')}"


def _add_steps(routes: APIRouter) -> None:
    @routes.post("/disputes/{dispute_id}/evidence")
    @forms.takes_files(disputes.most_bytes() + _BESIDE_FILE)
    def evidence(request: Request, context: In, person: PageByWhom, fields: Posted, dispute_id: str) -> Response:
        pieces, wrong = _pieces(request, fields)

        def work(_known: Dispute, on: Occasion) -> None:
            with context.database.ingesting() as connection:
                for piece in pieces:
                    disputes.attach(connection, dispute_id, piece, on)

        return _step(request, context, person, fields, dispute_id, wrong, work)

    @routes.post("/disputes/{dispute_id}/withdrawal")
    def withdraw(request: Request, context: In, person: PageByWhom, fields: Posted, dispute_id: str) -> Response:
        def work(known: Dispute, on: Occasion) -> None:
            if _ended_so(known, "withdrawn", person):
                return
            with context.database.ingesting() as connection:
                disputes.withdraw(connection, dispute_id, fields["why"].strip(), on)

        return _step(request, context, person, fields, dispute_id, check_text(fields, "why", _MOST_TEXT), work)

    @routes.post("/disputes/{dispute_id}/decision")
    def decide(request: Request, context: In, person: PageByWhom, fields: Posted, dispute_id: str) -> Response:
        def work(known: Dispute, on: Occasion) -> None:
            if _ended_so(known, "decided", person):
                return
            decision = _decision(context, known, fields)
            with context.database.ingesting() as connection:
                disputes.decide(connection, dispute_id, decision, on)

        return _step(request, context, person, fields, dispute_id, check_text(fields, "decision", _MOST_TEXT), work)


def _pieces(request: Request, fields: Mapping[str, str]) -> tuple[Sequence[Piece], Wrong]:
    """Return what somebody gives as evidence, a statement or a file or both, and what is wrong with it."""
    wrong = check_text(fields, "about", _MOST_TEXT)
    about, statement = (fields.get(name, "").strip() for name in ("about", "statement"))
    pieces = []
    if statement:
        wrong |= check_text(fields, "statement", _MOST_TEXT)
        pieces.append(Piece(name="statement.txt", content=statement.encode(), text=about))
    chosen = fields.get(_CHOSEN, "")
    try:
        file = forms.file_of(request, "file")
    except TooLarge:
        return (), wrong | {"file": disputes.size_told()}
    if file is not None:
        wrong |= _wrong_file(file, is_kept=not wrong)
        pieces.append(Piece(name=file.name or "file", content=file.content, text=about))
    elif chosen:
        wrong |= {"file": _not_kept(chosen)}
    elif not statement:
        wrong |= {"statement": say("write a statement here, or choose a file below")}
    return pieces, wrong


def _wrong_file(file: File, *, is_kept: bool) -> Wrong:
    if not 0 < len(file.content) <= disputes.most_bytes():
        return {"file": disputes.size_told()}
    return {} if is_kept else {"file": _not_kept(file.name)}


def _not_kept(name: str) -> Sentence:
    return say("the file was not kept; choose it again, or send the form without it: {name}", name=name)


def _ended_so(known: Dispute, state: str, person: Asker) -> bool:
    """Tell whether somebody did this already: the form was sent twice."""
    return known.state == state and known.steps[-1].author == person.name


def _decision(context: Context, known: Dispute, fields: Mapping[str, str]) -> Decision:
    outcome: Outcome | None = next((one for one in get_args(Outcome) if one == fields.get("outcome")), None)
    if outcome is None:
        raise AgreementError(say("choose what the decision is"))
    span = {name: fields.get(name, "").strip() for name in ("kind", "begins", "ends")}
    follows: tuple[Filing, ...] = ()
    if any(span.values()):
        begins, ends = (moment(span[name], context.zone) for name in ("begins", "ends"))
        kind = next((one for one in KINDS if one == span["kind"]), None)
        if begins is None or ends is None or kind is None:
            raise AgreementError(say("a span that does not count needs its kind, its beginning and its end"))
        follows = (
            Filing(
                kind=kind,
                school=known.about.school,
                line=known.about.line,
                operator=known.about.operator,
                begins=begins,
                ends=ends,
                reason=fields["decision"].strip(),
            ),
        )
    return Decision(outcome=outcome, reason=fields["decision"].strip(), exclusions=follows)


def _step(
    request: Request,
    context: Context,
    person: Asker,
    fields: Mapping[str, str],
    dispute_id: str,
    wrong: Wrong,
    work: _Work,
) -> Response:
    """Take a step that somebody asks for, and show the dispute; what was typed stays where it cannot be."""
    person.require("agreements")
    if not wrong:
        with context.database.reading(person.viewer) as connection:
            known = disputes.one_of(connection, known_id(dispute_id))
        try:
            work(known, _occasion(context, person))
        except (AgreementError, NotAllowed) as error:
            wrong = _over(error)
    if wrong:
        return _page(request, context, person, dispute_id, typed=fields, wrong=wrong)
    return RedirectResponse(f"/disputes/{dispute_id}", status_code=303)


def _over(error: NetreadyError) -> Wrong:
    if isinstance(error, Ended):
        return {"": say("this dispute is over; nothing can be added to it any more")}
    if isinstance(error, TooLate):
        return {"": say("the time for evidence is over")}
    return wrong_of(error, {})


def _page(
    request: Request,
    context: Context,
    person: Asker,
    dispute_id: str,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Wrong | None = None,
) -> Response:
    days, today = today_of(context)
    with context.database.reading(person.viewer) as connection:
        disputes.one_of(connection, known_id(dispute_id))
        (found,) = disputes.listed(connection, Wanted(id=dispute_id), days=days, now=context.now())
        school = schools.school(connection, found.dispute.about.school)
    return html(
        "operator/dispute.html",
        409 if wrong else 200,
        person=person,
        one=found.dispute,
        standing=found.standing,
        school=school,
        typed={**dict.fromkeys(_TYPED, ""), **(typed or {})},
        wrong=wrong or {},
        may=_may(person, found, evidence_is_open=today <= found.dispute.evidence_until),
        states=STATES,
        outcomes=OUTCOME_WORDS,
        actions=ACTIONS,
        all_outcomes=OUTCOMES,
        kinds=KINDS,
        most_text=_MOST_TEXT,
        most_mib=disputes.most_bytes() // 2**20,
        bare=forms.bare_name,
        place=_place(found.dispute),
        zone=context.zone,
        pack=pack_speech(),
        form_token=forms.token_for(request),
    )


_TYPED = ("about", "statement", "why", "decision", "outcome", "kind", "begins", "ends")


def _may(person: Asker, found: ListedDispute, *, evidence_is_open: bool) -> set[str]:
    """Return which steps to offer; whether somebody may take them is looked at again when they do."""
    if not may(person, "agreements") or found.dispute.state != "open":
        return set()
    role = person.viewer.role
    allowed = {"evidence"} if evidence_is_open else set()
    return allowed | ({"withdraw"} if role == "operator" else set()) | ({"decide"} if role in _DECIDERS else set())


def _occasion(context: Context, person: Asker) -> Occasion:
    return Occasion(person.who(), context.now(), disputes.working_days(context.settings.policy))
