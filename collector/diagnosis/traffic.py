"""What other computers of the school moved over its line around a test, as far as they told; pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from agent.contract.causes import Contract, Evidence
from agent.contract.measurement import Link, Throughput, Unknown
from agent.contract.rules import Rules
from agent.contract.signs import Signs
from collector.diagnosis.sessions import ComputerSession

_LONGEST_TEST_S = 300.0
_LATER = "the same test after lessons, when nobody else is online"


class _Moved(Struct, frozen=True, kw_only=True):
    """Traffic of one computer: a test's from begin to end, or what was seen on its link at one moment."""

    begin_s: float
    end_s: float
    agent: str
    is_test: bool
    download_bps: float
    upload_bps: float


class Traffic:
    """The traffic that all computers told of, in the order of time."""

    def __init__(self, facts: Sequence[ComputerSession], contract: Contract, rules: Rules) -> None:
        moved = [one for session in facts for one in _moved(session)]
        self._moved = sorted(moved, key=lambda one: one.begin_s)
        self._begins_s = [one.begin_s for one in self._moved]
        self._contract = contract
        self._limit = rules.line.busy_ratio
        self._near_s = 60 * rules.school.together_minutes.value

    def beside(self, agent: str, one: Signs) -> Signs:
        """Add to a test of this computer what the others moved during it, and shortly before or after it."""
        if one.at is None or one.rate is None:
            return one
        begin_s, end_s = one.at.timestamp(), one.at.timestamp() + one.took_s
        first = bisect_left(self._begins_s, begin_s - max(self._near_s, _LONGEST_TEST_S))
        last = bisect_right(self._begins_s, end_s + self._near_s)
        others = [each for each in self._moved[first:last] if each.agent != agent]
        during = [each for each in others if each.is_test and each.begin_s < end_s and begin_s < each.end_s]
        around = [each for each in others if not each.is_test and each.begin_s > begin_s - self._near_s]
        return msgspec.structs.replace(
            one,
            counted=(*one.counted, *self._evidence(one.rate, during, "tests of other computers at the same time")),
            suspected=(*one.suspected, *self._evidence(one.rate, around, "traffic of other computers around the test")),
        )

    def _evidence(self, rate: Evidence, moved: Sequence[_Moved], figure: str) -> tuple[Evidence, ...]:
        """Return that others took a notable part of what is promised, in the fuller direction."""
        download_bps, upload_bps = self._contract.download_bps, self._contract.upload_bps
        shares = (
            sum(one.download_bps for one in moved) / download_bps if download_bps else 0.0,
            sum(one.upload_bps for one in moved) / upload_bps if upload_bps else 0.0,
        )
        if max(shares) < self._limit.value:
            return ()
        return (
            Evidence(
                figure=figure,
                value=max(shares),
                unit=self._limit.unit,
                threshold=self._limit.value,
                reference=rate.reference,
                overturned_by=_LATER,
            ),
        )


def _moved(session: ComputerSession) -> list[_Moved]:
    found = []
    for one in session.measurements:
        at = session.started_at if isinstance(one, Unknown) else one.started_at or session.started_at
        if at is None:
            continue
        begin_s = at.timestamp()
        if isinstance(one, Throughput):
            down = one.download.ip_bps if one.download is not None else 0.0
            up = one.upload.ip_bps if one.upload is not None else 0.0
            took_s = min(one.took_s or 0.0, _LONGEST_TEST_S)
            found.append(_of(session, begin_s, took_s, down, up, is_test=True))
        elif isinstance(one, Link) and one.medium != "loopback":
            down, up = one.download_bps or 0.0, one.upload_bps or 0.0
            found.append(_of(session, begin_s, 0.0, down, up, is_test=False))
    return found


def _of(
    session: ComputerSession, begin_s: float, took_s: float, download_bps: float, upload_bps: float, *, is_test: bool
) -> _Moved:
    return _Moved(
        begin_s=begin_s,
        end_s=begin_s + took_s,
        agent=session.agent,
        is_test=is_test,
        download_bps=download_bps,
        upload_bps=upload_bps,
    )
