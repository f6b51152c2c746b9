"""Schools by what is the matter with them: whose fault a slow school is, and how sure that is."""

import msgspec

from collector import rankings, readiness
from collector.diagnosis import remembered
from collector.diagnosis.remembered import Summary
from collector.rankings import Column
from collector.readiness import Readiness
from collector.store.database import Connection

TITLE = "Causes"
ABOUT = (
    "Ordered by how sure the cause is, then by the share of slow computers; schools where nothing is the matter come"
    " after, those without enough data last, without a rank. The operator's line is named only where a clean computer"
    " on a cable, on an idle line, repeatedly and on two days or against two servers says so."
)

COLUMNS = (
    Column("Cause", "named", "text"),
    Column("Sure", "confidence", "text"),
    Column("Slow computers", "slow_share", "share", of=("slow_computers", "computers")),
    Column("Local network", "organised", "text"),
)
SHOWS_SPEEDS = False

_SURE = {"high": 3.0, "medium": 2.0, "low": 1.0}


class Row(rankings.Row, frozen=True, kw_only=True):
    """One school; ``line_delivers`` is null where nothing shows it either way."""

    cause: str
    confidence: str
    sentence: str
    not_organised: bool
    line_delivers: bool | None
    computers: int
    slow_computers: int
    slow_share: float | None
    rooms: int
    unfit_rooms: int
    defects: str
    rules_version: str
    region: str
    district: str | None
    operator: str | None

    @property
    def named(self) -> str:
        """The cause as people read it."""
        return self.cause.replace("_", " ")

    @property
    def organised(self) -> str | None:
        """The finding about the local network, where there is one."""
        return "not properly organised" if self.not_organised else None


def rows(connection: Connection, window: rankings.Window) -> list[Row]:
    """Rank the schools that the viewer may see."""
    judged = readiness.of_period(connection, window.period, window.region_id)
    causes = remembered.of_schools(connection, [one.school for one in judged], window.period)
    found = [_row(one, causes[one.school.school_id]) for one in judged]
    return rankings.numbered(found, _score, judged_first=False)


def _score(row: Row) -> float | None:
    if row.cause == "INSUFFICIENT":
        return None
    return 0.0 if row.cause == "HEALTHY" else _SURE[row.confidence] + (row.slow_share or 0.0) / 2


def _row(one: Readiness, summary: Summary) -> Row:
    return Row(
        **rankings.of_line(one),
        slow_share=summary.slow_computers / summary.computers if summary.computers else None,
        region=one.school.region_id,
        district=one.school.district,
        operator=one.school.operator,
        **msgspec.structs.asdict(summary),
    )
