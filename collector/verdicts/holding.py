"""Days of a month with the same terms, and which moments of them count; pure."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from msgspec import Struct

from collector.verdicts import exclusions
from collector.verdicts.facts import Facts, Lessons
from collector.verdicts.heard import Void
from collector.verdicts.terms import Stretch, Terms


class Held(Struct, frozen=True):
    """One stretch of days with the same terms, when the school has lessons, and when nothing counts."""

    stretch: Stretch
    lessons: Lessons
    left_out: tuple[exclusions.Span, ...]

    @property
    def terms(self) -> Terms:
        """What was promised on these days."""
        return self.stretch.terms

    def holds(self, day: date) -> bool:
        """Tell whether a day is one of these."""
        return self.stretch.first <= day <= self.stretch.last

    def against(self, at: datetime, slot: datetime) -> Iterator[Void]:
        """Yield why a moment, and the slot that it lies in, say nothing about these terms."""
        if self.terms.hours == "lessons" and not self.lessons.is_lesson(slot):
            yield "hours"
        if exclusions.within(self.left_out, at) is not None:
            yield "excluded"


def of_month(facts: Facts, announced_h: float) -> list[Held]:
    """Return the terms that held for this line and operator on the month's days, in order."""
    return [
        Held(one, facts.lessons, exclusions.spans(facts.exclusions, one.terms, announced_h)) for one in facts.stretches
    ]


def holding(held: Sequence[Held], day: date) -> Held | None:
    """Return what held on a day, null for nothing."""
    return next((one for one in held if one.holds(day)), None)
