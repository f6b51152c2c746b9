"""The registry of schools: reads the ministry's file, checks all of it, and refuses it whole or takes it whole."""

from collector.registry.cells import SYNTHETIC_PREFIX
from collector.registry.membership import Taken, take
from collector.registry.reading import Registry, read, template
from collector.registry.regions import Country, Region, region_records, regions, shipped_country
from collector.registry.rooms import read as read_rooms
from collector.registry.rows import COLUMNS

__all__ = [
    "COLUMNS",
    "SYNTHETIC_PREFIX",
    "Country",
    "Region",
    "Registry",
    "Taken",
    "read",
    "read_rooms",
    "region_records",
    "regions",
    "shipped_country",
    "take",
    "template",
]
