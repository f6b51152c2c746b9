"""One row of a registry file to one school; every mistake in it is noted, and nothing is guessed."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from collector.registry import cells
from collector.registry.findings import Findings, quoted
from collector.registry.ids import Ids
from collector.registry.regions import About, Gazetteer, Region
from collector.registry.table import Line
from collector.store.schools import SchoolRecord

_Reader = Callable[[str | float], Any]

# In the order they are read. The names are Giga's where it has them (DESIGN 5.4).
_READERS: dict[str, tuple[str, _Reader]] = {
    "school_id_govt": ("school_id", cells.school_id),
    "school_name": ("name", cells.name),
    "admin1": ("region_id", cells.region),
    "admin2": ("district", cells.limited),
    "latitude": ("latitude", functools.partial(cells.degrees, limit=90)),
    "longitude": ("longitude", functools.partial(cells.degrees, limit=180)),
    "num_students": ("pupils", cells.pupils),
    "connectivity_type": ("connectivity_type", cells.connectivity),
    "operator": ("operator", cells.limited),
    "download_speed_contracted": ("download_contracted_bps", cells.mbit_to_bps),
    "upload_speed_contracted": ("upload_contracted_bps", cells.mbit_to_bps),
}
COLUMNS = tuple(_READERS)
_SPEEDS = ("download_speed_contracted", "upload_speed_contracted")


class RowReader:
    """Reads rows under a header; ``columns`` has a name for each cell, an empty one where the header has none."""

    def __init__(self, about: About, regions: Sequence[Region], columns: list[str], findings: Findings) -> None:
        self._about = about
        self._regions = regions
        self._gazetteer = Gazetteer(regions)
        self._columns = columns
        self._findings = findings
        self.ids = Ids(findings)

    def read(self, line: Line) -> SchoolRecord | None:
        """Return the school of a row, or nothing if the row has problems; they are noted."""
        problems_before = self._findings.problem_count
        row = self._by_column(line)
        if row is None:
            return None
        values = {field: self._value(line, row, column, read) for column, (field, read) in _READERS.items()}
        extra = {column: self._value(line, row, column, cells.remark) for column in row if column not in _READERS}
        if values["school_id"] is not None:
            self.ids.add(line.number, values["school_id"], is_number=isinstance(row["school_id_govt"], float))
        values["region_id"] = self._region(line, values["region_id"])
        self._check_place(line, values["latitude"], values["longitude"])
        kind = values["connectivity_type"]
        if kind == cells.NOT_CONNECTED and values["download_contracted_bps"] is not None:
            self._findings.warning(
                f"line {line.number}, column connectivity_type: no line, but a contract of "
                f"{values['download_contracted_bps'] / 1e6:g} Mbit/s; one of the two is wrong"
            )
        if self._findings.problem_count > problems_before:
            return None
        return SchoolRecord(
            **values,
            connected=None if kind is None else kind != cells.NOT_CONNECTED,
            extra={column: value for column, value in extra.items() if value is not None},
        )

    def _by_column(self, line: Line) -> dict[str, str | float] | None:
        """Return the cells under their columns, or nothing if there are too many or too few."""
        row = list(line.cells)
        while len(row) > len(self._columns) and not cells.plain(row[-1]).strip():
            row.pop()
        if len(row) != len(self._columns):
            self._findings.problem(
                line.number,
                None,
                f"{len(row)} cells where the header has {len(self._columns)}; look for a delimiter inside a cell "
                "without quotation marks, or for a missing one",
            )
            return None
        by_column = dict(zip(self._columns, row, strict=True))
        nameless = [
            number for number, column in enumerate(self._columns) if not column and cells.plain(row[number]).strip()
        ]
        for number in nameless:
            self._findings.problem(
                line.number,
                f"number {number + 1}",
                f"{quoted(cells.plain(row[number]))} stands under no name; name the column",
            )
        by_column.pop("", None)
        if cells.is_cut_off(by_column.get("connectivity_type", "")):
            # Files write 0 for "no contract" where there is no line; with a line, a contract of 0 is a mistake.
            by_column |= {speed: "" for speed in _SPEEDS if cells.plain(by_column.get(speed, "")).strip() == "0"}
        return by_column

    def _value(self, line: Line, row: dict[str, str | float], column: str, read: _Reader) -> Any:
        """Return the value of a cell, null where its column is missing or it has a problem, which is noted."""
        if column not in row:
            return None
        try:
            return read(row[column])
        except cells.CellError as error:
            self._findings.letters_are_lost |= isinstance(error, cells.LostLettersError)
            self._findings.problem(line.number, column, str(error))
            return None

    def _region(self, line: Line, written: str | None) -> str | None:
        """Return the code of the region that was written as code, name or alias."""
        if written is None:
            return None
        found = self._gazetteer.find(written)
        codes = ", ".join(f"{region.region_id} ({region.names.en})" for region in found.regions or self._regions)
        if len(found.regions) != 1:
            wrong = "may mean several regions" if found.regions else "is no region known here"
            self._findings.problem(line.number, "admin1", f"{quoted(written)} {wrong}; write the code: {codes}")
            return None
        if found.former:
            self._findings.warning_once(
                written,
                f"line {line.number}, column admin1: {quoted(written)} is a former name whose area has changed; read "
                f"as {codes}, here and further down; look whether these schools are there",
            )
        return found.regions[0].region_id

    def _check_place(self, line: Line, latitude: float | None, longitude: float | None) -> None:
        """Note a school that is plainly in another country, or whose place is half written."""
        if latitude is None or longitude is None:
            if latitude is not longitude:
                self._findings.warning(f"line {line.number}, column latitude: one of latitude and longitude is missing")
            return
        box = self._about.box
        if box.holds(latitude, longitude):
            return
        hint = "they seem swapped" if box.holds(longitude, latitude) else "correct them"
        country = self._about.names.en
        self._findings.warning(
            f"line {line.number}, column latitude: {latitude:g}, {longitude:g} is not in {country}; {hint}"
        )
