"""The commands for the log, its checkpoints and its witnesses; ``netready-collector`` adds them to its own."""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from agent.contract.errors import SettingsError
from collector.errors import NotFound
from collector.evidence import cli as evidence
from collector.evidence import note
from collector.ledger import checkpointing, cosigning, restarting
from collector.ledger.trees import note_of
from collector.people.cli import at_the_command_line
from collector.settings import Settings
from collector.store import checkpoints
from collector.store.database import MINISTRY, Database

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Read = Callable[[argparse.Namespace], Settings]
Open = Callable[[Settings], Database]
_LONGEST_REASON = 500


def add(
    commands: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser, read: Read, opened: Open
) -> "Commands[argparse.ArgumentParser]":
    """Add the commands; ``read`` gives the settings that the options name, ``opened`` opens their database.

    Returns:
        The actions of ``evidence``, for whoever adds more.
    """

    def command(
        under: "Commands[argparse.ArgumentParser]", name: str, work: Callable[..., int], about: str
    ) -> argparse.ArgumentParser:
        made = under.add_parser(name, parents=[common], help=about)
        made.set_defaults(command=lambda options: work(options, read(options), opened))
        return made

    group = commands.add_parser("evidence", help="the log that proves what was reported: checkpoints, witnesses")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    command(actions, "checkpoint", _checkpoint, "give all that waits its place, sign what the log has, print it")
    command(actions, "key", _key, "print the log's key, to be told to witnesses and verifiers")
    status = command(actions, "status", _status, "how the log is, and who cosigned it")
    status.add_argument("--format", choices=("text", "json"), default="text")
    restart = command(actions, "restart-log", _restart, "begin the next log, where this one cannot go on")
    restart.add_argument("--reason", required=True, metavar="TEXT", help="why, for everybody who checks it later")
    evidence.add(actions)
    under = actions.add_parser("witnesses", help="who may cosign checkpoints").add_subparsers(
        required=True, metavar="ACTION"
    )
    new = command(under, "add", _add, "let a witness cosign from now on")
    new.add_argument("name", metavar="NAME", help="who it is, for people")
    new.add_argument("key", metavar="KEY", help="as 'netready-collector evidence witness --show-key' prints it")
    listed = command(under, "list", _list, "who may cosign, and what each cosigned last")
    listed.add_argument("--format", choices=("text", "json"), default="text")
    end = command(under, "end", _end, "let a witness cosign no more")
    end.add_argument("name", metavar="NAME")
    return actions


def _checkpoint(_options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database:
        signed = checkpointing.run(database, settings)
        if signed is None:
            raise NotFound("the log is empty: nothing was reported yet")
        with database.reading(MINISTRY) as connection:
            print(note_of(connection, signed), end="")
    return 0


def _key(_options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        log = cosigning.log_of(connection, None)
    print(note.key(log.origin, "log", log.public_key).text)
    return 0


def _status(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        log = cosigning.log_of(connection, None)
        newest = checkpoints.newest(connection, log.number)
        witnesses = cosigning.known(connection, log.number)
    if options.format == "json":
        told = {"checkpoint_size": newest.size if newest else None, "checkpoint_at": newest.at if newest else None}
        body = msgspec.to_builtins(log, builtin_types=(datetime,)) | told | {"witnesses": witnesses}
        print(msgspec.json.encode(body).decode())
        return 0
    print(f"{log.origin}: {log.size} entries, begun {log.begun_at:%Y-%m-%d %H:%M}")
    signed = f"{newest.size} entries, {newest.at:%Y-%m-%d %H:%M}" if newest else "none yet"
    print(f"newest checkpoint: {signed}")
    for one in witnesses:
        print(_of_witness(one, log.size))
    if log.stopped:
        print(f"stands still: {log.stopped}")
    return 0


def _restart(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    if not options.reason.strip() or len(options.reason) > _LONGEST_REASON:
        raise SettingsError(f"--reason: say why, in at most {_LONGEST_REASON} characters")
    with opened(settings) as database:
        done = restarting.restart(database, settings, options.reason.strip(), at_the_command_line(), _now())
    print(
        f"the log {done.log.origin} begins; entries of the one before that are entered again: {done.again}. Tell the"
        " witnesses its key: 'netready-collector evidence key'",
        file=sys.stderr,
    )
    return 0


def _add(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.owning() as connection:
        cosigning.add(connection, options.name, options.key, at_the_command_line(), _now())
    print(f"{options.name} may cosign from now on", file=sys.stderr)
    return 0


def _list(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        log = cosigning.log_of(connection, None)
        found = checkpoints.witnesses(connection, log.number)
    if options.format == "json":
        print(msgspec.json.encode({"items": found, "total": len(found), "cursor": None}).decode())
        return 0
    for one in found:
        print(_of_witness(one, log.size))
    return 0


def _of_witness(one: checkpoints.WitnessRecord, size: int) -> str:
    if one.ended_at is not None:
        return f"witness {one.name}: ended {one.ended_at:%Y-%m-%d}"
    if one.size is None or one.at is None:
        return f"witness {one.name}: cosigned nothing of this log yet"
    return f"witness {one.name}: {one.size} entries ({size - one.size} behind), {_ago(_now() - one.at)}"


def _ago(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.0f} hours ago" if hours < 48 else f"{hours / 24:.0f} days ago"


def _end(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.owning() as connection:
        cosigning.end(connection, options.name, at_the_command_line(), _now())
    print(f"{options.name} may cosign no more", file=sys.stderr)
    return 0


def _now() -> datetime:
    return datetime.now(UTC)
