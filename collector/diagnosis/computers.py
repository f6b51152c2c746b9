"""One computer's part in a school's diagnosis: is it slow beside what the line gives, and what explains that; pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec
from msgspec import Struct

from agent.contract import line as lines
from agent.contract import signs as signs_of
from agent.contract import weighing
from agent.contract.causes import INSIDE, Cause, Confidence, Contract, Evidence
from agent.contract.line import Line
from agent.contract.measurement import Measurement, Throughput, Unknown
from agent.contract.rules import Rules
from agent.contract.signs import Signs
from collector.diagnosis.sessions import ComputerSession
from collector.diagnosis.traffic import Traffic


class Computer(Struct, frozen=True, kw_only=True):
    """A computer's sessions as signs, and what its clean tests say of the line."""

    agent: str
    room: str | None
    signs: tuple[Signs, ...]
    line: Line

    @property
    def tested(self) -> tuple[Signs, ...]:
        """The sessions with a speed test that can be held against something."""
        return tuple(one for one in self.signs if one.ways)

    @property
    def place(self) -> str:
        """What it counts as: its room, or itself where nobody said."""
        return self.room or self.agent

    def own(self, evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
        """Write this computer's name on its figures."""
        return tuple(
            msgspec.structs.replace(
                one, reference=msgspec.structs.replace(one.reference, agent=self.agent, room=self.room)
            )
            for one in evidence
        )


class Slow(Struct, frozen=True, kw_only=True):
    """A computer that is slow, and why (null where nothing shows); ``days`` are those on which it was so.

    ``is_compared``: nothing shows at itself; a computer beside it that was fast at the same time does.
    """

    computer: Computer
    cause: Cause | None
    confidence: Confidence = "low"
    tests: tuple[Signs, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    counter_evidence: tuple[Evidence, ...] = ()
    is_compared: bool = False

    @property
    def days(self) -> frozenset[date]:
        """The days of its slow tests that were timed."""
        return frozenset(one.at.date() for one in self.tests if one.at is not None)

    def days_shown(self, rules: Rules) -> frozenset[date]:
        """The days on which its own network clearly was the cause; none where that is only likely, or borderline."""
        if self.cause not in INSIDE or self.confidence == "low":
            return frozenset()
        # Whom a faster computer beside it proves slow needs no sign of its own.
        tests = self.tests if self.is_compared else weighing.telling(self.cause, self.tests, rules)
        return frozenset(one.at.date() for one in tests if one.at is not None)


def read(facts: Sequence[ComputerSession], contract: Contract, rules: Rules) -> list[Computer]:
    """Return the school's computers, each test with what the others moved over the line at the same time."""
    by_agent: dict[str, list[ComputerSession]] = defaultdict(list)
    for session in facts:
        by_agent[session.agent].append(session)
    traffic = Traffic(facts, contract, rules)
    found = []
    for agent, sessions in sorted(by_agent.items()):
        signs = signs_of.of_computer([_timed(one) for one in sessions], contract, rules)
        crowded = tuple(traffic.beside(agent, one) for one in signs)
        room = next((one.room for one in reversed(sessions) if one.room), None)
        found.append(Computer(agent=agent, room=room, signs=crowded, line=lines.judge(crowded, contract, rules)))
    return found


def slow(computer: Computer, best: Computer | None, rules: Rules) -> Slow | None:
    """Say whether a computer is often slow beside what the line gives at its best-placed one, and why."""
    typical = _typical(best) if best is not None else {}
    tests = [one for one in computer.tested if _is_slow(one, typical, rules)]
    if not tests or len(tests) < rules.enough.slow_ratio.value * len(computer.tested):
        return None
    explained = Counter(one.explanation[0] for one in tests if one.explanation is not None)
    if not explained:
        return _by_comparison(computer, tests, best, rules)
    cause = explained.most_common(1)[0][0]
    of_cause = tuple(one for one in tests if one.explanation is not None and one.explanation[0] == cause)
    evidence = [figure for one in of_cause for figure in (one.explanation or (cause, ()))[1]]
    return Slow(
        computer=computer,
        cause=cause,
        confidence=weighing.surety(cause, of_cause, rules),
        tests=of_cause,
        evidence=computer.own((*weighing.rates(of_cause)[-1:], *weighing.named_once(evidence))),
        counter_evidence=computer.own(weighing.rates([one for one in computer.tested if one.delivers])[-1:]),
    )


def _by_comparison(computer: Computer, tests: Sequence[Signs], best: Computer | None, rules: Rules) -> Slow:
    """Explain a slow computer by a clean one that was fast at the same time: the difference lies between them."""
    if best is None or best is computer or not best.line.delivers:
        return Slow(computer=computer, cause=None, tests=tuple(tests))
    together = pairs(tests, best, rules)
    compared = tuple(slow for slow, _ in together) or tuple(one for one in tests if _same_hour(one, best))
    if not compared:
        return Slow(computer=computer, cause=None, tests=tuple(tests))
    medium = compared[-1].medium
    fast = [one for _, one in together] or [one for one in best.tested if one.delivers]
    evidence = [*weighing.rates(compared)[-1:]]
    cause: Cause | None = "LAN_WIRED" if medium == "ethernet" else None
    if medium == "wifi":
        held_back = [figure for one in compared for figure in one.held_back]
        cause = "WIFI_CONFIG" if held_back else "WIFI_INTERFERENCE"
        evidence += weighing.named_once(held_back)
    doubts = [figure for one in compared for figure in one.doubts]
    return Slow(
        computer=computer,
        cause=cause,
        confidence="medium" if len(together) >= rules.enough.repeats.value and not doubts else "low",
        tests=compared,
        evidence=(*computer.own(evidence), *best.own(weighing.rates(fast)[-1:])),
        counter_evidence=computer.own(weighing.named_once([figure for one in compared for figure in one.path])),
        is_compared=True,
    )


def pairs(tests: Sequence[Signs], best: Computer, rules: Rules) -> list[tuple[Signs, Signs]]:
    """Return slow tests with a good one that the best-placed computer made at about the same time."""
    near = timedelta(minutes=rules.school.together_minutes.value)
    good = [one for one in best.tested if one.delivers and one.at is not None]
    found = []
    for one in tests:
        if one.at is None:
            continue
        at = one.at
        fast = next((other for other in good if other.at is not None and abs(other.at - at) <= near), None)
        if fast is not None:
            found.append((one, fast))
    return found


def is_refuted(computer: Computer, others: Iterable[Computer], rules: Rules) -> bool:
    """Tell whether others show that it is no witness of the line: they were fast when, or where, it never was.

    One that is fast itself at other hours has nothing in its way; then only tests at about the same time, or in the
    same hour of another day, speak against its slow ones.
    """
    clean = [one for one in computer.tested if one.may_speak_for_the_line]
    slow_ones = [one for one in clean if one.is_proven]
    if not any(one.delivers for one in clean):
        return True
    fast = [one for one in others if one is not computer]
    refuted = [one for one in slow_ones if any(pairs([one], other, rules) or _same_hour(one, other) for other in fast)]
    return len(refuted) >= rules.enough.slow_ratio.value * len(slow_ones)


def _same_hour(one: Signs, best: Computer) -> bool:
    return one.at is not None and any(
        other.delivers and other.at is not None and other.at.hour == one.at.hour for other in best.tested
    )


def _typical(best: Computer) -> dict[str, float]:
    """Return the median rate of the best-placed computer's clean tests in each direction, never of lower bounds."""
    rates: dict[str, list[float]] = defaultdict(list)
    for one in best.tested:
        if one.may_speak_for_the_line:
            for way in one.ways:
                if not way.is_at_least:
                    rates[way.name].append(way.value_bps)
    return {name: sorted(values)[len(values) // 2] for name, values in rates.items()}


def _is_slow(one: Signs, typical: dict[str, float], rules: Rules) -> bool:
    share = rules.line.delivers_ratio.value
    return any(way.is_short and way.value_bps < share * typical.get(way.name, way.promised_bps) for way in one.ways)


def _timed(session: ComputerSession) -> list[Measurement | Unknown]:
    """Return a session's measurements; those without a time of their own have the session's."""
    at, server = session.started_at, session.server
    timed: list[Measurement | Unknown] = []
    for one in session.measurements:
        if isinstance(one, Unknown):
            continue
        known = one if one.started_at is not None or at is None else msgspec.structs.replace(one, started_at=at)
        if isinstance(known, Throughput) and server and not known.server:
            known = msgspec.structs.replace(known, server=server)
        timed.append(known)
    return timed
