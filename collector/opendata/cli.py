"""The commands that give data to others; ``netready-collector`` adds them to its own."""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from collector import opendata, periods, policy, registry, rollup
from collector.opendata import giga
from collector.people.cli import at_the_command_line
from collector.periods import Period
from collector.settings import Settings
from collector.store import audit
from collector.store.database import MINISTRY, Database
from collector.store.open_data import single_tests

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Read = Callable[[argparse.Namespace], Settings]
Open = Callable[[Settings], Database]
Say = Callable[[str], None]


def add(
    commands: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser, read: Read, opened: Open, say: Say
) -> None:
    """Add the commands; ``read`` gives the settings that the options name, ``opened`` opens their database."""
    actions = commands.add_parser("open-data", help="what anybody may have").add_subparsers(
        required=True, metavar="ACTION"
    )
    public = actions.add_parser("export", parents=[common], help="write the public extract of a period into a folder")
    public.add_argument("folder", metavar="DIR", type=Path)
    public.add_argument("--period", metavar="PERIOD", help="the current quarter if left out")
    public.set_defaults(command=lambda options: _export_open_data(options, read(options), opened, say))
    actions = commands.add_parser("giga", help="Giga's formats").add_subparsers(required=True, metavar="ACTION")
    tests = actions.add_parser("export", parents=[common], help="write a period's tests as Giga Meter measurements")
    tests.add_argument("file", metavar="FILE", type=Path, help="CSV, or JSON Lines if it is called .jsonl")
    tests.add_argument("--period", metavar="PERIOD", help="the current quarter if left out")
    tests.set_defaults(command=lambda options: _export_giga(options, read(options), opened, say))


def _export_open_data(options: argparse.Namespace, settings: Settings, opened: Open, say: Say) -> int:
    period = _period(options, settings)
    with opened(settings) as database:
        rollup.run(database, rollup.calendars_of(settings.policy))
        with database.reading(MINISTRY) as connection:
            written = opendata.export(connection, period, settings.open_data, options.folder)
        with database.admitting() as connection:
            detail = {"period": period.label}
            audit.note(connection, at_the_command_line(), "exported", "open data", now=datetime.now(UTC), detail=detail)
    say(f"{options.folder}: {', '.join(written)}")
    if settings.open_data.licence is None:
        say("warning: no licence is set ([open_data] licence), so nobody knows what is allowed with the data")
    return 0


def _export_giga(options: argparse.Namespace, settings: Settings, opened: Open, say: Say) -> int:
    period = _period(options, settings)
    with opened(settings) as database:
        with database.reading(MINISTRY) as connection:
            country = registry.shipped_country().about.code
            written = giga.write(single_tests(connection, period), country, options.file)
        with database.admitting() as connection:
            detail = {"period": period.label, "rows": written}
            audit.note(
                connection, at_the_command_line(), "exported", "tests for Giga", now=datetime.now(UTC), detail=detail
            )
    say(f"{options.file}: {written} tests")
    return 0


def _period(options: argparse.Namespace, settings: Settings) -> Period:
    return periods.chosen(options.period, datetime.now(UTC), policy.zone_of(settings.policy))
