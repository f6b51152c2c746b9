"""Make a bundle: who may see a verdict is given all that it was drawn from, verdict by verdict, as a stream.

What may be seen is decided by the database, verdict by verdict. What belongs to one is read with the ministry's eyes:
it is exactly what the verdict names, which for an operator are its own days and contracts.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from nacl.signing import SigningKey

from agent import __version__
from collector.bundles import proving
from collector.bundles.proving import Prover
from collector.errors import NotFound
from collector.evidence import bundle
from collector.evidence.bundle import Place, Record, Wanted, Writer
from collector.evidence.entry import Subject
from collector.evidence.errors import KeepingError
from collector.judging import gathering
from collector.ledger.keeping import keeping_of
from collector.settings import Settings
from collector.store import agreements, bundles, records
from collector.store.bundles import Named, StoredVerdict
from collector.store.database import MINISTRY, Connection, Database, Viewer
from collector.verdicts import canonical
from collector.verdicts.facts import Facts, SignedReport

_NO_SCHOOL = ""
_DAY = timedelta(days=1)

Progress = Callable[[int, int], None]


class Things(Struct, frozen=True):
    """Things of one kind, for the log: their keys, and their bodies."""

    subject: Subject
    keys: tuple[str, ...]
    bodies: tuple[bytes, ...]


class Export:
    """A bundle that is being made. ``named`` are its verdicts."""

    def __init__(self, database: Database, settings: Settings, viewer: Viewer, wanted: Wanted, now: datetime) -> None:
        """Look which verdicts the viewer may see of those that are wanted.

        Raises:
            NotFound: none.
        """
        self._database, self._settings, self._wanted, self._now = database, settings, wanted, now
        with database.reading(viewer) as connection:
            self.named = bundles.named(connection, wanted)
        if not self.named:
            raise NotFound("there is no such verdict that you may see; see 'netready-collector verdicts list'")

    def chunks(self, progress: Progress = lambda _done, _total: None) -> Iterator[bytes]:
        """Yield the bundle's bytes: its beginning, then one piece for each verdict, then its seal."""
        writer = Writer()
        with self._database.reading(MINISTRY) as connection:
            prover = Prover(proving.shown_logs(connection))
            begin = b"".join(map(writer.line, self._begin(connection, prover)))
        yield begin
        for done, one in enumerate(self.named, 1):
            with self._database.reading(MINISTRY) as connection:
                stored = bundles.verdict(connection, one)
                lines = self._section(connection, prover, one, stored) if stored is not None else ()
                piece = b"".join(map(writer.line, lines))
            yield piece
            progress(done, len(self.named))
        yield writer.seal(self._seal_key(prover))

    def _begin(self, connection: Connection, prover: Prover) -> Iterator[Record]:
        yield bundle.Header(wanted=self._wanted, made_at=self._now, made_by=f"netready {__version__}")
        for number in sorted(prover.logs):
            yield proving.record_of(connection, prover.logs[number])
        for sha256 in sorted({sha256 for one in self.named for sha256 in (one.standard, one.causes)}):
            text = bundles.rules(connection, sha256)
            if text is not None:
                yield bundle.Rules(text=text.decode())
        known = records.keys(connection)
        bodies = {key: records.bodies_of_keys(connection, [key]) for key in sorted(known)}
        things = Things("key", *_pairs((f"server/{key}", body) for key in bodies for body in bodies[key]))
        for body, place in _placed(connection, prover, [_NO_SCHOOL], things):
            yield bundle.ServerKey(body=body, place=place)

    def _section(self, connection: Connection, prover: Prover, one: Named, stored: StoredVerdict) -> Iterator[Record]:
        facts = canonical.decode(stored.facts, Facts)
        yield from _verdict(connection, prover, one, stored)
        yield from self._distrusted(connection, prover, facts, stored.judged_at)
        yield from _agreements(connection, prover, facts)
        yield from _past(connection, prover, one, facts, stored.judged_at)
        yield from _disputes(connection, prover, one)
        yield from _stubs(connection, prover, facts)
        yield from _measured(connection, prover, facts, stored.judged_at)

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
    found = {each.month: each for each in bundles.past(connection, one, [past.month for past in facts.past], judged_at)}
    ordered = [found[past.month] for past in facts.past if past.month in found]
    things = Things("verdict", *_pairs((f"{one.line}/{each.month}/{each.version}", each.body) for each in ordered))
    for each, (body, place) in zip(ordered, _placed(connection, prover, [one.school_id], things), strict=True):
        yield bundle.PastRecord(body=body, place=place, version=each.version)


def _disputes(connection: Connection, prover: Prover, one: Named) -> Iterator[Record]:
    wanted = agreements.Wanted(school=one.school_id, operator=one.operator, line=one.line, month=one.month)
    steps = sorted(agreements.steps(connection, wanted), key=lambda step: (step.dispute, step.number))
    things = Things("dispute", *_pairs((f"{each.dispute}/{each.number}", canonical.encode(each)) for each in steps))
    for body, place in _placed(connection, prover, [one.school_id], things):
        yield bundle.DisputeRecord(body=body, place=place)


def _stubs(connection: Connection, prover: Prover, facts: Facts) -> Iterator[Record]:
    keys = [(f"{one.agent}/{one.sequence}", one.sha256) for one in facts.known]
    for one, place in zip(facts.known, prover.places(connection, [facts.school], "report", keys), strict=True):
        yield bundle.StubRecord(agent=one.agent, sequence=one.sequence, place=place)


def _measured(connection: Connection, prover: Prover, facts: Facts, judged_at: datetime) -> Iterator[Record]:
    """Yield the reports that the verdict was drawn from, and the test servers' records of the same days."""
    reports, of_servers = gathering.drawn_from(connection, facts, judged_at)
    yield from _reports(connection, prover, facts.school, reports)
    things = Things("record", *_pairs((f"{each.key_id}/{each.test_id}", each.envelope) for each in of_servers))
    for body, place in _placed(connection, prover, [facts.school, _NO_SCHOOL], things):
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
