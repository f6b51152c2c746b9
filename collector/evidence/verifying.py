"""A bundle's file for the verifier, and what it found out for people and programs."""

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from agent.contract.errors import SettingsError
from collector.evidence import bundle, note, verifier
from collector.evidence.bundle import BundleError
from collector.evidence.errors import NoteError
from collector.evidence.places import Trust
from collector.evidence.told import Judged
from collector.evidence.verifier import Told

_PACKED = b"\x1f\x8b"
_EVERY = 256  # lines between two looks at how far the file was read
_MOST_SHOWN = 20


def trust_of(logs: list[str], witnesses: list[str], at_least: int | None) -> Trust:
    """Return whom the options say to believe; without a number all witnesses must have seen everything.

    Raises:
        SettingsError: a key is none, or of another kind; or more witnesses are asked for than named.
    """
    found = Trust(
        logs=tuple(_key(text, "log") for text in logs),
        witnesses=tuple(_key(text, "witness") for text in witnesses),
        at_least=len(witnesses) if at_least is None else at_least,
    )
    names = {one.name for one in found.witnesses}
    if len(names) != len(found.witnesses):
        raise SettingsError("--witness names somebody twice")
    if found.at_least > len(names):
        raise SettingsError(f"--at-least {found.at_least}: so many witnesses are not named with --witness")
    return found


def verify(file: Path, trust: Trust, *, quiet: bool = False) -> Told:
    """Verify a file, and show how far it was read where somebody watches.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        with file.open("rb") as opened, _progress(quiet=quiet) as shown:
            task = shown.add_task(file.name, total=file.stat().st_size)
            return verifier.verify(_lines(opened, lambda at: shown.update(task, completed=at)), trust)
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror or error}") from error


def print_told(told: Told, *, allow_pending: bool) -> None:
    """Print what was found out, the verdicts first and what is wrong last."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    shown = told.verdicts if len(told.verdicts) <= _MOST_SHOWN else ()
    for one in shown:
        console.print(_plain(_sentence(one)))
    if len(told.verdicts) > _MOST_SHOWN:
        counts = Counter(one.state for one in told.verdicts)
        console.print(
            f"{len(told.verdicts)} verdicts: {', '.join(f'{n} {state}' for state, n in sorted(counts.items()))}"
        )
    _print_some(console, "note", [f"line {one.line}: {one.what}" for one in (*told.remarks, *told.unchecked)])
    for seen in told.seen:
        console.print(_plain(f"witness {seen.witness} saw {seen.size} entries of {seen.log}, {bundle.moment(seen.at)}"))
    for key in told.believed:
        console.print(_plain(f"log key {'given' if told.is_told else 'BELIEVED AS THE BUNDLE HAS IT'}: {key}"))
    if told.believed and not told.is_told:
        console.print(
            "  so this proves only that the bundle agrees with itself; have the log's key told to you by whoever runs"
            " the collector, and give it with --log-key"
        )
    _print_some(console, "LEFT OUT", [f"line {one.line}: {one.what}" for one in told.left_out])
    _print_some(console, "not yet logged", [f"line {number}: no checkpoint covers this yet" for number in told.pending])
    _print_some(console, "NOT PROVEN", [f"line {one.line}: {one.what}" for one in told.findings])
    holds = told.holds(allow_pending=allow_pending)
    console.print(_conclusion(told, holds=holds), style="bold green" if holds else "bold red")


def as_json(told: Told, *, allow_pending: bool) -> bytes:
    """Return what was found out as JSON."""
    return msgspec.json.encode({"proven": told.holds(allow_pending=allow_pending), **msgspec.to_builtins(told)})


def _print_some(console: Console, word: str, sentences: list[str]) -> None:
    for one in sentences[:_MOST_SHOWN]:
        console.print(_plain(f"{word}: {one}"))
    if len(sentences) > _MOST_SHOWN:
        console.print(f"{word}: and {len(sentences) - _MOST_SHOWN} more; --json has them all")


def _plain(text: str) -> str:
    """Return a text without what could steer a terminal; a bundle may come from anybody."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def _conclusion(told: Told, *, holds: bool) -> str:
    what = f"verdicts: {len(told.verdicts)}, reports: {sum(one.reports for one in told.verdicts)}, lines: {told.lines}"
    if told.left_out:
        what += f"; LEFT OUT: {len(told.left_out)} verdicts"
    if holds:
        return f"proven: {what}"
    if not told.findings:
        return f"not proven: {len(told.pending)} things are not yet logged ({what}); export again after a checkpoint"
    return f"NOT PROVEN, faults: {len(told.findings)} ({what})"


def _sentence(one: Judged) -> str:
    version = "so far" if one.version == 0 else f"version {one.version}"
    again = "judged again to the same bytes" if one.is_same else "NOT THE SAME when judged again"
    half_hours = f"{one.tested} of {one.half_hours} half hours of lessons with a test"
    records = f"; server's own records: {one.with_record} agree, {one.differing} differ, {one.only_server} unreported"
    files = f"; files attached to disputes: {one.files}, {one.files_shown} of them in the bundle" if one.files else ""
    return (
        f"school {one.school}, line {one.line}, {one.month}, {one.operator}, {version}:"
        f" {one.state.upper()}{' (synthetic)' if one.synthetic else ''}; {again}\n"
        f"  {one.reports} reports of {one.computers} computers, {one.tests} tests, {half_hours}; reports that are"
        f" missing: {one.missing}{records if one.with_record + one.differing + one.only_server else ''}{files}\n"
        f"  sha256 {one.sha256}"
    )


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as shown:
        yield shown


def _lines(opened: BinaryIO, tell: Callable[[int], object]) -> Iterator[bytes]:
    """Yield the lines of a file, packed or not; none is held that is longer than any may be.

    Raises:
        BundleError: it is packed, and the packing is damaged.
    """
    is_packed = opened.read(len(_PACKED)) == _PACKED
    opened.seek(0)
    file = gzip.GzipFile(fileobj=opened) if is_packed else opened
    number = 0
    while True:
        try:
            line = file.readline(bundle.MAX_LINE_BYTES + 1)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise BundleError(number + 1, f"the packed file is damaged: {error}") from error
        if not line:
            return
        number += 1
        if number % _EVERY == 0:
            tell(opened.tell())
        yield line


def _key(text: str, kind: note.Kind) -> note.Key:
    try:
        found = note.read_key(text)
    except NoteError as error:
        raise SettingsError(f"--{'log-key' if kind == 'log' else 'witness'}: {error}") from error
    if found.kind != kind:
        raise SettingsError(f"{found.name} is the key of a {found.kind}; that of a {kind} is needed here")
    return found
