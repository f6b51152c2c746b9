"""Months of signed reports from computers of one school, as a collector would have taken them in."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec
from nacl.signing import SigningKey

from agent.contract import measurement, report, shipped, signing
from agent.contract.measurement import Measurement
from agent.contract.report import Report
from agent.contract.timetable import Timetable
from agent.contract.wire import Shift
from collector.verdicts.facts import AgentKey, Facts, Lessons, Offset, Server, SignedReport
from collector.verdicts.terms import Terms
from tests.fakes import sessions

FIRST = datetime(2026, 9, 1, 4, 5, tzinfo=UTC)  # a Tuesday, 09:05 in Almaty
OUTSIDE = "wss://one.example"  # as people write it; computers report it with its port
LESSONS = Lessons(
    timetable=Timetable(shifts=(Shift(start="08:00", end="18:00"),), time_zone="Asia/Almaty"),
    clock=(Offset(since=datetime(2024, 3, 1, tzinfo=UTC), minutes=300),),
)


class Computer:
    """A computer with a key of its own, whose reports make one chain."""

    def __init__(self, seed: int = 1, boot: str = "boot-1", school: str = "0101") -> None:
        self.key = SigningKey(seed.to_bytes(32, "big"))
        self.agent = signing.agent_id(bytes(self.key.verify_key))
        self.boot = boot
        self.school = school
        self.sequence = 0
        self.previous: str | None = None

    @property
    def card(self) -> AgentKey:
        """The computer as the collector knows it."""
        return AgentKey(agent=self.agent, public=bytes(self.key.verify_key))

    def reports(
        self, at: datetime, *measured: Measurement, late: timedelta = timedelta(seconds=5), **changes: object
    ) -> SignedReport:
        """Sign a report of these measurements, made at a moment and received a little later."""
        self.sequence += 1
        values = {
            "agent": self.agent,
            "school": self.school,
            "sequence": self.sequence,
            "previous": self.previous,
            "boot_id": self.boot,
            "created_at": at,
            "monotonic_s": (at - FIRST).total_seconds() + 3600,
            "time_zone": "Asia/Almaty",
            "software": "netready-agent/1",
            "trigger": "scheduled",
            "measurements": tuple(msgspec.Raw(measurement.encode(one)) for one in measured),
        }
        made = Report(**(values | changes))
        payload = report.encode(made)
        self.previous = report.sha256_hex(payload)
        signature = signing.sign(report.PAYLOAD_TYPE, payload, self.key).signatures[0].sig
        return SignedReport(
            agent=self.agent, sequence=made.sequence, received_at=at + late, payload=payload, signature=signature
        )


def school_days(count: int, first: datetime = FIRST) -> list[datetime]:
    """Return the same moment on so many Mondays to Fridays."""
    days = (first + timedelta(days=number) for number in range(2 * count + 7))
    return [day for day in days if day.isoweekday() <= 5][:count]


def month(
    computer: Computer, mbit: Sequence[Sequence[float]], up_mbit: float = 19.6, **changes: object
) -> list[SignedReport]:
    """Report a month: a list of downloads for each school day, one each half hour."""
    found = []
    for begins, day in zip(school_days(len(mbit)), mbit, strict=True):
        for number, down in enumerate(day):
            at = begins + timedelta(minutes=30 * number)
            test = sessions.throughput(down * 1e6, up_mbit * 1e6, started_at=at - timedelta(seconds=10), **changes)
            found.append(computer.reports(at, sessions.cable(), test))
    return found


def terms(**changes: object) -> Terms:
    """Return a contract for 100/20 Mbit/s."""
    values = {
        "school": "0101",
        "contract": "A-1",
        "operator": "Alpha",
        "author": "ministry",
        "recorded_at": datetime(2026, 8, 1, tzinfo=UTC),
        "valid_from": date(2026, 9, 1),
        "download_bps": 100_000_000,
        "upload_bps": 20_000_000,
    }
    return Terms(**(values | changes))


def facts(reports: Iterable[SignedReport], *computers: Computer, **changes: object) -> Facts:
    """Return the facts of September 2026 for the line of Alpha."""
    values = {
        "school": "0101",
        "line": "1",
        "month": "2026-09",
        "operator": "Alpha",
        "standard": shipped.path("sla.toml").read_bytes(),
        "causes": shipped.path("diagnosis.toml").read_bytes(),
        "lessons": LESSONS,
        "terms": (terms(),),
        "servers": (Server(url=OUTSIDE, place="outside"),),
        "keys": tuple(one.card for one in computers),
        "reports": tuple(reports),
    }
    return Facts(**(values | changes))
