"""Reports carried by hand from schools without the internet, put through the same ingest as those that were sent.

A report proves itself, so a file need not be trusted: what it holds of real reports is stored once, whatever the rest
of it is, and all that is wrong is named by its line.
"""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.contract import carried, signing, wire
from agent.contract.errors import MalformedError, SettingsError
from collector import ingest
from collector.store import peers
from collector.store.database import Database

MAX_TOLD = 100
# That many lines in one file that are no envelopes: it is none of ours, and the rest need not be looked at.
MAX_UNREADABLE = 1_000


class _Whose(Struct, frozen=True):
    """Of which school and computer an accepted report is."""

    school: str
    agent: str


class _Line(Struct, frozen=True):
    """An envelope and where it stands."""

    place: str
    envelope: bytes


class Delivery:
    """What became of carried files: counts, what is wrong in sentences, and the receipts to carry back."""

    def __init__(self) -> None:
        self.stored = 0
        self.known = 0
        self.refused = 0
        self.wrong = 0
        self._told: list[str] = []
        self._receipts: dict[_Whose, dict[str, wire.Receipt]] = {}

    @property
    def is_whole(self) -> bool:
        """Tell whether every line of every file arrived and was taken."""
        return not self.refused and not self.wrong

    def findings(self) -> tuple[str, ...]:
        """Return what is wrong, at most ``MAX_TOLD`` sentences and how many more there are."""
        more = self.refused + self.wrong - len(self._told)
        return (*self._told, f"and {more} more") if more else tuple(self._told)

    def note(self, sentence: str) -> None:
        """Note something wrong with a file."""
        self.wrong += 1
        self._tell(sentence)

    def take(self, line: _Line, receipt: wire.Receipt) -> None:
        """Count an answer, tell a refusal, and keep the receipt where the report is surely its computer's."""
        if receipt.answer == "stored":
            self.stored += 1
        elif receipt.answer == "duplicate":
            self.known += 1
        else:
            self.refused += 1
            self._tell(f"{line.place}: {receipt.reason or receipt.answer}: {receipt.detail or 'no reason given'}")
        if receipt.sha256 is not None:  # its signature was checked: nobody can have another's report put aside
            whose = msgspec.json.decode(signing.decode_envelope(line.envelope).payload, type=_Whose)
            self._receipts.setdefault(whose, {})[receipt.sha256] = receipt

    def slips(self, now: datetime) -> Iterator[carried.Slip]:
        """Give the receipts in the portions in which they are carried."""
        for whose, by_hash in sorted(self._receipts.items(), key=lambda item: (item[0].school, item[0].agent)):
            receipts = iter(by_hash.values())
            while items := tuple(islice(receipts, carried.MAX_SLIP_RECEIPTS)):
                yield carried.Slip(school=whose.school, agent=whose.agent, made_at=now, items=items)

    def _tell(self, sentence: str) -> None:
        if len(self._told) < MAX_TOLD:
            self._told.append(sentence[:500])


class _Section:
    """One computer's part of a file, counted against what its heading promises."""

    def __init__(self, place: str, header: carried.Header | None) -> None:
        self._place = place
        self._header = header
        self._count = 0
        self._sha256 = hashlib.sha256()

    def add(self, line: bytes) -> None:
        """Count a line of it."""
        self._count += 1
        self._sha256.update(line + b"\n")

    def complaint(self) -> str | None:
        """Say what does not fit the heading, if anything."""
        if self._header is None:
            missing = f"{self._place}: {self._count} lines under no heading: the file's beginning is missing"
            return missing if self._count else None
        who = f"{self._place}: computer {self._header.agent} of school {self._header.school}"
        if self._count != self._header.reports:
            return f"{who}: {self._count} of {self._header.reports} reports came; carry its file again"
        if self._sha256.hexdigest() != self._header.sha256:
            return f"{who}: its reports are not as they were written; if any was refused, carry its file again"
        return None


def import_files(database: Database, files: Sequence[Path], now: Callable[[], datetime]) -> Delivery:
    """Store the reports of carried files in batches of the size that agents send; each batch is committed by itself.

    Raises:
        DatabaseError: the database cannot be used; what was stored until then is stored, and may be brought again.
    """
    delivery = Delivery()
    for file in files:
        envelopes = _envelopes(file, delivery)
        while batch := list(islice(envelopes, wire.MAX_BATCH_REPORTS)):
            with database.ingesting() as connection:
                receipts = ingest.accept(connection, [line.envelope for line in batch], now())
            for line, receipt in zip(batch, receipts, strict=True):
                delivery.take(line, receipt)
    return delivery


def _envelopes(file: Path, delivery: Delivery) -> Iterator[_Line]:
    """Give a file's envelopes, and note what is wrong with the file."""
    section = _Section(file.name, None)
    unreadable = 0
    try:
        with file.open("rb") as stream:
            for number, line in carried.lines(stream):
                place = f"{file.name}: line {number}"
                if carried.is_header(line):
                    _close(section, delivery)
                    section = _Section(place, _header(line, place, delivery))
                    continue
                section.add(line)
                unreadable += not line.startswith(b"{")
                if unreadable > MAX_UNREADABLE:
                    delivery.note(f"{place}: too much of it is no report; the rest was not read")
                    break
                yield _Line(place, line)
    except OSError as error:
        delivery.note(f"{file}: cannot be read: {error.strerror or error}")
    except MalformedError as error:
        delivery.note(f"{file.name}: {error}")
    _close(section, delivery)


def _header(line: bytes, place: str, delivery: Delivery) -> carried.Header | None:
    try:
        return carried.read_header(line)
    except MalformedError as error:
        delivery.note(f"{place}: {error}")
        return None


def _close(section: _Section, delivery: Delivery) -> None:
    if complaint := section.complaint():
        delivery.note(complaint)


def write_receipts(database: Database, delivery: Delivery, file: Path, now: datetime) -> int:
    """Write sealed receipts, to be carried back and return for how many reports; the file is there whole or not.

    Raises:
        SettingsError: it cannot be written; the reports are stored all the same.
    """
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    written = 0
    try:
        with beside.open("xb") as out:
            for slip in delivery.slips(now):
                with database.ingesting() as connection:
                    key = peers.key_of_school(connection, slip.school)
                out.write(msgspec.json.encode(carried.seal(slip, key)) + b"\n")
                written += len(slip.items)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise SettingsError(
            f"cannot write {file}: {error.strerror or error}; the reports are stored: import them again for receipts"
        ) from error
    return written
