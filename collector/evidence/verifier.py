"""The offline verifier: reads a bundle once, from its first line to its seal, and says of which lines what is wrong.

No database, no network, no clock. Holds one verdict's evidence at a time, however many a bundle has.
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from agent.contract import signing
from collector.evidence import bundle, servers, threshold
from collector.evidence.bundle import BundleError, Header, LeftOut, Line, Seal, VerdictRecord, Wanted
from collector.evidence.errors import EvidenceError
from collector.evidence.places import Seen, Thing, Trust, known_log, sha256_of
from collector.evidence.section import Section
from collector.evidence.told import Finding, Judged, Shared


class Told(Struct, frozen=True, kw_only=True):
    """What a bundle came to.

    ``believed`` are the logs' keys; ``is_told``: they are those that the verifier was given. ``findings`` is what does
    not prove, by line; ``pending`` the lines of things that no checkpoint covers yet; ``unchecked`` what only the
    collector vouches for; ``remarks`` what is proven and should be known; ``left_out`` the verdicts that the bundle has
    no evidence of, and why.
    """

    wanted: Wanted | None = None
    made_at: datetime | None = None
    made_by: str = ""
    lines: int = 0
    believed: tuple[str, ...] = ()
    is_told: bool = False
    seen: tuple[Seen, ...] = ()
    verdicts: tuple[Judged, ...] = ()
    findings: tuple[Finding, ...] = ()
    pending: tuple[int, ...] = ()
    unchecked: tuple[Finding, ...] = ()
    remarks: tuple[Finding, ...] = ()
    left_out: tuple[Finding, ...] = ()

    def holds(self, *, allow_pending: bool = False) -> bool:
        """Tell whether everything proves."""
        return not self.findings and (allow_pending or not self.pending)


def verify(lines: Iterable[bytes], trust: Trust) -> Told:
    """Check a bundle, given line by line."""
    return _Verifier(trust).run(lines)


class _Verifier:
    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._shared = Shared()
        self._header: Header | None = None
        self._rules_at: dict[str, int] = {}
        self._section: Section | None = None
        self._verdicts: list[Judged] = []
        self._number = 0
        self._last: tuple[str, ...] = ()

    def run(self, lines: Iterable[bytes]) -> Told:
        """Read all lines, as far as they can be read."""
        try:
            for line in bundle.read(lines):
                self._number = line.number
                self._take(line)
        except BundleError as error:
            self._shared.found(error.line, error.what)
        else:
            self._look_back()
        return self._told()

    def _take(self, line: Line) -> None:
        match line.record:
            case Header():
                self._header, self._shared.made_by = line.record, line.record.made_by
                self._shared.with_files = line.record.wanted.files
            case bundle.Log():
                self._take_log(line.number, line.record)
            case bundle.Rules():
                self._take_rules(line.number, line.record)
            case bundle.ServerKey():
                self._take_server(line.number, line.record)
            case VerdictRecord():
                self._finish_section()
                self._section = Section(line, line.record, self._shared)
            case LeftOut():
                self._finish_section()
                self._take_left_out(line.number, line.record)
            case Seal():
                self._finish_section()
                self._check_seal(line, line.record)
            case _:
                if self._section is None:
                    raise BundleError(line.number, "a verdict should stand before it")
                self._section.take(line)

    def _take_log(self, number: int, one: bundle.Log) -> None:
        self._only_before_verdicts(number)
        if self._shared.logs and one.number <= max(self._shared.logs):
            raise BundleError(number, "logs stand in their order, each once")
        try:
            self._shared.logs[one.number] = known_log(one, self._trust)
        except EvidenceError as error:
            raise BundleError(number, str(error)) from error

    def _take_rules(self, number: int, one: bundle.Rules) -> None:
        self._only_before_verdicts(number)
        sha256 = sha256_of(one.body)
        if sha256 in self._rules_at:
            self._shared.found(number, "the same rules stand in the bundle twice")
        self._rules_at[sha256], self._shared.rules[sha256] = number, one.body
        self._shared.check(number, one.place, Thing(subject="rules", key=sha256, sha256=sha256, school=None))

    def _take_server(self, number: int, one: bundle.ServerKey) -> None:
        self._only_before_verdicts(number)
        try:
            said = servers.decode(one.body.encode())
        except EvidenceError as error:
            raise BundleError(number, f"its body cannot be read: {error}") from error
        if signing.agent_id(said.public_key) != said.key_id:
            self._shared.found(number, f"{said.key_id} is the id of another key")
        self._shared.servers.append(said)
        thing = Thing(subject="key", key=f"server/{said.key_id}", sha256=sha256_of(one.body), school=None)
        self._shared.check(number, one.place, thing, at=said.recorded_at)
        self._shared.server_places.append((number, one.place, said.recorded_at))

    def _only_before_verdicts(self, number: int) -> None:
        if self._last or self._section is not None:
            raise BundleError(number, "it does not stand where lines of its kind belong: before all verdicts")

    def _finish_section(self) -> None:
        if self._section is None:
            return
        one, self._section = self._section.finish(), None
        self._check_order(one.line_number, one)
        self._verdicts.append(one)

    def _take_left_out(self, number: int, one: LeftOut) -> None:
        self._check_order(number, one)
        version = "so far" if one.version == 0 else f"version {one.version}"
        name = f"school {one.school}, line {one.line}, {one.month}, {one.operator}, {version}"
        self._shared.left_out.append(Finding(number, f"{name}: {one.why}"))

    def _check_order(self, number: int, one: Judged | LeftOut) -> None:
        name = (one.school, one.line, one.month, one.operator)
        if self._last >= name:
            self._shared.found(number, "verdicts stand in order, each once")
        if self._header is not None and not _answers(one, self._header.wanted):
            self._shared.found(number, "a verdict that the header does not speak of")
        self._last = name

    def _check_seal(self, line: Line, seal: Seal) -> None:
        if (seal.lines, seal.sha256) != (line.number - 1, line.before):
            self._shared.found(line.number, "the seal is of other lines than those before it")
        logs = self._shared.logs
        if not logs or seal.signature is None:
            what = "nobody sealed the bundle: whether verdicts were left out, and what its header says, is not proven"
            self._shared.found(line.number, what)
            return
        try:
            bundle.check_seal(seal, logs[max(logs)].key.public)
        except EvidenceError as error:
            self._shared.found(line.number, str(error))

    def _look_back(self) -> None:
        """Look at what shows only at the end."""
        for sha256, number in self._rules_at.items():
            if sha256 not in self._shared.used and not self._shared.left_out:
                self._shared.found(number, "rules that no verdict here names")
        if not self._verdicts:
            self._shared.found(self._number, "the bundle shows no verdict")
        threshold.check(self._verdicts, self._header.wanted if self._header is not None else Wanted(), self._shared)

    def _told(self) -> Told:
        header, logs = self._header, self._shared.logs
        return Told(
            wanted=header.wanted if header is not None else None,
            made_at=header.made_at if header is not None else None,
            made_by=header.made_by if header is not None else "",
            lines=self._number,
            believed=tuple(one.key.text for one in logs.values()),
            is_told=bool(self._trust.logs),
            seen=tuple(seen for one in logs.values() for seen in one.seen),
            verdicts=tuple(self._verdicts),
            findings=tuple(sorted(self._shared.findings)),
            pending=tuple(self._shared.pending),
            unchecked=tuple(sorted(Finding(number, what) for what, number in self._shared.unchecked.items())),
            remarks=tuple(sorted(set(self._shared.remarks))),
            left_out=tuple(self._shared.left_out),
        )


def _answers(one: Judged | LeftOut, wanted: Wanted) -> bool:
    """Tell whether a verdict is among those that were asked for."""
    return all(
        asked is None or asked == shown
        for asked, shown in (
            (wanted.school, one.school),
            (wanted.line, one.line),
            (wanted.month, one.month),
            (wanted.operator, one.operator),
            (wanted.version, one.version),
        )
    )
