"""Contracts from a file: a list of contracts, or the registry of schools with columns for them; whole or not at all."""

import functools
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from collector.agreements import contracts
from collector.agreements.contracts import TermsError, TermsWish
from collector.registry import cells
from collector.registry.cells import CellError
from collector.registry.findings import Findings, quoted
from collector.registry.table import Line, read_table
from collector.store import agreements, schools
from collector.store.audit import Who
from collector.store.database import Connection
from collector.verdicts.terms import Terms

_Reader = Callable[[str | float], Any]
_HOURS = {"lessons": "lessons", "always": "always", "24/7": "always", "24x7": "always"}
_WORD = re.compile(r"[^\s;,]+")


def _price(cell: str | float) -> Decimal | None:
    found = cells.one_line(cell).replace(" ", "").replace(",", ".")
    if not found:
        return None
    try:
        return Decimal(found)
    except InvalidOperation as error:
        raise CellError(f"{quoted(found)} is no price; write digits only, such as 45000.00") from error


def _hours(cell: str | float) -> str | None:
    found = cells.one_line(cell).lower()
    if found and found not in _HOURS:
        raise CellError(f"{quoted(found)} is neither lessons nor always; write one, or leave the cell empty")
    return _HOURS.get(found)


def _words(cell: str | float) -> tuple[str, ...] | None:
    return tuple(_WORD.findall(cells.one_line(cell))) or None


def _lower(cell: str | float) -> str | None:
    return cells.one_line(cell).lower() or None


def _upper(cell: str | float) -> str | None:
    return cells.one_line(cell).upper() or None


# Columns of a list of contracts; speeds are in Mbit/s, as in the registry.
_READERS: dict[str, tuple[str, _Reader]] = {
    "school_id_govt": ("school", cells.school_id),
    "line": ("line", functools.partial(cells.limited, limit=64)),
    "contract_id": ("contract", functools.partial(cells.limited, limit=128)),
    "operator": ("operator", functools.partial(cells.limited, limit=200)),
    "valid_from": ("valid_from", cells.day),
    "valid_to": ("valid_to", cells.day),
    "contract_down": ("download_bps", cells.mbit_to_bps),
    "contract_down_normal": ("download_normal_bps", cells.mbit_to_bps),
    "contract_down_minimum": ("download_minimum_bps", cells.mbit_to_bps),
    "contract_up": ("upload_bps", cells.mbit_to_bps),
    "contract_up_normal": ("upload_normal_bps", cells.mbit_to_bps),
    "contract_up_minimum": ("upload_minimum_bps", cells.mbit_to_bps),
    "contract_rtt_ms": ("rtt_ms", cells.number),
    "outage_h_per_year": ("outage_h_per_year", cells.number),
    "sla_hours": ("hours", _hours),
    "sla_rule": ("rule", _lower),
    "maintenance_h_per_year": ("maintenance_h_per_year", cells.number),
    "networks": ("networks", _words),
    "price_per_month": ("price_per_month", _price),
    "currency": ("currency", _upper),
    "reduction": ("reduction", _lower),
}
COLUMNS = tuple(_READERS)
_NEEDED = ("school_id_govt", "contract_id", "operator", "valid_from")
# Where the registry itself says what was promised.
_IN_REGISTRY = {"contract_down": "download_speed_contracted", "contract_up": "upload_speed_contracted"}
_COLUMN_OF = {field: column for column, (field, _) in _READERS.items()}


class Row(Struct, frozen=True):
    """The terms of one row, and on which line of the file it stands."""

    line: int
    wish: TermsWish


class Taken(Struct, frozen=True):
    """What came of a file: records that are new, how many of them began before, and how many rows said nothing new."""

    recorded: int
    backdated: int
    same: int

    @property
    def sentence(self) -> str:
        """Say it to whoever imported the file."""
        return f"contracts recorded: {self.recorded}, back-dated: {self.backdated}, nothing new in: {self.same}"


def template() -> str:
    """Return the header of a list of contracts, to be filled in."""
    return ",".join(COLUMNS) + "\n"


def read(file: Path) -> list[Row]:
    """Read a list of contracts.

    Raises:
        RegistryError: with every problem as "line N, column NAME: ..."; nothing of the file should be used then.
    """
    return _read(file, {column: column for column in COLUMNS})


def read_registry(file: Path) -> list[Row]:
    """Read the contracts that a registry of schools names: of rows with a contract_id; none without that column.

    Raises:
        RegistryError: as ``read`` does.
    """
    return _read(file, {column: column for column in COLUMNS} | _IN_REGISTRY, is_registry=True)


def take(connection: Connection, rows: Sequence[Row], file: Path, *, who: Who, now: datetime, zone: Any) -> Taken:
    """Record what a file says, all of it.

    Raises:
        RegistryError: something in it cannot be recorded; nothing was.
    """
    agreements.one_change_at_a_time(connection)
    findings = Findings()
    ids = sorted({row.wish.school for row in rows})
    visible = {one.school_id for one in schools.schools_by_id(connection, ids)}
    known: dict[str, list[Terms]] = {one: [] for one in ids}
    for one in agreements.terms_of(connection, schools=ids):
        known[one.school].append(one)
    new: dict[str, list[Terms]] = {}
    for row in rows:
        school = row.wish.school
        if school not in visible:
            findings.problem(row.line, "school_id_govt", f"there is no school {school!r} in the registry")
            continue
        try:
            made = contracts.next_record(row.wish, known[school], author=who.name, now=now)
        except TermsError as error:
            findings.problem(row.line, _COLUMN_OF.get(error.field), error.sentence)
            continue
        if made is not None:
            known[school].append(made)
            new.setdefault(school, []).append(made)
    _check_told_apart(rows, known, new, findings)
    findings.raise_problems(file.name)
    kept = [one for members in new.values() for one in members]
    contracts.keep_all(connection, kept, who=who, now=now, source=file.name)
    backdated = sum(contracts.is_backdated(one, zone) for one in kept)
    return Taken(recorded=len(kept), backdated=backdated, same=len(rows) - len(kept))


def _check_told_apart(
    rows: Sequence[Row], known: dict[str, list[Terms]], new: dict[str, list[Terms]], findings: Findings
) -> None:
    """Look at schools that have two lines once all rows are known."""
    last_line = {row.wish.school: row.line for row in rows}
    for school in new:
        try:
            contracts.check_told_apart(known[school])
        except TermsError as error:
            findings.problem(last_line[school], "networks", error.sentence)


def _read(file: Path, wanted: dict[str, str], *, is_registry: bool = False) -> list[Row]:
    findings = Findings()
    table = read_table(file, findings)
    names = [re.sub(r"[\s-]+", "_", cells.plain(cell).strip().lower()) for cell in table.header.cells]
    if is_registry and "contract_id" not in names:
        return []
    for column in _NEEDED:
        if column not in names:
            findings.problem(table.header.number, column, "the column is missing; contracts need it")
    for column in sorted(set(names) - {"", *COLUMNS}) if not is_registry else ():
        findings.problem(table.header.number, column, f"there is no such column; there are {', '.join(COLUMNS)}")
    for column in sorted({one for one in names if one and names.count(one) > 1}):
        findings.problem(table.header.number, column, "there are several columns of this name; rename or remove one")
    findings.raise_problems(file.name)
    found = []
    for line in table.rows:
        row = dict(zip(names, line.cells, strict=False))
        if is_registry and not cells.plain(row.get("contract_id", "")).strip():
            continue
        wish = _wish(line, row, wanted, findings)
        if wish is not None:
            found.append(Row(line.number, wish))
    findings.raise_problems(file.name)
    return found


def _wish(line: Line, row: dict[str, str | float], wanted: dict[str, str], findings: Findings) -> TermsWish | None:
    """Return the terms of a row, or nothing where it has problems, which are noted."""
    before = findings.problem_count
    values: dict[str, Any] = {}
    for column, (field, reader) in _READERS.items():
        # The registry's own column where the contract's is missing or empty.
        named = column if cells.plain(row.get(column, "")).strip() else wanted[column]
        try:
            value = reader(row[named]) if named in row else None
        except CellError as error:
            findings.problem(line.number, named, str(error))
            continue
        if value is not None:
            values[field] = value
        elif column in _NEEDED:
            findings.problem(line.number, column, "empty; a contract needs it")
    if findings.problem_count > before:
        return None
    try:
        return msgspec.convert(values, TermsWish)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$.")
        findings.problem(line.number, _COLUMN_OF.get(place.rstrip("`").partition("[")[0]), text)
        return None
