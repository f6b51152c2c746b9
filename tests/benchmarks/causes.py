"""Is the cause of a slow school named rightly? Lab schools, measured by our probes, diagnosed by both sides."""

import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec
from msgspec import Struct
from rich.markup import escape

from agent import diagnosis
from agent.contract.causes import Diagnosis
from agent.contract.measurement import Failed, Measurement, Throughput
from agent.contract.rules import shipped_rules
from agent.contract.standards import target_for
from agent.meter import witness
from collector.diagnosis import ComputerSession, SchoolDiagnosis, diagnose_school
from tests.benchmarks import page, schools
from tests.benchmarks.page import Now, Summary
from tests.benchmarks.schools import LabSchool, Round
from tests.lab.campus import SERVER_IPS, Campus

_USUAL_NUMBER = 60
_PUPILS = 200  # need 20/5, which every contract here promises
_TRIES = 3
_STANDING_S = 1.5  # until the school's own traffic is what it is
_CALM, _CALM_WITHIN_S, _LOOK_S = 0.5, 20, 0.5
_NOTE = (
    "Each school has sessions of 2 to 6 computers, one at a time, as link, lan and msak (short form) measured them in\n"
    "the namespaces; started_at is stamped: the days and hours are simulated. Medium, cable speed and Wi-Fi facts are\n"
    "the lab's word, because a virtual card has none, and a computer's processor is what its own programs use or wait\n"
    "for. A session is repeated where packets were late in the emulator: the line was not what it was told to be."
)


class Told(Struct, frozen=True, kw_only=True):
    """A school and what both sides say of it."""

    school: LabSchool
    verdict: SchoolDiagnosis
    own: Diagnosis | None
    failures: tuple[str, ...]
    took_s: float
    repeated: int

    @property
    def named(self) -> str:
        """What the collector names: the cause, and the defects."""
        return schools.name(self.verdict.cause, {defect.defect for defect in self.verdict.defects})

    @property
    def is_school_right(self) -> bool:
        return self.named in self.school.right_names

    @property
    def is_own_right(self) -> bool:
        return self.own is None or self.own.cause in {self.school.own_cause, self.school.may_be}

    @property
    def blames_wrongly(self) -> bool:
        """Tell whether the operator is named for what lies inside, or for what nobody can know."""
        named = {self.verdict.cause} | ({self.own.cause} if self.own is not None else set())
        return "ISP_LINE" in named and self.school.cause != "ISP_LINE"


def run(words: Sequence[str] = ()) -> None:
    """Print the confusion matrix; words are a number of schools, a seed to begin with, and scenes if not all."""
    numbers = [int(word) for word in words if word.isdecimal()]
    number, seed = (*numbers, *(_USUAL_NUMBER, secrets.randbelow(10**6))[len(numbers) :])[:2]
    scenes = [word for word in words if not word.isdecimal()]
    told: list[Told] = []
    try:
        with page.telling() as now:
            for index, school in enumerate(schools.made(number, seed, scenes), 1):
                now.say(f"{index} of {number}: {school.scene} (seed {school.seed})")
                told.append(_diagnosed(school, now))
                _say_wrong(told[-1], now)
    finally:
        _show(told, seed)


def _diagnosed(school: LabSchool, now: Now) -> Told:
    began = time.monotonic()
    sessions, repeated = _measured(school, now)
    target, rules = target_for(_PUPILS), shipped_rules()
    own = [one.measurements for one in sessions if one.agent == school.concerned]
    failures = tuple(
        f"{one.agent}: {each.probe}: {each.failure}: {each.detail}"
        for one in sessions
        for each in one.measurements
        if isinstance(each, Failed)
    )
    return Told(
        school=school,
        verdict=diagnose_school(sessions, school.contract, target, rules),
        own=diagnosis.diagnose(own, school.contract, rules, target, zone=UTC) if school.concerned else None,
        failures=failures,
        took_s=time.monotonic() - began,
        repeated=repeated,
    )


def _measured(school: LabSchool, now: Now) -> tuple[list[ComputerSession], int]:
    sessions: list[ComputerSession] = []
    repeated = 0
    with Campus(school.premises) as campus:
        for one in school.rounds:
            began = datetime.now(UTC)
            campus.become(one.line)
            for agent, seen, again in _round(campus, school, one, now):
                stamped = [_stamped(each, one.at, began) for each in seen]
                server = SERVER_IPS[one.server]
                sessions.append(
                    ComputerSession(
                        agent=agent, room=f"room of {agent}", started_at=one.at, server=server, measurements=stamped
                    )
                )
                repeated += again
    return sessions, repeated


def _stamped(one: Measurement, at: datetime, began: datetime) -> Measurement:
    """Simulate the day and the hour; what is between two sessions of an hour stays real."""
    return one if one.started_at is None else msgspec.structs.replace(one, started_at=at + (one.started_at - began))


def _round(campus: Campus, school: LabSchool, one: Round, now: Now) -> Iterator[tuple[str, list[Measurement], int]]:
    if one.heavy is None:
        yield from _sessions(campus, school, one, now)
        return
    with campus.downloading(one.heavy.desk, one.heavy.share, greedy=one.heavy.greedy):
        time.sleep(_STANDING_S)
        yield from _sessions(campus, school, one, now)


def _sessions(campus: Campus, school: LabSchool, one: Round, now: Now) -> Iterator[tuple[str, list[Measurement], int]]:
    """Let the computers measure, one at a time; only what does not fill the line is measured side by side."""
    looks: dict[str, list[Measurement]] = {}
    if one.with_lan:
        with ThreadPoolExecutor(len(one.sitters)) as pool:
            looks = dict(
                zip(
                    one.sitters,
                    pool.map(lambda name: campus.sit(name, ("lan",), server=one.server), one.sitters),
                    strict=True,
                )
            )
    for name in one.sitters:
        seen, again = _tested(campus, school, one, name, now)
        yield name, [*seen, *looks.get(name, [])], again


def _tested(campus: Campus, school: LabSchool, one: Round, name: str, now: Now) -> tuple[list[Measurement], int]:
    """Return a session in a lab that was what it was told to be, if one of three was, and how many were not."""
    starved = school.starved and name == school.concerned
    for times in range(_TRIES):
        if one.heavy is None:
            campus.become(one.line)
        seen = campus.sit(name, ("link", "msak"), server=one.server, starved=starved, max_s=school.max_s)
        trouble = campus.distrust() or _standstill(seen)
        if trouble is None:
            return seen, times
        now.say(f"    {name} once more: {trouble}")
        _await_calm()
    return seen, _TRIES


def _standstill(seen: Sequence[Measurement]) -> str | None:
    """Say that the lab's own machine stood still: no scene is about a computer that sleeps."""
    slept = any("sleep" in one.tainted for one in seen if isinstance(one, Throughput))
    return "the machine stood still" if slept else None


def _await_calm() -> None:
    """Wait until this machine has nothing else to do, for a while."""
    ends = time.monotonic() + _CALM_WITHIN_S
    while time.monotonic() < ends:
        before = witness.machine_times()
        time.sleep(_LOOK_S)
        if (witness.busy_share(before, witness.machine_times()) or 0.0) < _CALM:
            return


def _say_wrong(told: Told, now: Now) -> None:
    wrong = "" if told.is_school_right and told.is_own_right else "   WRONG"
    own = f", computer: {told.own.cause}" if told.own is not None else ""
    now.say(f"    {told.took_s:.0f} s: {told.named} ({told.verdict.confidence}){own}{wrong}")


def _show(told: Sequence[Told], seed: int) -> None:
    _matrix(told, seed)
    for one in told:
        if not (one.is_school_right and one.is_own_right):
            _evidence(one)
    _summarise(told)


def _matrix(told: Sequence[Told], seed: int) -> None:
    """Print which name each kind of school got; names are letters here, so that the whole fits a terminal."""
    named = Counter((one.school.scene, one.named) for one in told)
    names = sorted({name for one in told for name in (one.named, *one.school.right_names)})
    letter = {name: chr(ord("a") + number) for number, name in enumerate(names)}
    legend = "\n".join(f"{letter[name]}  {name}" for name in names)
    title = f"What is the matter, and what the collector names: {len(told)} schools, seeds from {seed}"
    columns = ("the school has", "it is", "schools", *letter.values(), "own agent right")
    with page.table(title, *columns, note=f"{legend}\n\n{_NOTE}") as made:
        for scene in dict.fromkeys(one.school.scene for one in told):
            same = [one for one in told if one.school.scene == scene]
            truth = same[0].school.right_names
            cells = [_cell(named[scene, name], right=name in truth) for name in names]
            own = [one for one in same if one.own is not None]
            right = sum(one.is_own_right for one in own)
            it_is = " or ".join(letter[name] for name in truth)
            made.add_row(scene, it_is, str(len(same)), *cells, f"{right} of {len(own)}" if own else "-")


def _cell(count: int, *, right: bool) -> str:
    if not count:
        return ""
    return f"[green]{count}[/green]" if right else f"[bold red]{count}[/bold red]"


def _evidence(one: Told) -> None:
    school = one.school
    title = f"Named wrongly: {school.scene} (seed {school.seed}): {' or '.join(school.right_names)}"
    with page.table(title, "by", "it says", "note") as made:
        verdicts = [("collector", one.verdict)]
        if one.own is not None:
            verdicts.append((f"agent of {school.concerned}, {school.own_cause}", one.own))
        for who, verdict in verdicts:
            made.add_row(who, f"{verdict.cause} ({verdict.confidence})", escape(verdict.sentence))
            for kind, figures in (("for it", verdict.evidence), ("against it", verdict.counter_evidence)):
                for each in figures:
                    limit = "" if each.threshold is None else f", threshold {each.threshold:.6g}"
                    value = f"{each.figure}: {each.value:.6g} {each.unit}{limit}"
                    made.add_row(
                        "", kind, escape(f"{value} ({each.reference.agent or ''} {each.reference.started_at})")
                    )
            for missing in verdict.missing:
                made.add_row("", "missing", escape(missing))
            for defect in verdict.defects:
                made.add_row("", defect.defect, escape(defect.sentence))
        for failure in one.failures:
            made.add_row("", "failed", escape(failure))


def _summarise(told: Sequence[Told]) -> None:
    summary = Summary("Causes: what they must show")
    count = max(1, len(told))
    summary.least(
        f"named rightly by the collector, of {len(told)}", sum(one.is_school_right for one in told) / count, 0.95
    )
    own = [one for one in told if one.own is not None]
    right = sum(one.is_own_right for one in own) / max(1, len(own))
    summary.least(f"named rightly by the computer's agent, of {len(own)}", right, 0.95)
    both = sum(one.is_school_right and one.is_own_right for one in told) / count
    summary.least("named rightly by both", both, 0.95)
    summary.most("ISP_LINE named where it is not proven", sum(one.blames_wrongly for one in told), 0, "schools")
    repeated = sum(one.repeated for one in told)
    summary.told("sessions repeated", f"{repeated} sessions", "the lab was not what it was told to be")
    summary.told("time for a school", f"{sum(one.took_s for one in told) / count:.0f} s", "on average")
    summary.show()
