"""What a verifier finds out, line by line and verdict by verdict; pure."""

from datetime import datetime

from msgspec import Struct

from collector.evidence.bundle import Place
from collector.evidence.errors import EvidenceError
from collector.evidence.places import KnownLog, Thing, check_thing
from collector.evidence.servers import KeyOfServer
from collector.verdicts.facts import Discovery


class Finding(Struct, frozen=True, order=True):
    """What is said of a line: why it proves nothing, or what whoever reads it should know."""

    line: int
    what: str


class Judged(Struct, frozen=True, kw_only=True):
    """A verdict as a bundle shows it.

    ``line_number`` is the verdict's own line, ``sha256`` of its bytes. ``half_hours`` are those of lessons on the days
    under contract, ``tested`` those of them with any test. ``missing`` counts reports that must be there and are not,
    by the computers' own numbers. ``with_record`` counts tests of which the server's own signed record tells the same,
    ``differing`` another thing; ``only_server`` those that no report tells of. ``is_broken``: a breach, if it is rare
    enough by ``discovery``; ``standard``: the SHA-256 of its rules. ``files`` were attached to its disputes;
    ``files_shown`` of them are in the bundle, as they were attached.
    """

    line_number: int
    school: str
    line: str
    month: str
    operator: str
    version: int
    state: str
    sha256: str
    synthetic: bool
    reports: int = 0
    computers: int = 0
    tests: int = 0
    files: int = 0
    files_shown: int = 0
    missing: int = 0
    half_hours: int = 0
    tested: int = 0
    with_record: int = 0
    differing: int = 0
    only_server: int = 0
    chance: float | None = None
    is_broken: bool = False
    discovery: Discovery | None = None
    standard: str = ""
    is_same: bool = False


class Shared(Struct, kw_only=True):
    """What came before the verdicts in a bundle, and what is found in all of them.

    ``rules`` are texts by their SHA-256, ``used`` those that a verdict names. ``servers`` is all that was recorded of
    servers' keys, ``server_places`` the line of each, its place, and when it was recorded. ``with_files``: the bundle
    has to have what disputes attached. ``pending``: lines with things that have no place in a log yet. ``unchecked``:
    what only the collector vouches for, each with the line that first has it. ``left_out``: verdicts without their
    evidence, each with its line and why.
    """

    logs: dict[int, KnownLog] = {}
    rules: dict[str, str] = {}
    servers: list[KeyOfServer] = []
    server_places: list[tuple[int, Place | None, datetime]] = []
    made_by: str = ""
    with_files: bool = False
    used: set[str] = set()
    findings: list[Finding] = []
    remarks: list[Finding] = []
    pending: list[int] = []
    left_out: list[Finding] = []
    unchecked: dict[str, int] = {}

    def found(self, line: int, what: str) -> None:
        """Note what is wrong."""
        self.findings.append(Finding(line, what))

    def check(self, number: int, place: Place | None, thing: Thing, *, at: datetime | None = None) -> None:
        """Check that a thing of a line stands in its place, or note what is wrong."""
        if place is None:
            self.pending.append(number)
            return
        try:
            check_thing(self.logs, place, thing, at=at)
        except EvidenceError as error:
            self.found(number, str(error))
