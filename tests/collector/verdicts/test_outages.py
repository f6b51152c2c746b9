"""When a line was down for certain: not where only echoes failed, a name server answered, or a server saw a test."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from agent.contract.lan import Echoes, Lan, Resolver
from agent.contract.measurement import Failed, Latency
from collector.verdicts.facts import Past, SignedReport
from collector.verdicts.judge import judge
from tests.fakes import lines, sessions
from tests.fakes.halves import SIGNING, recorded
from tests.fakes.lines import Computer, facts, month

QUARTER, DAY = timedelta(minutes=15), timedelta(days=1)
KEPT = timedelta(minutes=12)  # a computer keeps its reports while its line is down
DAYS = [datetime(2026, 9, day, 4, 5, tzinfo=UTC) for day in (3, 4, 7)]
INSIDE = "10.1.0.1"


def silent(
    computer: Computer, at: datetime, *, answered: int = 0, resolver: str = INSIDE, late: timedelta = KEPT
) -> SignedReport:
    """Report a light session of which no echo came back, with a look at the way to the router."""
    inside = Lan(
        interface="eth0",
        gateway=INSIDE,
        gateway_echoes=Echoes(protocol="icmp", sent=3, received=3),
        resolvers=(Resolver(address=resolver, asked=8, answered=answered),),
    )
    return computer.reports(at, Failed(probe="latency", failure="no_answer"), inside, trigger="light", late=late)


def echoed(computer: Computer, at: datetime) -> SignedReport:
    """Report a light session whose echoes came back."""
    seen = Latency(
        server=lines.OUTSIDE,
        sent=20,
        received=20,
        min_ms=10.0,
        median_ms=11.0,
        p95_ms=12.0,
        jitter_ms=1.0,
        loss_ratio=0.0,
    )
    return computer.reports(at, seen, trigger="light")


def rows(computer: Computer, **changes: object) -> list[SignedReport]:
    """Report three days of silence, every quarter of an hour for three hours."""
    return [silent(computer, day + number * QUARTER, **changes) for day in DAYS for number in range(12)]


def down_of(*reports: SignedReport, **changes: object):
    """Return the availability that a computer's reports come to."""
    found = judge(facts(reports, Computer(), **changes)).verdict
    assert found.availability is not None
    return found.availability


def test_echoes_that_fail_where_they_used_to_come_back():
    """Three days on which no echo came back are a row of days down where one did the day before."""
    computer = Computer()
    down = down_of(echoed(computer, DAYS[0] - DAY), *rows(computer))
    assert (down.outages, down.days_in_a_row, down.is_breach) == (3, 3, True)


@pytest.mark.parametrize(("minutes", "outages"), [(0, 0), (9, 0), (10, 3)])
def test_what_came_in_at_once_came_over_the_line(minutes, outages):
    """No report that the collector had within ten minutes of its making shows the line down then."""
    computer = Computer()
    found = rows(computer, late=timedelta(minutes=minutes, seconds=5 * (not minutes)))
    assert down_of(echoed(computer, DAYS[0] - DAY), *found).outages == outages


def test_another_report_that_came_in_meanwhile():
    """Whatever a computer brought in the middle of an outage came over the line: that moment is not counted down."""
    computer = Computer()
    first = echoed(computer, DAYS[0] - DAY)
    signs = [silent(computer, DAYS[0] + number * QUARTER) for number in range(9)]
    whole = down_of(first, *signs)
    brought = DAYS[0] + 8 * QUARTER + timedelta(minutes=1)
    signs[0] = msgspec.structs.replace(signs[0], received_at=brought)
    less = down_of(first, *signs)
    assert (whole.outage_s, less.outage_s) == (8 * 900, 7 * 900)


@pytest.mark.parametrize(("apart", "outages"), [(None, 0), (timedelta(days=6, hours=23), 1), (timedelta(days=8), 0)])
@pytest.mark.parametrize("is_before", [True, False])
def test_echoes_prove_nothing_where_they_never_come_back(apart, outages, is_before):
    """UDP may be filtered: alone it shows the line down only within a week before or after an echo that came back."""
    computer = Computer()
    first = datetime(2026, 9, 15, 4, 5, tzinfo=UTC)
    reports = []
    if apart is not None and is_before:
        reports.append(echoed(computer, first - apart))
    reports += [silent(computer, first), silent(computer, first + QUARTER)]
    if apart is not None and not is_before:
        reports.append(echoed(computer, first + QUARTER + apart))
    assert down_of(*reports).outages == outages


def test_another_computers_echoes_prove_nothing():
    """What one computer's network lets through, another one's may not."""
    computer, other = Computer(1), Computer(2)
    reports = [echoed(other, DAYS[0] - DAY), *rows(computer)]
    found = judge(facts(reports, computer, other)).verdict.availability
    assert found is not None
    assert found.outages == 0


@pytest.mark.parametrize("resolver", [INSIDE, "10.1.0.9", "192.0.2.53"])
def test_names_that_are_answered(resolver):
    """A name server that answers one name, inside the school or not, leaves it open whether the line was down."""
    computer = Computer()
    assert down_of(echoed(computer, DAYS[0] - DAY), *rows(computer, answered=1, resolver=resolver)).outages == 0


def test_a_network_that_filters_echoes():
    """On a line whose tests are all good nothing was down, though no echo ever came back."""
    computer, reports = Computer(), []
    for day in lines.school_days(21):
        for number in range(24):
            at = day + number * QUARTER
            if number % 8:
                reports.append(silent(computer, at))
                continue
            test = sessions.throughput(95e6, started_at=at - timedelta(seconds=10))
            reports.append(computer.reports(at, sessions.cable(), test))
    found = judge(facts(reports, computer, terms=(lines.terms(outage_h_per_year=44),))).verdict
    assert found.state == "compliant"
    assert found.availability is not None
    assert found.availability.outage_s == 0


@pytest.mark.parametrize(("peer", "outage_s"), [("198.51.100.0", 10 * 900), ("203.0.113.0", 11 * 900)])
def test_a_test_that_a_server_saw_meanwhile(peer, outage_s):
    """It shows the line up when it began, told or not, if it surely came over this line."""
    computer = Computer()
    before = echoed(computer, DAYS[0] - DAY)
    signs = [silent(computer, DAYS[0] + number * QUARTER) for number in range(12)]
    seen = sessions.throughput(95e6, started_at=DAYS[0] + 6 * QUARTER - timedelta(minutes=1))
    second = sessions.throughput(95e6, started_at=DAYS[0] + 5 * QUARTER + timedelta(minutes=1))
    changes = {"servers": SIGNING, "records": (recorded(seen, 1, peer=peer), recorded(second, 2, peer=peer))}
    terms = (lines.terms(networks=("198.51.100.0/24",)),)
    down = down_of(before, *signs, **changes, terms=terms)
    assert down.outage_s == outage_s


def test_days_on_which_servers_saw_tests():
    """A school of which the servers saw tests all day was not off line on that day."""
    computer = Computer()
    first = sessions.throughput(95e6, started_at=DAYS[0] - DAY, test_id=f"{1:032x}")
    known = computer.reports(DAYS[0] - DAY, sessions.cable(), first)
    seen = [sessions.throughput(95e6, started_at=day + number * QUARTER) for day in DAYS for number in range(12)]
    records = tuple(recorded(one, 100 + number) for number, one in enumerate(seen))
    reports = [known, echoed(computer, DAYS[0] - DAY + QUARTER), *rows(computer)]
    own = recorded(first, 1)
    assert down_of(*reports, servers=SIGNING, records=(own,)).days_in_a_row == 3
    down = down_of(*reports, servers=SIGNING, records=(own, *records))
    assert (down.outages, down.days_in_a_row, down.is_breach) == (0, 0, False)


def test_hours_of_another_month_are_no_breach_of_this_one():
    """A month in which the line was never down is none in breach, though March used the year's hours up."""
    priced = {"outage_h_per_year": 10, "price_per_month": Decimal(1000), "reduction": "levels"}
    past = (Past(month="2026-03", is_breach=True, outage_s=11 * 3600),)
    computer = Computer()
    sound = month(computer, [[95.0] * 6] * 21)
    found = judge(facts(sound, computer, terms=(lines.terms(**priced),), past=past)).verdict
    assert (found.state, found.reduction) == ("compliant", None)
    other = Computer()
    signs = [echoed(other, DAYS[0] - DAY), *(silent(other, DAYS[0] + number * QUARTER) for number in range(3))]
    assert down_of(*signs, terms=(lines.terms(**priced),), past=past).is_breach
