"""The command that makes a bundle of evidence; ``netready-collector`` adds it to those of ``evidence``."""

import argparse
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from msgspec import structs
from rich.console import Console
from rich.progress import Progress

from agent.contract.errors import SettingsError
from collector.bundles.exporting import Export, about, compressed
from collector.evidence.bundle import Wanted
from collector.evidence.errors import EvidenceError
from collector.ledger import checkpointing
from collector.people.cli import at_the_command_line
from collector.settings import Settings
from collector.store import audit
from collector.store.database import MINISTRY, Database

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Read = Callable[[argparse.Namespace], Settings]
Open = Callable[[Settings], Database]
_MONTH = re.compile("[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)
_VERDICT = re.compile(
    r"(?P<school>[^/]+)/(?P<line>[^/]+)/(?P<month>\d{4}-\d\d)/(?P<operator>.+)/(?P<version>\d{1,6})", re.ASCII
)


def add(
    actions: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser, read: Read, opened: Open
) -> None:
    """Add the command; ``read`` gives the settings that the options name, ``opened`` opens their database."""
    made = actions.add_parser(
        "export", parents=[common], help="all the evidence of verdicts in one file, for 'evidence verify' anywhere"
    )
    what = made.add_mutually_exclusive_group(required=True)
    what.add_argument("--school", metavar="ID", type=str.strip, help="of a school's lines; all months unless told")
    what.add_argument("--operator", metavar="NAME", help="of an operator's lines in a month")
    what.add_argument("--verdict", metavar="SCHOOL/LINE/MONTH/OPERATOR/VERSION", type=_verdict, help="of one version")
    made.add_argument("--line", metavar="LINE")
    made.add_argument("--month", metavar="YYYY-MM", type=_month)
    made.add_argument("--version", metavar="N", type=_version, help="left out: the newest of each month")
    made.add_argument("--with-files", action="store_true", help="also the files that disputes attached")
    made.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="packed if it ends in .gz")
    made.set_defaults(command=lambda options: _export(options, read(options), opened))


def _month(text: str) -> str:
    if _MONTH.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no month such as 2026-10")
    return text


def _version(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"{text!r} is no version; they are numbered from 1")
    return int(text)


def _verdict(text: str) -> Wanted:
    found = _VERDICT.fullmatch(text)
    if found is None or _MONTH.fullmatch(found["month"]) is None:
        raise argparse.ArgumentTypeError(f"{text!r} names no verdict; expected for example 0101/1/2026-09/Alpha/1")
    return Wanted(
        school=found["school"],
        line=found["line"],
        month=found["month"],
        operator=found["operator"],
        version=int(found["version"]),
    )


def _export(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    wanted = _wanted(options)
    now = datetime.now(UTC)
    with opened(settings) as database:
        try:
            checkpointing.run(database, settings)
        except EvidenceError as error:
            print(f"warning: the log cannot go on, and the newest may lack a place in it: {error}", file=sys.stderr)
        export = Export(database, settings, MINISTRY, wanted, now)
        with _shown() as progress:
            task = progress.add_task("verdicts", total=len(export.named))
            size = _write(options.output, export.chunks(lambda done, _total: progress.update(task, completed=done)))
        for one in export.left_out:
            name = f"{one.school}/{one.line}/{one.month}/{one.operator}/{one.version}"
            print(f"warning: {name} is left out: {one.why}", file=sys.stderr)
        with database.admitting() as connection:
            detail = {
                "month": wanted.month,
                "verdicts": len(export.named) - len(export.left_out),
                "file": options.output.name,
            }
            audit.note(connection, at_the_command_line(), "exported", about(wanted), now=now, detail=detail)
    shown = len(export.named) - len(export.left_out)
    print(f"{options.output}: the evidence of verdicts: {shown}, bytes: {size:,}", file=sys.stderr)
    return 0 if shown else 1


def _wanted(options: argparse.Namespace) -> Wanted:
    if options.verdict is not None:
        if (options.line, options.month, options.version) != (None, None, None):
            raise SettingsError("--verdict names line, month and version itself")
        found: Wanted = options.verdict
        return structs.replace(found, files=options.with_files)
    if options.operator is not None and (options.month is None or options.line is not None):
        raise SettingsError("--operator needs --month, and takes all of the operator's lines")
    return Wanted(
        school=options.school,
        line=options.line,
        month=options.month,
        operator=options.operator,
        version=options.version,
        files=options.with_files,
    )


@contextmanager
def _shown() -> Iterator[Progress]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        yield progress


def _write(file: Path, chunks: Iterable[bytes]) -> int:
    """Write a file that is there whole or not at all; return its size in bytes."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        try:
            with beside.open("xb") as opened:
                size = _filled(opened, compressed(chunks) if file.suffix == ".gz" else chunks)
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"cannot write {file}: {error.strerror or error}") from error
    return size


def _filled(opened: BinaryIO, chunks: Iterable[bytes]) -> int:
    size = sum(opened.write(chunk) for chunk in chunks)
    opened.flush()
    os.fsync(opened.fileno())
    return size
