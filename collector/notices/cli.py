"""The commands for notices; ``netready-collector`` adds them to its own."""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.contract.errors import SettingsError
from collector import access
from collector.errors import NotFound
from collector.notices import message, sending, subscribing, texts
from collector.notices.sending import Recipient
from collector.notices.subscribing import Holder, Wish
from collector.people.accounts import normal_name
from collector.people.cli import at_the_command_line
from collector.settings import Settings
from collector.store import accounts, notices
from collector.store.database import MINISTRY, Connection, Database, Viewer
from collector.store.notices import KINDS, Delivery, ListedEvent, State, Subscriber, Wanted

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Read = Callable[[argparse.Namespace], Settings]
Open = Callable[[Settings], Database]
_STYLES = {"breach.opened": "bold red", "breach.continuing": "red", "school.silent": "yellow", "dead": "bold red"}


def add(
    commands: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser, read: Read, opened: Open
) -> None:
    """Add the commands; ``read`` gives the settings that the options name, ``opened`` opens their database."""

    def command(name: str, work: Callable[..., int], about: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, parents=[common], help=about)
        made.set_defaults(command=lambda options: work(options, read(options), opened))
        return made

    group = commands.add_parser("notices", help="who is told of breaches, disputes and silence")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    listed = command("list", _list, "what happened, the newest first")
    listed.add_argument("--school", metavar="ID", type=str.strip)
    listed.add_argument("--kind", choices=KINDS)
    _add_listing(listed)
    subscribers = command("subscribers", _subscribers, "who is told")
    subscribers.add_argument("--ended", action="store_true", help="those too that are told no more")
    subscribers.add_argument("--format", choices=("table", "json"), default="table")
    deliveries = command("deliveries", _deliveries, "what was sent, waits or was given up")
    deliveries.add_argument("--subscriber", metavar="ID")
    deliveries.add_argument("--state", choices=get_args(State), help="dead: given up")
    _add_listing(deliveries)
    made = command("subscribe", _subscribe, "tell somebody; prints the secret of a webhook, once")
    whose = made.add_mutually_exclusive_group(required=True)
    whose.add_argument(
        "--role", choices=access.ROLES, help="whose view it is: what they see is told, until it is ended"
    )
    whose.add_argument("--account", metavar="NAME", help="what this account sees is told, as long as it sees that")
    made.add_argument("--scope", metavar="VALUE", help="of --role: the region's code, school's id or operator's name")
    made.add_argument("--name", required=True, help="who it is")
    where = made.add_mutually_exclusive_group(required=True)
    where.add_argument("--webhook", metavar="URL")
    where.add_argument("--email", metavar="ADDRESS")
    made.add_argument("--kind", choices=KINDS[:-1], action="append", help="of this kind; again for more; else of all")
    for name, work, about in (
        ("end", _end, "tell somebody no more"),
        ("test", _test, "send a test now, and say what came of it"),
    ):
        command(name, work, about).add_argument("id", metavar="ID")


def _add_listing(command: argparse.ArgumentParser) -> None:
    command.add_argument("--limit", metavar="N", type=int, default=100)
    command.add_argument("--format", choices=("table", "json"), default="table")


def _list(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    wanted = Wanted(school_id=options.school, kind=options.kind)
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        found, total = notices.events(connection, wanted, limit=_limit(options))
    _show(options, found, total, ("When (UTC)", "What", "School", "Said"), [_event(one) for one in found])
    return 0


def _event(one: ListedEvent) -> list[str | Text]:
    said = texts.words_of(one).text
    return [
        f"{one.at:%Y-%m-%d %H:%M}",
        Text(one.kind, style=_STYLES.get(one.kind, "")),
        Text(one.school),
        Text(f"{said} (came to light too late to be sent)" if one.is_late else said),
    ]


def _subscribers(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        found = notices.subscribers(connection, with_ended=options.ended)
    rows = [_subscriber(one) for one in found]
    _show(options, found, len(found), ("Id", "Who", "Sees as", "Where", "Kinds", "State"), rows)
    return 0


def _subscriber(one: Subscriber) -> list[str | Text]:
    return [
        one.id,
        Text(one.name),
        Text(f"{one.role} {one.scope or ''}".rstrip()),
        Text(one.address),
        Text(", ".join(one.kinds) or "all"),
        Text(one.ended_why or "is told"),
    ]


def _deliveries(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        found, total = notices.deliveries(
            connection, options.subscriber, options.state, limit=_limit(options), offset=0
        )
    heads = ("Made (UTC)", "To", "What", "School", "State", "Tries", "Newest try")
    _show(options, found, total, heads, [_delivery(one) for one in found])
    return 0


def _delivery(one: Delivery) -> list[str | Text]:
    return [
        f"{one.created_at:%Y-%m-%d %H:%M}",
        one.subscriber,
        one.kind,
        Text(one.school or ""),
        Text(one.state, style=_STYLES.get(one.state, "")),
        str(one.tries),
        Text(one.outcome or ""),
    ]


def _subscribe(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    channel, address = ("webhook", options.webhook) if options.webhook else ("email", options.email)
    fields = {"name": options.name, "channel": channel, "address": address, "kinds": options.kind or []}
    try:
        wish = msgspec.convert(fields, Wish)
    except msgspec.ValidationError as error:
        raise SettingsError(f"this cannot be subscribed: {error}") from error
    who, now = at_the_command_line(), _now()
    with opened(settings) as database, database.owning() as connection:
        viewer, holder = _whose(connection, options)
        made = subscribing.subscribe(connection, wish, viewer, settings.notices, who=who, now=now, holder=holder)
    _say(f"{made.subscriber.name} is told from now on; try it: netready-collector notices test {made.subscriber.id}")
    if made.secret is not None:
        _say("give whoever runs the webhook its secret; it is shown only now:")
        print(made.secret)
    return 0


def _whose(connection: Connection, options: argparse.Namespace) -> tuple[Viewer, Holder | None]:
    if options.account is None:
        access.check_holder(connection, options.role, options.scope)
        return Viewer(options.role, options.scope), None
    if options.scope is not None:
        raise SettingsError("--scope belongs to --role; an account has its own")
    name = normal_name(options.account)
    found = accounts.account(connection, name)
    if found is None or found.disabled_at is not None:
        raise NotFound(f"no account {name!r} is in use")
    return Viewer(found.role, found.scope), Holder("account", name)


def _end(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.owning() as connection:
        found = subscribing.one_of(connection, options.id, MINISTRY)
        subscribing.end(connection, found, who=at_the_command_line(), now=_now())
    _say(f"{found.name} is told no more")
    return 0


def _test(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    post, now = sending.post_of(settings.notices), _now()
    with opened(settings) as database, database.owning() as connection:
        found = subscribing.one_of(connection, options.id, MINISTRY)
        secret = notices.secrets(connection).get(found.id)
    event_id = secrets.token_hex(16)
    body = message.encoded(message.test_event(event_id, now))
    outcome = asyncio.run(sending.send(post, Recipient(found, secret), event_id, body, now))
    _say(f"{found.name}, {found.address}: {outcome.said}")
    return 0 if outcome.is_delivered else 1


def _limit(options: argparse.Namespace) -> int:
    if options.limit < 1:
        raise SettingsError(f"--limit {options.limit}: at least 1")
    return int(options.limit)


def _show(
    options: argparse.Namespace,
    found: Sequence[Any],
    total: int,
    heads: Sequence[str],
    rows: Sequence[list[str | Text]],
) -> None:
    if options.format == "json":
        print(msgspec.json.encode({"items": found, "total": total, "cursor": None}).decode())
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, no_wrap=head not in ("Said", "Newest try", "Kinds", "Where"))
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    if total > len(found):
        console.print(f"{len(found)} of {total}; more with --limit", style="dim")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _now() -> datetime:
    return datetime.now(UTC)
