"""Reports out to a file that a person carries to the collector, and the collector's receipts back in.

The outbox keeps every report until a receipt sealed for this school says that it arrived; without one the same reports
may be carried, or sent, again: the collector takes each once.
"""

import contextlib
import gzip
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from agent.contract import carried, report, signing
from agent.contract.errors import MalformedError, SettingsError, SignatureError
from agent.errors import NotEnrolledError
from agent.outbox import Outbox

_PAGE = 200
_IN_MEMORY_BYTES = 16 * 1024 * 1024
_FOR_FILE_NAMES = re.compile(r"[^\w-]+", re.ASCII)


class Exported(Struct, frozen=True, kw_only=True):
    """What was written, and where."""

    file: Path
    reports: int
    bytes: int


class Settled(Struct, frozen=True, kw_only=True):
    """What receipts did to the outbox; ``notes`` are sentences for the person who brought them."""

    forgotten: int = 0
    refused: int = 0
    others: int = 0
    notes: tuple[str, ...] = ()


def export(outbox: Outbox, place: Path, software: str, now: datetime) -> Exported | None:
    """Write everything that waits to a new file, in a folder to one of our own name; return None if nothing does.

    Raises:
        SettingsError: the file is there already or cannot be written.
        StateError: the outbox cannot be read.
    """
    with contextlib.ExitStack() as open_bodies:
        sections = []
        for agent in outbox.waiting_agents():
            body = open_bodies.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES))
            header = _pack(outbox, agent, body, software, now)
            if header is not None:
                sections.append((header, body))
        if not sections:
            return None
        file = place / _name(sections[0][0]) if place.is_dir() else place
        _write(file, sections)
    return Exported(file=file, reports=sum(header.reports for header, _ in sections), bytes=file.stat().st_size)


def _pack(outbox: Outbox, agent: str, body: IO[bytes], software: str, now: datetime) -> carried.Header | None:
    """Write the agent's envelopes, packed, and return the heading that belongs before them; None if there are none."""
    sha256, count, school = hashlib.sha256(), 0, ""
    with gzip.GzipFile(fileobj=body, mode="wb", mtime=0) as packed:
        for envelope in _waiting(outbox, agent):
            school = school or report.decode(signing.decode_envelope(envelope).payload).school
            count += 1
            sha256.update(envelope + b"\n")
            packed.write(envelope + b"\n")
    body.seek(0)
    if not count:
        return None
    return carried.Header(
        agent=agent, school=school, reports=count, sha256=sha256.hexdigest(), made_at=now, software=software
    )


def _waiting(outbox: Outbox, agent: str) -> Iterator[bytes]:
    """Give the envelopes in pages, so that neither memory nor a running service feels it."""
    after = 0
    while page := outbox.waiting_of(agent, after, _PAGE):
        yield from (one.envelope for one in page)
        after = page[-1].row


def _name(header: carried.Header) -> str:
    school = _FOR_FILE_NAMES.sub("-", header.school).strip("-") or "school"
    return f"netready-{school}-{header.agent[:8]}-{header.made_at:%Y%m%dT%H%M%S}.jsonl.gz"


def _write(file: Path, sections: Sequence[tuple[carried.Header, IO[bytes]]]) -> None:
    """Write headings and bodies, each a gzip member, so that the file is there whole or not at all."""
    if file.exists():
        raise SettingsError(f"{file} is there already, perhaps with another computer's reports; name a new file")
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as out:
            for header, body in sections:
                out.write(gzip.compress(msgspec.json.encode(header) + b"\n", mtime=0))
                shutil.copyfileobj(body, out)
            out.flush()
            os.fsync(out.fileno())  # a stick is often pulled out at once
        beside.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise SettingsError(
            f"cannot write {file}: {error.strerror or error}; nothing was lost: the reports are still on this computer"
        ) from error


def take_receipts(outbox: Outbox, file: Path, school_key: bytes | None) -> Settled:
    """Forget the reports that the collector's receipts name, and put refused ones aside with the reason.

    Nothing else is done by a file: an answer that this computer is no longer welcome waits until the collector itself
    says so.

    Raises:
        NotEnrolledError: this computer does not have its school's key, so no receipt can be believed.
        SettingsError: the file cannot be read.
    """
    if school_key is None:
        raise NotEnrolledError(
            "this computer does not have its school's key yet, so it cannot tell whether receipts are the collector's; "
            "nothing was changed: its reports stay, and the collector takes each once however often it is brought"
        )
    ours = set(outbox.waiting_agents())
    total = Settled()
    try:
        with file.open("rb") as stream:
            for number, line in carried.lines(stream):
                total = _added(total, _take(outbox, line, f"line {number}", (ours, school_key)))
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror or error}") from error
    except MalformedError as error:
        total = _added(total, Settled(notes=(str(error),)))
    return total


def _take(outbox: Outbox, line: bytes, place: str, ours_and_key: tuple[set[str], bytes]) -> Settled:
    ours, school_key = ours_and_key
    try:
        slip = carried.unseal(signing.decode_envelope(line), school_key)
    except SignatureError:
        return Settled(others=1)  # of another school: one file may go round many
    except MalformedError as error:
        return Settled(notes=(f"{place}: no receipts ({error}); is this the file that the collector wrote?",))
    if slip.agent not in ours:
        return Settled(others=1)
    revoked = any(one.answer == "revoked" for one in slip.items)
    forgotten, refused = outbox.settle_by_hash(slip.agent, slip.items)
    note = "the collector says that this computer was taken out of service: ask for a new token and enrol it again"
    return Settled(forgotten=forgotten, refused=refused, notes=(note,) if revoked else ())


def _added(total: Settled, one: Settled) -> Settled:
    return Settled(
        forgotten=total.forgotten + one.forgotten,
        refused=total.refused + one.refused,
        others=total.others + one.others,
        notes=(total.notes + one.notes)[:20],
    )
