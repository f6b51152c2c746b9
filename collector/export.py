"""Rows as files for people's tools: CSV, XLSX, Parquet, JSON. Headings are the field names, with their units."""

import csv
import io
import re
from collections.abc import Sequence

import msgspec
from msgspec import Struct

FORMATS = ("json", "csv", "xlsx", "parquet")
MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
# A text cell that begins like this is run as a formula by spreadsheet programs (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff0b", "\uff0d", "\uff1d", "\uff20")
# Where the list separator is ';' (as in Kazakhstan), such a program begins a new cell inside of our text.
_FORMULA_IN_NEXT_CELL = re.compile(r"[;\t\r\n][\s\"']*(?=[=+\-@\uff0b\uff0d\uff1d\uff20])")

Cell = str | int | float | bool | None


def export(rows: Sequence[Struct], kind: type[Struct], wanted: str) -> bytes:
    """Return rows of one struct as a file of the wanted format (one of FORMATS)."""
    if wanted == "json":
        return msgspec.json.encode({"items": rows, "total": len(rows), "cursor": None})
    headings = [field.name for field in msgspec.structs.fields(kind)]
    cells = [[getattr(row, heading) for heading in headings] for row in rows]
    if wanted == "csv":
        return _csv(headings, cells)
    if wanted == "xlsx":
        return _xlsx(headings, cells)
    return _parquet(headings, cells)


def safe_text(cell: Cell) -> Cell:
    """Return the cell so that no spreadsheet program runs it: a leading apostrophe makes it text."""
    if not isinstance(cell, str):
        return cell
    return _FORMULA_IN_NEXT_CELL.sub(r"\g<0>'", "'" + cell if cell.startswith(_FORMULA_STARTS) else cell)


def _csv(headings: list[str], cells: list[list[Cell]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([[_as_csv(cell) for cell in row] for row in cells])
    # The byte order mark makes spreadsheet programs read Kazakh letters as UTF-8.
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _as_csv(cell: Cell) -> Cell:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return safe_text(cell)


def _xlsx(headings: list[str], cells: list[list[Cell]]) -> bytes:
    import xlsxwriter

    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet("netready")
        sheet.write_row(0, 0, headings, book.add_format({"bold": True}))
        for number, row in enumerate(cells, start=1):
            sheet.write_row(number, 0, row)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(len(cells), 1), len(headings) - 1)
        sheet.autofit()
    return file.getvalue()


def _parquet(headings: list[str], cells: list[list[Cell]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    columns = {heading: [row[number] for row in cells] for number, heading in enumerate(headings)}
    file = io.BytesIO()
    pa.parquet.write_table(pa.table(columns), file)
    return file.getvalue()
