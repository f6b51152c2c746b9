"""A dispute of a verdict, step by step: opened by the operator, evidence of both sides, decided by the ministry; pure.

Steps are only ever added. Deadlines are fixed when a dispute is opened, in working days, and stand in its first step;
one that is missed is shown and decides nothing.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from agent.contract.report import Sha256Hex
from agent.contract.values import Aware
from collector.verdicts.errors import DisputeError, Ended, TooLate
from collector.verdicts.exclusions import ExclusionId
from collector.verdicts.terms import LineId, Name

Action = Literal["opened", "evidence", "withdrawn", "decided"]
Outcome = Literal["upheld", "partly", "rejected"]  # what the operator claims is true, partly true, or not
State = Literal["open", "withdrawn", "decided"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
DisputeId = Annotated[str, Meta(pattern="^[0-9a-f]{16}$", max_length=16)]
Claim = Annotated[str, Meta(min_length=1, max_length=8_000)]
FileName = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f/\\]{1,200}$", max_length=200)]
_SATURDAY = 6


class Attached(Struct, frozen=True, kw_only=True):
    """A file that somebody attached; its bytes are kept beside, under their SHA-256."""

    name: FileName
    size: Annotated[int, Meta(ge=1, le=2**31)]
    sha256: Sha256Hex


class Disputed(Struct, frozen=True, kw_only=True):
    """Which version of which verdict is disputed, and whose line it is about."""

    school: Annotated[str, Meta(min_length=1, max_length=64)]
    line: LineId
    month: Annotated[str, Meta(pattern="^[0-9]{4}-(0[1-9]|1[0-2])$", max_length=7)]
    version: Annotated[int, Meta(ge=1, le=100_000)]
    operator: Name


class Step(Struct, frozen=True, kw_only=True):
    """One step, the first of which opens the dispute and fixes both deadlines (days, included).

    ``text`` is the claim, what a file shows, or the reason of a decision. ``exclusions`` follow from a decision.
    """

    dispute: DisputeId
    number: Annotated[int, Meta(ge=1, le=1_000)]
    action: Action
    about: Disputed
    at: Aware
    author: Name
    role: Annotated[str, Meta(max_length=16)] | None = None
    text: Claim
    evidence_until: date | None = None
    decide_until: date | None = None
    attached: Attached | None = None
    outcome: Outcome | None = None
    exclusions: Annotated[tuple[ExclusionId, ...], Meta(max_length=100)] = ()


class WorkingDays(Struct, frozen=True, kw_only=True):
    """Which days count: Monday to Friday without the country's holidays, and days worked instead."""

    zone: tzinfo
    holidays: frozenset[date] = frozenset()
    extra_days: frozenset[date] = frozenset()

    def day_of(self, moment: datetime) -> date:
        """Return the local day of a moment."""
        return moment.astimezone(self.zone).date()

    def counts(self, day: date) -> bool:
        """Tell whether a day is a working day."""
        return day in self.extra_days or (day.isoweekday() < _SATURDAY and day not in self.holidays)

    def after(self, day: date, number: int) -> date:
        """Return the working day that comes so many working days after a day."""
        while number > 0:
            day += timedelta(days=1)
            number -= self.counts(day)
        return day

    def left(self, today: date, until: date) -> int:
        """Return how many working days are left, the last one included and today not; below 0: so many too late."""
        step = 1 if until >= today else -1
        first, last = sorted((today, until))
        days = (first + timedelta(days=ahead) for ahead in range(1, (last - first).days + 1))
        return step * sum(self.counts(day) for day in days)


class Times(Struct, frozen=True, kw_only=True):
    """How many working days each step may take."""

    open_days: int
    evidence_days: int
    decide_days: int


class Dispute(Struct, frozen=True, kw_only=True):
    """A dispute as its steps leave it."""

    id: str
    about: Disputed
    state: State
    opened_at: datetime
    evidence_until: date
    decide_until: date
    outcome: Outcome | None
    exclusions: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def files(self) -> int:
        """How many files were attached."""
        return sum(one.attached is not None for one in self.steps)


class Standing(Struct, frozen=True, kw_only=True):
    """How long a dispute has got: for evidence, for a decision; null where nothing is waited for any more."""

    waits_for: Literal["evidence", "decision"] | None
    until: date | None
    days_left: int | None
    is_overdue: bool


def id_of(about: Disputed) -> str:
    """Return the id of the one dispute that there can be about a version of a verdict."""
    text = "\0".join((about.school, about.line, about.month, str(about.version), about.operator))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def opened(
    about: Disputed, claim: str, verdict_at: datetime, *, at: datetime, author: str, days: WorkingDays, times: Times
) -> Step:
    """Return the first step of a dispute.

    Raises:
        TooLate: the verdict is too old.
    """
    today, last = days.day_of(at), days.after(days.day_of(verdict_at), times.open_days)
    if today > last:
        raise TooLate(
            f"this verdict could be disputed until {last}, {times.open_days} working days after it was made; "
            "ask the ministry to file an exclusion if something is wrong with it"
        )
    evidence_until = days.after(today, times.evidence_days)
    return Step(
        dispute=id_of(about),
        number=1,
        action="opened",
        about=about,
        at=at,
        author=author,
        role="operator",
        text=claim,
        evidence_until=evidence_until,
        decide_until=days.after(evidence_until, times.decide_days),
    )


def folded(steps: Iterable[Step]) -> Dispute:
    """Return what the steps of one dispute add up to.

    Raises:
        DisputeError: a step is missing, comes twice, or could not come after the one before it.
    """
    ordered = sorted(steps, key=lambda one: one.number)
    first = ordered[0] if ordered else None
    if first is None or first.evidence_until is None or first.decide_until is None or first.action != "opened":
        raise DisputeError("a dispute begins with the step that opens it and fixes its deadlines")
    state: State = "open"
    for number, one in enumerate(ordered, start=1):
        if one.number != number or (one.dispute, one.about) != (first.dispute, first.about):
            raise DisputeError(f"step {number} of dispute {first.dispute} is missing, or is another dispute's")
        if state != "open" or (number > 1 and one.action == "opened"):
            raise DisputeError(f"step {number} of dispute {first.dispute}: {one.action!r} cannot come after its end")
        if one.action in ("withdrawn", "decided"):
            state = one.action
    return Dispute(
        id=first.dispute,
        about=first.about,
        state=state,
        opened_at=first.at,
        evidence_until=first.evidence_until,
        decide_until=first.decide_until,
        outcome=ordered[-1].outcome,
        exclusions=ordered[-1].exclusions,
        steps=tuple(ordered),
    )


def all_folded(steps: Sequence[Step]) -> list[Dispute]:
    """Return all disputes of these steps, those first that have to be decided first."""
    by_id: dict[str, list[Step]] = {}
    for one in steps:
        by_id.setdefault(one.dispute, []).append(one)
    found = [folded(each) for each in by_id.values()]
    return sorted(found, key=lambda one: (one.state != "open", one.decide_until, one.id))


def check_next(dispute: Dispute, action: Action, today: date) -> None:
    """See that a step may come now.

    Raises:
        Ended, TooLate: the dispute is over, or the time for evidence is.
    """
    if dispute.state != "open":
        raise Ended(f"dispute {dispute.id} is {dispute.state}; nothing can be added to it any more")
    if action == "evidence" and today > dispute.evidence_until:
        raise TooLate(f"evidence for dispute {dispute.id} could be given until {dispute.evidence_until}")


def standing(dispute: Dispute, today: date, days: WorkingDays) -> Standing:
    """Say what a dispute waits for, and for how many working days more."""
    if dispute.state != "open":
        return Standing(waits_for=None, until=None, days_left=None, is_overdue=False)
    evidence = today <= dispute.evidence_until
    until = dispute.evidence_until if evidence else dispute.decide_until
    return Standing(
        waits_for="evidence" if evidence else "decision",
        until=until,
        days_left=days.left(today, until),
        is_overdue=today > until,
    )
