"""One row of a registry file to one school; every mistake in it is noted, and nothing is guessed."""

import functools
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from collector.registry import cells
from collector.registry.findings import Findings, placed, quoted
from collector.registry.ids import Ids
from collector.registry.regions import Country, FormerRegion, Gazetteer, Region, Unit
from collector.registry.table import Line
from collector.store.schools import SchoolRecord
from collector.words import Sentence, say

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
            speed = f"{values['download_contracted_bps'] / 1e6:g}"
            told = say("no line, but a contract of {speed} Mbit/s; one of the two is wrong", speed=speed)
            self._findings.warning(placed(line.number, "connectivity_type", told))
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
            told = say(
                "{count} cells where the header has {expected}; look for a delimiter inside a cell without quotation "
                "marks, or for a missing one",
                count=len(row),
                expected=len(self._columns),
            )
            self._findings.problem(line.number, None, told)
            return None
        by_column = dict(zip(self._columns, row, strict=True))
        nameless = [
            number for number, column in enumerate(self._columns) if not column and cells.plain(row[number]).strip()
        ]
        for number in nameless:
            told = say("{value} stands under no name; name the column", value=quoted(cells.plain(row[number])))
            self._findings.problem(line.number, say("number {n}", n=number + 1), told)
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
            self._findings.problem(line.number, column, error.text)
            return None

    def _ending(self, line: Line, row: dict[str, str | float], school_id: str | None) -> dict[str, Any]:
        """Return when a school closed and into which it was merged, null where the row does not say."""
        is_open, closed_on, into = (self._value(line, row, column, read) for column, read in _ENDINGS.items())
        if into is not None and into == school_id:
            told = say("a school cannot be merged into itself; correct the id")
            self._findings.problem(line.number, "merged_into", told)
        if is_open and (into is not None or (closed_on is not None and closed_on <= self._as_of)):
            told = say("the row says that the school is open and that it has ended; correct one")
            self._findings.problem(line.number, "is_school_open", told)
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
            codes = self._listed(region.region_id for region in found.regions or self._regions)
            told = say("{value} is no region known here; write the code: {codes}", value=quoted(written), codes=codes)
            if found.regions:
                told = say("{value} may mean several regions; write the code: {codes}", **told.values)
            self._findings.problem(line.number, "admin1", told)
            return None
        self._tell_history(line, written, found.regions[0], former=found.former)
        return found.regions[0].region_id

    def _tell_history(self, line: Line, written: str, unit: Unit, *, former: bool) -> None:
        """Warn once where a name meant, or means, another area than today's region of that name."""
        value, as_of, code = quoted(written), str(self._as_of), self._listed([unit.region_id])
        if isinstance(unit, FormerRegion):
            told = say(
                "{value} is, at the date of the file ({as_of}), {code}, which ended on {until}; kept as that, here and "
                "further down; today its area is {today}",
                value=value,
                as_of=as_of,
                code=code,
                until=str(unit.until),
                today=self._listed(unit.successors),
            )
        elif former:
            told = self._former(value, code, unit.region_id, written)
        elif unit.since is not None and unit.since > self._as_of:
            told = say(
                "{value} has these borders since {since}, after the date of the file ({as_of}); kept as written",
                value=value,
                since=str(unit.since),
                as_of=as_of,
            )
        else:
            return
        self._findings.warning_once(written, placed(line.number, "admin1", told))

    def _former(self, value: str, code: str, region_id: str, written: str) -> Sentence:
        """Say that a name was another area's, and which areas that is in today."""
        parts = {one for once in self._gazetteer.once(written) for one in once.successors} - {region_id}
        if not parts:
            return say(
                "{value} is a former name whose area has changed; read as {code}, here and further down; look whether "
                "these schools are there or give the date of the file with --as-of",
                value=value,
                code=code,
            )
        return say(
            "{value} is a former name whose area has changed; read as {code}, here and further down; look whether "
            "these schools are there, and {parts}, which its area includes too, or give the date of the file with "
            "--as-of",
            value=value,
            code=code,
            parts=self._listed(sorted(parts)),
        )

    def _listed(self, codes: Iterable[str]) -> str:
        return ", ".join(f"{code} ({self._names[code]})" for code in codes)

    def _check_place(self, line: Line, latitude: float | None, longitude: float | None) -> None:
        """Note a school that is plainly in another country, or whose place is half written."""
        if latitude is None or longitude is None:
            if latitude is not longitude:
                told = say("one of latitude and longitude is missing")
                self._findings.warning(placed(line.number, "latitude", told))
            return
        box = self._about.box
        if box.holds(latitude, longitude):
            return
        told = say(
            "{place} is not in {country}; correct them",
            place=f"{latitude:g}, {longitude:g}",
            country=self._about.names.en,
        )
        if box.holds(longitude, latitude):
            told = say("{place} is not in {country}; they seem swapped", **told.values)
        self._findings.warning(placed(line.number, "latitude", told))
