"""What the country's and a region's page show, gathered with few questions; figures only, each with where it leads."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup
from msgspec import Struct

from collector import periods, rankings
from collector.pages.asking import speech
from collector.pages.country_names import address, row_of_periods
from collector.pages.drawing import trend as drawing
from collector.pages.drawing.trend import Column
from collector.rankings import Counted, GroupRow, Window
from collector.rankings.causes import CAUSES
from collector.store import glance, verdicts
from collector.store.database import Connection
from collector.store.glance import Answered, Glance
from collector.store.verdicts import Breaches
from collector.words import mark

_DRAWN = 10  # schools
_NO_CAUSE = ("HEALTHY", "INSUFFICIENT")
_TASKS: tuple[tuple[str, str, str], ...] = (
    ("buy", mark("Buy a larger plan"), mark("the contract promises less than the school needs")),
    ("repair_line", mark("Have the line repaired"), mark("the operator's line gives less than its contract")),
    ("full_line", mark("Relieve the line"), mark("the school's own traffic fills it")),
    ("repair_inside", mark("Repair inside the school"), mark("wiring, Wi-Fi or computers keep it slow")),
    ("measure", mark("Measure more"), mark("nobody can say yet what is lacking or why")),
    ("connect", mark("Connect"), mark("there is no line")),
)


class Task(Struct, frozen=True, kw_only=True):
    """What there is to do for some schools, and what they lack together; null where that is known of none."""

    words: str
    reason: str
    schools: int
    download_bps: float | None
    upload_bps: float | None


class CauseCount(Struct, frozen=True, kw_only=True):
    """How many schools have a cause."""

    words: str
    schools: int
    address: str


class Part(Struct, frozen=True, kw_only=True):
    """A region or district in its ranking's order; ``rank`` is null where nothing was judged."""

    id: str
    schools: int
    judged: int
    ready: int
    rank: int | None

    @property
    def ready_share(self) -> float | None:
        """Which share of the judged schools is ready."""
        return self.ready / self.judged if self.judged else None


class View(Struct, frozen=True, kw_only=True):
    """All that a page shows; ``parts`` are its regions or districts in their ranking's order."""

    counted: Counted
    parts: Sequence[Part]
    trend: Sequence[tuple[str, Answered]]
    tasks: Sequence[Task]
    unfit_rooms: int
    causes: Sequence[CauseCount]
    heard: dict[str, int]
    breaches: Sequence[Breaches]
    synthetic: bool

    @property
    def judged(self) -> int:
        """How many schools have an answer."""
        return self.counted.ready + self.counted.below

    @property
    def unknown(self) -> int:
        """How many schools have a line and no answer yet."""
        return self.counted.schools - self.judged - self.counted.off


def gathered(connection: Connection, window: Window) -> View:
    """Gather the figures of a region, or of the country without one."""
    labels = row_of_periods(window.period)
    counts: Glance = glance.country_glance(connection, window.period.label, labels, window.region_id)
    plan = rankings.get("plan").ranked(connection, window)
    broken = verdicts.breaches(connection, *periods.months(window.period))
    return View(
        counted=plan.counted,
        parts=regions(plan.rows) if window.region_id is None else _districts(connection, window),
        trend=[(label, counts.periods.get(label, Answered())) for label in reversed(labels)],
        tasks=_tasks(plan.rows),
        unfit_rooms=sum(getattr(row, "unfit_rooms", None) or 0 for row in plan.rows),
        causes=_causes(counts.causes, window),
        heard=counts.heard,
        breaches=[one for one in broken if window.region_id in (None, one.region)],
        synthetic=plan.synthetic,
    )


def regions(plan: Sequence[Any]) -> list[Part]:
    """Add up the plan's rows by region, in the order of the ranking of regions, whose question takes as long again.

    Shares are drawn towards the country's as if ten more schools had been judged (ranked_groups.sql).
    """
    schools, judged, ready = Counter[str](), Counter[str](), Counter[str]()
    for row in plan:
        schools[row.region] += row.schools
        judged[row.region] += row.judged
        ready[row.region] += row.ready
    typical = ready.total() / judged.total() if judged.total() else 0.0
    scores = {one: (ready[one] + _DRAWN * typical) / (judged[one] + _DRAWN) for one in schools if judged[one]}
    ranks = {one: 1 + sum(other > score for other in scores.values()) for one, score in scores.items()}
    parts = [
        Part(id=one, schools=schools[one], judged=judged[one], ready=ready[one], rank=ranks.get(one)) for one in schools
    ]
    return sorted(parts, key=lambda part: (part.rank is None, part.rank, part.id))


def _districts(connection: Connection, window: Window) -> list[Part]:
    return [
        Part(id=row.id, schools=row.schools, judged=row.judged, ready=row.ready, rank=row.rank)
        for row in rankings.get("districts").ranked(connection, window).rows
        if isinstance(row, GroupRow)
    ]


def trend_drawn(view: View) -> Markup:
    """Draw the share of schools that meet the target, period by period."""
    told = speech()
    columns = [
        Column(label=label, share=share, figure="–" if share is None else told.share(share, 0))
        for label, share in ((label, share_of(one)) for label, one in view.trend)
    ]
    title = told.say("Share of judged schools that meet the target, by period")
    return drawing.trend(columns, title, [(share, told.share(share, 0)) for share in (0.0, 0.5, 1.0)])


def share_of(one: Answered) -> float | None:
    """Return which share of the judged schools meets the target."""
    return one.ready / one.judged if one.judged else None


def _tasks(rows: Iterable[Any]) -> list[Task]:
    known = list(rows)
    return [
        Task(
            words=words,
            reason=reason,
            schools=sum(getattr(row, f"{name}_schools") for row in known),
            download_bps=_sum(getattr(row, f"{name}_download_bps") for row in known),
            upload_bps=_sum(getattr(row, f"{name}_upload_bps") for row in known),
        )
        for name, words, reason in _TASKS
    ]


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _causes(counts: dict[str, int], window: Window) -> list[CauseCount]:
    wanted = sorted((-count, cause) for cause, count in counts.items() if cause not in _NO_CAUSE)
    return [
        CauseCount(
            words=CAUSES.get(cause, cause),
            schools=-count,
            address=address("/rankings/causes", period=window.period.label, region=window.region_id, cause=cause),
        )
        for count, cause in wanted
    ]
