"""Tests with their second half, the record that a test server signs: shown, or kept back by a school."""

from datetime import timedelta

import msgspec
from nacl.signing import SigningKey

from agent.contract import record
from agent.contract.measurement import Direction, Throughput
from agent.contract.record import Counted, ServerRecord
from collector.verdicts.facts import Server, SignedReport
from tests.fakes import lines, sessions
from tests.fakes.lines import Computer

SERVER = SigningKey(b"s" * 32)
SIGNING = (Server(url=lines.OUTSIDE, place="outside", public=bytes(SERVER.verify_key)),)


def recorded(
    test: Throughput, number: int, *, scale: float = 1.0, peer: str = "198.51.100.0", key: SigningKey = SERVER
) -> bytes:
    """Sign what the server saw of a test."""
    at = test.started_at or lines.FIRST

    def counted(one: Direction | None) -> Counted:
        assert one is not None
        return Counted(
            bytes=int(scale * one.bytes), counted_at="acked", began_at=at, lasted_s=one.duration_s, connections=1
        )

    made = ServerRecord(
        test_id=f"{number:032x}",
        server="one",
        software="reflector",
        peers=(peer,),
        download=counted(test.download),
        upload=counted(test.upload),
    )
    return record.sign(made, key)


def twinned(computer: Computer, mbit: float, *, scale: float = 1.0, carried: bool = True, peer: str = "198.51.100.0"):
    """Return a month of tests that a signing server recorded, and the records."""
    reports, records = [], []
    for day in lines.school_days(21):
        for number in range(6):
            at = day + timedelta(minutes=30 * number)
            test = sessions.throughput(
                mbit * 1e6, started_at=at - timedelta(seconds=10), test_id=f"{len(reports):032x}"
            )
            records.append(recorded(test, len(reports), scale=scale, peer=peer))
            if carried:
                test = msgspec.structs.replace(test, record=records[-1])
            reports.append(computer.reports(at, sessions.cable(), test))
    return reports, records


def withheld(keep_back: int = 70, **changes: object) -> tuple[Computer, list[SignedReport], list[bytes]]:
    """Return a sound month of which a school shows but its bad half hours, and the records of what it keeps back."""
    computer, reports, records = Computer(), [], []
    for number, at in enumerate(
        day + timedelta(minutes=30 * slot) for day in lines.school_days(21) for slot in range(6)
    ):
        begun = at - timedelta(seconds=10)
        bad = sessions.throughput(60e6, started_at=begun, test_id=f"{number:032x}")
        reports.append(
            computer.reports(at, sessions.cable(), msgspec.structs.replace(bad, record=recorded(bad, number)))
        )
        if number < keep_back:
            good = sessions.throughput(95e6, started_at=begun + timedelta(minutes=5), test_id=f"{1000 + number:032x}")
            records.append(recorded(good, 1000 + number, **changes))
    return computer, reports, records
