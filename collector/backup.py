"""Backups: all of a database in one file, verified, and restored into an empty place.

The file is ``tar`` in ``zstd`` (readable with ``tar --zstd``)::

    about.json                  format, netready's version, the schema's revision, tables and their columns
    tables/NAME/000000.copy     rows as PostgreSQL's COPY writes them, in the order of the key; a piece of a table
    ...
    manifest.json               last: of each table the number of rows, of bytes, and the SHA-256 over its pieces

It is one moment of the database (one repeatable-read transaction) while everybody goes on working. It holds everything
that the country stored, also accounts' password hashes: keep it as safely as the database. Not in it: the passwords of
the program's own database roles, which a restored database makes anew.

For a database of many gigabytes, and for losing no minute, let PostgreSQL archive its log as well (pg_basebackup and
continuous archiving); this backup is the one that needs nothing but netready and outlives versions of PostgreSQL.
"""

import contextlib
import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec
import psycopg
from msgspec import Struct
from psycopg import IsolationLevel

from agent import __version__
from collector.errors import BackupError
from collector.people.cli import at_the_command_line
from collector.settings import DatabaseSettings
from collector.store import audit, dump, schema
from collector.store.database import Connection, Database, open_database, opened_empty
from collector.store.dump import Sequence, Table

FORMAT = 1
AUDITED = "backup"
_PIECE_BYTES = 16 * 1024 * 1024
_LARGEST_HEADING = 16 * 1024 * 1024
_ABOUT, _MANIFEST = "about.json", "manifest.json"
_OLDEST_REVISION = "0008"

Say = Callable[[str], None]


class About(Struct, frozen=True, kw_only=True):
    """What a backup is of; its first entry."""

    format: int
    netready: str
    revision: str
    created_at: datetime
    tables: tuple[Table, ...]


class Content(Struct, frozen=True, kw_only=True):
    """How much of a table there is, and what its bytes hash to."""

    name: str
    rows: int
    bytes: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """What the backup holds; its last entry, so that a file that was cut off has none."""

    contents: tuple[Content, ...]
    sequences: tuple[Sequence, ...] = ()

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.contents)


def create(database: Database, file: Path, say: Say) -> Manifest:
    """Write a backup; the file appears only when it is whole, readable by its owner only.

    Raises:
        BackupError: the file is already there, or cannot be written.
        DatabaseError: the database went away.
    """
    if file.exists():
        raise BackupError(f"{file} is already there; name another file, a backup is never overwritten")
    unfinished = file.with_name(file.name + ".unfinished")
    try:
        with _written(unfinished) as raw, _tar(raw, "w") as archive, database.owning() as connection:
            manifest = _write(connection, archive, say)
        unfinished.replace(file)
    except OSError as error:
        raise BackupError(f"cannot write {file}: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    _note(database, {"done": "created", "file": file.name, "rows": manifest.rows})
    return manifest


def verify(file: Path) -> tuple[About, Manifest]:
    """Read a backup to its end; return what it holds.

    Raises:
        BackupError: it is damaged, cut off, or of a later format.
    """
    contents: dict[str, _Sum] = {}
    with _opened(file) as (about, entries):
        for name, stream in entries:
            if name == _MANIFEST:
                manifest = _decoded(stream, Manifest, file)
                break
            adding = contents.setdefault(_table_of(name), _Sum())
            while piece := stream.read(_PIECE_BYTES):
                adding.add(piece)
        else:
            raise BackupError(f"{file} was cut off: its last entry is missing; use another backup")
    found = {name: adding.content(name) for name, adding in contents.items()}
    for content in manifest.contents:
        if found.get(content.name, _Sum().content(content.name)) != content:
            raise BackupError(f"{file} is damaged: the table {content.name} is not what was written; use another")
    if {one.name for one in manifest.contents} != {one.name for one in about.tables} | set(found):
        raise BackupError(f"{file} is damaged: it does not hold the tables it names; use another")
    return about, manifest


def restore(file: Path, settings: DatabaseSettings, say: Say) -> Manifest:
    """Fill an empty database from a backup, and compare every table with it; then bring it to this version's schema.

    All of it is one transaction: what fails leaves the place as empty as it was.

    Raises:
        BackupError: the backup is damaged or too new, the place is not empty, or a table came out different.
        DatabaseError: the database cannot be used.
    """
    say(f"verifying {file}")
    about, manifest = verify(file)
    with opened_empty(settings, say) as conninfo:
        schema.migrate(conninfo, about.revision, lambda connection: _fill(connection, file, manifest, say))
    with open_database(settings, progress=say) as database:
        say("the database has this version's schema")
        _note(database, {"done": "restored", "file": file.name, "backup_of": about.created_at.isoformat()})
    return manifest


def _note(database: Database, detail: dict[str, object]) -> None:
    """Tell the audit log, from which the administration's page has when the last backup was made."""
    with database.owning() as connection:
        audit.note(connection, at_the_command_line(), "changed", AUDITED, now=datetime.now(UTC), detail=detail)


class _Sum:
    """Adds up pieces of a table."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.rows = self.bytes = 0

    def add(self, piece: bytes) -> None:
        self._hash.update(piece)
        self.bytes += len(piece)
        self.rows += piece.count(b"\n")  # COPY writes a line feed inside a value as two letters

    def content(self, name: str) -> Content:
        return Content(name=name, rows=self.rows, bytes=self.bytes, sha256=self._hash.hexdigest())


def _write(connection: Connection, archive: tarfile.TarFile, say: Say) -> Manifest:
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    dump.in_our_form(connection)
    tables = dump.tables(connection)
    about = About(
        format=FORMAT,
        netready=__version__,
        revision=dump.revision(connection),
        created_at=datetime.now(UTC),
        tables=tuple(tables),
    )
    _add(archive, _ABOUT, msgspec.json.format(msgspec.json.encode(about)))
    contents = []
    for table in tables:
        adding = _Sum()
        for number, piece in enumerate(_pieces(connection, table)):
            adding.add(piece)
            _add(archive, f"tables/{table.name}/{number:06}.copy", piece)
        contents.append(adding.content(table.name))
        say(f"{table.name}: {adding.rows} rows")
    manifest = Manifest(contents=tuple(contents), sequences=tuple(dump.sequences(connection)))
    _add(archive, _MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def _pieces(connection: Connection, table: Table) -> Iterator[bytes]:
    """Yield a table's rows in pieces that are written one after the other, so that memory holds one."""
    held = bytearray()
    with dump.rows_of(connection, table) as rows:
        for row in rows:
            held += row
            if len(held) >= _PIECE_BYTES:
                yield bytes(held)
                held.clear()
    if held:
        yield bytes(held)


def _fill(connection: psycopg.Connection[Any], file: Path, manifest: Manifest, say: Say) -> None:
    dump.in_our_form(connection)
    expected = {one.name: one for one in manifest.contents}
    with _opened(file) as (about, entries):
        names = [table.name for table in about.tables]
        tables = {table.name: table for table in about.tables}
        with dump.without_triggers(connection, names):
            dump.empty(connection, names)
            _take_in(connection, tables, entries)
    for one in manifest.sequences:
        dump.set_sequence(connection, one)
    for table in tables.values():
        adding = _Sum()
        for piece in _pieces(connection, table):
            adding.add(piece)
        if adding.content(table.name) != expected[table.name]:
            raise BackupError(f"the table {table.name} came out different from the backup; nothing was restored")
        say(f"{table.name}: {adding.rows} rows, as in the backup")


def _take_in(
    connection: psycopg.Connection[Any], tables: dict[str, Table], entries: Iterator[tuple[str, IO[bytes]]]
) -> None:
    with contextlib.ExitStack() as stack:
        current, copy = "", None
        for name, stream in entries:
            if name == _MANIFEST:
                return
            if _table_of(name) != current:
                stack.close()
                current = _table_of(name)
                copy = stack.enter_context(dump.into(connection, tables[current]))
            while copy is not None and (piece := stream.read(_PIECE_BYTES)):
                copy.write(piece)


def _table_of(name: str) -> str:
    parts = name.split("/")
    if len(parts) != 3 or parts[0] != "tables":
        raise BackupError(f"the backup holds {name[:80]!r}, which netready never writes; use another")
    return parts[1]


@contextlib.contextmanager
def _written(file: Path) -> Iterator[IO[bytes]]:
    """Write a new file that only its owner can read, and see it on the disk at the end."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as raw:
        yield raw
    whole = os.open(file, os.O_RDONLY)  # again, since what compresses has closed the other
    try:
        os.fsync(whole)
    finally:
        os.close(whole)


@contextlib.contextmanager
def _tar(raw: IO[bytes], mode: str) -> Iterator[tarfile.TarFile]:
    import pyarrow as pa

    stream: Any = pa.CompressedOutputStream(raw, "zstd") if mode == "w" else pa.CompressedInputStream(raw, "zstd")
    with stream, tarfile.open(fileobj=stream, mode=f"{mode}|", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]  # the mode is one of two
        yield archive


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[tuple[About, Iterator[tuple[str, IO[bytes]]]]]:
    """Give what a backup is of, and its further entries one after the other."""
    try:
        with file.open("rb") as raw, _tar(raw, "r") as archive:
            entries = _entries(archive, file)
            name, stream = next(entries, ("", io.BytesIO()))
            if name != _ABOUT:
                raise BackupError(f"{file} is no backup of netready; it does not begin with {_ABOUT}")
            about = _decoded(stream, About, file)
            _check(about, file)
            yield about, entries
    except (OSError, tarfile.TarError, EOFError) as error:
        # pyarrow's errors of damaged zstd are OSErrors too.
        raise BackupError(f"{file} cannot be read as a backup: {error}; is it whole?") from error


def _entries(archive: tarfile.TarFile, file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    for entry in archive:
        stream = archive.extractfile(entry) if entry.isfile() else None
        if stream is None:
            raise BackupError(f"{file} holds {entry.name[:80]!r}, which is no file; netready never writes that")
        yield entry.name, stream


def _decoded(stream: IO[bytes], kind: type[Any], file: Path) -> Any:
    try:
        return msgspec.json.decode(stream.read(_LARGEST_HEADING), type=kind)
    except msgspec.DecodeError as error:
        raise BackupError(f"{file} is damaged: {error}; use another") from error


def _check(about: About, file: Path) -> None:
    if about.format > FORMAT or about.revision > schema.newest_revision():
        raise BackupError(
            f"{file} was written by netready {about.netready}, which is newer than this one ({__version__}); restore it"
            " with that version or a later one"
        )
    if about.revision < _OLDEST_REVISION:
        raise BackupError(f"{file} is of a schema ({about.revision}) that never had backups")
    for table in about.tables:
        table.check()
