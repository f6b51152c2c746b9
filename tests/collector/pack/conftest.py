import io
import re
from datetime import UTC, datetime, timedelta

import msgspec
import pypdf
import pytest

from collector import ingest
from collector.judging import running
from collector.ledger import checkpointing
from collector.pack import gathering
from collector.pack.gathering import Asked, Case
from collector.settings import PolicySettings, Server, Settings
from collector.store import agreements
from collector.store.database import MINISTRY, Viewer
from collector.verdicts.exclusions import Exclusion
from tests.fakes import lines, sessions
from tests.fakes.lines import Computer, month

GOOD, MIXED = [95.0] * 6, [95.0, 60.0, 60.0] * 2
SETTINGS = Settings(policy=PolicySettings(servers=(Server(url=lines.OUTSIDE, place="outside"),)))
OPEN = datetime(2026, 10, 1, 6, tzinfo=UTC)
CLOSED = datetime(2026, 10, 5, tzinfo=UTC)
NAME = 'Үшбұлақ ауылының һәм қаңтар өткелі мектебі #eval("1") *ғ* $x$'
ASKED = Asked(school="0101", month="2026-09")


@pytest.fixture
def deliver(database):
    """Take in reports, as of the moments at which they were received."""

    def take(reports) -> None:
        for one in reports:
            with database.ingesting() as connection:
                ingest.accept(connection, [msgspec.json.encode(one.envelope)], one.received_at)

    return take


@pytest.fixture
def school(database, add_school, enrolled):
    """A school with a contract and one computer."""
    add_school("0101", name=NAME, operator="Alpha", district="Бостандық")
    enrolled("0101")
    with database.owning() as connection:
        agreements.keep_terms(connection, lines.terms(rtt_ms=100.0, outage_h_per_year=10.0), "KZ-75")
    return Computer()


@pytest.fixture
def breach(database, school, deliver):
    """A month in which the download was too slow, with an exclusion and a test over Wi-Fi, judged and logged."""
    cut = Exclusion(
        id="0" * 16,
        state="in_force",
        kind="power_cut",
        school="0101",
        begins=lines.FIRST + timedelta(days=7),
        ends=lines.FIRST + timedelta(days=7, hours=2),
        announced_at=lines.FIRST,
        recorded_at=lines.FIRST,
        author="ministry",
        reason="substation 12",
    )
    with database.owning() as connection:
        agreements.keep_exclusion(connection, cut, "KZ-75", ["Alpha"])
    radio = [sessions.radio(), sessions.throughput(12.3e6)]
    deliver([*month(school, [MIXED] * 21), school.reports(lines.FIRST + timedelta(days=28, hours=4), *radio)])
    running.run(database, SETTINGS, now=CLOSED)
    checkpointing.run(database, SETTINGS)


def text_of(raw: bytes) -> str:
    """Return all text of a PDF, each run of spaces and line ends as one space."""
    pages = (page.extract_text() for page in pypdf.PdfReader(io.BytesIO(raw)).pages)
    rows = (line.strip() for page in pages for line in page.splitlines())
    return " ".join("\n".join(rows).replace("half-\n", "half-").split())


def rows_of(text: str) -> int:
    """Count the rows of the table of tests, each of which names its computer and report."""
    return len(re.findall(r" [0-9a-f]{8} / [0-9]+ ", text))


def case_of(database, viewer: Viewer = MINISTRY, **changes) -> Case:
    return gathering.case_of(database, viewer, msgspec.structs.replace(ASKED, **changes), SETTINGS.policy)
