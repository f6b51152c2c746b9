"""Make a bundle: who may see a verdict is given all that it was drawn from, verdict by verdict, as a stream.

What may be seen is decided by the database, verdict by verdict. What belongs to one is read with the ministry's eyes:
it is exactly what the verdict names, which for an operator are its own days and contracts.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from msgspec import UNSET, Struct, structs
from nacl.signing import SigningKey

from agent import __version__
from collector.bundles import forks, proving
from collector.bundles.proving import Prover
from collector.errors import NotFound
from collector.evidence import bundle, servers
from collector.evidence.bundle import BundleError, LeftOut, Place, Record, Wanted, Writer
from collector.evidence.entry import Subject
from collector.evidence.errors import KeepingError
from collector.evidence.reports import Between
from collector.judging import gathering
from collector.ledger.keeping import keeping_of
from collector.settings import Settings
from collector.store import agreements, bundles, records
from collector.store.bundles import Named, StoredPast, StoredReport, StoredVerdict
from collector.store.database import MINISTRY, Connection, Database, Viewer
from collector.store.records import StoredRecord
from collector.verdicts import canonical, verdict
from collector.verdicts.disputes import Step
from collector.verdicts.facts import Facts, Past, SignedReport
from collector.verdicts.terms import in_force

_NO_SCHOOL = ""

Progress = Callable[[int, int], None]


class Things(Struct, frozen=True):
    """Things of one kind, for the log: their keys, and their bodies."""

    subject: Subject
    keys: tuple[str, ...]
    bodies: tuple[bytes, ...]


class Export:
    """A bundle that is being made. ``named`` are its verdicts, ``left_out`` those that could not be written so far."""

    def __init__(self, database: Database, settings: Settings, viewer: Viewer, wanted: Wanted, now: datetime) -> None:
        """Look which verdicts the viewer may see of those that are wanted.

        Raises:
            NotFound: none.
        """
        self._database, self._settings, self._wanted, self._now = database, settings, _narrowed(wanted, viewer), now
        self.left_out: list[LeftOut] = []
        with database.reading(viewer) as connection:
            self.named = bundles.named(connection, self._wanted)
        if not self.named:
            raise NotFound("there is no such verdict that you may see; see 'netready-collector verdicts list'")

    def chunks(self, progress: Progress = lambda _done, _total: None) -> Iterator[bytes]:
        """Yield the bundle's bytes: its beginning, then pieces for each verdict, then its seal.

        A verdict of which a line could not be read again is left out, and a line says so instead: ``left_out``.
        """
        writer = Writer()
        with self._database.reading(MINISTRY) as connection:
            prover = Prover(proving.shown_logs(connection))
            begin = b"".join(map(writer.line, self._begin(connection, prover)))
        yield begin
        for done, one in enumerate(self.named, 1):
            yield from self._pieces(writer, prover, one)
            progress(done, len(self.named))
        yield writer.seal(self._seal_key(prover))

    def _pieces(self, writer: Writer, prover: Prover, one: Named) -> Iterator[bytes]:
        """Yield a verdict's section, of which everything was encoded before; files alone are fetched one by one."""
        try:
            with self._database.reading(MINISTRY) as connection:
                parts = self._encoded(connection, prover, one)
        except BundleError as error:
            parts = [self._left_out(one, f"it cannot be written: {error.what}")]
        for part in parts:
            if isinstance(part, bytes):
                yield writer.raw(part)
            else:
                yield from map(writer.line, self._file(part))

    def _encoded(self, connection: Connection, prover: Prover, one: Named) -> list[bytes | Step]:
        """Return a section's records, and in the place of each file the step that attached it."""
        stored = bundles.verdict(connection, one)
        if stored is None:
            return [self._left_out(one, "it was replaced while the bundle was made; export it again")]
        section = self._section(connection, prover, one, stored)
        return [part if isinstance(part, Step) else bundle.encoded(part, 0) for part in section]

    def _left_out(self, one: Named, why: str) -> bytes:
        named = {"school": one.school_id, "line": one.line, "month": one.month, "operator": one.operator}
        left_out = LeftOut(**named, version=one.version, why=why)
        self.left_out.append(left_out)
        return bundle.encoded(left_out, 0)

    def _file(self, step: Step) -> Iterator[Record]:
        """Yield the file that a step attached, in pieces."""
        held = step.attached
        with self._database.reading(MINISTRY) as connection:
            content = agreements.attached(connection, step.about.school, step.dispute, held.sha256) if held else None
        for piece, at in enumerate(range(0, len(content or b""), bundle.PIECE_BYTES)):
            part = (content or b"")[at : at + bundle.PIECE_BYTES]
            yield bundle.FileRecord(dispute=step.dispute, number=step.number, piece=piece, content=part)

    def _begin(self, connection: Connection, prover: Prover) -> Iterator[Record]:
        yield bundle.Header(wanted=self._wanted, made_at=self._now, made_by=f"netready {__version__}")
        for number in sorted(prover.logs):
            yield proving.record_of(connection, prover.logs[number])
        named = sorted({sha256 for one in self.named for sha256 in (one.standard, one.causes)})
        texts = [(sha256, text) for sha256 in named if (text := bundles.rules(connection, sha256)) is not None]
        for body, place in _placed(connection, prover, [_NO_SCHOOL], Things("rules", *_pairs(texts))):
            yield bundle.Rules(body=body, place=place)
        bodies = records.bodies_of_keys(connection)
        things = Things("key", *_pairs((f"server/{servers.decode(body).key_id}", body) for body in bodies))
        for body, place in _placed(connection, prover, [_NO_SCHOOL], things):
            yield bundle.ServerKey(body=body, place=place)

    def _section(
        self, connection: Connection, prover: Prover, one: Named, stored: StoredVerdict
    ) -> Iterator[Record | Step]:
        facts = canonical.decode(stored.facts, Facts)
        judged_by = bundles.rules(connection, one.standard)
        whole = facts if judged_by is None else structs.replace(facts, standard=judged_by)
        reports, of_servers = gathering.drawn_from(connection, whole, stored.judged_at)
        yield from _verdict(connection, prover, one, stored)
        yield from _computers(connection, prover, facts)
        yield from self._distrusted(connection, prover, facts, stored.judged_at)
        yield from forks.told(connection, prover, facts, {(each.agent, each.sequence) for each in reports})
        yield from _agreements(connection, prover, facts)
        yield from _past(connection, prover, one, facts, stored.judged_at)
        yield from _disputes(connection, prover, one, with_files=self._wanted.files)
        yield from _stubs(connection, prover, facts, reports)
        yield from _reports(connection, prover, facts.school, reports)
        yield from _records(connection, prover, facts.school, of_servers)

    def _distrusted(
        self, connection: Connection, prover: Prover, facts: Facts, judged_at: datetime
    ) -> Iterator[Record]:
        """Yield why keys of the facts are not believed any more; no reader's role sees these records."""
        agents = [one.agent for one in facts.keys if one.distrusted_from is not None]
        if not agents:
            return
        with self._database.owning() as own:
            found = bundles.agent_keys(own, facts.school, agents, judged_at)
        things = Things("key", *_pairs((f"agent/{agent}", body) for agent, body in found))
        for body, place in _placed(connection, prover, [facts.school], things):
            yield bundle.AgentKeyRecord(body=body, place=place)

    def _seal_key(self, prover: Prover) -> SigningKey | None:
        if not prover.logs:
            return None
        try:
            key = keeping_of(self._settings).key()
        except KeepingError:
            return None
        newest = prover.logs[max(prover.logs)].log
        return key if key is not None and bytes(key.verify_key) == newest.public_key else None


def _narrowed(wanted: Wanted, viewer: Viewer) -> Wanted:
    """Return what is wanted by somebody who may see a part of it: a bundle must not look like more than it is."""
    if viewer.role == "region":
        return structs.replace(wanted, region=viewer.scope)
    if viewer.role == "operator" and wanted.operator is None:
        return structs.replace(wanted, operator=viewer.scope)
    if viewer.role == "school" and wanted.school is None:
        return structs.replace(wanted, school=viewer.scope)
    return wanted


def about(wanted: Wanted) -> str:
    """Return what the audit log says that evidence was exported of."""
    if wanted.school is not None:
        return f"evidence of school {wanted.school}"
    return f"evidence of operator {wanted.operator}" if wanted.operator is not None else "evidence of all schools"


def compressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks as one gzip member, always the same for the same bytes."""
    packer = zlib.compressobj(6, wbits=16 + zlib.MAX_WBITS)
    for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


def _verdict(connection: Connection, prover: Prover, one: Named, stored: StoredVerdict) -> Iterator[Record]:
    own = Things("verdict", (f"{one.line}/{one.month}/{one.version}",), (stored.body,))
    for body, place in _placed(connection, prover, [one.school_id], own):
        yield bundle.VerdictRecord(
            body=body, place=place, version=one.version, judged_at=stored.judged_at, synthetic=stored.synthetic
        )
    yield bundle.FactsRecord(body=stored.facts.decode())


def _computers(connection: Connection, prover: Prover, facts: Facts) -> Iterator[Record]:
    """Yield the computers of the facts, each with the entry of its enrolment."""
    keys = [(f"computer/{one.agent}", hashlib.sha256(one.public).hexdigest()) for one in facts.keys]
    for one, place in zip(facts.keys, prover.places(connection, [facts.school], "key", keys), strict=True):
        yield bundle.ComputerRecord(agent=one.agent, place=place)


def _agreements(connection: Connection, prover: Prover, facts: Facts) -> Iterator[Record]:
    """Yield the terms and exclusions of the facts, whose bytes are those that were recorded."""
    school = [facts.school]
    terms = Things(
        "contract",
        *_pairs((f"{one.line}/{one.number}/{one.contract}", canonical.encode(one)) for one in facts.terms),
    )
    for body, place in _placed(connection, prover, school, terms):
        yield bundle.ContractRecord(body=body, place=place)
    left_out = Things(
        "exclusion", *_pairs((f"{one.id}/{one.number}", canonical.encode(one)) for one in facts.exclusions)
    )
    for body, place in _placed(connection, prover, [*school, _NO_SCHOOL], left_out):
        yield bundle.ExclusionRecord(body=body, place=place)


def _past(connection: Connection, prover: Prover, one: Named, facts: Facts, judged_at: datetime) -> Iterator[Record]:
    ordered = _known(bundles.past(connection, one, [past.month for past in facts.past], judged_at), facts.past)
    things = Things("verdict", *_pairs((f"{one.line}/{each.month}/{each.version}", each.body) for each in ordered))
    for each, (body, place) in zip(ordered, _placed(connection, prover, [one.school_id], things), strict=True):
        yield bundle.PastRecord(body=body, place=place, version=each.version)


def _known(found: Iterable[StoredPast], told: Iterable[Past]) -> list[StoredPast]:
    """Return the version of each month that the facts tell of, of several that were made at the very same moment."""
    by_month: dict[str, list[StoredPast]] = {}
    for one in found:
        by_month.setdefault(one.month, []).append(one)
    versions = [(by_month[past.month], past) for past in told if past.month in by_month]
    return [
        next((one for one in mine if verdict.past_of(verdict.decode(one.body)) == past), mine[0])
        for mine, past in versions
    ]


def _disputes(connection: Connection, prover: Prover, one: Named, *, with_files: bool) -> Iterator[Record | Step]:
    """Yield the steps of disputes, then those of them again whose files belong there."""
    wanted = agreements.Wanted(school=one.school_id, operator=one.operator, line=one.line, month=one.month)
    steps = sorted(agreements.steps(connection, wanted), key=lambda step: (step.dispute, step.number))
    things = Things("dispute", *_pairs((f"{each.dispute}/{each.number}", canonical.encode(each)) for each in steps))
    for body, place in _placed(connection, prover, [one.school_id], things):
        yield bundle.DisputeRecord(body=body, place=place)
    yield from (step for step in steps if with_files and step.attached is not None)


def _stubs(connection: Connection, prover: Prover, facts: Facts, reports: Sequence[SignedReport]) -> Iterator[Record]:
    """Yield the reports that the facts know of and do not have, those with a wrong clock whole."""
    keys = [(f"{one.agent}/{one.sequence}", one.sha256) for one in facts.known]
    stray = _stray(connection, facts, reports)
    for one, place in zip(facts.known, prover.places(connection, [facts.school], "report", keys), strict=True):
        found = stray.get((one.agent, one.sequence))
        yield bundle.StubRecord(
            agent=one.agent,
            sequence=one.sequence,
            place=place,
            payload=UNSET if found is None else found.payload.decode(),
            signature=UNSET if found is None else found.signature,
        )


def _stray(
    connection: Connection, facts: Facts, reports: Sequence[SignedReport]
) -> dict[tuple[str, int], StoredReport]:
    """Return the reports between those of the operator's own days that say that they are of a day of nobody else's."""
    between = Between(facts, reports)
    wanted = [(one.agent, one.sequence) for one in facts.known if between.has(one.agent, one.sequence)]
    if not wanted:
        return {}
    terms = agreements.terms_of(connection, schools=[facts.school])
    found = {}
    for one in bundles.reports(connection, facts.school, wanted):
        held = in_force(terms, facts.lessons.slot_of(one.created_at, 1).date())
        if all((each.line, each.operator) == (facts.line, facts.operator) for each in held):
            found[one.agent, one.sequence] = one
    return found


def _records(
    connection: Connection, prover: Prover, school_id: str, of_servers: Sequence[StoredRecord]
) -> Iterator[Record]:
    """Yield the test servers' records of the same days."""
    things = Things("record", *_pairs((f"{each.key_id}/{each.test_id}", each.envelope) for each in of_servers))
    for body, place in _placed(connection, prover, [school_id, _NO_SCHOOL], things):
        yield bundle.TestRecord(body=body, place=place)


def _reports(
    connection: Connection, prover: Prover, school_id: str, reports: Sequence[SignedReport]
) -> Iterator[Record]:
    keys = [(f"{one.agent}/{one.sequence}", hashlib.sha256(one.payload).hexdigest()) for one in reports]
    for one, place in zip(reports, prover.places(connection, [school_id], "report", keys), strict=True):
        yield bundle.ReportRecord(
            agent=one.agent,
            sequence=one.sequence,
            received_at=one.received_at,
            payload=one.payload.decode(),
            signature=one.signature,
            place=place,
        )


def _pairs(things: Iterable[tuple[str, bytes]]) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    found = list(things)
    return tuple(key for key, _ in found), tuple(body for _, body in found)


def _placed(
    connection: Connection, prover: Prover, schools: Sequence[str], things: Things
) -> Iterator[tuple[str, Place | None]]:
    """Yield things' bodies as text, each with its place."""
    wanted = [(key, hashlib.sha256(body).hexdigest()) for key, body in zip(things.keys, things.bodies, strict=True)]
    for body, place in zip(things.bodies, prover.places(connection, schools, things.subject, wanted), strict=True):
        yield body.decode(), place
