"""What people's programs ask and change of policies and tests: each role within its own country, region or school."""

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from msgspec import Meta, Struct

from agent.contract.report import AgentId
from agent.contract.values import Text
from collector import policies, steering
from collector.api import answers
from collector.api.answers import body_of, json_answer, needs, page, schema_of
from collector.api.bodies import read_json
from collector.context import By, ByWhom, Context, In, context_of
from collector.settings import PolicySettings
from collector.steering import Action, Steered, Steering
from collector.store import policies as stored
from collector.store import test_orders
from collector.store.database import Connection, Viewer
from collector.store.policies import PolicyChange, Scope
from collector.store.test_orders import TestOrder

Limit = Annotated[int, Query(ge=1, le=answers.MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=512, description="from the answer before")]
ScopeName = Annotated[str, Query(max_length=100, description="country, region:KZ-75 or school:ID")]


class PolicyAnswer(Struct, frozen=True, kw_only=True):
    """What a scope sets, since when and by whom, and what holds there with what wider scopes say.

    ``version`` is 0 where it never set anything.
    """

    scope: str
    version: int
    author: str | None
    role: str | None
    at: str | None
    note: str
    body: dict[str, Any]
    effective: PolicySettings


class PolicyWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a scope shall set from now on, instead of all that it set before; ``note`` says why."""

    body: dict[str, Any]
    note: Text = ""


class TestWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A test now, a pause, or its end; ``agents`` null: all computers, for a pair or a joint test those that suit."""

    action: Action
    scope: Annotated[str, Meta(max_length=100)]
    agents: Annotated[tuple[AgentId, ...], Meta(min_length=1, max_length=1_000)] | None = None


routes = APIRouter(prefix="/api/v1", tags=["steering"])
"""The routes for policies and tests."""


@routes.get(
    "/policies",
    responses=schema_of(PolicyChange, is_list=True),
    openapi_extra=needs("token"),
    summary="Who set what: the country, regions, schools",
)
def list_policies(context: In, viewer: By, limit: Limit = answers.DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Answer the newest version of every scope that the viewer may see."""
    with context.database.reading(viewer) as connection:
        found = sorted(stored.newest(connection, None).values(), key=lambda one: one.scope)
    return json_answer(page(found, of="policies", limit=limit, cursor=cursor))


@routes.get(
    "/policies/{scope:path}",
    responses=schema_of(PolicyAnswer),
    openapi_extra=needs("token"),
    summary="What one scope sets, and what holds there",
)
def one_policy(context: In, viewer: By, scope: str) -> Response:
    """Answer a scope's policy."""
    with context.database.reading(viewer) as connection:
        named = policies.scope_named(connection, scope)
        return json_answer(answer_of(connection, named, context.settings.policy))


@routes.put(
    "/policies/{scope:path}",
    responses=schema_of(PolicyAnswer),
    openapi_extra=needs("token") | body_of(PolicyWish),
    summary="Set what a scope says, as a new version",
)
async def set_policy(request: Request, asker: ByWhom, scope: str) -> Response:
    """Keep a new version; what it does not name it leaves to wider scopes."""
    asker.require("policy")
    context = context_of(request)
    wish = await read_json(request, PolicyWish)

    def work() -> PolicyAnswer:
        named = _changeable(context, asker.viewer, scope)
        with context.database.ingesting() as connection:
            base = context.settings.policy
            policies.change(connection, named, wish.body, base, who=asker.who(), note=wish.note, now=context.now())
            return answer_of(connection, named, base)

    return json_answer(await anyio.to_thread.run_sync(work))


@routes.get(
    "/policy-changes",
    responses=schema_of(PolicyChange, is_list=True),
    openapi_extra=needs("token"),
    summary="All versions of one scope's policy, the newest first",
)
def policy_changes(
    context: In, viewer: By, scope: ScopeName, limit: Limit = answers.DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Answer the history of a scope."""
    with context.database.reading(viewer) as connection:
        named = policies.scope_named(connection, scope)
        found = stored.history(connection, named)
    return json_answer(page(found, of=f"policy changes {named}", limit=limit, cursor=cursor))


@routes.get(
    "/tests",
    responses=schema_of(TestOrder, is_list=True),
    openapi_extra=needs("token"),
    summary="Tests and pauses that were asked for and are not done",
)
def list_tests(
    context: In, viewer: By, scope: ScopeName = "country", limit: Limit = answers.DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Answer what is asked of the computers that the viewer may see."""
    with context.database.reading(viewer) as connection:
        named = policies.scope_named(connection, scope)
        found = test_orders.open_orders(connection, named, context.now())
    return json_answer(page(found, of=f"tests {named}", limit=limit, cursor=cursor))


@routes.post(
    "/tests",
    responses=schema_of(Steered),
    openapi_extra=needs("token") | body_of(TestWish),
    summary="Ask for tests now, or pause or resume them",
)
async def steer_tests(request: Request, asker: ByWhom) -> Response:
    """Do what is asked of a country's, a region's or a school's computers."""
    asker.require("run-now")
    context = context_of(request)
    wish = await read_json(request, TestWish)

    def work() -> Steered:
        named = _changeable(context, asker.viewer, wish.scope)
        asked = Steering(action=wish.action, scope=named, agents=wish.agents)
        with context.database.ingesting() as connection:
            return steering.steer(connection, asked, context.settings.policy, who=asker.who(), now=context.now())

    return json_answer(await anyio.to_thread.run_sync(work))


def answer_of(connection: Connection, scope: Scope, base: PolicySettings) -> PolicyAnswer:
    """Return a scope's policy with what holds there."""
    wider = (policies.COUNTRY, Scope(scope.region_id), scope)
    known = stored.newest(connection, wider)
    own = known.get(str(scope))
    above = policies.Book(base, known).above(scope)
    return PolicyAnswer(
        scope=str(scope),
        version=own.version if own else 0,
        author=own.author if own else None,
        role=own.role if own else None,
        at=own.at.isoformat() if own else None,
        note=own.note if own else "",
        body=own.body if own else {},
        effective=policies.merged(above, [own.body] if own else []),
    )


def _changeable(context: Context, viewer: Viewer, name: str) -> Scope:
    """Return the scope of this name; raises NotFound or NotAllowed where the viewer may not see or change it."""
    with context.database.reading(viewer) as connection:
        scope = policies.scope_named(connection, name)
    policies.check_may_change(viewer, scope)
    return scope
