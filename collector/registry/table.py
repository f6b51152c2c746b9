"""A file to a table of cells with their line numbers: CSV by comma, semicolon or tab, or the first sheet of an XLSX.

The line of a row is the one an editor shows where the row begins, also after cells with line breaks; the header is
line 1.
"""

import csv
import io
from pathlib import Path
from typing import NamedTuple

from collector.errors import RegistryError
from collector.registry import workbook
from collector.registry.decoding import ADVICE, decode
from collector.registry.findings import Findings, placed
from collector.words import Sentence, say

MAX_FILE_BYTES = 50_000_000
MAX_ROWS = workbook.MAX_ROWS

_DELIMITERS = ",;\t"
_OTHER_FILES = (
    (b"\xd0\xcf\x11\xe0", say("an old .xls or a workbook with a password: save it as .xlsx without a password")),
    (b"%PDF", say("a PDF: ask for the table itself as XLSX or CSV")),
    (b"\x1f\x8b", say("a gzip archive: unpack it first")),
    (b"Rar!", say("an archive: unpack it first")),
    (b"7z\xbc\xaf", say("an archive: unpack it first")),
)


class Line(NamedTuple):
    """One row: where it begins and its cells; a number is a float only where a workbook says so."""

    number: int
    cells: list[str | float]


class Table(NamedTuple):
    """The header and the rows that are not empty."""

    header: Line
    rows: list[Line]


def read_table(file: Path, findings: Findings) -> Table:
    """Read the file; problems of single rows go to ``findings``.

    Raises:
        RegistryError: it cannot be read at all: missing, too large, empty, of another kind, of a broken encoding.
    """
    raw = _bytes_of(file)
    for start, what in _OTHER_FILES:
        if raw.startswith(start):
            raise RegistryError(say("{file}: this is no CSV or XLSX but {what}", file=file.name, what=what))
    try:
        lines = _sheet(raw, findings) if raw.startswith(b"PK\x03\x04") else _csv(raw, findings)
    except RegistryError as error:
        raise RegistryError(say("{file}: {what}", file=file.name, what=error.message)) from error
    if not lines:
        raise RegistryError(
            say("{file}: the file is empty; it needs a header and a row for each school", file=file.name)
        )
    return Table(lines[0], lines[1:])


def _bytes_of(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise RegistryError(say("{file}: cannot be read: {why}", file=str(file), why=why)) from error
    if len(raw) > MAX_FILE_BYTES:
        most = MAX_FILE_BYTES // 1_000_000
        raise RegistryError(
            say("{file}: larger than {most} MB; is it a registry of schools?", file=str(file), most=most)
        )
    return raw


def _sheet(raw: bytes, findings: Findings) -> list[Line]:
    sheet = workbook.read_sheet(raw)
    for warning in sheet.warnings:
        findings.warning(warning)
    return [Line(number, cells) for number, cells in enumerate(sheet.rows, start=1) if any(map(_is_filled, cells))]


def _is_filled(cell: str | float) -> bool:
    return not isinstance(cell, str) or bool(cell.strip())


def _csv(raw: bytes, findings: Findings) -> list[Line]:
    decoded = decode(raw)
    for warning in decoded.warnings:
        findings.warning(warning)
    head = decoded.text[:100_000].lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    # Strict: a quotation mark that is never closed would swallow the rest of the file without a word.
    reader = csv.reader(io.StringIO(decoded.text, newline=""), delimiter=delimiter, strict=True)
    lines: list[Line] = []
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return lines
        except csv.Error as error:
            explained = say("{what} ({error})", what=_explained(str(error)), error=str(error))
            if not lines:
                raise RegistryError(placed(number, None, explained)) from error
            findings.problem(number, None, explained)
            continue
        if any(cell.strip() for cell in cells):
            lines.append(Line(number, list(cells)))
        if len(lines) > MAX_ROWS + 1:
            raise RegistryError(say("more than {most} rows; import the country in parts", most=MAX_ROWS))


def _explained(error: str) -> Sentence:
    if "expected after" in error:
        return say("a cell begins with a quotation mark and goes on after the closing one; write marks inside it twice")
    if "unexpected end" in error:
        return say("a quotation mark opens here and is never closed; close it, or write marks inside a cell twice")
    return say("this row cannot be read as CSV; {advice}", advice=ADVICE)
