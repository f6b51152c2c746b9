"""The first sheet of an XLSX file as rows of cells, with bounds on all that a hostile or broken file could inflate."""

import datetime as dt
import io
import re
import zipfile
import zlib
from typing import NamedTuple

from collector.errors import RegistryError
from collector.words import Sentence, counted, say

MAX_ROWS = 100_000
MAX_COLUMNS = 256
MAX_CELLS = 5_000_000
MAX_PARTS = 2_000
MAX_UNPACKED_BYTES = 100_000_000

_SHEET = re.compile(r"^/?xl/worksheets/[^/]+\.xml$", re.IGNORECASE)
# The position of a row or a cell: r="12", r="BC12". The reader sets aside room for all cells up to the farthest.
_POSITION = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]*)([0-9]+)["']""")
_ERROR_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*\st\s*=\s*["']e["'][^>]*>""")


class Sheet(NamedTuple):
    """All rows from the first on, empty ones too, and what a person should look at."""

    rows: list[list[str | float]]
    warnings: tuple[Sentence, ...]


def read_sheet(raw: bytes) -> Sheet:
    """Read the first sheet.

    Raises:
        RegistryError: no workbook, a damaged one, one that unpacks to too much, or a sheet too far stretched.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    unpacked, warnings = _unpacked(raw)
    try:
        workbook = CalamineWorkbook.from_filelike(unpacked)
        names = workbook.sheet_names
        if not names:
            told = say("the workbook has no sheet; it needs one with a header and a row for each school")
            raise RegistryError(told)
        values = workbook.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except PasswordError as error:
        raise RegistryError(say("the workbook has a password; save it without one")) from error
    except (CalamineError, OSError, ValueError) as error:
        raise RegistryError(_damaged(error)) from error
    if len(names) > 1:
        warnings.append(
            say("the workbook has {count} sheets; only the first, '{name}', was read", count=len(names), name=names[0])
        )
    return Sheet([[_cell(value) for value in row] for row in values], tuple(warnings))


def _damaged(error: Exception) -> Sentence:
    return say("the workbook is damaged or no workbook; open it and save it again as .xlsx ({error})", error=str(error))


def _unpacked(raw: bytes) -> tuple[io.BytesIO, list[Sentence]]:
    """Return the workbook as an archive without compression, checked part by part.

    The parts are unpacked here because the reader trusts the sizes that the archive claims; Python's zipfile stops at
    the claimed size, and the claims are added up first.
    """
    bounded = io.BytesIO()
    warnings: list[Sentence] = []
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive, zipfile.ZipFile(bounded, "w", zipfile.ZIP_STORED) as copy:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
                raise RegistryError(
                    say(
                        "the workbook unpacks to more than {most} MB or {parts} parts; remove other sheets and "
                        "pictures and save it again",
                        most=MAX_UNPACKED_BYTES // 1_000_000,
                        parts=MAX_PARTS,
                    )
                )
            for part in parts:
                content = archive.read(part)
                if _SHEET.match(part.filename):
                    warnings += _checked_sheet(content)
                copy.writestr(zipfile.ZipInfo(part.filename), content)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise RegistryError(_damaged(error)) from error
    bounded.seek(0)
    return bounded, warnings


def _checked_sheet(xml: bytes) -> list[Sentence]:
    """Refuse a sheet that stretches too far; warn of cells with errors, which the reader leaves empty."""
    rows = columns = 1
    for position in _POSITION.finditer(xml):
        letters, digits = position.groups()
        rows = max(rows, int(digits[:9]))
        columns = max(columns, _column_number(letters))
        if rows > MAX_ROWS + 1 or columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
            raise RegistryError(
                say(
                    "the sheet reaches to {place}; {rows} rows, {columns} columns and {cells} cells are allowed; "
                    "delete the rows below and the columns right of the table (not only their content) and save it "
                    "again",
                    place=(letters + digits[:9]).decode(),
                    rows=MAX_ROWS,
                    columns=MAX_COLUMNS,
                    cells=MAX_CELLS,
                )
            )
    wrong = _ERROR_CELL.findall(xml)
    if not wrong:
        return []
    first = _POSITION.search(wrong[0])
    where = b"".join(first.groups()).decode() if first else "?"
    return [
        counted(
            "{n} cell holds an Excel error such as #N/A (first: {where}); it was read as empty",
            "{n} cells hold an Excel error such as #N/A (first: {where}); they were read as empty",
            len(wrong),
            where=where,
        )
    ]


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper()[:4]:
        number = number * 26 + letter - 64
    return number


def _cell(value: object) -> str | float:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, dt.date | dt.time | dt.timedelta):
        return str(value)
    return value if isinstance(value, str) else ""
