"""A test proves once what it proves, when its server saw it; servers' own records speak for the line that they saw."""

from datetime import datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from agent.contract import record
from agent.contract.measurement import Throughput
from collector.verdicts.exclusions import Exclusion
from collector.verdicts.facts import Facts
from collector.verdicts.judge import judge
from collector.verdicts.twins import Twins
from collector.verdicts.verdict import Verdict
from tests.fakes import lines, sessions
from tests.fakes.halves import SERVER, SIGNING, recorded, twinned, withheld
from tests.fakes.lines import Computer, facts

SLOTS = [day + timedelta(minutes=30 * number) for day in lines.school_days(21) for number in range(6)]
BEFORE = timedelta(seconds=10)
ELSEWHERE = "203.0.113.0"


def judged(found: Facts) -> Verdict:
    return judge(found).verdict


def downloads(found: Verdict) -> tuple[int, int]:
    """Return how many half hours of the download were judged, and how many were good."""
    return next((one.judged, one.good) for one in found.parts if one.name == "download")


def a_test(at: datetime, number: int, mbit: float, **of_server) -> Throughput:
    """Return a test that carries its server's record."""
    test = sessions.throughput(mbit * 1e6, started_at=at - BEFORE, test_id=f"{number:032x}")
    return replace(test, record=recorded(test, number, **of_server))


def both(change, **of_server) -> Facts:
    """Return a month with a bad test in each half hour, and a good one of which the computer says something else."""
    computer, reports = Computer(), []
    for number, at in enumerate(SLOTS):
        later = at + timedelta(minutes=5)
        reports.append(computer.reports(at, sessions.cable(), a_test(at, number, 60.0)))
        good = a_test(later, 1000 + number, 95.0, **of_server)
        reports.append(computer.reports(later, sessions.cable(), change(good)))
    return facts(reports, computer, servers=SIGNING)


def by_vpn(test: Throughput) -> Throughput:
    return replace(test, tainted=("vpn",))


def understated(test: Throughput) -> Throughput:
    low = replace(
        test.download, ip_bps=60e6, ip_low_bps=59.5e6, ip_high_bps=60.5e6, goodput_bps=58e6, samples_bps=(60e6, 95e6)
    )
    return replace(test, download=low)


def test_a_bad_test_told_again():
    """One bad test with its record, told in each half hour, is one bad test."""
    computer, test = Computer(), a_test(SLOTS[0], 1, 60.0)
    reports = [computer.reports(at, sessions.cable(), replace(test, started_at=at - BEFORE)) for at in SLOTS]
    found = judged(facts(reports, computer, servers=SIGNING))
    assert (found.state, downloads(found)) == ("insufficient", (1, 0))
    assert found.excluded == {"record_differs": 125, "told_twice": 125}


def test_a_test_told_again_without_a_record():
    """Of a server that signs nothing a test counts once too, whichever of the school's computers repeats it."""
    one, other = Computer(1), Computer(2)
    reports = [
        computer.reports(at, sessions.cable(), sessions.throughput(60e6, started_at=at - BEFORE, test_id="a" * 32))
        for at in SLOTS
        for computer in (one, other)
    ]
    found = judged(facts(reports, one, other))
    assert (downloads(found), found.excluded) == ((1, 0), {"told_twice": 251})


def test_what_is_told_right_counts():
    """A report that tells of a test at another time does not take the place of the one that tells it right."""
    early, late = sorted((Computer(1), Computer(2)), key=lambda one: one.agent)
    test = a_test(SLOTS[6], 1, 60.0)
    wrong = early.reports(SLOTS[0], sessions.cable(), replace(test, started_at=SLOTS[0] - BEFORE))
    right = late.reports(SLOTS[6], sessions.cable(), test)
    found = judge(facts((wrong, right), early, late, servers=SIGNING))
    (download,) = (one for one in found.asked if one.name == "download")
    [outcome] = [one for one in download.outcomes if one.good is not None]
    assert (outcome.slot, outcome.good) == (lines.LESSONS.slot_of(SLOTS[6], 30), False)
    assert found.verdict.excluded == {"record_differs": 1, "told_twice": 1}


@pytest.mark.parametrize(
    ("server_saw", "started", "made", "differs"),
    [
        (0, 4, 4, False),
        (0, 6, 6, True),
        (0, -6, 0, True),
        (-540, 0, 0, True),
        (0, None, 59, False),
        (0, None, 61, True),
        (0, None, -4, False),
        (0, None, -6, True),
    ],
)
def test_a_record_is_of_the_time_at_which_the_server_saw_it(server_saw, started, made, differs):
    """In minutes: the two clocks may differ by five; without a beginning, the report follows within the hour."""
    at = SLOTS[50]
    seen = sessions.throughput(60e6, started_at=at + timedelta(minutes=server_saw), test_id=f"{1:032x}")
    begun = None if started is None else at + timedelta(minutes=started)
    test = replace(seen, started_at=begun, record=recorded(seen, 1))
    twin = Twins(SIGNING, ()).of(test, at + timedelta(minutes=made))
    assert twin.record is not None
    assert twin.differs is differs


@pytest.mark.parametrize(("change", "reasons"), [(by_vpn, {"other_path": 126}), (understated, {})])
def test_good_tests_that_a_computer_calls_something_else(change, reasons):
    """What the server counted speaks for the line, though a report tells of the test and says something else of it."""
    whole = judge(both(change))
    found = whole.verdict
    assert (found.state, downloads(found), found.kept_by_record) == ("compliant", (126, 126), 126)
    assert (found.tests, found.excluded) == (252, reasons)
    assert sum(bool(one.source.test_id) for one in whole.tests if one.way == "download") == 126


def test_honest_tests_are_told_of_once():
    """Where the report says what the server says, the record adds nothing to the verdict and to its tests."""
    whole = judge(both(lambda test: test))
    assert (whole.verdict.state, whole.verdict.kept_by_record, whole.verdict.excluded) == ("compliant", 0, {})
    assert not any(one.source.test_id for one in whole.tests)


def test_a_test_through_a_vpn_is_not_of_this_line():
    """What really came from elsewhere clears nobody, and does not make elsewhere a network of this line."""
    found = judged(both(by_vpn, peer=ELSEWHERE))
    assert (found.state, downloads(found), found.kept_by_record) == ("breach", (126, 0), 0)
    assert found.excluded == {"other_path": 126}


@pytest.mark.parametrize("networks", [(), ("198.51.100.0/29",)])
def test_a_test_from_elsewhere_clears_nobody(networks):
    """Who names the school's lease in a data centre makes no half hour good."""
    computer, reports, records = withheld(126, peer=ELSEWHERE)
    terms = (lines.terms(networks=networks),)
    found = judged(facts(reports, computer, servers=SIGNING, records=tuple(records), terms=terms))
    assert (found.state, downloads(found), found.kept_by_record) == ("breach", (126, 0), 0)
    assert found.excluded == {"other_line": 126, "unreported": 126}


def test_what_a_server_only_gave_to_its_system():
    """It may still have stood in a queue of the server's own when the test ended: it proves nothing of the line."""
    computer, reports, records = withheld(126)
    given = []
    for raw in records:
        seen = record.verify(raw, bytes(SERVER.verify_key))
        given.append(record.sign(replace(seen, download=replace(seen.download, counted_at="given")), SERVER))
    found = judged(facts(reports, computer, servers=SIGNING, records=tuple(given)))
    assert (found.state, downloads(found), found.kept_by_record) == ("breach", (126, 0), 0)


def test_what_does_not_count_does_not_count_for_the_line():
    """In a span that is left out a record proves nothing, as nothing does there."""
    out = Exclusion(
        id="0" * 16,
        state="in_force",
        kind="power_cut",
        school="0101",
        begins=SLOTS[0] - timedelta(hours=1),
        ends=SLOTS[5] + timedelta(hours=1),
        announced_at=SLOTS[0],
        recorded_at=SLOTS[0],
        author="ministry",
    )
    found = judged(msgspec.structs.replace(both(by_vpn), exclusions=(out,)))
    assert (downloads(found), found.kept_by_record) == ((120, 120), 120)
    assert found.excluded == {"excluded": 12, "other_path": 126}


def test_an_honest_month_of_records_changes_nothing():
    """A slow line stays in breach with every test recorded by its server."""
    computer = Computer()
    reports, records = twinned(computer, 60.0)
    found = judged(facts(reports, computer, servers=SIGNING, records=tuple(records)))
    assert (found.state, found.kept_by_record, found.excluded) == ("breach", 0, {})


def test_an_id_that_was_used_before_hides_nothing():
    """Records of other tests under the ids of good ones that are kept back: each stands for its own test."""
    computer, reports, records = withheld(126)
    burnt = [recorded(sessions.throughput(1e6, started_at=SLOTS[0] - timedelta(days=6)), 1000 + n) for n in range(126)]
    found = judged(facts(reports, computer, servers=SIGNING, records=(*burnt, *records)))
    honest = judged(facts(reports, computer, servers=SIGNING, records=tuple(records)))
    assert (found.state, found.parts, found.kept_by_record) == (honest.state, honest.parts, 126)
    assert found.kept_unreported == honest.kept_unreported == 126


def test_an_id_that_is_shown_again_hides_nothing():
    """Nor do records in reports of tests that were made later, when the first one's id was given away again."""
    computer, reports, records = withheld(126)
    last = SLOTS[-1] + timedelta(hours=1)
    later = [a_test(last + timedelta(minutes=number), 1000 + number, 1.0) for number in range(20)]
    reports.append(computer.reports(last + timedelta(minutes=20), sessions.cable(), *later))
    found = judged(facts(reports, computer, servers=SIGNING, records=tuple(records)))
    assert found.kept_by_record == 126


def test_a_good_test_under_an_id_that_was_told_before():
    """It is another test than the one that was told first, where their servers' records show that."""
    computer, reports = Computer(), []
    for number, at in enumerate(SLOTS):
        reports.append(computer.reports(at - timedelta(minutes=3), sessions.cable(), a_test(at, 1, 60.0)))
        good = a_test(at + timedelta(minutes=15), 1, 95.0)
        reports.append(computer.reports(at + timedelta(minutes=16, seconds=number % 2), sessions.cable(), good))
    found = judged(facts(reports, computer, servers=SIGNING))
    assert (found.state, downloads(found)) == ("compliant", (126, 126))
    assert "told_twice" not in found.excluded


def test_whoever_brings_a_test_first_is_believed():
    """A computer that repeats another's tests later, and says that it had no cable, takes nothing away from them."""
    early, late = sorted((Computer(1), Computer(2)), key=lambda one: one.agent, reverse=True)
    mine = [
        early.reports(at, sessions.cable(), a_test(at, number, 60.0), late=timedelta(seconds=5))
        for number, at in enumerate(SLOTS)
    ]
    copied = [
        late.reports(at + timedelta(seconds=20), sessions.radio(), a_test(at, number, 60.0), late=timedelta(days=40))
        for number, at in enumerate(SLOTS)
    ]
    right = late.reports(SLOTS[-1] + timedelta(days=1), sessions.radio())
    found = judged(facts([*mine, *copied, right], early, late, servers=SIGNING))
    assert (found.state, downloads(found)) == ("breach", (126, 0))
    assert found.excluded == {"not_wired": 126, "told_twice": 126}
