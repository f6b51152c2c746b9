"""Giga's school master as a registry: its columns under our names, its words for "unknown" as empty cells.

Where our columns have Giga's names nothing changes; ``_INSTEAD`` says what stands in for an empty cell. Personal data
is left out, every other column is kept under its name. The format knows no operator and no contracted upload: what is
known of these stays. Names and units: unicef/giga-data-ingestion, school schemas; contract speeds are in Mbit/s, too.
"""

import re

from collector.registry import cells
from collector.registry.findings import Findings, placed, quoted
from collector.registry.rows import COLUMNS, FIELDS, OPTIONAL_COLUMNS
from collector.registry.table import Line, Table
from collector.words import say

_NEEDED = ("school_id_govt", "school_name", "admin1")
# Where Giga's own figure is empty, the government's stands in.
_INSTEAD = {"connectivity_type": "connectivity_type_govt", "connectivity": "connectivity_govt"}
_PERSONAL = frozenset({"contact_name", "contact_email"})
_UNKNOWN = frozenset({"", "nan", "null", "none", "unknown", "n/a", "-"})
_SPEED = "download_speed_contracted"
_FLOAT_ID = re.compile(r"[0-9]+[.]0")
_LONG_FRACTION = re.compile(r"([+-]?[0-9]+[.][0-9]{15})[0-9]+")

Row = dict[str, str | float]


def translated(table: Table, findings: Findings) -> tuple[Table, tuple[str, ...]]:
    """Return the table under our columns, and the fields of a school that the file says nothing of."""
    names = [_name(cell) for cell in table.header.cells]
    for column in _NEEDED:
        if column not in names:
            told = say("the column is missing; export Giga's school master with it")
            findings.problem(table.header.number, column, told)
    ours = (*COLUMNS, *OPTIONAL_COLUMNS)
    extra = [name for name in dict.fromkeys(names) if name not in ours and name not in _PERSONAL]
    if dropped := sorted(_PERSONAL.intersection(names)):
        findings.warning(say("personal data is not kept: {columns}", columns=", ".join(dropped)))
    rows = []
    for line in table.rows:
        row = _row(line, names, findings)
        if row is not None:
            rows.append(Line(line.number, [row.get(column, "") for column in (*ours, *extra)]))
    silent_on = tuple(FIELDS[column] for column in COLUMNS if column not in names)
    return Table(Line(table.header.number, [*ours, *extra]), rows), silent_on


def _name(cell: str | float) -> str:
    return cells.plain(cell).strip().removeprefix("\ufeff").lower()


def _row(line: Line, names: list[str], findings: Findings) -> Row | None:
    """Return the cells by column, read as Giga means them; None where the row is none for us, which is noted."""
    if len(line.cells) != len(names):
        told = say("{count} cells where the header has {expected}", count=len(line.cells), expected=len(names))
        findings.problem(line.number, None, told)
        return None
    row: Row = {name: _known(cell) for name, cell in zip(names, line.cells, strict=True)}
    if cells.plain(row.get("deleted_at", "")):
        told = say("Giga has deleted this school; such rows are left out")
        findings.warning_once("deleted_at", placed(line.number, None, told))
        return None
    written = cells.plain(row.get("school_id_govt", ""))
    if not written or _FLOAT_ID.fullmatch(written):
        told = say("no government id; export the ids as text")
        if written:
            told = say(
                "{value} is an id that a program took for a number; export the ids as text", value=quoted(written)
            )
        findings.problem(line.number, "school_id_govt", told)
        return None
    for column, other in _INSTEAD.items():
        row[column] = row.get(column, "") or row.get(other, "")
    return row | _line(row) | {name: _shortened(row.get(name, "")) for name in ("latitude", "longitude")}


def _line(row: Row) -> Row:
    """Return how the school is connected, and what its contract promises; Giga writes 0 where it knows of none."""
    has_line = cells.plain(row["connectivity"]).strip().lower()
    kind = row["connectivity_type"] or (cells.NOT_CONNECTED if has_line in {"no", "false"} else "")
    speed = cells.plain(row.get(_SPEED, "")).strip()
    return {"connectivity_type": kind, _SPEED: "" if speed in {"0", "0.0"} else row.get(_SPEED, "")}


def _known(cell: str | float) -> str | float:
    return "" if isinstance(cell, str) and cell.strip().lower() in _UNKNOWN else cell


def _shortened(cell: str | float) -> str | float:
    """Cut the decimals that a program has added beyond any meaning."""
    return _LONG_FRACTION.sub(r"\1", cell.strip()) if isinstance(cell, str) else cell
