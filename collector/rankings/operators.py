"""Operators, by the share of their judged schools that meet the target."""

from collector import rankings
from collector.rankings import Ranked
from collector.store.database import Connection
from collector.words import mark

TITLE = mark("Operators")
ABOUT = mark(
    "Ordered by the share of judged schools whose line meets the target, by what computers with a cable get: a school"
    " that only measured over Wi-Fi is not judged here. An operator answers for its own time at a school. This says how"
    " schools on an operator's lines fare,"
    " not that the operator is at fault: contracts are judged in the verdicts."
)


class Row(rankings.GroupRow, frozen=True, kw_only=True):
    """One operator; ``id`` and ``name`` are both its name in the registry."""


def ranked(connection: Connection, window: rankings.Window) -> Ranked[Row]:
    """Rank the operators whose schools the viewer may see; schools without an operator are left out."""
    return rankings.groups(connection, window, Row, "operator", lambda operator: {"name": operator})
