"""Which test servers' keys count for a line's month, by what was recorded of them until a moment; pure.

The judge's facts are made with it, and the verifier makes them anew from the records that the log has.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, timezone
from typing import Literal

import msgspec
from msgspec import Struct

from agent.contract.values import Aware
from collector.evidence.errors import EvidenceError
from collector.verdicts.facts import Facts, Lessons, Server, authority_of, days_of

_DAY = timedelta(days=1)


class KeyOfServer(Struct, frozen=True, kw_only=True):
    """What was recorded of a test server's key: it is believed of tests that began since then and before it ended."""

    key_id: str
    public_key: bytes
    url: str
    place: Literal["inside", "outside"]
    operator: str | None = None
    since: Aware
    ended_at: Aware | None = None
    recorded_at: Aware

    def believes(self, at: datetime) -> bool:
        """Tell whether it speaks of a test that began then."""
        return self.since <= at and (self.ended_at is None or at < self.ended_at)


def decode(body: bytes) -> KeyOfServer:
    """Read a record of a key.

    Raises:
        EvidenceError: it is none.
    """
    try:
        return msgspec.json.decode(body, type=KeyOfServer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EvidenceError(f"not what is recorded of a server's key: {error}") from error


def known_at(recorded: Iterable[KeyOfServer], moment: datetime) -> list[KeyOfServer]:
    """Return what held by then: of each key and each time it began, what was recorded last until the moment."""
    ordered = sorted((one for one in recorded if one.recorded_at <= moment), key=lambda one: one.recorded_at)
    return list({(one.key_id, one.since): one for one in ordered}.values())


def registered(known: Iterable[KeyOfServer], operator: str, lessons: Lessons, month: str) -> list[Server]:
    """Return the servers whose keys count in a month, with their places as this operator's lines see them."""
    first, last = days_of(month)
    begins, ends = _begins(lessons, first), _begins(lessons, last + _DAY)
    found = [
        Server(
            url=one.url,
            place="inside" if one.place == "inside" and one.operator in (None, operator) else "outside",
            public=one.public_key,
            since=one.since,
            ended_at=one.ended_at,
        )
        for one in known
        # A key of later says nothing of these days, one that ended before them neither.
        if one.since < ends and (one.ended_at is None or one.ended_at > begins)
    ]
    return sorted(found, key=lambda one: (one.url, one.since, one.public))


def with_others(named: Iterable[Server], keys: Iterable[Server]) -> tuple[Server, ...]:
    """Return servers whose keys count, and those that only the policy names; a key counts before the policy."""
    keys = list(keys)
    known = {authority_of(one.url) for one in keys}
    others = sorted((one for one in named if authority_of(one.url) not in known), key=lambda one: one.url)
    return (*others, *keys)


def differences(facts: Facts, known: Iterable[KeyOfServer]) -> list[str]:
    """Return sentences on what facts say of servers' keys and no record does, or the other way round."""
    wanted = registered(known, facts.operator, facts.lessons, facts.month)
    authorities = {authority_of(one.url) for one in wanted}
    told = [
        f"the facts have a key or a place of {one.url} that the log has no record of"
        for one in facts.servers
        if one not in wanted and (one.public is not None or authority_of(one.url) in authorities)
    ]
    told += [
        f"the facts leave out what the log has recorded of {one.url}, which counts in this month"
        for one in wanted
        if one not in facts.servers
    ]
    return told


def of_policy(facts: Facts) -> list[Server]:
    """Return the servers that no key vouches for: the collector's policy places them, and no entry in the log does."""
    return [one for one in facts.servers if one.public is None]


def _begins(lessons: Lessons, day: date) -> datetime:
    """Return when a local day begins, by the facts' own clock."""
    found = [
        datetime.combine(day, time(), timezone(timedelta(minutes=minutes)))
        for minutes in {one.minutes for one in lessons.clock}
    ]
    # Where the clocks go back over midnight it comes twice, where they go forward over it not at all.
    real = [at for at in found if lessons.slot_of(at, 1).replace(tzinfo=None) == at.replace(tzinfo=None)]
    return min(real) if real else max(found)
