"""What the operator's pages have in common: pages of a list, moments as people type them, what is wrong with fields."""

import functools
from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from agent.contract.errors import MalformedError, NetreadyError
from collector.agreements import disputes
from collector.agreements.exclusions import FilingError
from collector.context import Asker, Context
from collector.errors import NotFound
from collector.pack.speech import Speech
from collector.pages.asking import asked
from collector.store.verdicts import PRELIMINARY, Listed
from collector.verdicts.disputes import WorkingDays
from collector.words import Sentence, mark, say

PAGE_ROWS = 50
_MOST_PAGES = 100_000
_MAY_BE_DISPUTED = ("breach", "watch")
SIGNS = {"compliant": "✔", "watch": "◐", "breach": "✘", "insufficient": "?", "no contract": "∅"}
STATES = {
    "compliant": mark("kept"),
    "watch": mark("watched"),
    "breach": mark("breach"),
    "insufficient": mark("not enough data"),
    "no contract": mark("no contract"),
}
SENSES = {"compliant": "yes", "watch": "unknown", "breach": "no", "insufficient": "unknown", "no contract": "unknown"}
Wrong = dict[str, Sentence]
"""What is wrong, by field; under the empty name what is wrong with the whole."""


class Countdown(Struct, frozen=True):
    """Until when something can be done, that day included, and how many working days are left after today."""

    until: date
    days_left: int


class Page(Struct, frozen=True, kw_only=True):
    """One page of a list."""

    number: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // PAGE_ROWS))

    @property
    def offset(self) -> int:
        """How many rows come before it."""
        return (self.number - 1) * PAGE_ROWS


def numbered(text: str | None) -> int:
    """Return the page that an address asks for; the first where it asks for none."""
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > 6:
        return 1
    return min(max(1, int(text)), _MOST_PAGES)


def clean(*texts: str | None) -> list[str | None]:
    """Return filters as they were typed, null for an empty one; raises MalformedError for a NUL character."""
    if any("\0" in text for text in texts if text is not None):
        raise MalformedError(say("a text here holds a character that nobody can read"))
    return [(text or "").strip() or None for text in texts]


def known_id(text: str, digits: int = 16) -> str:
    """Return an id out of an address; raises NotFound for what cannot be one."""
    if len(text) != digits or set(text) - set("0123456789abcdef"):
        raise NotFound(say("there is nothing at this address"))
    return text


def pack_speech() -> Speech:
    """Return how the evidence pack says things, in the language of the request."""
    return Speech(asked().language)


def countdown(
    one: Listed, disputed: set[tuple[str, str, str, int, str]], days: WorkingDays, today: date
) -> Countdown | None:
    """Return how long a version of a verdict can still be disputed; null where it cannot, or is."""
    key = (one.school, one.line, one.month, one.version, one.operator)
    if one.version == PRELIMINARY or one.state not in _MAY_BE_DISPUTED or key in disputed:
        return None
    return _left(days, days.day_of(one.judged_at), today)


@functools.lru_cache(maxsize=1_000)
def _left(days: WorkingDays, judged_on: date, today: date) -> Countdown | None:
    until = days.after(judged_on, disputes.times().open_days)
    return Countdown(until, days.left(today, until)) if today <= until else None


def moment(text: str, zone: ZoneInfo) -> datetime | None:
    """Return a moment as a browser's field has it, by the local clock; null where it is none."""
    try:
        given = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None


def wrong_of(error: NetreadyError, fields: Mapping[str, str]) -> Wrong:
    """Return what an error says of which field; of none where it names none that the form has."""
    if isinstance(error, FilingError):
        return {error.field if error.field in fields else "": error.sentence}
    said = error.args[0] if error.args else None
    return {
        "": said if isinstance(said, Sentence) else say("this could not be recorded: what is stored says otherwise")
    }


def check_text(fields: Mapping[str, str], name: str, most: int) -> Wrong:
    """Return what is wrong with a text that has to be there."""
    text = fields.get(name, "").strip()
    if not text:
        return {name: say("write something here")}
    if len(text) > most:
        return {name: say("this is too long; the most characters: {most}", most=most)}
    return {"": say("a text here holds a character that nobody can read")} if "\0" in text else {}


def may(person: Asker, right: str) -> bool:
    """Tell whether somebody has a right, to be shown what it is for."""
    return right in person.rights


def today_of(context: Context) -> tuple[WorkingDays, date]:
    """Return which days count for deadlines, and the local day."""
    days = disputes.working_days(context.settings.policy)
    return days, days.day_of(context.now())
