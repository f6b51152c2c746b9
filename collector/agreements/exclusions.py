"""Who may say that a span of time does not count, of which lines; taken in, confirmed, refused and withdrawn."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct, structs

from agent.contract.values import Aware, Text
from collector.agreements import again
from collector.errors import NotAllowed, NotFound
from collector.store import agreements, audit, schools
from collector.store.audit import Who
from collector.store.database import Connection
from collector.store.schools import SchoolRecord
from collector.verdicts import exclusions
from collector.verdicts.errors import AgreementError
from collector.verdicts.exclusions import Exclusion, Kind, RegionId, State
from collector.verdicts.standard import shipped_standard
from collector.verdicts.terms import LineId, Name, Terms, stretches
from collector.words import Sentence, counted, say

Settling = Literal["confirm", "refuse", "withdraw"]
_FAR = timedelta(days=20 * 365)
_DAY = timedelta(days=1)
MOST_A_YEAR = 500
_OFFICES = (None, "ministry", "admin")  # null: whoever runs the collector, at its own command line
_MAY: dict[str | None, tuple[Kind, ...]] = {
    None: exclusions.KINDS,
    "ministry": exclusions.KINDS,
    "admin": exclusions.KINDS,
    "region": exclusions.KINDS,
    "operator": ("planned_works", "power_cut", "force_majeure"),
    "school": ("power_cut", "school_disconnection"),
}
# Nobody's word helps himself alone: such a thing counts once somebody else confirms it. A school's word helps it where
# the half hours that it leaves out were good ones.
_CLAIMS: dict[str | None, tuple[Kind, ...]] = {
    "operator": ("power_cut", "force_majeure"),
    "school": ("power_cut", "school_disconnection"),
}


STATES: dict[State, Sentence] = {
    "claimed": say("claimed"),
    "in_force": say("in force"),
    "withdrawn": say("withdrawn"),
    "refused": say("refused"),
}


class Filing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A span of time that shall not count; ``announced_at`` is for the ministry and regions to vouch for."""

    kind: Kind
    school: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    line: LineId | None = None
    operator: Name | None = None
    region: RegionId | None = None
    begins: Aware
    ends: Aware
    announced_at: Aware | None = None
    reason: Annotated[str, Meta(min_length=1, max_length=2_000)]


class FilingError(AgreementError):
    """A filing that cannot be; ``field`` says which of its fields is wrong."""

    def __init__(self, field: str, sentence: Sentence) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field
        self.sentence = sentence


class Settlement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of an exclusion: a claim is confirmed or refused, what was filed is withdrawn."""

    action: Settling
    reason: Text = ""


def file(connection: Connection, filing: Filing, *, who: Who, now: datetime, dispute: str | None = None) -> Exclusion:
    """Record a span of time that does not count, or that somebody claims not to.

    Raises:
        NotFound: there is no such school or region.
        NotAllowed: somebody may not say this, or not of these lines.
        AgreementError: it cannot be so: too long, too late, not announced in time.
    """
    return _filed_as(connection, filing, (secrets.token_hex(8), dispute), who=who, now=now)


def file_once(connection: Connection, filing: Filing, exclusion_id: str, *, who: Who, now: datetime) -> Exclusion:
    """Record a span of time under an id that its form brought along; sent again, the form changes nothing.

    Raises:
        NotFound, NotAllowed, AgreementError: as ``file`` does, or the id is that of somebody else's exclusion.
    """
    agreements.one_change_at_a_time(connection)
    known = agreements.exclusions(connection, exclusion_id=exclusion_id)
    if not known:
        return _filed_as(connection, filing, (exclusion_id, None), who=who, now=now)
    if (known[0].author, known[0].role) != (who.name, who.role):
        raise AgreementError(say("this form cannot be used; open a new one"))
    return known[-1]


def kinds_of(role: str | None) -> tuple[Kind, ...]:
    """Return what a role may file."""
    return _MAY.get(role, ())


def is_claim(role: str | None, kind: str) -> bool:
    """Tell whether what a role files of a kind counts only once somebody else confirms it."""
    return kind in _CLAIMS.get(role, ())


def choices(connection: Connection, exclusion_id: str, *, who: Who, now: datetime) -> list[Settling]:
    """Return what somebody may do to an exclusion now; raises NotFound. For a connection that sees all contracts."""
    records = records_of(connection, exclusion_id)
    found: list[Settling] = []
    for action in get_args(Settling):
        try:
            _next_state(connection, records, action, who, now)
        except (NotAllowed, AgreementError):
            continue
        found.append(action)
    return found


def _filed_as(
    connection: Connection, filing: Filing, mark: tuple[str, str | None], *, who: Who, now: datetime
) -> Exclusion:
    """Record a span of time; ``mark`` is its id, and the dispute that it follows from."""
    agreements.one_change_at_a_time(connection)
    if who.role == "operator" and filing.operator is None:
        filing = structs.replace(filing, operator=who.scope)
    school = _place(connection, filing)
    mine = _contracts(connection, filing, school)
    _check_may_file(filing, who, school, mine)
    _check_span(filing, who, now)
    _check_number(connection, filing, school, who)
    kept = Exclusion(
        id=mark[0],
        state="claimed" if is_claim(who.role, filing.kind) else "in_force",
        kind=filing.kind,
        school=filing.school,
        line=filing.line,
        operator=filing.operator,
        region=filing.region,
        begins=filing.begins.astimezone(UTC),
        ends=filing.ends.astimezone(UTC),
        announced_at=min(filing.announced_at or now, now).astimezone(UTC),
        recorded_at=now,
        author=who.name,
        role=who.role,
        reason=filing.reason,
        dispute=mark[1],
    )
    _keep(connection, kept, _shown_to(filing, mine), who=who, now=now)
    return kept


def listed(
    connection: Connection, *, school: str | None, begins: datetime | None, ends: datetime | None
) -> list[Exclusion]:
    """Return each exclusion that the viewer may see as its newest record says, by when it begins.

    Args:
        connection: whose rights count.
        school: for this school: its own, those of its region, and those of the whole country.
        begins: that end after it.
        ends: that begin before it.

    Raises:
        NotFound: the viewer sees no such school.
    """
    region = None if school is None else schools.visible_school(connection, school).region_id
    found = agreements.exclusions(connection, school_id=school, region_id=region, begins=begins, ends=ends)
    return exclusions.newest(found)


def records_of(connection: Connection, exclusion_id: str) -> list[Exclusion]:
    """Return all records of an exclusion; raises NotFound if there is none that the viewer may see."""
    found = agreements.exclusions(connection, exclusion_id=exclusion_id)
    if not found:
        raise NotFound(say("there is no exclusion {id} that you may see", id=repr(exclusion_id)))
    return found


def settle(connection: Connection, exclusion_id: str, wanted: Settlement, *, who: Who, now: datetime) -> Exclusion:
    """Confirm, refuse or withdraw an exclusion; the records before stay.

    Raises:
        NotFound: there is no such exclusion.
        NotAllowed: somebody may not.
        AgreementError: it is not so that this can be done to it.
    """
    agreements.one_change_at_a_time(connection)
    records = records_of(connection, exclusion_id)
    last, first = records[-1], records[0]
    state = _next_state(connection, records, wanted.action, who, now)
    kept = structs.replace(
        last,
        number=last.number + 1,
        state=state,
        recorded_at=now,
        author=who.name,
        role=who.role,
        reason=wanted.reason or last.reason,
    )
    _keep(connection, kept, agreements.shown_to(connection, first), who=who, now=now)
    return kept


def _next_state(
    connection: Connection, records: Sequence[Exclusion], action: Settling, who: Who, now: datetime
) -> State:
    """Return the state that an exclusion comes to; raises NotAllowed and AgreementError as ``settle`` does."""
    last, first = records[-1], records[0]
    school = None if last.school is None else schools.visible_school(connection, last.school)
    is_own = who.role == "operator" and _answering(connection, last) == {who.scope}
    state = _settled(action, (first, last), who, school, is_own=is_own)
    if state == "withdrawn" and last.kind == "planned_works" and last.begins <= now:
        raise AgreementError(
            say(
                "exclusion {id}: works can be withdrawn until they begin; afterwards they have used the allowance,"
                " and only the ministry or the region can refuse them",
                id=last.id,
            )
        )
    return state


def _settled(
    action: Settling, records: tuple[Exclusion, Exclusion], who: Who, school: SchoolRecord | None, *, is_own: bool
) -> State:
    """Return the state that an exclusion comes to; raises NotAllowed and AgreementError as ``settle`` does.

    Args:
        action: what is wanted.
        records: the exclusion's first and its newest.
        who: wants it.
        school: whose lines it is about, null where those of many.
        is_own: it leaves out nothing but lines that this operator answers for.
    """
    first, last = records
    region = last.region if school is None else school.region_id
    is_office = who.role in _OFFICES or (who.role == "region" and who.scope == region)
    is_schools_turn = who.role == "school" and who.scope == last.school and last.kind == "power_cut"
    may = {
        "confirm": is_office or (first.role == "operator" and is_schools_turn) or (first.role == "school" and is_own),
        "refuse": is_office,
        "withdraw": _filed(first, who, region),
    }
    if not may[action]:
        raise NotAllowed(
            say(
                "your role cannot confirm, refuse or withdraw exclusion {id} so: the ministry and the region confirm"
                " and refuse, a school confirms a power cut that its operator claims, an operator what a school claims"
                " of lines that are its own alone, and whoever filed one withdraws it",
                id=last.id,
            )
        )
    if action == "withdraw" and first.state == "claimed" and last.state == "in_force":
        raise AgreementError(
            say(
                "exclusion {id} was confirmed: nobody takes it back alone; the ministry or the region can refuse it",
                id=last.id,
            )
        )
    before: dict[Settling, tuple[State, ...]] = {
        "confirm": ("claimed",),
        "refuse": ("claimed", "in_force"),
        "withdraw": ("claimed", "in_force"),
    }
    if last.state not in before[action]:
        raise AgreementError(_cannot(action, last))
    found: dict[Settling, State] = {"confirm": "in_force", "refuse": "refused", "withdraw": "withdrawn"}
    return found[action]


def _cannot(action: Settling, last: Exclusion) -> Sentence:
    """Say that an exclusion does not come to this from the state that it is in."""
    known = {"id": last.id, "state": STATES[last.state]}
    if action == "confirm":
        return say("exclusion {id} is {state}; it cannot be confirmed", **known)
    if action == "refuse":
        return say("exclusion {id} is {state}; it cannot be refused", **known)
    return say("exclusion {id} is {state}; it cannot be withdrawn", **known)


def _filed(first: Exclusion, who: Who, region: str | None) -> bool:
    """Tell whether somebody stands for whoever filed it."""
    if first.role in _OFFICES:
        return who.role in _OFFICES
    whose = {"operator": first.operator, "school": first.school, "region": region}
    return who.role == first.role and who.scope is not None and who.scope == whose[str(first.role)]


def _answering(connection: Connection, one: Exclusion) -> set[str]:
    """Return the operators who answer for the lines that an exclusion of one school leaves out, at its time."""
    if one.school is None:
        return set()
    known = agreements.terms_of(connection, schools=[one.school])
    # A day on each side for the zone.
    held = stretches(known, (one.begins - _DAY).date(), (one.ends + _DAY).date())
    return {each.terms.operator for each in held if one.concerns(each.terms)}


def _place(connection: Connection, filing: Filing) -> SchoolRecord | None:
    """Return the school that a filing names; raises NotFound and AgreementError."""
    if filing.school is None and filing.line is not None:
        raise FilingError("line", say("a line is one school's; name the school too"))
    if filing.school is not None and filing.region is not None:
        raise FilingError("region", say("a school lies in its region; name one of the two"))
    if filing.school is None and filing.operator is None and filing.region is None:
        raise FilingError("school", say("name whom it is for: a school, an operator or a region"))
    if filing.region is not None and filing.region not in schools.regions(connection):
        raise NotFound(say("there is no region {region}; write its code, as KZ-75", region=repr(filing.region)))
    return None if filing.school is None else schools.visible_school(connection, filing.school)


def _contracts(connection: Connection, filing: Filing, school: SchoolRecord | None) -> list[Terms]:
    """Return the contracts that a filing can be about."""
    within = None if school is None else [school.school_id]
    if filing.region is not None:
        within = [one.school_id for one in schools.schools(connection, filing.region)]
    found = agreements.terms_of(connection, schools=within, operator=filing.operator)
    return [one for one in found if filing.line in (None, one.line)]


def _check_may_file(filing: Filing, who: Who, school: SchoolRecord | None, mine: Sequence[Terms]) -> None:
    if filing.kind not in _MAY.get(who.role, ()):
        raise NotAllowed(say("your role cannot file an exclusion of this kind"))
    if who.role == "operator" and (filing.operator != who.scope or not mine):
        raise NotAllowed(say("an operator files exclusions of its own contracts, and none of yours is meant by this"))
    if who.role == "school" and filing.school != who.scope:
        raise NotAllowed(say("a school files exclusions of its own lines; name it"))
    if who.role == "region" and who.scope != (school.region_id if school else filing.region):
        raise NotAllowed(say("a region files exclusions of its own schools; name one, or the region"))
    if filing.announced_at is not None and who.role not in (*_OFFICES, "region"):
        raise NotAllowed(
            say("what is filed here is announced now; the ministry or the region may vouch for another time")
        )
    if filing.kind == "planned_works" and filing.operator is None:
        raise FilingError("operator", say("works are somebody's; name the operator whose yearly allowance they use"))


def _check_span(filing: Filing, who: Who, now: datetime) -> None:
    """Refuse a span that could not count."""
    numbers = shipped_standard().exclusions
    if not all(abs(one - now) < _FAR for one in (filing.begins, filing.ends, filing.announced_at or now)):
        raise FilingError("begins", say("it lies decades away; is the year right?"))
    if filing.begins >= filing.ends:
        raise FilingError("ends", say("it ends before it begins"))
    if filing.ends - filing.begins > timedelta(days=numbers.longest_days.value):
        raise FilingError("ends", _too_long(numbers.longest_days.value))
    late = now - filing.ends > timedelta(days=numbers.filed_within_days.value)
    if late and who.role in ("operator", "school"):
        raise FilingError("ends", _too_late(numbers.filed_within_days.value))
    ahead = filing.begins - min(filing.announced_at or now, now)
    if filing.kind == "planned_works" and ahead < timedelta(hours=numbers.announced_h.value):
        raise FilingError("begins", _not_announced(numbers.announced_h.value))


def _check_number(connection: Connection, filing: Filing, school: SchoolRecord | None, who: Who) -> None:
    """Refuse more than can be read and handed on: each verdict of the year carries all of them."""
    year = filing.begins.astimezone(UTC).year
    begins, ends = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    region = filing.region if school is None else school.region_id
    school_id = filing.school or ""  # of no single one
    found = agreements.exclusions(connection, school_id=school_id, region_id=region, begins=begins, ends=ends)
    mine = (filing.school, filing.operator, filing.region)
    same = {
        one.id
        for one in found
        if one.number == 1 and _side(one.role) == _side(who.role) and (one.school, one.operator, one.region) == mine
    }
    if len(same) >= MOST_A_YEAR:
        raise FilingError(
            "begins",
            counted(
                "{n} exclusion was filed for {year} already of the same school, operator and region, which is all that"
                " one side may; file a long span instead of many short ones",
                "{n} exclusions were filed for {year} already of the same school, operator and region, which is all"
                " that one side may; file a few long spans instead of many short ones",
                len(same),
                year=str(year),
            ),
        )


def _too_long(days: int) -> Sentence:
    return counted(
        "at most {n} day at a time; file the rest again", "at most {n} days at a time; file the rest again", days
    )


def _too_late(days: int) -> Sentence:
    return counted(
        "it ended more than {n} day ago; ask the ministry or the region, or dispute the verdict",
        "it ended more than {n} days ago; ask the ministry or the region, or dispute the verdict",
        days,
    )


def _not_announced(hours: int) -> Sentence:
    return counted(
        "planned works have to be announced {n} hour ahead; these would count",
        "planned works have to be announced {n} hours ahead; these would count",
        hours,
    )


def _side(role: str | None) -> str | None:
    return None if role in _OFFICES else role


def _shown_to(filing: Filing, mine: Iterable[Terms]) -> list[str]:
    """Return the operators whose lines are meant; none where all of them are."""
    if filing.operator is not None:
        return [filing.operator]
    return sorted({one.operator for one in mine}) if filing.school is not None else []


def _keep(connection: Connection, kept: Exclusion, shown_to: Sequence[str], *, who: Who, now: datetime) -> None:
    """Add a record; what changed for months that are judged already has them judged again."""
    region_id = kept.region or ""
    if kept.school is not None:
        region_id = schools.visible_school(connection, kept.school).region_id
    agreements.keep_exclusion(connection, kept, region_id, shown_to)
    about = f"school {kept.school}" if kept.school else f"exclusion {kept.id}"
    detail = {"exclusion": kept.id, "number": kept.number, "kind": kept.kind, "state": kept.state}
    audit.note(connection, who, "changed", about, now=now, detail=detail)
    if kept.begins <= now and kept.state != "claimed":
        # Works use up a year's allowance: what they leave to later ones changes too. A day on each side for the zone.
        ends = kept.ends.replace(month=12, day=31) if kept.kind == "planned_works" else kept.ends + _DAY
        again.judge(connection, _schools(connection, kept), (kept.begins - _DAY).date(), min(now, ends).date(), now)


def _schools(connection: Connection, kept: Exclusion) -> list[str]:
    """Return the schools that an exclusion concerns."""
    if kept.school is not None:
        return [kept.school]
    found = agreements.terms_of(connection, operator=kept.operator)
    if kept.region is None:
        return sorted({one.school for one in found})
    within = {one.school_id for one in schools.schools(connection, kept.region)}
    return sorted({one.school for one in found} & within)
