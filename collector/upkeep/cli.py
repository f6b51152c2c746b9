"""The commands for backups and for looking after the computers; ``netready-collector`` adds them to its own."""

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from agent.contract.errors import SettingsError
from collector import backup, fleet, maintenance, rollcall, rollup
from collector.settings import Settings
from collector.store import fleet as stored
from collector.store import schools
from collector.store.database import MINISTRY, Connection, Database, open_database
from collector.store.distribution import SHARDS
from collector.store.fleet import Asked, ComputerHealth

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Read = Callable[[argparse.Namespace], Settings]
Open = Callable[[Settings], Database]
Say = Callable[[str], None]

_ALL = 1_000_000
_MOST_SHARDS = 1_024
_NOT_SHOWN = ("versions", "synthetic", "enrolled_at", "region", "district", "school", "is_delayed")


def add(
    commands: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser, read: Read, opened: Open, say: Say
) -> None:
    """Add the commands; ``read`` gives the settings that the options name, ``opened`` opens their database."""
    _add_database(commands, common, read, opened, say)
    actions = commands.add_parser("backup", help="all of the database in one file").add_subparsers(
        required=True, metavar="ACTION"
    )
    make = actions.add_parser("create", parents=[common], help="write a backup while everybody goes on working")
    make.add_argument("file", metavar="FILE", type=Path, help="for example 2026-11-23.tar.zst; never overwritten")
    make.set_defaults(command=lambda options: _create(options, read(options), opened, say))
    back = actions.add_parser("restore", parents=[common], help="fill an empty --data folder or --database")
    back.add_argument("file", metavar="FILE", type=Path)
    back.set_defaults(command=lambda options: _restore(options, read(options), say))
    look = actions.add_parser("verify", help="read a backup to its end and check every byte")
    look.add_argument("file", metavar="FILE", type=Path)
    look.set_defaults(command=lambda options: _verify(options, say))
    shown = commands.add_parser("fleet", parents=[common], help="how the computers are: live, at risk, silent")
    narrower = shown.add_mutually_exclusive_group()
    narrower.add_argument("--region", metavar="CODE", help="one region's schools, for example KZ-75")
    narrower.add_argument("--school", metavar="ID", type=str.strip, help="one school's computers")
    shown.add_argument("--format", choices=("table", "json"), default="table")
    shown.set_defaults(command=lambda options: _fleet(options, read(options), opened))


def _add_database(
    commands: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser, read: Read, opened: Open, say: Say
) -> None:
    actions = commands.add_parser("db", help="the database").add_subparsers(required=True, metavar="ACTION")
    upgrade = actions.add_parser("upgrade", parents=[common], help="apply the missing migrations")
    upgrade.set_defaults(command=lambda options: _upgrade(read(options), say))
    now = "make the next months' partitions, take out what [store] no longer keeps; 'serve' does so by itself"
    maintain = actions.add_parser("maintain", parents=[common], help=now)
    maintain.set_defaults(command=lambda options: _maintain(read(options), opened, say))
    spread = actions.add_parser("distribute", parents=[common], help="lay the tables out over several machines (Citus)")
    spread.add_argument(
        "--shards", metavar="N", type=int, default=SHARDS, help=f"parts of each table, of the first time ({SHARDS})"
    )
    spread.set_defaults(command=lambda options: _distribute(options, read(options), say))


def _upgrade(settings: Settings, say: Say) -> int:
    with open_database(settings.database, progress=say, make=True):
        say("the database has this version's schema")
    return 0


def _maintain(settings: Settings, opened: Open, say: Say) -> int:
    with opened(settings) as database:
        done = maintenance.maintain(database, settings.store, datetime.now(UTC))
    for sentence in ["another process is at it already"] if done is None else done.sentences():
        say(sentence)
    return 0


def _distribute(options: argparse.Namespace, settings: Settings, say: Say) -> int:
    if not 1 <= options.shards <= _MOST_SHARDS:
        raise SettingsError(f"--shards {options.shards} is not from 1 to {_MOST_SHARDS}; {SHARDS} suit eight machines")
    with open_database(settings.database, progress=say) as database:
        layout = database.distribute(options.shards)
    if not (layout.by_school or layout.everywhere):
        say(f"every table has its place already, on {layout.workers} workers")
    else:
        say(f"by school over {layout.workers} workers: {', '.join(layout.by_school) or 'nothing new'}")
        say(f"on every machine: {', '.join(layout.everywhere) or 'nothing new'}")
    return 0


def _create(options: argparse.Namespace, settings: Settings, opened: Open, say: Say) -> int:
    with opened(settings) as database:
        made = backup.create(database, options.file, say)
    say(f"{options.file}: {made.rows} rows of {len(made.contents)} tables")
    return 0


def _restore(options: argparse.Namespace, settings: Settings, say: Say) -> int:
    made = backup.restore(options.file, settings.database, say)
    say(f"restored {made.rows} rows of {len(made.contents)} tables, each as in {options.file}")
    return 0


def _verify(options: argparse.Namespace, say: Say) -> int:
    about, made = backup.verify(options.file)
    say(f"{options.file}: whole; of {about.created_at:%Y-%m-%d %H:%M} UTC, netready {about.netready}, {made.rows} rows")
    return 0


def _fleet(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database:
        rollcall.run(database, rollup.calendars_of(settings.policy).at, settings.fleet, datetime.now(UTC))
        with database.reading(MINISTRY) as connection:
            rows = _rows(connection, options.region, options.school)
    if options.format == "json":
        print(msgspec.json.encode({"items": rows, "total": len(rows), "cursor": None}).decode())
    else:
        _print_table([msgspec.to_builtins(row) for row in rows])
        for identity in sorted({row.identity for row in rows if isinstance(row, ComputerHealth)} - {"one"}):
            print(f"{identity}: {fleet.ADVICE[identity]}.")  # type: ignore[index]  # the database holds no other word
    return 0


def _rows(connection: Connection, region: str | None, school: str | None) -> Sequence[msgspec.Struct]:
    if school is not None:
        schools.visible_school(connection, school)
        return stored.by_computer(connection, Asked(school_id=school), limit=_ALL, offset=0)[0]
    found = stored.by_school(connection, Asked(region_id=region))
    if region is not None:
        return found
    return fleet.by_region(found, {key: one.name_en for key, one in schools.regions(connection).items()})


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        print("There is none: import the registry with 'netready-collector schools import FILE', and enrol computers.")
        return
    columns = [name for name in rows[0] if name not in _NOT_SHOWN]
    cells = [[name.replace("_", " ") for name in columns]]
    cells += [["–" if row[name] is None else str(row[name]) for name in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
