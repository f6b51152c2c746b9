"""One verdict of a bundle with all it rests on, line by line: checked, and judged again; pure."""

import hashlib
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, structs

from agent.contract import record, signing
from agent.contract.errors import MalformedError, NetreadyError, ReportError
from agent.contract.record import ServerRecord
from agent.contract.values import Aware
from collector.evidence import bundle, figures, reports, servers
from collector.evidence.bundle import ForkRecord, Line, Place, ReportRecord, StubRecord, VerdictRecord
from collector.evidence.entry import Subject
from collector.evidence.files import Files
from collector.evidence.order import Order
from collector.evidence.places import Thing, sha256_of
from collector.evidence.told import Finding, Judged, Shared
from collector.verdicts import canonical, verdict
from collector.verdicts.disputes import Step
from collector.verdicts.exclusions import Exclusion
from collector.verdicts.facts import Facts, SignedReport
from collector.verdicts.judge import Judgement, facts_sha256, judge, reports_sha256
from collector.verdicts.terms import Terms
from collector.verdicts.verdict import Verdict

MOST_BYTES = 1 << 30  # of one verdict's reports; a school's month has some dozens of MiB
_NONSENSE = (ValueError, ArithmeticError, LookupError)  # what numbers and names come to that nobody writes by mistake
_Kind = TypeVar("_Kind", bound=Struct)
ONLY_WHAT_IS_HERE = (
    "that nothing else speaks for the line (a newer record of a contract, another exclusion, a record that only a test"
    " server sent) is the collector's word: ask its log,"
    " api/v1/evidence/proof?subject=contract&key=LINE/NUMBER+1/CONTRACT"
    " and subject=exclusion&key=ID/NUMBER+1, which should know nothing, and every party for the exclusions and every"
    " test server for the records that it knows of"
)
_LEFT_OUT = {
    "left_out": "records of test servers",
    "too_many": "reports of computers that sent more than they can make",
}
_ORDER: tuple[type, ...] = (
    bundle.FactsRecord,
    bundle.ComputerRecord,
    bundle.AgentKeyRecord,
    bundle.ForkRecord,
    bundle.ContractRecord,
    bundle.ExclusionRecord,
    bundle.PastRecord,
    bundle.DisputeRecord,
    bundle.FileRecord,
    bundle.StubRecord,
    bundle.ReportRecord,
    bundle.TestRecord,
)


class _Distrusted(Struct, frozen=True, kw_only=True):
    """What a bundle has to know of a computer's key that is believed no more; ``public`` in hex."""

    agent: str
    public: str
    distrusted_from: Aware
    recorded_at: Aware


class Section:
    """The lines of one verdict."""

    def __init__(self, line: Line, one: VerdictRecord, shared: Shared) -> None:
        """Begin with the verdict's line.

        Raises:
            BundleError: it is no verdict.
        """
        self._number, self._one, self._shared = line.number, one, shared
        try:
            self._said = verdict.decode(one.body.encode())
        except MalformedError as error:
            raise bundle.BundleError(line.number, str(error)) from error
        self._facts: Facts | None = None
        self._rank = 0
        self._bodies: dict[str, list[str]] = defaultdict(list)
        self._files = Files()
        self._order = Order()
        self._stubs: list[tuple[int, StubRecord]] = []
        self._reports: list[tuple[int, SignedReport]] = []
        self._records: list[tuple[int, str]] = []
        self._envelopes: set[bytes] = set()
        self._distrusted: dict[str, datetime] = {}
        self._forks: dict[str, tuple[int, ForkRecord]] = {}
        self._facts_at = self._computers = 0
        self._bytes = 0
        self._check_verdict()

    def take(self, line: Line) -> None:
        """Take the next line.

        Raises:
            BundleError: it has no business there, or cannot be read.
        """
        rank = _ORDER.index(type(line.record)) if type(line.record) in _ORDER else -1
        if rank < self._rank or (rank == 0) != (self._facts is None):
            raise bundle.BundleError(line.number, "it does not stand where lines of its kind belong")
        self._rank = rank
        try:
            self._TAKES[type(line.record)](self, line.number, line.record)
        except _NONSENSE as error:
            raise bundle.BundleError(line.number, f"it cannot be read: {error}") from error

    def finish(self) -> Judged:
        """Judge again what was shown; return what came of it, and note what is wrong.

        Raises:
            BundleError: nobody can make sense of it.
        """
        if self._facts is None:
            raise bundle.BundleError(self._number + 1, "the facts of the verdict should stand here")
        try:
            return self._finished(self._facts)
        except _NONSENSE as error:
            raise bundle.BundleError(self._facts_at, f"these facts cannot be read: {error}") from error

    def _finished(self, facts: Facts) -> Judged:
        self._check_whole(facts)
        for number, place, at in self._shared.server_places:
            self._order.said(number, place, at)
        self._shared.remarks += self._order.late()
        told = self._told()
        judgement = self._judged_again(facts)
        if judgement is None:
            return told
        self._check_signatures(judgement)
        is_same = canonical.encode(judgement.verdict) == self._one.body.encode()
        if not is_same:
            self._shared.found(self._number, self._difference(judgement.verdict))
        return structs.replace(told, is_same=is_same, **self._figures(facts, judgement))

    # -- the lines, one by one -------------------------------------------------------------------------------------

    def _check_verdict(self) -> None:
        said, one = self._said, self._one
        thing = self._thing("verdict", f"{said.line}/{said.month}/{one.version}", one.body)
        if one.version == 0 and one.place is not None:
            self._shared.found(self._number, "a preliminary verdict has no place in the log")
        self._shared.check(self._number, one.place, thing, at=one.judged_at)
        for sha256 in (said.standard_sha256, said.causes_sha256):
            self._shared.used.add(sha256)

    def _take_facts(self, number: int, one: bundle.FactsRecord) -> None:
        facts = _decoded(number, one.body, Facts)
        said = self._said
        if (facts.school, facts.line, facts.month, facts.operator) != (
            said.school,
            said.line,
            said.month,
            said.operator,
        ):
            self._shared.found(number, "these are the facts of another line, month or operator")
        if facts_sha256(facts) != said.facts_sha256 or sha256_of(one.body) != said.facts_sha256:
            self._shared.found(number, "these are not the facts that the verdict names: their SHA-256 differs")
        self._facts, self._facts_at = facts, number
        for sentence in servers.differences(facts, servers.known_at(self._shared.servers, self._one.judged_at)):
            self._shared.found(number, sentence)
        for each in servers.of_policy(facts):
            what = f"test server {each.url} ({each.place}): placed by the collector's policy, not logged"
            self._shared.unchecked.setdefault(what, number)

    def _take_computer(self, number: int, one: bundle.ComputerRecord) -> None:
        keys = self._facts.keys if self._facts is not None else ()
        known = keys[self._computers] if self._computers < len(keys) else None
        if known is None or (known.agent, signing.agent_id(known.public)) != (one.agent, one.agent):
            self._shared.found(number, "not the computer and the key that the facts name next")
            return
        self._computers += 1
        sha256 = hashlib.sha256(known.public).hexdigest()
        thing = Thing(subject="key", key=f"computer/{one.agent}", sha256=sha256, school=self._said.school)
        self._shared.check(number, one.place, thing)
        self._order.enrolled(number, one.agent, one.place)

    def _take_agent_key(self, number: int, one: bundle.AgentKeyRecord) -> None:
        try:
            said = msgspec.json.decode(one.body, type=_Distrusted)
        except (msgspec.DecodeError, RecursionError) as error:
            raise bundle.BundleError(number, f"its body cannot be read: {error}") from error
        keys = {each.agent: each for each in self._facts.keys} if self._facts is not None else {}
        known = keys.get(said.agent)
        if known is None or known.public.hex() != said.public:
            self._shared.found(number, "it is about a key that the facts do not have")
        elif known.distrusted_from is None or known.distrusted_from > said.distrusted_from:
            self._shared.found(number, "the facts believe this key for longer")
        else:
            self._distrusted[said.agent] = min(
                said.distrusted_from, self._distrusted.get(said.agent, said.distrusted_from)
            )
        thing = self._thing("key", f"agent/{said.agent}", one.body)
        self._check_recorded(number, one.place, thing, said.recorded_at)

    def _take_fork(self, number: int, one: ForkRecord) -> None:
        keys = {each.agent: each for each in self._facts.keys} if self._facts is not None else {}
        known = keys.get(one.agent)
        if known is None or known.forked_from != one.sequence or one.agent in self._forks:
            self._shared.found(number, "it tells of two histories of which the facts say nothing")
            return
        self._forks[one.agent] = number, one
        parts = ((one.before, one.sequence - 1, one.before_sha256), (one.place, one.sequence, one.sha256))
        for place, sequence, sha256 in parts:
            key = f"{one.agent}/{sequence}"
            self._shared.check(number, place, Thing(subject="report", key=key, sha256=sha256, school=self._said.school))
        what = reports.fault(one, known.public)
        if what is not None:
            self._shared.found(number, what)

    def _take_contract(self, number: int, one: bundle.ContractRecord) -> None:
        terms = _decoded(number, one.body, Terms)
        self._take_body(number, one.body, "terms")
        key = f"{terms.line}/{terms.number}/{terms.contract}"
        self._check_recorded(number, one.place, self._thing("contract", key, one.body), terms.recorded_at)

    def _take_exclusion(self, number: int, one: bundle.ExclusionRecord) -> None:
        found = _decoded(number, one.body, Exclusion)
        self._take_body(number, one.body, "exclusions")
        thing = structs.replace(self._thing("exclusion", f"{found.id}/{found.number}", one.body), school=found.school)
        self._check_recorded(number, one.place, thing, found.recorded_at)

    def _take_past(self, number: int, one: bundle.PastRecord) -> None:
        try:
            then = verdict.decode(one.body.encode())
        except MalformedError as error:
            raise bundle.BundleError(number, str(error)) from error
        mine = (self._said.school, self._said.line, self._said.operator)
        if (then.school, then.line, then.operator) != mine:
            self._shared.found(number, "this is the verdict on another line, or for another operator")
        self._take_body(number, canonical.encode(verdict.past_of(then)).decode(), "past")
        key = f"{then.line}/{then.month}/{one.version}"
        self._shared.check(number, one.place, self._thing("verdict", key, one.body))

    def _take_dispute(self, number: int, one: bundle.DisputeRecord) -> None:
        step, said = _decoded(number, one.body, Step), self._said
        about = (step.about.school, step.about.line, step.about.month, step.about.operator)
        if about != (said.school, said.line, said.month, said.operator):
            self._shared.found(number, "this is a step of a dispute about something else")
        thing = self._thing("dispute", f"{step.dispute}/{step.number}", one.body)
        self._check_recorded(number, one.place, thing, step.at)
        self._files.expect(step)

    def _take_file(self, number: int, one: bundle.FileRecord) -> None:
        fault = self._files.take(one)
        if fault is not None:
            self._shared.found(number, fault)

    def _take_stub(self, number: int, one: StubRecord) -> None:
        place = len(self._stubs)
        known = self._facts.known if self._facts is not None else ()
        if place >= len(known) or (known[place].agent, known[place].sequence) != (one.agent, one.sequence):
            self._shared.found(number, "not the report that the facts name next among those that are not shown")
            return
        self._stubs.append((number, one))
        key = f"{one.agent}/{one.sequence}"
        thing = Thing(subject="report", key=key, sha256=known[place].sha256, school=self._said.school)
        self._shared.check(number, one.place, thing)

    def _take_report(self, number: int, one: ReportRecord) -> None:
        signed = SignedReport(
            agent=one.agent,
            sequence=one.sequence,
            received_at=one.received_at,
            payload=one.payload.encode(),
            signature=one.signature,
        )
        self._bytes += len(signed.payload)
        if self._bytes > MOST_BYTES:
            raise bundle.BundleError(number, f"more than {MOST_BYTES} bytes of reports for one verdict")
        last = self._reports[-1][1] if self._reports else None
        if last is not None and (last.agent, last.sequence) >= (signed.agent, signed.sequence):
            self._shared.found(number, "reports stand in the order of computers and their numbers, each once")
        self._reports.append((number, signed))
        thing = self._thing("report", f"{one.agent}/{one.sequence}", one.payload)
        self._shared.check(number, one.place, thing, at=one.received_at)
        self._order.came(one.place, one.received_at, one.agent)

    def _take_record(self, number: int, one: bundle.TestRecord) -> None:
        try:
            envelope = record.open_envelope(one.body.encode())
            found = record.decode(envelope.payload)
        except MalformedError as error:
            raise bundle.BundleError(number, str(error)) from error
        known = {each.key_id: each for each in self._shared.servers}
        key_id = next((each.keyid for each in envelope.signatures if each.keyid in known), None)
        if key_id is None:
            self._shared.found(number, "it is signed with the key of no test server that the bundle shows")
            return
        try:
            record.verify(one.body.encode(), known[key_id].public_key)
        except ReportError as error:
            self._shared.found(number, str(error))
        self._envelopes.add(one.body.encode())
        if self._is_believed(key_id, found):
            self._records.append((number, one.body))
        else:
            what = "not counted: the server's key did not count yet, or had ended, when the test began"
            self._shared.remarks.append(Finding(number, what))
        # One that waited long for its school stands in the log without it.
        thing = structs.replace(self._thing("record", f"{key_id}/{found.test_id}", one.body), may_lack_school=True)
        self._shared.check(number, one.place, thing)

    def _is_believed(self, key_id: str, found: ServerRecord) -> bool:
        """Tell whether the key counted when the test began, by what was known when the verdict was made."""
        spans = [one for one in servers.known_at(self._shared.servers, self._one.judged_at) if one.key_id == key_id]
        began = [each.began_at for each in (found.download, found.upload) if each is not None]
        return any(all(one.believes(at) for at in began) for one in spans)

    _TAKES: dict[type, Callable[..., None]] = {  # noqa: RUF012 - never changed
        bundle.FactsRecord: _take_facts,
        bundle.ComputerRecord: _take_computer,
        bundle.AgentKeyRecord: _take_agent_key,
        bundle.ForkRecord: _take_fork,
        bundle.ContractRecord: _take_contract,
        bundle.ExclusionRecord: _take_exclusion,
        bundle.PastRecord: _take_past,
        bundle.DisputeRecord: _take_dispute,
        bundle.FileRecord: _take_file,
        bundle.StubRecord: _take_stub,
        bundle.ReportRecord: _take_report,
        bundle.TestRecord: _take_record,
    }

    def _take_body(self, number: int, body: str, name: str) -> None:
        """Take one of the facts' parts, which stand in the bundle in the facts' own order."""
        bodies = self._bodies[name]
        wanted = getattr(self._facts, name)
        if len(bodies) >= len(wanted) or canonical.encode(wanted[len(bodies)]).decode() != body:
            self._shared.found(number, f"not what stands next in the facts ({name})")
        bodies.append(body)

    def _check_recorded(self, number: int, place: Place | None, thing: Thing, at: datetime) -> None:
        self._shared.check(number, place, thing, at=at)
        self._order.said(number, place, at)

    def _thing(self, subject: Subject, key: str, body: str) -> Thing:
        return Thing(subject=subject, key=key, sha256=sha256_of(body), school=self._said.school)

    # -- all of them together --------------------------------------------------------------------------------------

    def _check_whole(self, facts: Facts) -> None:
        """Check that everything the verdict rests on was shown."""
        self._check_keys(facts)
        for name in ("terms", "exclusions", "past"):
            if len(self._bodies[name]) != len(getattr(facts, name)):
                self._lacks(f"{len(getattr(facts, name))} of the facts' {name}", len(self._bodies[name]))
        unshown = [one for one in facts.records if one not in self._envelopes]
        if unshown:
            self._lacks(f"{len(facts.records)} records of test servers", len(facts.records) - len(unshown))
        if len(self._stubs) != len(facts.known):
            self._lacks(f"{len(facts.known)} reports that are not shown", len(self._stubs))
        self._check_stubs(facts)
        self._tell_what_is_left_out(facts)
        shown = structs.replace(facts, reports=tuple(one for _, one in self._reports))
        if len(self._reports) != self._said.reports:
            self._lacks(f"{self._said.reports} reports", len(self._reports))
        elif reports_sha256(shown) != self._said.reports_sha256:
            self._shared.found(self._number, "the reports are others than those that the verdict names")
        if self._shared.with_files and self._files.missing:
            self._shared.found(self._number, f"attached files that are not in the bundle whole: {self._files.missing}")
        for name in ("standard", "causes"):
            if getattr(self._said, f"{name}_sha256") not in self._shared.rules:
                self._shared.found(self._number, f"the rules that the verdict names ({name}) are not in the bundle")

    def _check_stubs(self, facts: Facts) -> None:
        """Check that reports which the verdict does not rest on are of other days, as far as anything shows that."""
        between = reports.Between(facts, [one for _, one in self._reports])
        keys = {one.agent: one.public for one in facts.keys}
        for (number, one), known in zip(self._stubs, facts.known, strict=False):
            fault = reports.stub_fault(one, known, keys.get(one.agent, b""), between)
            if fault is not None:
                self._shared.found(number, f"report {one.sequence} of computer {one.agent}: {fault}")
        hidden = [number for number, one in self._stubs if one.payload is UNSET]
        if hidden:
            lines = "days" if not facts.has_other_line else "days or lines"
            what = f"reports that are not shown: {len(hidden)}; that they are of other {lines} is the collector's word"
            self._shared.unchecked.setdefault(what, hidden[0])

    def _tell_what_is_left_out(self, facts: Facts) -> None:
        """Name what facts cannot prove: that nothing else was recorded that would speak for the line."""
        if facts.left_out is not UNSET:
            counts = ", ".join(f"{_LEFT_OUT[why]}: {count}" for why, count in sorted(facts.left_out.items()))
            what = f"the facts have no room for what came in excess, and by the collector's word leave out {counts}"
            self._shared.unchecked.setdefault(what, self._facts_at)
        self._shared.unchecked.setdefault(ONLY_WHAT_IS_HERE, self._facts_at)

    def _check_keys(self, facts: Facts) -> None:
        """Check that every computer was shown, and every record of a key that is not believed."""
        if self._computers != len(facts.keys):
            self._lacks(f"{len(facts.keys)} computers", self._computers)
        for key in facts.keys:
            if key.forked_from is not None:
                self._check_fork(facts, key.agent, key.forked_from)
            if key.distrusted_from is not None and key.distrusted_from != self._distrusted.get(key.agent):
                what = (
                    f"the facts do not believe the key of computer {key.agent} from"
                    f" {bundle.moment(key.distrusted_from)} on; the bundle shows no record of that"
                )
                self._shared.found(self._facts_at, what)

    def _check_fork(self, facts: Facts, agent: str, sequence: int) -> None:
        """Check that the report is here from which on a computer told two histories, or why it is not."""
        said = f"computer {agent} told two histories from report {sequence} on"
        number, one = self._forks.get(agent, (self._facts_at, None))
        if one is None:
            self._shared.found(number, f"the facts say that {said}; nothing in the bundle shows that")
            return
        what = reports.must_be_here(one, facts, [each for _, each in self._reports])
        if what is not None:
            self._shared.found(number, what)
        elif one.payload is None:
            self._shared.unchecked.setdefault(f"{said}: not shown, the report is {one.why}", number)

    def _lacks(self, what: str, shown: int) -> None:
        self._shared.found(self._number, f"the verdict rests on {what}; the bundle shows {shown}")

    def _judged_again(self, facts: Facts) -> Judgement | None:
        rules = self._shared.rules
        if self._said.standard_sha256 not in rules or self._said.causes_sha256 not in rules:
            return None
        whole = structs.replace(
            facts,
            standard=rules[self._said.standard_sha256].encode(),
            causes=rules[self._said.causes_sha256].encode(),
            discovery=self._said.discovery,
            reports=tuple(one for _, one in self._reports),
        )
        try:
            return judge(whole)
        except (NetreadyError, *_NONSENSE) as error:
            self._shared.found(self._number, f"from these facts no verdict can be drawn: {error}")
            return None

    def _check_signatures(self, judgement: Judgement) -> None:
        """Name the lines of reports whose signatures do not fit, if the judge came upon any."""
        if "signature" not in judgement.verdict.excluded or self._facts is None:
            return
        keys = {one.agent: one.public for one in self._facts.keys}
        for number, one in self._reports:
            try:
                reports.check_signature(one.agent, one.payload, one.signature, keys.get(one.agent, b""))
            except ReportError as error:
                self._shared.found(number, f"report {one.sequence} of computer {one.agent}: {error}")

    def _difference(self, again: Verdict) -> str:
        fields = [name for name in again.__struct_fields__ if getattr(again, name) != getattr(self._said, name)]
        return (
            f"judged again, the verdict is another one ({', '.join(fields) or 'other bytes'}: {again.state!r});"
            f" the bundle was made by {self._shared.made_by!r}: try with that version before anything else"
        )

    def _told(self) -> Judged:
        said = self._said
        return Judged(
            line_number=self._number,
            school=said.school,
            line=said.line,
            month=said.month,
            operator=said.operator,
            version=self._one.version,
            state=said.state,
            sha256=sha256_of(self._one.body),
            synthetic=self._one.synthetic,
            reports=len(self._reports),
            computers=len({one.agent for _, one in self._reports}),
            tests=said.tests,
            files=self._files.attached,
            files_shown=self._files.attached - self._files.missing,
            chance=said.chance,
            is_broken=any(one.state == "broken" for one in said.parts)
            or (said.availability is not None and said.availability.is_breach),
            discovery=said.discovery,
            standard=said.standard_sha256,
        )

    def _figures(self, facts: Facts, judgement: Judgement) -> dict[str, Any]:
        reports = [one for _, one in self._reports]
        counts, differing = figures.compared(reports, self._records)
        for one in figures.left_out(facts, reports, self._records):
            self._shared.found(one.line, one.what)
        numbers = [(one.agent, one.sequence) for one in reports]
        numbers += [(one.agent, one.sequence) for _, one in self._stubs]
        missing, holes = figures.missing(numbers)
        self._shared.remarks += [*differing, *(Finding(self._number, one) for one in holes)]
        rules = self._shared.rules[self._said.standard_sha256]
        return {**counts, "missing": missing, **figures.covered(facts, judgement, rules)}


def _decoded(number: int, body: str, kind: type[_Kind]) -> _Kind:
    """Read a thing from its bytes, if these are its only ones."""
    try:
        found = canonical.decode(body.encode(), kind)
        same = canonical.encode(found) == body.encode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        raise bundle.BundleError(number, f"its body cannot be read: {error}") from error
    if not same:
        raise bundle.BundleError(number, "its body is not written as it has to be")
    return found
