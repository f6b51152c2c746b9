"""Tokens and computers: who may ask the API, which computers may enrol, and which are in service.

A token is shown once, to whoever made it. A form that is sent twice makes one token.
"""

import hashlib
from datetime import timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from agent.contract.errors import NetreadyError
from collector import access, enrollment
from collector.access import Right
from collector.context import Asker, Context, In, PageByWhom
from collector.errors import AccountError, LoginNeeded, NotFound
from collector.pages import PAGE_ROWS, forms, html
from collector.pages.accounts import check_scope
from collector.pages.admin import ROLE_WORDS, check_part, number_of
from collector.pages.forms import Fields, Posted
from collector.store import access as stored
from collector.store import agents, audit, fleet, schools
from collector.store.agents import OpenRegionToken, OpenToken
from collector.store.audit import Wanted
from collector.store.database import Connection, Role
from collector.store.fleet import Asked, ComputerHealth
from collector.words import Sentence, mark, say

RIGHT_WORDS: dict[Right, str] = {
    "read": mark("read"),
    "export": mark("take files"),
    "run-now": mark("ask for tests"),
    "policy": mark("change the policy"),
    "registry": mark("change the registry"),
    "audit": mark("read the audit log"),
    "accounts": mark("manage accounts"),
    "agreements": mark("record contracts, exclusions and disputes"),
    "notices": mark("subscribe to notices"),
}
_KEPT_FORMS = 100
_LONGEST_NAME = 200
_SHORTEST_ID = 6
_ALL = 1_000_000
_MOST_DIGITS = 6
_TYPED = {"name": "", "role": "ministry", "scope": "", "days": "", "school": "", "uses": "1", "expires": "30"}
_TYPED_REGION = {"region": "", "region_uses": "50", "region_expires": "30"}


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)
    _add_tokens(routes)
    _add_agents(routes)
    return routes


def _add_tokens(routes: APIRouter) -> None:
    @routes.get("/admin/tokens")
    def tokens(request: Request, context: In, person: PageByWhom) -> Response:
        return _tokens_page(request, context, person)

    @routes.post("/admin/tokens")
    def act(request: Request, context: In, person: PageByWhom, fields: Posted) -> Response:
        check_part(person, "/admin/tokens")
        _logged_in(person)
        try:
            match fields.get("do"):
                case "revoke":
                    return _revoke(context, person, fields)
                case "end":
                    return _end(context, person, fields)
                case "end-region":
                    return _end_region(context, person, fields)
                case "enrol-region":
                    made = _enrol_region(context, person, fields)
                case "enrol":
                    made = _enrol(context, person, fields)
                case _:
                    made = _create(context, person, fields)
        except NetreadyError as error:
            return _tokens_page(request, context, person, typed=fields, wrong=error)
        if made is None:
            return _tokens_page(request, context, person, again=True)
        return _tokens_page(request, context, person, told=made)


def _add_agents(routes: APIRouter) -> None:
    @routes.get("/admin/agents")
    def computers(
        context: In, person: PageByWhom, q: str = "", region: str = "", state: str = "", page: str = "1"
    ) -> Response:
        parts = check_part(person, "/admin/agents")
        wanted = Asked(region_id=region or None, state=state or None)
        with context.database.reading(person.viewer) as connection:
            regions = schools.regions(connection)
            number = number_of(page)
            found, total = _searched(connection, q.strip(), wanted, number)
        return html(
            "admin/agents.html",
            person=person,
            parts=parts,
            rows=found,
            total=total,
            page=number,
            pages=max(1, -(-total // PAGE_ROWS)),
            regions=regions,
            typed={"q": q, "region": region, "state": state},
            zone=context.zone,
        )

    @routes.get("/admin/agents/{agent_id}")
    def computer(request: Request, context: In, person: PageByWhom, agent_id: str) -> Response:
        return _computer_page(request, context, person, agent_id)

    @routes.post("/admin/agents/{agent_id}")
    def revoke(request: Request, context: In, person: PageByWhom, fields: Posted, agent_id: str) -> Response:
        check_part(person, "/admin/agents")
        _logged_in(person)
        if fields.get("sure") != "yes":
            wrong = AccountError(say("tick the box first: a computer that is out of service has to be enrolled anew"))
            return _computer_page(request, context, person, agent_id, wrong)
        with context.database.owning() as connection:
            # Nothing to end where it ended already: a second press does no harm.
            if agents.revoke(connection, agent_id):
                about = f"computer {agent_id}"
                audit.note(connection, person.who(), "changed", about, now=context.now(), detail={"service": "ended"})
        return RedirectResponse(f"/admin/agents/{agent_id}", status_code=303)


def _logged_in(person: Asker) -> None:
    if person.login is None:
        raise LoginNeeded(say("this page needs a login"))


def _create(context: Context, person: Asker, fields: Fields) -> tuple[Sentence, str] | None:
    """Make an API token; return what it is and the token, null where the very same form made it before."""
    person.require("accounts")
    name, role, rights = _name(fields), _role(fields), _rights(fields)
    scope = fields.get("scope", "").strip() or None
    check_scope(context, role, scope)
    most = context.settings.accounts.token_days_at_most
    days = _number(fields.get("days") or str(context.settings.accounts.token_days), most, say("days"))
    about = f"token of {name}"
    with context.database.owning() as connection:
        if _was_sent(connection, person, about, fields):
            return None
        now = context.now()
        if any(one.name == name and one.revoked_at is None for one in stored.access_list(connection)):
            raise AccountError(
                say("there is a token called {name} already: choose another name, or revoke that one", name=repr(name))
            )
        token = access.create(
            connection,
            role=role,
            scope=scope,
            name=name,
            days=days,
            now=now,
            rights=rights,
            settings=context.settings.accounts,
        )
        detail: dict[str, object] = {"role": role, "scope": scope, "rights": list(rights), "done": "created"}
        detail["form"] = fields.get("key", "")
        audit.note(connection, person.who(), "changed", about, now=now, detail=detail)
    return say("The API token of {name}:", name=name), token


def _enrol(context: Context, person: Asker, fields: Fields) -> tuple[Sentence, str] | None:
    """Make a token that enrols computers of a school; null where the very same form made it before."""
    person.require("registry")
    school_id = fields.get("school", "").strip()
    uses = _number(fields.get("uses", ""), enrollment.MAX_USES, say("computers"))
    days = _number(fields.get("expires", ""), enrollment.MAX_DAYS, say("days"))
    about = f"school {school_id}"
    with context.database.owning() as connection:
        found = schools.school(connection, school_id)
        if found is None:
            raise NotFound(say("the registry has no school {school}; zeros in front count", school=repr(school_id)))
        if _was_sent(connection, person, about, fields):
            return None
        token = enrollment.create_token(connection, school_id, uses=uses, days=days, now=context.now())
        detail = {"enrollment": "token created", "uses": uses, "days": days, "form": fields.get("key", "")}
        detail["token"] = enrollment.mark_of(token)
        audit.note(connection, person.who(), "changed", about, now=context.now(), detail=detail)
    return say("The enrolment token for the school {school}, {name}:", school=school_id, name=found.name), token


def _enrol_region(context: Context, person: Asker, fields: Fields) -> tuple[Sentence, str] | None:
    """Make a token with which an engineer enrols computers of any school of a region, picking it from a list."""
    person.require("registry")
    region_id = fields.get("region", "").strip()
    uses = _number(fields.get("region_uses", ""), enrollment.MAX_USES, say("computers"))
    days = _number(fields.get("region_expires", ""), enrollment.MAX_DAYS, say("days"))
    about = f"region {region_id}"
    with context.database.owning() as connection:
        if region_id not in schools.regions(connection):
            raise NotFound(say("choose a region from the list"))
        if _was_sent(connection, person, about, fields):
            return None
        token = enrollment.create_region_token(connection, region_id, uses=uses, days=days, now=context.now())
        detail = {"enrollment": "token created", "uses": uses, "days": days, "form": fields.get("key", "")}
        detail["token"] = enrollment.mark_of(token)
        audit.note(connection, person.who(), "changed", about, now=context.now(), detail=detail)
    return say("The enrolment token for all schools of the region {region}:", region=region_id), token


def _end_region(context: Context, person: Asker, fields: Fields) -> Response:
    person.require("registry")
    mark, now = fields.get("token", ""), context.now()
    with context.database.owning() as connection:
        if agents.end_region_token(connection, mark, now):
            detail = {"enrollment": "token ended", "token": mark}
            audit.note(connection, person.who(), "changed", "regions", now=now, detail=detail)
    return RedirectResponse("/admin/tokens", status_code=303)


def _revoke(context: Context, person: Asker, fields: Fields) -> Response:
    person.require("accounts")
    name = fields.get("name", "")
    with context.database.admitting() as connection:
        ended = stored.revoke_access(connection, name)
        if ended:
            detail = {"done": "revoked", "ended": ended}
            audit.note(connection, person.who(), "changed", f"token of {name}", now=context.now(), detail=detail)
    return RedirectResponse("/admin/tokens", status_code=303)


def open_tokens(context: Context, school_id: str | None) -> tuple[list[OpenToken], dict[str, str]]:
    """Return the newest tokens that still enrol, one more than a page shows, and who made them by their marks.

    Whoever asks has to be somebody who may make such tokens: for this school, or for all.
    """
    with context.database.owning() as connection:
        found = agents.open_tokens(connection, school_id, now=context.now(), limit=PAGE_ROWS + 1)
        return found, agents.token_makers(connection, found)


def end_token(context: Context, person: Asker, school_id: str, mark: str) -> None:
    """End an enrolment token, which the audit log tells; one that had ended stays as it is."""
    now = context.now()
    with context.database.owning() as connection:
        if agents.end_token(connection, school_id, mark, now):
            detail = {"enrollment": "token ended", "token": mark}
            audit.note(connection, person.who(), "changed", f"school {school_id}", now=now, detail=detail)


def _end(context: Context, person: Asker, fields: Fields) -> Response:
    person.require("registry")
    end_token(context, person, fields.get("school", ""), fields.get("token", ""))
    return RedirectResponse("/admin/tokens", status_code=303)


def _of_regions(context: Context) -> tuple[dict[str, schools.RegionRecord], list[OpenRegionToken]]:
    with context.database.owning() as connection:
        return schools.regions(connection), agents.region_tokens(connection, context.now())


def _was_sent(connection: Connection, person: Asker, about: str, fields: Fields) -> bool:
    """Tell whether this very form was sent before: what it made says so in the audit log. Two at once wait here."""
    key = fields.get("key", "")
    lock = int.from_bytes(hashlib.sha256(f"form {person.name} {about}".encode()).digest()[:8], signed=True)
    connection.execute("select pg_advisory_xact_lock(%s)", (lock,))
    made = audit.entries(connection, Wanted(who=person.name, what="changed", about=about), limit=_KEPT_FORMS)
    return bool(key) and any(one.detail.get("form") == key for one in made)


def _name(fields: Fields) -> str:
    name = "".join(letter for letter in fields.get("name", "") if letter.isprintable()).strip()
    if not 0 < len(name) <= _LONGEST_NAME:
        raise AccountError(say("write who holds the token, in {most} characters at most", most=_LONGEST_NAME))
    return name


def _role(fields: Fields) -> Role:
    found = next((one for one in access.ROLES if one == fields.get("role")), None)
    if found is None:
        raise AccountError(say("there is no role {role}", role=repr(fields.get("role", ""))))
    return found


def _rights(fields: Fields) -> list[Right]:
    chosen: list[Right] = [one for one in access.RIGHTS if fields.get(f"right_{one}")]
    if not chosen:
        raise AccountError(say("choose one right at least"))
    beyond = next((one for one in chosen if one not in access.ROLE_RIGHTS[_role(fields)]), None)
    if beyond is not None:
        raise AccountError(say("this role cannot have the right: {right}", right=say(RIGHT_WORDS[beyond])))
    return chosen


def _number(text: str, most: int, what: Sentence) -> int:
    told = text.strip()
    if not (told.isascii() and told.isdecimal()) or len(told) > _MOST_DIGITS or not 1 <= int(told) <= most:
        raise AccountError(say("{what}: write a whole number from 1 to {most}", what=what, most=most))
    return int(told)


def _searched(connection: Connection, query: str, wanted: Asked, page: int) -> tuple[list[ComputerHealth], int]:
    """Return computers of a page: of a school by its id, by the beginning of their own, or all."""
    offset = (page - 1) * PAGE_ROWS
    if not query:
        return fleet.by_computer(connection, wanted, limit=PAGE_ROWS, offset=offset)
    if schools.school(connection, query) is not None:
        of_school = Asked(region_id=wanted.region_id, school_id=query, state=wanted.state)
        return fleet.by_computer(connection, of_school, limit=PAGE_ROWS, offset=offset)
    if len(query) < _SHORTEST_ID:
        return [], 0
    everybody, _ = fleet.by_computer(connection, wanted, limit=_ALL, offset=0)
    found = [one for one in everybody if one.id.startswith(query.lower())]
    return found[offset : offset + PAGE_ROWS], len(found)


def _holders(context: Context, query: str) -> list[stored.AccessRecord]:
    """Return API tokens whose holders' names have a text in them; those that were revoked last."""
    with context.database.admitting() as connection:
        found = [one for one in stored.access_list(connection) if query.casefold() in one.name.casefold()]
    return sorted(found, key=lambda one: (one.revoked_at is not None, one.name))


def _tokens_page(
    request: Request,
    context: Context,
    person: Asker,
    *,
    typed: Fields | None = None,
    wrong: NetreadyError | None = None,
    told: tuple[Sentence, str] | None = None,
    again: bool = False,
) -> Response:
    parts = check_part(person, "/admin/tokens")
    shows_api = "accounts" in person.rights
    query, now = request.query_params.get("q", "").strip(), context.now()
    of_school = request.query_params.get("school", "").strip()
    listed = _holders(context, query) if shows_api else []
    number, pages = number_of(request.query_params.get("page", "1")), max(1, -(-len(listed) // PAGE_ROWS))
    number = min(number, pages)
    enrolling, makers = open_tokens(context, of_school or None) if "registry" in person.rights else ([], {})
    regions, of_regions = _of_regions(context) if "registry" in person.rights else ({}, [])
    response = html(
        "admin/tokens.html",
        200 if wrong is None else 400,
        person=person,
        parts=parts,
        tokens=listed[(number - 1) * PAGE_ROWS : number * PAGE_ROWS],
        total=len(listed),
        page=number,
        pages=pages,
        q=query,
        now=now,
        soon=now + timedelta(days=30),
        shows_api=shows_api,
        enrols="registry" in person.rights,
        of_school=of_school,
        open_tokens=enrolling[:PAGE_ROWS],
        has_more_open=len(enrolling) > PAGE_ROWS,
        makers=makers,
        regions=regions,
        of_regions=of_regions,
        changes=person.login is not None,
        typed=_TYPED | _TYPED_REGION | {"school": of_school} | (typed or {}),
        chosen=[one for one in access.RIGHTS if (typed or {}).get(f"right_{one}")] or ["read", "export"],
        wrong=wrong,
        told=told,
        again=again,
        roles=access.ROLES,
        role_words=ROLE_WORDS,
        rights=access.RIGHTS,
        right_words=RIGHT_WORDS,
        token_days=context.settings.accounts.token_days,
        most_days=context.settings.accounts.token_days_at_most,
        zone=context.zone,
        form_token=forms.token_for(request),
        key=forms.new_key() if wrong is None else (typed or {}).get("key") or forms.new_key(),
    )
    response.headers["cache-control"] = "no-store"
    return response


def _computer_page(
    request: Request, context: Context, person: Asker, agent_id: str, wrong: NetreadyError | None = None
) -> Response:
    parts = check_part(person, "/admin/agents")
    with context.database.ingesting() as connection:
        found = agents.agents_by_id(connection, [agent_id]).get(agent_id)
    if found is None:
        raise NotFound(say("there is no computer {computer}; look for it in the list", computer=repr(agent_id[:80])))
    with context.database.reading(person.viewer) as connection:
        school = schools.school(connection, found.school_id)
        health, _ = fleet.by_computer(connection, Asked(school_id=found.school_id), limit=_ALL, offset=0)
        keys = agents.keys_of_computer(connection, found.school_id, agent_id)
    return html(
        "admin/agent.html",
        200 if wrong is None else 400,
        person=person,
        parts=parts,
        agent=found,
        school=school,
        health=next((one for one in health if one.id == agent_id), None),
        keys=keys,
        wrong=wrong,
        changes=person.login is not None,
        zone=context.zone,
        form_token=forms.token_for(request),
    )
