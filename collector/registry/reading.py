"""A registry file to the schools in it, or to the full list of what is wrong with it."""

import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Literal

from msgspec import Struct

from collector.errors import RegistryError
from collector.registry import cells, giga
from collector.registry.findings import Findings
from collector.registry.regions import shipped_country
from collector.registry.rows import COLUMNS, OPTIONAL_COLUMNS, RowReader
from collector.registry.table import Line, read_table
from collector.store.schools import SchoolRecord
from collector.words import Sentence, say

MAX_EXTRA_COLUMNS = 200
MAX_COLUMN_CHARACTERS = 100

Form = Literal["netready", "giga"]


class Registry(Struct, frozen=True, kw_only=True):
    """The schools of a file in its order, as they were on a date.

    ``silent_on``: fields of a school on which the file's format says nothing. ``open_ids``: schools it says are open.
    ``doubts``: what a person should look at.
    """

    rows: tuple[SchoolRecord, ...]
    as_of: date
    silent_on: tuple[str, ...] = ()
    open_ids: frozenset[str] = frozenset()
    doubts: tuple[Sentence, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should look at, in English."""
        return tuple(str(one) for one in self.doubts)


def read(file: Path, as_of: date, form: Form = "netready") -> Registry:
    """Read a registry file as it was on a date.

    Raises:
        RegistryError: with every problem as "line N, column NAME: ..."; nothing of the file should be used then.
    """
    findings = Findings()
    table = read_table(file, findings)
    silent_on: tuple[str, ...] = ()
    if form == "giga":
        table, silent_on = giga.translated(table, findings)
        findings.raise_problems(file.name)
    columns = _columns(table.header, findings)
    if not set(columns) & set(COLUMNS):
        raise RegistryError(
            say(
                "{file}: line {line} is no header of a registry; it needs the columns {columns}",
                file=file.name,
                line=table.header.number,
                columns=",".join(COLUMNS),
            )
        )
    reader = RowReader(shipped_country(), columns, findings, as_of)
    rows = [row for line in table.rows if (row := reader.read(line)) is not None]
    reader.ids.check_zeros()
    findings.raise_problems(file.name)
    if not rows:
        raise RegistryError(say("{file}: there is a header but no school below it", file=file.name))
    return Registry(
        rows=tuple(rows),
        as_of=as_of,
        silent_on=silent_on,
        open_ids=frozenset(reader.open_ids),
        doubts=findings.warnings(),
    )


def template() -> str:
    """Return the header of a registry file, to be filled in."""
    return ",".join(COLUMNS) + "\n"


def _columns(header: Line, findings: Findings) -> list[str]:
    """Return a name for each column up to the last that has one, and note what is wrong with the header."""
    names = [_column(number, header, findings) for number in range(len(header.cells))]
    while names and not names[-1]:
        names.pop()
    for column in COLUMNS:
        if column not in names:
            told = say("the column is missing; add it, with empty cells where a value is unknown")
            findings.problem(header.number, column, told)
    for column, times in Counter(filter(None, names)).items():
        if times > 1:
            told = say("there are {count} columns of this name; rename or remove one", count=times)
            findings.problem(header.number, column, told)
    if len(set(names) - {*COLUMNS, *OPTIONAL_COLUMNS}) > MAX_EXTRA_COLUMNS:
        told = say("{count} columns; at most {most} further ones are kept", count=len(names), most=MAX_EXTRA_COLUMNS)
        findings.problem(header.number, None, told)
    return names


def _column(number: int, header: Line, findings: Findings) -> str:
    """Return a column's name: ours if it is one whatever its case and spaces, else as written."""
    try:
        written = cells.limited(header.cells[number], MAX_COLUMN_CHARACTERS) or ""
    except cells.CellError as error:
        findings.problem(header.number, say("number {n}", n=number + 1), error.text)
        return ""
    name = re.sub(r"[\s-]+", "_", written.lower())
    return name if name in COLUMNS or name in OPTIONAL_COLUMNS else written
