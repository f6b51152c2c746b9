"""Accounts and API tokens for administrators' programs. A password is in no answer but the one that makes it."""

from typing import Annotated, Literal

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from msgspec import Meta, Struct

from agent.contract.errors import MalformedError
from collector.api import answers
from collector.api.answers import body_of, json_answer, needs, page, schema_of
from collector.context import Asker, ByWhom, In
from collector.people import accounts
from collector.people.accounts import Wanted
from collector.store import access
from collector.store import accounts as stored
from collector.store.access import AccessRecord
from collector.store.accounts import ListedAccount
from collector.store.database import Role

_MOST_BYTES = 16 * 1024
Action = Literal["disable", "enable", "unlock"]
Name = Annotated[str, Path(max_length=64)]
Limit = Annotated[int, Query(ge=1, le=answers.MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=512, description="from the answer before")]
ActionName = Annotated[Action, Path()]


class AccountAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account that shall be made; a region, school or operator needs its ``scope``."""

    name: Annotated[str, Meta(max_length=64)]
    role: Role
    scope: Annotated[str, Meta(max_length=200)] | None = None
    full_name: Annotated[str, Meta(max_length=200)] | None = None


class FirstPassword(Struct, frozen=True):
    """A password that is shown only now, and has to be changed at the first login."""

    name: str
    password: str


class Done(Struct, frozen=True):
    """What was done to an account. ``changed`` is false where there was nothing to do."""

    name: str
    done: Action
    changed: bool


routes = APIRouter(prefix="/api/v1", tags=["people"])
"""The routes for administrators' programs."""


@routes.get(
    "/accounts",
    responses=schema_of(ListedAccount, is_list=True),
    openapi_extra=needs("token"),
    summary="Everybody's accounts",
)
def list_accounts(context: In, asker: ByWhom, limit: Limit = answers.DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Answer every account, without its secrets."""
    _may_see(asker)
    with context.database.admitting() as connection:
        found = stored.accounts(connection)
    return json_answer(page(found, of="accounts", limit=limit, cursor=cursor))


@routes.get(
    "/access",
    responses=schema_of(AccessRecord, is_list=True),
    openapi_extra=needs("token"),
    summary="Who holds API tokens, what for, until when, and when each was last used",
)
def list_tokens(context: In, asker: ByWhom, limit: Limit = answers.DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Answer every API token's holder and rights; the tokens themselves nobody knows."""
    _may_see(asker)
    with context.database.admitting() as connection:
        found = access.access_list(connection)
    return json_answer(page(found, of="access", limit=limit, cursor=cursor))


@routes.post(
    "/accounts",
    responses=schema_of(FirstPassword),
    openapi_extra=needs("token") | body_of(AccountAsked),
    summary="Make an account; answers its first password",
)
async def create_account(request: Request, context: In, asker: ByWhom) -> Response:
    """Make a local account."""
    asker.require("accounts")
    asked = await _read(request)

    def work() -> FirstPassword:
        wanted = Wanted(name=asked.name, role=asked.role, scope=asked.scope, full_name=asked.full_name)
        password = accounts.create(context.database, wanted, asker.who(), context.now())
        return FirstPassword(accounts.normal_name(asked.name), password)

    return json_answer(await anyio.to_thread.run_sync(work))


@routes.post(
    "/accounts/{name}/reset-password",
    responses=schema_of(FirstPassword),
    openapi_extra=needs("token"),
    summary="Give an account a new first password; with second_factor=true it also forgets the second factor",
)
def reset_password(context: In, asker: ByWhom, name: Name, *, second_factor: bool = False) -> Response:
    """End an account's sessions and give it a new first password."""
    asker.require("accounts")
    now = context.now()
    password = accounts.reset_password(context.database, name, asker.who(), now, second_factor=second_factor)
    return json_answer(FirstPassword(accounts.normal_name(name), password))


@routes.post(
    "/accounts/{name}/{action}",
    responses=schema_of(Done),
    openapi_extra=needs("token"),
    summary="Take an account out of use or into use again, or let somebody who mistyped try again at once",
)
def change_account(context: In, asker: ByWhom, name: Name, action: ActionName) -> Response:
    """Disable, enable or unlock an account."""
    asker.require("accounts")
    changed = True
    match action:
        case "disable":
            accounts.disable(context.database, name, asker.who(), context.now())
        case "enable":
            accounts.enable(context.database, name, asker.who(), context.now())
        case "unlock":
            changed = accounts.unlock(context.database, name, asker.who(), context.now())
    return json_answer(Done(accounts.normal_name(name), action, changed))


def _may_see(asker: Asker) -> None:
    """Let administrators see the accounts, and auditors, who see everything."""
    if asker.viewer.role != "auditor" or "audit" not in asker.rights:
        asker.require("accounts")


async def _read(request: Request) -> AccountAsked:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise MalformedError(f"the body has more than {_MOST_BYTES} bytes; no account is so long")
    try:
        return msgspec.json.decode(body, type=AccountAsked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"the body cannot be read: {error}") from error
