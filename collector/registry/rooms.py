"""A file of rooms to the rooms in it, or to the full list of what is wrong with it."""

import functools
import re
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

from agent.contract.coverage import MAX_LABEL_CHARACTERS, MAX_ROOMS, key_of
from collector.errors import RegistryError
from collector.registry import cells
from collector.registry.findings import Findings, quoted
from collector.registry.table import Line, read_table
from collector.store.rooms import RoomRecord
from collector.words import say

COLUMNS = ("school_id_govt", "room", "floor")
MAX_FLOOR_CHARACTERS = 64
_Reader = Callable[[str | float], str | None]


def read(file: Path, known_schools: Collection[str]) -> tuple[RoomRecord, ...]:
    """Read a file of rooms; further columns are passed over.

    Raises:
        RegistryError: with every problem as "line N, column NAME: ..."; nothing of the file should be used then.
    """
    findings = Findings()
    table = read_table(file, findings)
    columns = _columns(table.header, file, findings)
    reader = _Rooms(columns, known_schools, findings)
    for line in table.rows:
        reader.read(line)
    findings.raise_problems(file.name)
    if not reader.rooms:
        raise RegistryError(say("{file}: there is a header but no room below it", file=file.name))
    return tuple(reader.rooms)


def _columns(header: Line, file: Path, findings: Findings) -> dict[str, int]:
    """Return where our columns stand, and note which are missing or stand twice."""
    names = [re.sub(r"[\s-]+", "_", cells.plain(cell).strip().lower()) for cell in header.cells]
    if not set(names) & set(COLUMNS):
        raise RegistryError(
            say(
                "{file}: line {line} is no header of a file of rooms; it needs the columns {columns}",
                file=file.name,
                line=header.number,
                columns=",".join(COLUMNS),
            )
        )
    for column in COLUMNS:
        times = names.count(column)
        if times == 0:
            told = say("the column is missing; add it, with empty cells where a value is unknown")
            findings.problem(header.number, column, told)
        if times > 1:
            told = say("there are {count} columns of this name; rename or remove one", count=times)
            findings.problem(header.number, column, told)
    return {column: names.index(column) for column in COLUMNS if column in names}


class _Rooms:
    """Reads rows; what only shows when all are seen (the same room twice, too many) is noted with the row."""

    def __init__(self, columns: dict[str, int], known_schools: Collection[str], findings: Findings) -> None:
        self.rooms: list[RoomRecord] = []
        self._columns = columns
        self._known = frozenset(known_schools)
        self._findings = findings
        self._lines: dict[tuple[str, str], int] = {}
        self._counts: Counter[str] = Counter()

    def read(self, line: Line) -> None:
        before = self._findings.problem_count
        if len(line.cells) <= max(self._columns.values()):
            told = say("{count} cells; some of {columns} are missing", count=len(line.cells), columns=",".join(COLUMNS))
            self._findings.problem(line.number, None, told)
            return
        school_id = self._value(line, "school_id_govt", cells.school_id)
        label = self._value(line, "room", _room)
        floor = self._value(line, "floor", functools.partial(cells.limited, limit=MAX_FLOOR_CHARACTERS))
        if school_id is not None and school_id not in self._known:
            told = say(
                "there is no school {school} in the registry; correct the id, or import the school first",
                school=quoted(school_id),
            )
            self._findings.problem(line.number, "school_id_govt", told)
        if school_id is None or label is None or self._findings.problem_count > before:
            return
        room = RoomRecord(school_id=school_id, label=label, floor=floor)
        if self._is_new(line, room):
            self.rooms.append(room)

    def _is_new(self, line: Line, room: RoomRecord) -> bool:
        first = self._lines.setdefault((room.school_id, room.room_key), line.number)
        if first != line.number:
            told = say(
                "{value} of this school is already on line {line}; remove one", value=quoted(room.label), line=first
            )
            self._findings.problem(line.number, "room", told)
            return False
        self._counts[room.school_id] += 1
        if self._counts[room.school_id] == MAX_ROOMS + 1:
            told = say(
                "more than {most} rooms in school {school}; is every row a room?",
                most=MAX_ROOMS,
                school=quoted(room.school_id),
            )
            self._findings.problem(line.number, "room", told)
        return self._counts[room.school_id] <= MAX_ROOMS

    def _value(self, line: Line, column: str, read: _Reader) -> str | None:
        if column not in self._columns:
            return None
        try:
            return read(line.cells[self._columns[column]])
        except cells.CellError as error:
            self._findings.letters_are_lost |= isinstance(error, cells.LostLettersError)
            self._findings.problem(line.number, column, error.text)
            return None


def _room(cell: str | float) -> str:
    """Return a room's label, which may not be empty; raises CellError."""
    found = cells.limited(cell, MAX_LABEL_CHARACTERS)
    if found is None or not key_of(found):
        raise cells.CellError(say("empty; write the room as its door shows it, such as 12 or Кабинет 12"))
    return found
