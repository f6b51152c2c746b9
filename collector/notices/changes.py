"""Which changes of a line's verdicts people are told of; pure.

What the newest versions say is compared with what was last told of each month, so that nothing is told twice and
versions that were made in between need not be known. Of a month before the newest closed one nobody hears that it is a
breach: facts that came late never alarm. That it is none any more is always told to whoever heard that it was.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from collector.store.notices import Closed, Detail, Event, Kind, Told
from collector.verdicts.facts import named, number_of

_ACCUSES = ("breach.opened", "breach.continuing")


class Rules(Struct, frozen=True, kw_only=True):
    """What counts: verdicts made after ``since``; the ``newest`` closed month; M breaches in the last N months."""

    since: datetime
    newest: str | None
    breach_months: int
    of_months: int


def of_line(verdicts: Sequence[Closed], told: Mapping[str, Told], rules: Rules, now: datetime) -> list[Event]:
    """Return what is to be told of a line and an operator.

    Args:
        verdicts: the newest version of each closed month.
        told: what was last told, by month.
        rules: what counts.
        now: when this is found.
    """
    known = dict(told)
    states = {one.month: one.state for one in verdicts}
    found = []
    for one in sorted(verdicts, key=lambda each: each.month):
        change = _change(one, states, known, rules) if one.judged_at > rules.since else None
        if change is None:
            continue
        kind, is_late = change
        known[one.month] = Told(
            school=one.school, line=one.line, operator=one.operator, month=one.month, kind=kind, is_late=is_late
        )
        found.append(_event(one, kind, now, is_late=is_late, months=_count(one.month, states, rules)))
    return found


def _change(one: Closed, states: Mapping[str, str], told: Mapping[str, Told], rules: Rules) -> tuple[Kind, bool] | None:
    """Return what kind of change a verdict is and whether it comes too late to be told; null where it is none."""
    last = told.get(one.month)
    is_told = last is not None and last.kind in _ACCUSES
    if one.state == "breach":
        if is_told:
            return None
        is_late = one.month != rules.newest
        if _is_open(told):
            return "breach.continuing", is_late
        return ("breach.opened", is_late) if _count(one.month, states, rules) >= rules.breach_months else None
    if last is not None and is_told:
        return "breach.withdrawn", last.is_late
    has_recovered = one.state == "compliant" and one.month == rules.newest and _is_open(told)
    return ("breach.ended", False) if has_recovered else None


def _is_open(told: Mapping[str, Told]) -> bool:
    """Tell whether people believe that a line breaks its contract: they heard of a breach, and of no end since."""
    heard = {month: one.kind for month, one in told.items() if not one.is_late}
    accused = max((month for month, kind in heard.items() if kind in _ACCUSES), default="")
    ended = max((month for month, kind in heard.items() if kind == "breach.ended"), default="")
    return accused > ended


def _count(month: str, states: Mapping[str, str], rules: Rules) -> int:
    last = number_of(month)
    return sum(states.get(named(number)) == "breach" for number in range(last - rules.of_months + 1, last + 1))


def _event(one: Closed, kind: Kind, now: datetime, *, is_late: bool, months: int) -> Event:
    return Event(
        key="\0".join(("verdict", one.school, one.line, one.operator, one.month, str(one.version))),
        kind=kind,
        school=one.school,
        region=one.region,
        operator=one.operator,
        line=one.line,
        month=one.month,
        number=one.version,
        synthetic=one.synthetic,
        is_late=is_late,
        at=now,
        detail=Detail(
            state=one.state,
            chance=one.chance,
            is_recurring=one.is_recurring,
            sha256=one.sha256,
            months=months,
            version=one.version,
        ),
    )
