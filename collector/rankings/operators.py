"""Operators, by the share of their judged schools that meet the target."""

from collections import defaultdict

from collector import rankings, readiness
from collector.readiness import Readiness
from collector.store.database import Connection

TITLE = "Operators"
ABOUT = (
    "Ordered by the share of judged schools whose line meets the target, by what computers with a cable get: a school"
    " that only measured over Wi-Fi is not judged here. This says how schools on an operator's lines fare,"
    " not that the operator is at fault: contracts are judged under /api/v1/sla/breaches."
)


class Row(rankings.GroupRow, frozen=True, kw_only=True):
    """One operator; ``id`` and ``name`` are both its name in the registry."""


def rows(connection: Connection, window: rankings.Window) -> list[Row]:
    """Rank the operators whose schools the viewer may see; schools without an operator are left out."""
    by_operator: dict[str, list[Readiness]] = defaultdict(list)
    for one in readiness.of_period(connection, window.period, window.region_id, cabled=True):
        if one.school.operator is not None:
            by_operator[one.school.operator].append(one)
    found = [rankings.group_row(Row, operator, operator, members) for operator, members in by_operator.items()]
    return rankings.numbered(found, lambda row: row.ready_share)
