"""One verdict with all that it rests on, read from the database as it was when that version was made."""

from datetime import date, datetime

from msgspec import Struct, structs

from agent.contract.errors import SettingsError
from collector.agreements.disputes import times, working_days
from collector.errors import NotFound
from collector.evidence import entry, note
from collector.judging.gathering import drawn_from
from collector.settings import PolicySettings
from collector.store import agreements, checkpoints, evidence, packs, schools, verdicts
from collector.store.database import MINISTRY, Connection, Database, Viewer
from collector.store.packs import Drawn
from collector.store.schools import RegionRecord, SchoolRecord
from collector.store.verdicts import Line, Listed
from collector.verdicts import canonical, disputes, standard
from collector.verdicts.disputes import Dispute
from collector.verdicts.facts import Facts
from collector.verdicts.judge import Judgement, judge
from collector.verdicts.standard import Standard

_FEW = 100
_MAY_BE_DISPUTED = ("breach", "watch")


class Asked(Struct, frozen=True, kw_only=True):
    """Which verdict is asked for; null: the newest version, and the one operator there is."""

    school: str
    month: str
    line: str | None = None
    operator: str | None = None
    version: int | None = None


class Signed(Struct, frozen=True):
    """The first checkpoint that covers an entry: size, root, when it was signed, and who cosigned it."""

    size: int
    root: bytes
    at: datetime
    witnesses: tuple[str, ...]


class LogPlace(Struct, frozen=True, kw_only=True):
    """Where a verdict stands in the log: which log by origin and key, which entry, and its first checkpoint."""

    origin: str
    key: str
    index: int
    signed: Signed | None


class Case(Struct, frozen=True, kw_only=True):
    """A version of a verdict, ``newest`` being the newest there is, with what it was drawn from.

    ``judgement`` is null where what is stored does not come to this verdict any more, or while nobody judged it again.
    ``disputes`` are about any version of it; ``dispute_until`` is the last day on which this one can be disputed, null
    where it cannot or is.
    """

    verdict: Listed
    newest: int
    facts: Facts
    standard: Standard
    judgement: Judgement | None
    school: SchoolRecord | None
    region: RegionRecord | None
    place: LogPlace | None
    disputes: tuple[Dispute, ...] = ()
    dispute_until: date | None = None
    is_judged_again: bool = False


def case_of(database: Database, viewer: Viewer, asked: Asked, policy: PolicySettings) -> Case:
    """Return a verdict that the viewer may see, with all that it rests on; ``policy`` says which are working days.

    Raises:
        NotFound: there is no such verdict that the viewer may see, or its rules are lost.
        SettingsError: there are several; names what to choose from.
    """
    return judged_again(database, kept(database, viewer, asked, policy))


def kept(database: Database, viewer: Viewer, asked: Asked, policy: PolicySettings) -> Case:
    """Return a verdict as it is kept, without the reports and what came of each; raises as ``case_of`` does."""
    with database.reading(viewer) as connection:
        one, newest = _chosen(connection, asked)
        drawn = packs.drawn_from(connection, one)
        if drawn is None:
            raise NotFound("this verdict was replaced just now; ask again")
        if drawn.standard is None or drawn.causes is None:
            raise NotFound("the rules that this verdict names are not stored here; restore the database whole")
        place = _place(connection, one)
        disputed = _disputes(connection, one)
        region = schools.regions(connection).get(one.region)
    with database.reading(MINISTRY) as connection:  # the school may be another region's now
        school = schools.school(connection, one.school)
    facts = _facts(one, drawn)
    return Case(
        verdict=one,
        newest=newest,
        facts=facts,
        standard=standard.parse(facts.standard),
        judgement=None,
        school=school,
        region=region,
        place=place,
        disputes=disputed,
        dispute_until=None if one.version != newest else _dispute_until(one, disputed, policy),
    )


def judged_again(database: Database, case: Case) -> Case:
    """Return a verdict that was ``kept`` with its reports, and with what came of each if they come to it again."""
    one, facts = case.verdict, case.facts
    # Who may see a verdict may see what it was drawn from, and nothing else. The reports' rows name the operator of the
    # whole school, which on a second line is another one: so the ministry's eyes read them.
    with database.reading(MINISTRY) as connection:
        facts = structs.replace(facts, reports=tuple(drawn_from(connection, facts, one.judged_at)[0]))
    judgement = judge(facts)
    is_same = canonical.encode(judgement.verdict) == canonical.encode(one.verdict)
    return structs.replace(case, facts=facts, judgement=judgement if is_same else None, is_judged_again=True)


def _disputes(connection: Connection, one: Listed) -> tuple[Dispute, ...]:
    """Return the disputes of any version of this verdict that the viewer may see, in the order of versions."""
    wanted = agreements.Wanted(school=one.school, operator=one.operator, line=one.line, month=one.month)
    found = disputes.all_folded(agreements.steps(connection, wanted))
    return tuple(sorted(found, key=lambda each: (each.about.version, each.id)))


def _dispute_until(one: Listed, disputed: tuple[Dispute, ...], policy: PolicySettings) -> date | None:
    is_disputed = any(each.about.version == one.version for each in disputed)
    if one.version == verdicts.PRELIMINARY or one.state not in _MAY_BE_DISPUTED or is_disputed:
        return None
    days = working_days(policy)
    return days.after(days.day_of(one.judged_at), times().open_days)


def _chosen(connection: Connection, asked: Asked) -> tuple[Listed, int]:
    lines = [asked.line] if asked.line is not None else _lines(connection, asked)
    found = [
        one
        for line in lines
        for one in verdicts.versions(connection, Line(asked.school, line), asked.month, asked.operator)
    ]
    choices = sorted({(one.line, one.operator) for one in found})
    if len(choices) > 1:
        named = ", ".join(f"line {line} of {operator}" for line, operator in choices)
        raise SettingsError(f"there are several verdicts: {named}; name the line and the operator")
    newest = max((one.version for one in found), default=0)
    for one in found:
        if one.version == (newest if asked.version is None else asked.version):
            return one, newest
    which = "verdict" if asked.version is None else f"version {asked.version} of the verdict"
    raise NotFound(f"there is no {which} on school {asked.school!r} for {asked.month} that you may see")


def _lines(connection: Connection, asked: Asked) -> list[str]:
    wanted = verdicts.Wanted(school=asked.school, first=asked.month, last=asked.month, operator=asked.operator)
    found, _ = verdicts.listed(connection, wanted, limit=_FEW, offset=0)
    return sorted({one.line for one in found})


def _facts(one: Listed, drawn: Drawn) -> Facts:
    """Return the facts of a version without its reports."""
    held = canonical.decode(drawn.facts, Facts)
    return structs.replace(
        held, standard=drawn.standard or b"", causes=drawn.causes or b"", discovery=one.verdict.discovery
    )


def _place(connection: Connection, one: Listed) -> LogPlace | None:
    """Return where this version stands in the log, null while it waits for its place."""
    logs = {each.number: each for each in evidence.logs(connection)}
    for stored in packs.entries(connection, one):
        if entry.decode(bytes(stored.entry)).sha256 == one.sha256:
            log = logs[stored.log]
            return LogPlace(
                origin=log.origin,
                key=note.key(log.origin, "log", log.public_key).text,
                index=stored.index,
                signed=_signed(connection, stored.log, stored.index),
            )
    return None


def _signed(connection: Connection, log: int, index: int) -> Signed | None:
    found = packs.first_checkpoint(connection, log, index)
    if found is None:
        return None
    names = {each.witness for each in checkpoints.cosignatures(connection, log, found.size)}
    return Signed(found.size, bytes(found.root), found.at, tuple(sorted(names)))
