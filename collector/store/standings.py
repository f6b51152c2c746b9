"""Schools and groups of schools in their order, a page of it at a time: the database orders and cuts."""

from typing import Any, Literal

import msgspec
from msgspec import Struct
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from collector.store.database import Connection
from collector.store.questions import sql

By = Literal["region", "district", "operator", "technology"]
_FEW = 100
_OF_ALL = {"schools": "all_schools", "ready": "all_ready", "below": "below", "off": "unconnected"}
_OF_SCHOOLS = {"schools": "total", "ready": "ready", "below": "below", "off": "unconnected"}


class Standings(Struct, frozen=True):
    """Rows of a page, as columns by name; how many there are in all, and the schools among them by their answer."""

    rows: list[dict[str, Any]]
    total: int
    counted: dict[str, int]
    synthetic: bool


def schools(connection: Connection, question: dict[str, Any]) -> Standings:
    """Return schools in the order of their readiness."""
    return _standings(connection, "ranked_schools", question, _OF_SCHOOLS)


def groups(connection: Connection, question: dict[str, Any]) -> Standings:
    """Return regions, districts, operators or technologies, by the share of their schools that are ready."""
    return _standings(connection, "ranked_groups", question, _OF_ALL)


def findings(connection: Connection, question: dict[str, Any]) -> Standings:
    """Return schools in the order of what a ranking found of them."""
    return _standings(connection, "ranked_findings", question, _OF_SCHOOLS)


def plan(connection: Connection, question: dict[str, Any]) -> Standings:
    """Return what to do for the schools of each region and operator."""
    return _standings(connection, "plan", question, _OF_ALL)


def _standings(connection: Connection, name: str, question: dict[str, Any], counted: dict[str, str]) -> Standings:
    # Binary numbers and msgspec's decoder: a page of 1,000 rows is half as long on its way from the database.
    with connection.cursor(row_factory=dict_row, binary=True) as cursor:
        set_json_loads(msgspec.json.decode, cursor)
        if question["limit"] is None or question["limit"] > _FEW:
            # How many rows a page has the planner can only guess; taking them for a few, it compares each with each.
            cursor.execute("set local enable_nestloop = off")
        # Never prepared: a plan for any filter and any viewer is one for none, and takes minutes for a country.
        rows = cursor.execute(sql(name), question, prepare=False).fetchall()
        if rows or not question["offset"]:
            first = rows
        else:  # past the end there is no row that would tell how many there are
            first = cursor.execute(sql(name), question | {"offset": 0, "limit": 1}, prepare=False).fetchall()
    if not first:
        return Standings([], 0, dict.fromkeys(counted, 0), False)
    return Standings(
        rows, first[0]["total"], {name: first[0][column] for name, column in counted.items()}, first[0]["is_synthetic"]
    )
