"""Disputes of verdicts: opened by the operator, evidence of both sides, decided by the ministry; then judged again."""

import hashlib
from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct, structs

from collector import policy
from collector.agreements import again, exclusions
from collector.agreements.exclusions import Filing
from collector.errors import NotAllowed, NotFound
from collector.settings import PolicySettings
from collector.store import agreements, audit, schools
from collector.store.agreements import Judged, Wanted
from collector.store.audit import Who
from collector.store.database import Connection, Role, Viewer
from collector.verdicts import disputes
from collector.verdicts.disputes import (
    Action,
    Attached,
    Claim,
    Dispute,
    Disputed,
    FileName,
    Outcome,
    Standing,
    Step,
    Times,
    WorkingDays,
)
from collector.verdicts.errors import AgreementError, DisputeError
from collector.verdicts.standard import shipped_standard
from collector.verdicts.terms import LineId
from collector.words import Sentence, counted, say

_MIB = 1_048_576
_DECIDERS = (None, "ministry", "admin")  # null: whoever runs the collector, at its own command line
_MAY_DISPUTE = ("breach", "watch")


class Objection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator claims of a version of a verdict."""

    school: Annotated[str, Meta(min_length=1, max_length=64)]
    line: LineId = "1"
    month: Annotated[str, Meta(pattern="^[0-9]{4}-(0[1-9]|1[0-2])$", max_length=7)]
    version: Annotated[int, Meta(ge=1, le=100_000)]
    claim: Claim


class Piece(Struct, frozen=True, kw_only=True):
    """A file, and what it shows."""

    name: FileName
    content: bytes
    text: Claim


class Decision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the ministry decides, why, and which spans of time do not count because of it."""

    outcome: Outcome
    reason: Claim
    exclusions: Annotated[tuple[Filing, ...], Meta(max_length=100)] = ()


class Occasion(Struct, frozen=True):
    """Who does something, when, and which days count for deadlines."""

    who: Who
    now: datetime
    days: WorkingDays

    @property
    def today(self) -> date:
        """The local day."""
        return self.days.day_of(self.now)


class ListedDispute(Struct, frozen=True, kw_only=True):
    """A dispute with what it waits for, and for how many working days more."""

    dispute: Dispute
    standing: Standing


def working_days(settings: PolicySettings) -> WorkingDays:
    """Return which days count, by the country's own holidays."""
    return WorkingDays(
        zone=policy.zone_of(settings),
        holidays=frozenset(settings.holidays),
        extra_days=frozenset(settings.extra_days),
    )


def times() -> Times:
    """Return how many working days each step may take."""
    numbers = shipped_standard().disputes
    return Times(
        open_days=numbers.open_days.value,
        evidence_days=numbers.evidence_days.value,
        decide_days=numbers.decide_days.value,
    )


def most_bytes() -> int:
    """Return how large a file may be that is attached."""
    return shipped_standard().disputes.file_mib.value * _MIB


def size_told() -> Sentence:
    """Say how large a file may be that is attached."""
    size = str(shipped_standard().disputes.file_mib.value)
    return say("a file has at least a byte and at most {size} MiB; split or pack it", size=size)


def judged(connection: Connection, said: Objection, viewer: Viewer) -> Judged:
    """Return the verdict that somebody objects to.

    Raises:
        NotAllowed: it is not an operator who asks.
        NotFound: there is no such verdict about a contract of the operator's.
    """
    about = _about(said, viewer.role, viewer.scope)
    found = agreements.verdict_of(connection, about)
    if found is None:
        raise NotFound(
            say(
                "there is no verdict on {month}, line {line} of school {school}, version {version}, about your"
                " contract",
                month=said.month,
                line=said.line,
                school=said.school,
                version=str(said.version),
            )
        )
    return found


def open_one(connection: Connection, said: Objection, found: Judged, on: Occasion) -> Dispute:
    """Open a dispute of the verdict that was ``judged``.

    Raises:
        NotAllowed: it is not an operator who asks.
        DisputeError: there is one already, or the verdict is too old, replaced, or accuses nobody.
    """
    about = _about(said, on.who.role, on.who.scope)
    agreements.one_change_at_a_time(connection)
    if not found.is_newest:
        raise DisputeError(
            say("version {version} of this verdict was replaced; look at the newest one", version=str(said.version))
        )
    if found.state not in _MAY_DISPUTE:
        raise DisputeError(say("this verdict accuses nobody, and cannot be disputed"))
    if agreements.steps(connection, Wanted(id=disputes.id_of(about))):
        raise DisputeError(
            say("this version of the verdict was disputed already: dispute {id}", id=disputes.id_of(about))
        )
    step = disputes.opened(
        about, said.claim, found.judged_at, at=on.now, author=on.who.name, days=on.days, times=times()
    )
    return _add(connection, (), step, on)


def attach(connection: Connection, dispute_id: str, piece: Piece, on: Occasion) -> Dispute:
    """Attach a file to a dispute, of either side; one that the same person attached just so already, once.

    Raises:
        NotFound, NotAllowed: there is no such dispute, or somebody has no part in it.
        DisputeError: it is over, the time for evidence is, or there are enough files.
        AgreementError: the file is empty or too large.
    """
    known = _known(connection, dispute_id, "evidence", on)
    numbers = shipped_standard().disputes
    if not piece.content or len(piece.content) > most_bytes():
        raise AgreementError(size_told())
    sha256 = hashlib.sha256(piece.content).hexdigest()
    attached = Attached(name=piece.name, size=len(piece.content), sha256=sha256)
    if any((one.attached, one.text, one.author) == (attached, piece.text, on.who.name) for one in known.steps):
        return known  # sent twice
    if known.files >= numbers.files.value:
        raise DisputeError(
            counted(
                "dispute {id} has {n} file, which is all that it may have; pack several",
                "dispute {id} has {n} files, which is all that it may have; pack several",
                known.files,
                id=dispute_id,
            )
        )
    step = structs.replace(_next(known, "evidence", piece.text, on), attached=attached)
    return _add(connection, known.steps, step, on, piece.content)


def withdraw(connection: Connection, dispute_id: str, reason: str, on: Occasion) -> Dispute:
    """End a dispute without a decision, by the operator who opened it; raises as ``attach`` does."""
    known = _known(connection, dispute_id, "withdrawn", on)
    if on.who.role != "operator":
        raise NotAllowed(say("a dispute is withdrawn by the operator who opened it; the ministry decides it"))
    return _add(connection, known.steps, _next(known, "withdrawn", reason, on), on)


def decide(connection: Connection, dispute_id: str, decision: Decision, on: Occasion) -> Dispute:
    """Decide a dispute, record the exclusions that follow, and have the month judged again.

    Raises:
        NotFound, NotAllowed: there is no such dispute, or it is not the ministry that decides.
        AgreementError: it is over, or an exclusion is another line's, or cannot be.
    """
    if on.who.role not in _DECIDERS:
        raise NotAllowed(say("disputes are decided by the ministry"))
    known = _known(connection, dispute_id, "decided", on)
    if decision.outcome == "rejected" and decision.exclusions:
        raise AgreementError(
            say("exclusions: nothing follows from a claim that is rejected; decide that it is true, or partly")
        )
    about = known.about
    for one in decision.exclusions:
        _check_follows(one, about)
    # For this operator alone: a later one of the same line is not told what this one disputed.
    following = [structs.replace(one, operator=about.operator) for one in decision.exclusions]
    kept = [exclusions.file(connection, one, who=on.who, now=on.now, dispute=dispute_id).id for one in following]
    step = structs.replace(
        _next(known, "decided", decision.reason, on), outcome=decision.outcome, exclusions=tuple(kept)
    )
    done = _add(connection, known.steps, step, on)
    first = date.fromisoformat(f"{about.month}-01")
    again.judge(connection, [about.school], first, first, on.now)
    return done


def listed(connection: Connection, wanted: Wanted, *, days: WorkingDays, now: datetime) -> list[ListedDispute]:
    """Return disputes that the viewer may see, with their deadlines; those to be decided first come first."""
    today = days.day_of(now)
    found = disputes.all_folded(agreements.steps(connection, wanted))
    return [ListedDispute(dispute=one, standing=disputes.standing(one, today, days)) for one in found]


def as_listed(dispute: Dispute, on: Occasion) -> ListedDispute:
    """Return a dispute with what it waits for now."""
    return ListedDispute(dispute=dispute, standing=disputes.standing(dispute, on.today, on.days))


def one_of(connection: Connection, dispute_id: str) -> Dispute:
    """Return a dispute; raises NotFound if there is none that the viewer may see."""
    found = agreements.steps(connection, Wanted(id=dispute_id))
    if not found:
        raise NotFound(say("there is no dispute {id} that you may see", id=repr(dispute_id)))
    return disputes.folded(found)


def file_of(connection: Connection, dispute_id: str, sha256: str) -> tuple[Attached, bytes]:
    """Return a file that was attached, with its name; raises NotFound."""
    known = one_of(connection, dispute_id)
    names = [one.attached for one in known.steps if one.attached is not None and one.attached.sha256 == sha256]
    content = agreements.attached(connection, known.about.school, dispute_id, sha256) if names else None
    if content is None:
        raise NotFound(f"dispute {dispute_id} has no file of this SHA-256")
    return names[0], content


def _about(said: Objection, role: Role | None, scope: str | None) -> Disputed:
    if role != "operator" or scope is None:
        raise NotAllowed(say("a dispute is opened by the operator whose line the verdict is about"))
    return Disputed(school=said.school, line=said.line, month=said.month, version=said.version, operator=scope)


def _known(connection: Connection, dispute_id: str, action: Action, on: Occasion) -> Dispute:
    """Return a dispute to which somebody may add a step now."""
    agreements.one_change_at_a_time(connection)
    known = one_of(connection, dispute_id)
    who = on.who
    school = schools.school(connection, known.about.school)
    takes_part = {
        "operator": who.scope == known.about.operator,
        "school": who.scope == known.about.school,
        "region": school is not None and who.scope == school.region_id,
    }
    if who.role not in _DECIDERS and not takes_part.get(str(who.role), False):
        raise NotFound(say("there is no dispute {id} that you may see", id=repr(dispute_id)))
    disputes.check_next(known, action, on.today)
    return known


def _next(known: Dispute, action: Action, text: str, on: Occasion) -> Step:
    return Step(
        dispute=known.id,
        number=len(known.steps) + 1,
        action=action,
        about=known.about,
        at=on.now,
        author=on.who.name,
        role=on.who.role,
        text=text,
    )


def _add(
    connection: Connection, before: tuple[Step, ...], step: Step, on: Occasion, content: bytes | None = None
) -> Dispute:
    about = step.about
    agreements.keep_step(connection, step, schools.visible_school(connection, about.school).region_id, content)
    detail = {"dispute": step.dispute, "number": step.number, "action": step.action, "outcome": step.outcome}
    audit.note(connection, on.who, "changed", f"school {about.school}", now=on.now, detail=detail)
    return disputes.folded((*before, step))


def _check_follows(one: Filing, about: Disputed) -> None:
    """See that an exclusion is of the line that was disputed."""
    if (one.school, one.line) != (about.school, about.line) or one.operator not in (None, about.operator):
        raise AgreementError(
            f"exclusions: what follows from this is about school {about.school}, line {about.line}; file others apart"
        )
