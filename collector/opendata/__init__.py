"""What anybody may have: each school's judged period without anything that tells of a person or a single computer.

Never in it: devices, addresses, names of networks, operators and contracts. The same data gives the same bytes.
"""

from pathlib import Path

from collector.errors import NotFound
from collector.opendata import files, package
from collector.opendata.regions import RegionRow, summaries
from collector.opendata.schools import SchoolRow, public
from collector.periods import Period
from collector.settings import OpenDataSettings
from collector.store import open_data
from collector.store import schools as registered
from collector.store.database import Connection

__all__ = ["RegionRow", "SchoolRow", "export", "extract"]


def extract(
    connection: Connection, period: Period, settings: OpenDataSettings
) -> tuple[list[SchoolRow], list[RegionRow]]:
    """Return the public rows of a period.

    Raises:
        NotFound: there is no real school to tell of.
    """
    found = open_data.open_schools(connection, period)
    if not found:
        raise NotFound(
            "there are no schools but synthetic ones, and these are no data of the country; import the registry"
        )
    rows = [public(one, period.label, settings.smallest_cell) for one in found]
    return rows, summaries(rows, registered.regions(connection), period.label)


def export(connection: Connection, period: Period, settings: OpenDataSettings, folder: Path) -> list[str]:
    """Write the extract as CSV, JSON and Parquet with a datapackage.json, and return the names of the files.

    Raises:
        NotFound: there is no real school to tell of.
        SettingsError: the folder cannot be written.
    """
    rows, regions = extract(connection, period, settings)
    made = files.made("schools", rows, SchoolRow) | files.made("regions", regions, RegionRow)
    made["datapackage.json"] = package.described(made, period, settings)
    files.write(folder, made)
    return list(made)
