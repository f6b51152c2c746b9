"""Bundles of months that are judged by more than their own timely reports."""

import hashlib
from datetime import UTC, date, datetime, timedelta

import msgspec

from agent.contract import record
from agent.contract.lan import Echoes, Lan
from agent.contract.measurement import Failed, Latency
from collector.records import NewServer, add_server
from collector.store import evidence, verdicts
from collector.store.audit import Who
from collector.store.evidence import Pending
from collector.store.questions import sql
from collector.store.records import NewRecord
from collector.store.verdicts import Made
from collector.verdicts import canonical, verdict
from collector.verdicts.facts import Facts
from tests.collector.evidence.conftest import verified
from tests.fakes import halves, lines, sessions


def tell(place, envelopes: list[bytes]) -> None:
    """Give records to school 0101, as if it had leased their tests, and let them wait for the log."""
    owner = {"school_id": "0101", "operator": "Alpha"}
    with place.database.owning() as connection:
        for raw in envelopes:
            found = record.open_envelope(raw)
            one, key_id = record.decode(found.payload), found.signatures[0].keyid
            began = one.download.began_at
            new = NewRecord(
                test_id=one.test_id,
                key_id=key_id,
                lease_id=None,
                began_at=began,
                received_at=began + timedelta(minutes=1),
                envelope=raw,
            )
            connection.execute(sql("record_keep"), msgspec.structs.asdict(new) | owner | {"region_id": "KZ-75"})
            sha256 = hashlib.sha256(raw).digest()
            waits = Pending(
                subject="record", key=f"{key_id}/{one.test_id}", sha256=sha256, at=began, is_salted=False, **owner
            )
            evidence.pend(connection, [waits])


def test_tests_that_a_school_keeps_back(place):
    """The servers' records stand in the bundle, and the verdict that they change is judged again to the same bytes."""
    with place.database.owning() as connection:
        key = bytes(halves.SERVER.verify_key).hex()
        new = NewServer(url=lines.OUTSIDE, key=key, place="outside")
        add_server(connection, new, Who("x"), lines.FIRST - timedelta(days=1))
    place.school()
    place.contract()
    _, reports, kept_back = halves.withheld(126)
    place.deliver(reports)
    tell(place, kept_back)
    place.judge()
    place.sign()
    told = verified(place.export(school="0101"), place.key())
    assert told.holds(), told.findings
    (one,) = told.verdicts
    assert (one.state, one.only_server) == ("compliant", 126)


def test_days_without_a_line_over_a_months_edge(place):
    """What was delivered days later is believed by the report before it, which is shown though it is older."""
    computer = place.school()
    place.contract(valid_from=date(2026, 8, 1))
    heard = Latency(
        server=lines.OUTSIDE,
        sent=20,
        received=20,
        min_ms=10.0,
        median_ms=11.0,
        p95_ms=12.0,
        jitter_ms=1.0,
        loss_ratio=0.0,
    )
    august = computer.reports(datetime(2026, 8, 31, 4, 5, tzinfo=UTC), sessions.cable(), heard, monotonic_s=100.0)
    computer.boot = "another"
    back = datetime(2026, 9, 4, 4, 5, tzinfo=UTC)
    silent = Failed(probe="msak", failure="connect_timeout")
    inside = Lan(
        interface="eth0", gateway="10.1.0.1", gateway_echoes=Echoes(protocol="icmp", sent=3, received=3), resolvers=()
    )
    days = [datetime(2026, 9, day, 4, 5, tzinfo=UTC) for day in (1, 2, 3)]
    signs = [computer.reports(day + timedelta(minutes=15 * n), silent, inside) for day in days for n in range(12)]
    place.deliver([august, *(msgspec.structs.replace(one, received_at=back) for one in signs)])
    place.judge()
    place.sign()
    told = verified(place.export(school="0101", month="2026-09"), place.key())
    assert told.holds(), told.findings
    assert [(one.month, one.state, one.reports) for one in told.verdicts] == [("2026-09", "breach", 37)]


def test_an_earlier_month_that_was_judged_again_at_the_same_moment(place):
    """Of several versions the one is shown that the facts tell of, though a newer one is of the very same moment."""
    computer = place.school()
    place.contract(valid_from=date(2026, 8, 1))
    place.deliver(lines.month(computer, [[60.0, 95.0]] * 8))
    place.judge()
    with place.database.owning() as connection:
        asked = "select body, facts, judged_at from verdict where month = %s"
        august, september = (connection.execute(asked, (month,)).fetchone() for month in ("2026-08", "2026-09"))
        assert august[2] == september[2]
        other = msgspec.structs.replace(verdict.decode(bytes(august[0])), state="breach")
        made = Made(other, canonical.decode(bytes(august[1]), Facts))
        verdicts.keep(connection, made, verdicts.Place(region_id="KZ-75", synthetic=False), 2, september[2])
    place.sign()
    told = verified(place.export(school="0101", month="2026-09"), place.key())
    assert told.holds(), told.findings
