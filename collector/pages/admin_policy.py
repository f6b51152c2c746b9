"""What computers are told: what the country, a region or a school sets, who set it, and a form that changes it.

A form knows the version that it was made from. Where somebody else changed the policy meanwhile, it says what they
changed and keeps what was typed. Test servers stand beside it, with what they carry and the keys of their records.
"""

from typing import Any

import msgspec
from babel.dates import get_day_names
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from msgspec import Struct

from agent.contract.errors import NetreadyError, SettingsError
from collector import policies
from collector.context import Asker, Context, In, PageByWhom
from collector.errors import LoginNeeded, NotAllowed, NotFound
from collector.pages import admin_policy_fields as fields_of
from collector.pages import forms, html
from collector.pages.admin import ROLE_WORDS, check_part
from collector.pages.asking import asked, speech
from collector.pages.forms import Fields, Posted
from collector.store import leases, records, schools
from collector.store import policies as stored
from collector.store.database import Connection
from collector.store.policies import PolicyChange, Scope
from collector.words import Sentence, say

_HISTORY = 20
_LONGEST_NOTE = 500
_OWN = {"region": "region:", "school": "school:"}


class Conflict(Struct, frozen=True):
    """Somebody else changed the policy after a form was made; ``now`` is what holds."""

    now: PolicyChange | None


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/admin/policy")
    def everything(context: In, person: PageByWhom, scope: str = "") -> Response:
        parts = check_part(person, "/admin/policy")
        if scope.strip():
            return RedirectResponse(f"/admin/policy/{_named(context, person, scope.strip())}", status_code=303)
        with context.database.reading(person.viewer) as connection:
            found = sorted(stored.newest(connection, None).values(), key=lambda one: one.scope)
            regions = schools.regions(connection)
        own = f"{_OWN[person.viewer.role]}{person.viewer.scope}" if person.viewer.role in _OWN else None
        return html(
            "admin/policies.html",
            person=person,
            parts=parts,
            changes=found,
            words=fields_of.FIELD_WORDS,
            regions=regions,
            own=own,
            zone=context.zone,
        )

    @routes.get("/admin/policy/{scope:path}")
    def one(request: Request, context: In, person: PageByWhom, scope: str) -> Response:
        return _policy_page(request, context, person, _named(context, person, scope))

    @routes.post("/admin/policy/{scope:path}")
    def change(request: Request, context: In, person: PageByWhom, fields: Posted, scope: str) -> Response:
        check_part(person, "/admin/policy")
        if person.login is None:
            raise LoginNeeded(say("this page needs a login"))
        named = _named(context, person, scope)
        _check_may_change(person, named)
        return _changed(request, context, person, named, fields)

    @routes.get("/admin/servers")
    def servers(context: In, person: PageByWhom) -> Response:
        return _servers_page(context, person)

    return routes


def _named(context: Context, person: Asker, name: str) -> Scope:
    """Return a scope by its name; a region's code and a school's id are enough. Raises NotFound."""
    with context.database.reading(person.viewer) as connection:
        for whole in (name, f"region:{name}", f"school:{name}"):
            try:
                return policies.scope_named(connection, whole)
            except NotFound:
                continue
    told = repr(name[:80])
    raise NotFound(say("there is no region and no school {name} that you may see; zeros in front count", name=told))


def _check_may_change(person: Asker, scope: Scope) -> None:
    try:
        policies.check_may_change(person.viewer, scope)
    except NotAllowed as error:
        said = say(
            "you cannot change this policy: the ministry can change all, a region its own, a school a part of its own"
        )
        raise NotAllowed(said) from error


def _may_change(person: Asker, scope: Scope) -> bool:
    try:
        _check_may_change(person, scope)
    except NotAllowed:
        return False
    return person.login is not None and "policy" in person.rights


def _allowed(person: Asker) -> frozenset[str]:
    return policies.SCHOOL_MAY if person.viewer.role == "school" else frozenset(policies.FIELDS)


def _changed(request: Request, context: Context, person: Asker, scope: Scope, fields: Fields) -> Response:
    """Set what the form says, or return it with what is wrong."""
    try:
        errors, conflict = _saved(context, person, scope, fields)
    except (SettingsError, NotAllowed) as error:
        return _policy_page(request, context, person, scope, typed=fields, wrong=error)
    if errors or conflict:
        return _policy_page(request, context, person, scope, typed=fields, errors=errors, conflict=conflict)
    return RedirectResponse(f"/admin/policy/{scope}?done=yes", status_code=303)


def _saved(context: Context, person: Asker, scope: Scope, fields: Fields) -> tuple[fields_of.Errors, Conflict | None]:
    """Keep what the form says as a new version; return why it was not kept. What is so already is not kept again."""
    with context.database.ingesting() as connection:
        before = _locked(connection, scope)
        kept, version = (before.body, before.version) if before else ({}, 0)
        read = fields_of.read(fields, kept, _allowed(person))
        is_so = not read.errors and read.body == kept
        if str(version) != fields.get("version", "") and not is_so:
            return read.errors, Conflict(before)
        if not read.errors and not is_so:
            own = read.body if person.viewer.role != "school" else _own_part(read.body)
            note, base = fields.get("note", "")[:_LONGEST_NOTE], context.settings.policy
            policies.change(connection, scope, own, base, who=person.who(), note=note, now=context.now())
    return read.errors, None


def _locked(connection: Connection, scope: Scope) -> PolicyChange | None:
    stored.one_change_at_a_time(connection)
    return stored.newest(connection, (scope,)).get(str(scope))


def _own_part(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name in policies.SCHOOL_MAY}


def _meanwhile(conflict: Conflict | None, history: list[PolicyChange], version: str) -> list[tuple[str, str, str]]:
    """Return what others changed since a form was made: setting, before and after."""
    if conflict is None:
        return []
    seen = next((one.body for one in history if str(one.version) == version), {})
    now = conflict.now.body if conflict.now else {}
    tongue = speech()
    return [
        (name, fields_of.shown(tongue, name, seen.get(name)), fields_of.shown(tongue, name, now.get(name)))
        for name in fields_of.differing(seen, now)
    ]


def _policy_page(
    request: Request,
    context: Context,
    person: Asker,
    scope: Scope,
    *,
    typed: Fields | None = None,
    errors: fields_of.Errors | None = None,
    wrong: NetreadyError | None = None,
    conflict: Conflict | None = None,
) -> Response:
    parts = check_part(person, "/admin/policy")
    wider = tuple(dict.fromkeys((policies.COUNTRY, Scope(scope.region_id), scope)))
    with context.database.reading(person.viewer) as connection:
        known = stored.newest(connection, wider)
        history = stored.history(connection, scope)
        region = schools.regions(connection).get(scope.region_id)
        school = schools.school(connection, scope.school_id) if scope.school_id else None
    bodies = {one: known[str(one)].body for one in wider if str(one) in known}
    own = known.get(str(scope))
    above = policies.Book(context.settings.policy, known).above(scope)
    holds = policies.merged(above, [own.body] if own else [])
    told: dict[str, Any] = msgspec.to_builtins(holds)
    told["shifts"] = msgspec.to_builtins(holds.all_shifts)
    filled = typed if typed is not None else fields_of.form_of(own.body if own else {}, holds)
    tongue = speech()
    response = html(
        "admin/policy.html",
        200 if not errors and wrong is None and conflict is None else 409 if conflict else 400,
        person=person,
        parts=parts,
        scope=scope,
        region=getattr(region, f"name_{asked().language}") if region is not None else None,
        school=school,
        own=own,
        rows=[(one, fields_of.shown(tongue, one, told[one]), _origin(bodies, one)) for one in fields_of.FIELD_WORDS],
        words=fields_of.FIELD_WORDS,
        history=[(one, fields_of.differing(_before(history, one), one.body)) for one in history[:_HISTORY]],
        fields=filled,
        errors=errors or {},
        wrong=wrong,
        conflict=conflict,
        meanwhile=_meanwhile(conflict, history, (typed or {}).get("version", "")),
        version=own.version if own else 0,
        allowed=_allowed(person),
        others=[name for name in (own.body if own else {}) if name not in fields_of.SHOWN],
        servers=fields_of.server_rows(filled),
        shifts=fields_of.SHIFTS,
        days=[(day, get_day_names("wide", locale=tongue.locale)[day - 1]) for day in fields_of.WEEKDAYS],
        changes_allowed=_may_change(person, scope),
        is_done=typed is None and request.query_params.get("done") == "yes",
        role_words=ROLE_WORDS,
        zone=context.zone,
        form_token=forms.token_for(request),
    )
    response.headers["cache-control"] = "no-store"
    return response


def _origin(bodies: dict[Scope, dict[str, Any]], name: str) -> Sentence:
    """Return which scope says what holds."""
    found = next((one for one, body in reversed(bodies.items()) if name in body), None)
    if found is None:
        return say("the settings file")
    if found.school_id:
        return say("the school")
    return say("the region") if found.region_id else say("the country")


def _before(history: list[PolicyChange], one: PolicyChange) -> dict[str, Any]:
    return next((other.body for other in history if other.version == one.version - 1), {})


def _servers_page(context: Context, person: Asker) -> Response:
    parts = check_part(person, "/admin/servers")
    now = context.now()
    with context.database.reading(person.viewer) as connection:
        known = stored.newest(connection, None)
        keys = list(records.keys(connection).values())
    bodies = {"": context.settings.policy}
    found: dict[str, tuple[Any, list[str]]] = {one.url: (one, [""]) for one in bodies[""].all_servers}
    for scope, change in sorted(known.items()):
        if "servers" in change.body:
            for one in policies.merged(context.settings.policy, [change.body]).all_servers:
                _, scopes = found.get(one.url, (one, []))
                found[one.url] = (one, [*scopes, scope])
    with context.database.ingesting() as connection:
        loads = leases.lock_loads(connection, sorted(found), now) if found else {}
    keys.sort(key=lambda one: (one.ended_at is not None, one.url, one.since))
    return html(
        "admin/servers.html",
        person=person,
        parts=parts,
        servers=[(one, scopes, loads.get(url)) for url, (one, scopes) in sorted(found.items())],
        keys=keys,
        zone=context.zone,
    )
