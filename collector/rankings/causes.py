"""Schools by what is the matter with them: whose fault a slow school is, and how sure that is."""

from collector import rankings
from collector.diagnosis import SchoolDiagnosis, stored
from collector.periods import Period
from collector.rankings import Column, Ranked
from collector.store.database import Connection
from collector.store.findings import JUDGED, NOTHING_TO_RANK_BY, Finding
from collector.store.schools import SchoolRecord
from collector.words import mark

TITLE = mark("Causes")
ABOUT = mark(
    "Ordered by how sure the cause is, then by the share of slow computers; schools where nothing is the matter come"
    " after, those without enough data last, without a rank. The operator's line is named only where a clean computer"
    " on a cable, on an idle line, repeatedly and on two days or against two servers says so."
)

CAUSES: dict[str, str] = {
    "ISP_LINE": mark("the operator's line"),
    "LOWER_PLAN": mark("the plan is too small"),
    "LINE_SATURATED": mark("the line is full"),
    "LAN_WIRED": mark("wiring and switches"),
    "WIFI_COVERAGE": mark("Wi-Fi: too far from an access point"),
    "WIFI_INTERFERENCE": mark("Wi-Fi: disturbed air"),
    "WIFI_CONFIG": mark("Wi-Fi: wrongly set up"),
    "HOST": mark("the computers themselves"),
    "MIXED": mark("several causes"),
    "HEALTHY": mark("nothing is the matter"),
    "INSUFFICIENT": mark("cannot be said yet"),
}
"""What each cause is called where people read it."""
_SURENESS = {"high": mark("very"), "medium": mark("fairly"), "low": mark("little")}
_ORGANISED = {"not properly organised": mark("not properly organised")}
COLUMNS = (
    Column(mark("Cause"), "named", "text", of_word="cause", names=CAUSES),
    Column(mark("Sure"), "confidence", "text", names=_SURENESS),
    Column(mark("Slow computers"), "slow_share", "share", of=("slow_computers", "computers")),
    Column(mark("Local network"), "organised", "text", names=_ORGANISED),
)
SHOWS_SPEEDS = False

_SURE = {"high": 3.0, "medium": 2.0, "low": 1.0}


class Row(rankings.Row, frozen=True, kw_only=True):
    """One school; ``line_delivers`` is null where nothing shows it either way.

    ``wants_pair``: tests over a cable and over Wi-Fi in the same minute would tell more; the collector asks for them.

    Where nothing was judged yet there is nothing but "INSUFFICIENT".
    """

    cause: str = "INSUFFICIENT"
    confidence: str = "low"
    sentence: str = "Nothing was judged in this period yet."
    not_organised: bool | None = None
    line_delivers: bool | None = None
    computers: int | None = None
    slow_computers: int | None = None
    slow_share: float | None = None
    rooms: int | None = None
    unfit_rooms: int | None = None
    defects: str | None = None
    wants_pair: bool | None = None
    rules_version: str | None = None
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


def ranked(connection: Connection, window: rankings.Window) -> Ranked[Row]:
    """Rank the schools that the viewer may see."""
    return rankings.of_findings(connection, window, "causes", Row)


def find(connection: Connection, school: SchoolRecord, period: Period, operator: str) -> Finding:
    """Diagnose one school, for its operator without what is only the school's."""
    return finding(stored.of_school(connection, school, period, for_operator=bool(operator)))


def finding(one: SchoolDiagnosis) -> Finding:
    """Return a school's place by its cause, and the diagnosis without its figures: those are shown one at a time."""
    share = one.slow_computers / one.computers if one.computers else None
    is_known = one.cause != "INSUFFICIENT"
    score = 0.0 if one.cause == "HEALTHY" else _SURE[one.confidence] + (share or 0.0) / 2
    return Finding(
        place=JUDGED if is_known else NOTHING_TO_RANK_BY,
        score=score if is_known else None,
        body={
            "cause": one.cause,
            "confidence": one.confidence,
            "sentence": one.sentence,
            "not_organised": one.not_organised,
            "line_delivers": one.line_delivers,
            "computers": one.computers,
            "slow_computers": one.slow_computers,
            "slow_share": share,
            "rooms": one.rooms,
            "unfit_rooms": one.unfit_rooms,
            "defects": ", ".join(sorted({defect.defect for defect in one.defects})),
            "rules_version": one.rules_version,
            "wants_pair": one.wants_pair,
        },
    )
