"""The command that prints an evidence pack; ``netready-collector`` adds it to those of ``evidence``."""

import argparse
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from agent.contract.errors import SettingsError
from collector.pack import gathering, printing
from collector.pack.gathering import Asked
from collector.pack.words import LANGUAGES
from collector.people.cli import at_the_command_line
from collector.settings import Settings
from collector.store import audit
from collector.store.database import MINISTRY, Database

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Read = Callable[[argparse.Namespace], Settings]
Open = Callable[[Settings], Database]
_MONTH = re.compile("[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)


def add(
    actions: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser, read: Read, opened: Open
) -> None:
    """Add the command; ``read`` gives the settings that the options name, ``opened`` opens their database."""
    made = actions.add_parser("pack", parents=[common], help="a verdict with all that it rests on as a PDF, to print")
    made.add_argument("--school", metavar="ID", required=True, type=str.strip)
    made.add_argument("--month", metavar="YYYY-MM", required=True, type=_month)
    made.add_argument("--line", metavar="LINE", help="where the school has several")
    made.add_argument("--operator", metavar="NAME", help="where several had to answer for it in this month")
    made.add_argument("--version", metavar="N", type=_version, help="an older one; the newest, if left out")
    made.add_argument("--language", choices=LANGUAGES, default=LANGUAGES[0], help=f"{LANGUAGES[0]}, if left out")
    made.add_argument("-o", "--output", metavar="FILE", required=True, type=Path)
    made.set_defaults(command=lambda options: _pack(options, read(options), opened))


def _month(text: str) -> str:
    if _MONTH.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no month such as 2026-10")
    return text


def _version(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"{text!r} is no version; they are numbered from 1, 0 is preliminary")
    return int(text)


def _pack(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    asked = Asked(
        school=options.school,
        month=options.month,
        line=options.line,
        operator=options.operator,
        version=options.version,
    )
    with opened(settings) as database:
        case = gathering.case_of(database, MINISTRY, asked, settings.policy)
        content = printing.pdf(case, options.language)
        try:
            options.output.write_bytes(content)
        except OSError as error:
            raise SettingsError(f"cannot write {options.output}: {error.strerror or error}") from error
        with database.admitting() as connection:
            detail = {"month": asked.month, "version": case.verdict.version, "file": options.output.name}
            about = f"evidence pack of school {asked.school}"
            audit.note(connection, at_the_command_line(), "exported", about, now=datetime.now(UTC), detail=detail)
    print(f"{options.output}: version {case.verdict.version} of the verdict, {len(content):,} bytes", file=sys.stderr)
    return 0
