"""The datapackage.json beside the files: what each column means and in which unit, the method, and each file's hash.

Source: Frictionless Data, Data Package v1 and Table Schema v1. No time of making is in it: same data, same bytes.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, get_type_hints

import msgspec
from msgspec import Meta, Struct

from agent import __version__
from collector.export import MEDIA_TYPES
from collector.opendata.files import type_of
from collector.opendata.regions import RegionRow
from collector.opendata.schools import SchoolRow
from collector.periods import Period
from collector.settings import OpenDataSettings

VERSION = "1.0.0"  # of the columns and what they mean
METHOD = (
    "Computers in schools measure throughput during lessons and sign what they saw. A slot is half an hour of lessons "
    "in which the best-placed computer speaks for the school's line; it is met where the line surely reaches the "
    "target, missed where it surely does not. Rates are of the IP layer. A school is ready or not by the share of its "
    "slots and the interval of that share; with too few slots there is no answer. Measured figures are withheld where "
    "fewer than {least} computers of a school measured; the answer itself is not. Places are rounded to a hundredth of "
    "a degree, rates to 0.1 Mbit/s, needed downloads up to 5 Mbit/s. Synthetic schools are never in it."
)
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
_TABLES: dict[str, tuple[type[Struct], str, list[str]]] = {
    "schools": (SchoolRow, "Schools and how they were judged", ["school_id"]),
    "regions": (RegionRow, "Regions, from the schools' published rows", ["region_id"]),
}


def described(contents: Mapping[str, bytes], period: Period, settings: OpenDataSettings) -> bytes:
    """Return the package's description of these files."""
    package: dict[str, Any] = {
        "profile": "data-package",
        "name": f"netready-schools-{period.label.lower()}",
        "title": f"School connectivity, {period.label}",
        "description": METHOD.format(least=settings.smallest_cell),
        "version": VERSION,
        "period": {"label": period.label, "start": period.start.isoformat(), "end": period.end.isoformat()},
        "generator": f"netready {__version__}",
    }
    if settings.publisher is not None:
        package["contributors"] = [{"title": settings.publisher, "role": "publisher"}]
    if settings.licence is not None:
        path = {"path": settings.licence_url} if settings.licence_url else {}
        package["licenses"] = [{"name": settings.licence, **path}]
    package["resources"] = [_resource(name, content) for name, content in contents.items()]
    return msgspec.json.format(msgspec.json.encode(package), indent=2) + b"\n"


def _resource(name: str, content: bytes) -> dict[str, Any]:
    table, _, form = name.partition(".")
    kind, title, key = _TABLES[table]
    return {
        "profile": "tabular-data-resource" if form != "parquet" else "data-resource",
        "name": f"{table}-{form}",
        "title": title,
        "path": name,
        "format": form,
        "mediatype": MEDIA_TYPES[form].partition(";")[0],
        **({"encoding": "utf-8"} if form != "parquet" else {}),
        "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "schema": {"fields": [_field(kind, column) for column in kind.__struct_fields__], "primaryKey": key},
    }


def _field(kind: type[Struct], column: str) -> dict[str, Any]:
    hint: Any = get_type_hints(kind, include_extras=True)[column]
    meta: Meta = next(one for one in hint.__metadata__ if isinstance(one, Meta))
    unit = (meta.extra or {}).get("unit")
    return {
        "name": column,
        "type": _TYPES[type_of(kind, column)],
        "description": meta.description,
        **({"unit": unit} if unit else {}),
    }
