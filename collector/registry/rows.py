"""One row of a registry file to one school; every mistake in it is noted, and nothing is guessed."""

import functools
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from collector.registry import cells
from collector.registry.findings import Findings, quoted
from collector.registry.ids import Ids
from collector.registry.regions import Country, FormerRegion, Gazetteer, Region, Unit
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
FIELDS = {column: field for column, (field, _) in _READERS.items()}
# May be left out; then, and where a cell is empty, what is known of a school's end stays.
_ENDINGS: dict[str, _Reader] = {
    "is_school_open": cells.yes_or_no,
    "closed_on": cells.day,
    "merged_into": cells.other_id,
}
OPTIONAL_COLUMNS = tuple(_ENDINGS)
_SPEEDS = ("download_speed_contracted", "upload_speed_contracted")


class RowReader:
    """Reads rows under a header; ``columns`` has a name for each cell, an empty one where the header has none.

    ``as_of`` is the date of the file; ``open_ids`` are the schools it says are open.
    """

    def __init__(self, country: Country, columns: list[str], findings: Findings, as_of: date) -> None:
        self._about = country.about
        self._regions: Sequence[Region] = country.regions
        units: tuple[Unit, ...] = (*country.regions, *country.former_regions)
        self._names = {unit.region_id: unit.names.en for unit in units}
        self._gazetteer = Gazetteer(country.regions, country.former_regions, as_of)
        self._columns = columns
        self._findings = findings
        self._as_of = as_of
        self.ids = Ids(findings)
        self.open_ids: set[str] = set()

    def read(self, line: Line) -> SchoolRecord | None:
        """Return the school of a row, or nothing if the row has problems; they are noted."""
        problems_before = self._findings.problem_count
        row = self._by_column(line)
        if row is None:
            return None
        values = {field: self._value(line, row, column, read) for column, (field, read) in _READERS.items()}
        extra = {
            column: self._value(line, row, column, cells.remark)
            for column in row
            if column not in _READERS and column not in _ENDINGS
        }
        if values["school_id"] is not None:
            self.ids.add(line.number, values["school_id"], is_number=isinstance(row["school_id_govt"], float))
        values["region_id"] = self._region(line, values["region_id"])
        self._check_place(line, values["latitude"], values["longitude"])
        values |= self._ending(line, row, values["school_id"])
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

    def _ending(self, line: Line, row: dict[str, str | float], school_id: str | None) -> dict[str, Any]:
        """Return when a school closed and into which it was merged, null where the row does not say."""
        is_open, closed_on, into = (self._value(line, row, column, read) for column, read in _ENDINGS.items())
        if into is not None and into == school_id:
            self._findings.problem(line.number, "merged_into", "a school cannot be merged into itself; correct the id")
        if is_open and (into is not None or (closed_on is not None and closed_on <= self._as_of)):
            self._findings.problem(
                line.number, "is_school_open", "the row says that the school is open and that it has ended; correct one"
            )
        if is_open and school_id is not None:
            self.open_ids.add(school_id)
        if closed_on is None and (is_open is False or into is not None):
            closed_on = self._as_of
        return {"closed_on": closed_on, "merged_into": into}

    def _region(self, line: Line, written: str | None) -> str | None:
        """Return the code of the region that was written as code, name or alias."""
        if written is None:
            return None
        found = self._gazetteer.find(written)
        if len(found.regions) != 1:
            wrong = "may mean several regions" if found.regions else "is no region known here"
            codes = self._listed(region.region_id for region in found.regions or self._regions)
            self._findings.problem(line.number, "admin1", f"{quoted(written)} {wrong}; write the code: {codes}")
            return None
        self._tell_history(line, written, found.regions[0], former=found.former)
        return found.regions[0].region_id

    def _tell_history(self, line: Line, written: str, unit: Unit, *, former: bool) -> None:
        """Warn once where a name meant, or means, another area than today's region of that name."""
        where = f"line {line.number}, column admin1: {quoted(written)}"
        if isinstance(unit, FormerRegion):
            told = (
                f"is, at the date of the file ({self._as_of}), {self._listed([unit.region_id])}, which ended on "
                f"{unit.until}; kept as that, here and further down; today its area is {self._listed(unit.successors)}"
            )
        elif former:
            parts = {code for once in self._gazetteer.once(written) for code in once.successors} - {unit.region_id}
            also = f", and {self._listed(sorted(parts))}, which its area includes too," if parts else ""
            told = (
                f"is a former name whose area has changed; read as {self._listed([unit.region_id])}, here and further "
                f"down; look whether these schools are there{also} or give the date of the file with --as-of"
            )
        elif unit.since is not None and unit.since > self._as_of:
            told = f"has these borders since {unit.since}, after the date of the file ({self._as_of}); kept as written"
        else:
            return
        self._findings.warning_once(written, f"{where} {told}")

    def _listed(self, codes: Iterable[str]) -> str:
        return ", ".join(f"{code} ({self._names[code]})" for code in codes)

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
