"""From signed reports to a verdict: a fair one, the same one for everybody, and no doubt held against a line."""

import hashlib
import random
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from nacl.signing import SigningKey

from agent.contract.lan import Echoes, Lan, Resolver
from agent.contract.measurement import Failed, Link
from collector.verdicts import canonical, heard, verdict
from collector.verdicts.exclusions import Exclusion
from collector.verdicts.facts import Discovery, Facts, Known, Past, Server, SignedReport
from collector.verdicts.judge import judge
from tests.fakes import lines, sessions
from tests.fakes.halves import SIGNING, recorded, twinned, withheld
from tests.fakes.lines import Computer, facts, month

GOOD, BAD, MIXED = [95.0] * 6, [60.0] * 6, [95.0, 60.0, 60.0] * 2
MILD = [95.0, 95.0, 60.0] * 2


def judged(found: Facts) -> verdict.Verdict:
    return judge(found).verdict


def test_a_line_that_gives_what_was_promised():
    """All half hours are good: compliant, with every test used."""
    computer = Computer()
    found = judged(facts(month(computer, [GOOD] * 21), computer))
    assert (found.state, found.tests, found.used, found.excluded) == ("compliant", 126, 126, {})
    assert {one.name: one.good for one in found.parts} == {"download": 126, "upload": 126}


def test_a_line_that_does_not():
    """Far too many half hours are bad: a breach of the download, not of the upload."""
    computer = Computer()
    found = judged(facts(month(computer, [MIXED] * 21), computer))
    assert found.state == "breach"
    assert {one.name: one.state for one in found.parts} == {"download": "broken", "upload": "kept"}
    assert found.chance is not None
    assert found.chance < 0.01


def test_bytes_do_not_depend_on_the_order_of_facts():
    """Reports in any order make the same bytes, and bytes are read back to the same verdict."""
    computer, other = Computer(1), Computer(2)
    reports = month(computer, [GOOD, BAD] * 8) + month(other, [GOOD] * 16)
    once = canonical.encode(judged(facts(reports, computer, other)))
    random.Random(4).shuffle(reports)  # noqa: S311 - nothing to guess here
    assert canonical.encode(judged(facts(reports, computer, other))) == once
    assert canonical.encode(verdict.decode(once)) == once


def test_the_best_computer_speaks():
    """One slow computer is not the operator's fault."""
    slow, quick = Computer(1), Computer(2)
    reports = month(slow, [BAD] * 21) + month(quick, [GOOD] * 21)
    assert judged(facts(reports, slow, quick)).state == "compliant"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tainted": ("vpn",)}, "other_path"),
        ({"tainted": ("host_limited",)}, "host"),
        ({"tainted": ("cross_traffic",)}, "own_traffic"),
        ({"tainted": ("server_limited",)}, "server_limited"),
        ({"cpu_busy_ratio": 0.95}, "host"),
        ({"server": "wss://elsewhere.example"}, "server_unknown"),
    ],
)
def test_what_may_have_been_something_else(changes, reason):
    """A month of slow tests that something else may explain accuses nobody, and says why."""
    computer = Computer()
    found = judged(facts(month(computer, [BAD] * 21, **changes), computer))
    assert found.state == "insufficient"
    assert found.excluded[reason] == 126


def test_a_server_inside_the_operators_network():
    """It says nothing of what comes behind it."""
    computer = Computer()
    inside = (Server(url=lines.OUTSIDE, place="inside"),)
    found = judged(facts(month(computer, [GOOD] * 21), computer, servers=inside))
    assert (found.state, found.excluded["server_inside"]) == ("insufficient", 126)


def test_a_forged_report_is_not_read():
    """One changed byte, and the report is counted as not signed."""
    computer = Computer()
    reports = month(computer, [BAD] * 21)
    forged = [msgspec.structs.replace(one, payload=one.payload.replace(b"ethernet", b"ETHERNET")) for one in reports]
    found = judged(facts(forged, computer))
    assert (found.state, found.excluded) == ("insufficient", {"signature": 126})


def test_a_stolen_key():
    """What came in after the key was no longer trusted says nothing; what came before still does."""
    computer = Computer()
    reports = month(computer, [BAD] * 21)
    card = msgspec.structs.replace(computer.card, distrusted_from=lines.school_days(11)[10] - timedelta(hours=3))
    found = judged(facts(reports, keys=(card,)))
    assert (found.excluded, found.used) == ({"key_revoked": 66}, 60)


def test_two_histories_of_one_computer():
    """Where a computer's chain forks, everything after that says nothing."""
    computer = Computer()
    reports = month(computer, [BAD] * 10)
    computer.sequence, computer.previous = 29, None
    forged = computer.reports(lines.FIRST + timedelta(days=6), sessions.cable(), sessions.throughput(10e6))
    found = judged(facts([*reports, forged], computer))
    assert found.excluded["chain_forked"] == 31
    known = Known(agent=computer.agent, sequence=0, sha256="1" * 64)
    assert judged(facts(reports, computer, known=(known,))).excluded == {"chain_forked": 60}


def test_missing_reports():
    """Between two reports with others missing nothing is held against the line."""
    computer = Computer()
    reports = month(computer, [BAD] * 10)
    found = judged(facts([one for one in reports if one.sequence not in (31, 32)], computer))
    assert (found.excluded, found.used) == ({"chain_torn": 2}, 56)
    hidden = tuple(
        Known(agent=one.agent, sequence=one.sequence, sha256=hashlib.sha256(one.payload).hexdigest())
        for one in reports[30:32]
    )
    shown = [one for one in reports if one.sequence not in (31, 32)]
    assert judged(facts(shown, computer, known=hidden)).excluded == {}


def test_many_gaps():
    """However many reports are missing, each that is there is looked at once: between two gaps it counts."""
    computer = Computer()
    reports = month(computer, [BAD] * 21)
    shown = [one for one in reports if one.sequence % 3 != 0]
    found = judged(facts(shown, computer))
    assert (found.excluded, found.used) == ({"chain_torn": 82}, 2)
    assert judged(facts(reports, computer)).excluded == {}


def test_more_reports_than_a_computer_can_make():
    """Nothing is believed of a computer that floods, by count or by size; another one is."""
    flood, honest = Computer(1), Computer(2)
    reports = month(flood, [GOOD] * 21)
    shown = [*reports, *month(honest, [BAD] * 21)]
    for limit in (b"reports_per_month = { value = 125,", b"mib_per_month = { value = 1,"):
        name = limit.split(b" = ")[0]
        rules = re.sub(name + b" = { value = [0-9]+,", limit, facts(()).standard)
        big = shown
        if name == b"mib_per_month":
            lot = [sessions.throughput(95e6)] * 9
            big = [*shown, *(flood.reports(lines.FIRST + timedelta(days=28), *lot) for _ in range(120))]
        found = judged(facts(big, flood, honest, standard=rules))
        if name == b"mib_per_month":
            assert (found.state, found.excluded) == ("breach", {"too_many": 246})
        else:
            assert found.excluded == {"too_many": 252}


def test_the_report_of_the_month_before_is_not_one_too_many():
    """A computer that made as many reports as it may is believed, with the one before that shows its clock right."""
    computer = Computer()
    august = computer.reports(datetime(2026, 8, 31, 4, 5, tzinfo=UTC), sessions.cable(), monotonic_s=100.0)
    reports = [august, *month(computer, [BAD] * 21)]
    rules = facts(()).standard.replace(b"reports_per_month = { value = 6000,", b"reports_per_month = { value = 126,")
    assert judged(facts(reports, computer, standard=rules)).excluded == {}
    reports.append(computer.reports(datetime(2026, 9, 30, 19, 1, tzinfo=UTC), sessions.cable()))  # October in Almaty
    assert judged(facts(reports, computer, standard=rules)).excluded == {}
    reports.append(computer.reports(datetime(2026, 9, 30, 18, 59, tzinfo=UTC), sessions.cable()))
    assert judged(facts(reports, computer, standard=rules)).excluded == {"too_many": 129}


def test_a_wrong_clock():
    """A computer an hour behind is not believed; reports that came late are, if its clock was seen right."""
    computer, honest = Computer(1), Computer(2)
    wrong = [
        msgspec.structs.replace(one, received_at=one.received_at + timedelta(hours=1))
        for one in month(computer, [BAD] * 8)
    ]
    assert judged(facts(wrong, computer)).excluded == {"clock": 48}
    late = month(honest, [BAD] * 8)
    late[1:40] = [msgspec.structs.replace(one, received_at=late[40].received_at) for one in late[1:40]]
    assert judged(facts(late, honest)).excluded == {}


def test_lessons_and_exclusions():
    """Nothing counts outside of lessons, nor in a span that is left out."""
    computer = Computer()
    reports = [
        computer.reports(day + timedelta(hours=12), sessions.cable(), sessions.throughput(10e6))
        for day in lines.school_days(20)
    ]
    assert judged(facts(reports, computer)).excluded == {"hours": 20}
    other = Computer()
    works = Exclusion(
        id="0" * 16,
        state="in_force",
        kind="power_cut",
        school="0101",
        begins=lines.FIRST,
        ends=lines.FIRST + timedelta(days=5),
        announced_at=lines.FIRST,
        recorded_at=lines.FIRST,
        author="ministry",
    )
    found = judged(facts(month(other, [BAD] * 10), other, exclusions=(works,)))
    assert found.excluded == {"excluded": 24 - 1}


def test_another_operator_takes_over():
    """Each operator answers for its own days; a line that nobody promised is said to be such."""
    computer = Computer()
    reports = month(computer, [BAD] * 11 + [GOOD] * 10)
    both = (
        lines.terms(valid_to=date(2026, 9, 15)),
        lines.terms(contract="B-1", operator="Beta", valid_from=date(2026, 9, 16)),
    )
    first = judged(facts(reports, computer, terms=both))
    second = judged(facts(reports, computer, terms=both, operator="Beta"))
    assert (first.state, second.state) == ("breach", "compliant")
    assert first.spans[0].last == date(2026, 9, 15)
    assert judged(facts(reports, computer, terms=())).state == "no contract"


def test_amended_terms_count_together():
    """Half hours before and after an amendment are held against what was promised on their day."""
    computer = Computer()
    amended = (
        lines.terms(download_bps=50_000_000),
        lines.terms(number=2, valid_from=date(2026, 9, 16)),
    )
    found = judged(facts(month(computer, [BAD] * 20), computer, terms=amended))
    down = next(one for one in found.parts if one.name == "download")
    assert (down.judged, down.good, down.days) == (120, 66, 20)


def test_a_breach_among_many_lines():
    """A breach that is not rare enough among the operator's lines is watched."""
    computer = Computer()
    reports = month(computer, [MILD] * 21)
    rare = Discovery(lines=900, accused=0, most_chance=0.0)
    found = judged(facts(reports, computer, discovery=rare))
    assert (found.state, found.discovery) == ("watch", rare)
    usual = Discovery(lines=3, accused=1, most_chance=0.009)
    found = judged(facts(reports, computer, discovery=usual))
    assert (found.state, found.discovery) == ("breach", usual)


def test_it_happens_again():
    """Two breaches in three months recur."""
    computer = Computer()
    reports = month(computer, [BAD] * 21)
    assert not judged(facts(reports, computer, past=(Past(month="2026-06", is_breach=True),))).is_recurring
    assert judged(facts(reports, computer, past=(Past(month="2026-07", is_breach=True),))).is_recurring


def test_what_it_is_worth():
    """A proportional reduction is the share that was missing of the price of the days under these terms."""
    computer = Computer()
    priced = lines.terms(price_per_month=Decimal("30000.00"), currency="KZT", reduction="proportional")
    found = judged(facts(month(computer, [[40.0] * 6] * 21), computer, terms=(priced,)))
    assert found.reduction is not None
    assert (found.reduction.amount, found.reduction.currency) == (Decimal("15000.00"), "KZT")
    assert judged(facts(month(Computer(), [GOOD] * 21), Computer(), terms=(priced,))).reduction is None


def down(at: datetime, computer: Computer, *, router: int = 3, resolver: str = "10.1.0.1"):
    """Report that nothing answered beyond the router; kept until the line works again."""
    inside = Lan(
        interface="eth0",
        gateway="10.1.0.1",
        gateway_echoes=Echoes(protocol="icmp", sent=3, received=router),
        resolvers=(Resolver(address=resolver, asked=2, answered=0),),
    )
    failed = Failed(probe="msak", failure="dns_failed")
    link = Link(interface="eth0", medium="ethernet")
    return computer.reports(at, link, inside, failed, late=timedelta(minutes=12))


def test_a_report_of_another_day_hides_no_good_test():
    """A good test that is reported a day late proves nothing by its report, and all the same by its server's record."""
    computer = Computer()
    bad = sessions.throughput(60e6, test_id=f"{8:032x}")
    slow = computer.reports(lines.FIRST, sessions.cable(), bad)
    good = sessions.throughput(95e6, started_at=lines.FIRST, test_id=f"{7:032x}")
    good = msgspec.structs.replace(good, record=recorded(good, 7))
    late = computer.reports(lines.FIRST + timedelta(days=1), sessions.cable(), good)
    found = judged(facts((slow, late), computer, servers=SIGNING, records=(recorded(bad, 8),)))
    assert (found.kept_by_record, found.excluded) == (1, {"clock": 1, "unreported": 1})


def test_a_line_that_is_down():
    """Its hours count from the first sign to the last, pauses in which nobody looked not, against the year's most."""
    computer = Computer()
    signs = [down(lines.FIRST + timedelta(minutes=15 * number), computer) for number in range(9)]
    signs += [down(lines.FIRST + timedelta(days=1, minutes=15 * number), computer) for number in range(5)]
    strict = (lines.terms(outage_h_per_year=10),)
    last = signs[-1].received_at
    right = computer.reports(last + timedelta(minutes=15), Link(interface="eth0", medium="ethernet"))
    signs = [*(msgspec.structs.replace(one, received_at=right.received_at) for one in signs), right]
    past = (
        Past(month="2026-08", is_breach=False, outage_s=7 * 3600),
        Past(month="2025-09", is_breach=True, outage_s=10**6),
    )
    found = judged(facts(signs, computer, terms=strict, past=past)).availability
    assert found is not None
    assert (found.outages, found.outage_s, found.outage_year_s, found.is_breach) == (2, 10_800, 36_000, False)
    more = (msgspec.structs.replace(past[0], outage_s=7 * 3600 + 1),)
    assert judged(facts(signs, computer, terms=strict, past=more)).state == "breach"


@pytest.mark.parametrize("fault", [{"router": 0}, {"resolver": "10.1.0.9"}])
def test_a_school_that_is_down(fault):
    """A router that does not answer, or a name server of the school's own, is not the line."""
    computer = Computer()
    signs = [down(lines.FIRST + timedelta(minutes=15 * number), computer, **fault) for number in range(9)]
    found = judged(facts(signs, computer)).availability
    assert found is not None
    assert found.outages == 0


def rows(computer: Computer, days: Iterable[int], signs: int = 12, month: int = 9) -> list[SignedReport]:
    """Return signs that the line was down, a quarter of an hour apart, from nine on some days of a month."""
    found = [datetime(2026, month, day, 4, 5, tzinfo=UTC) for day in days]
    told = [down(day + timedelta(minutes=15 * number), computer) for day in found for number in range(signs)]
    right = computer.reports(found[-1] + timedelta(hours=12), sessions.cable())  # its clock was
    return [*told, right]


def brought(reports: list[SignedReport], at: datetime) -> list[SignedReport]:
    """Let reports come in at a moment, all of them."""
    return [msgspec.structs.replace(one, received_at=at) for one in reports]


def test_nobody_knows_which_of_two_lines_was_down():
    """A school with two lines has no figure of availability, and no breach by it."""
    computer = Computer()
    found = judge(facts(rows(computer, (3, 4, 7)), computer, has_other_line=True))
    assert (found.verdict.availability, found.outages, found.verdict.state) == (None, (), "insufficient")


def test_what_a_line_that_was_down_is_worth():
    """The price falls by the share of the time that counts in which the line was surely down, or by what was worse."""
    priced = {"price_per_month": Decimal("22000.00"), "currency": "KZT", "reduction": "proportional"}
    computer = Computer()
    reports = rows(computer, (3, 4, 7), signs=41)  # from 9:05 to 19:05, of which 55 minutes are after the lessons
    found = judged(facts(reports, computer, terms=(lines.terms(**priced),)))
    assert found.availability is not None
    assert found.availability.outage_s == 3 * (8 * 60 + 45) * 60
    lessons_s = 22 * 10 * 3600
    assert found.reduction is not None
    assert found.reduction.kept == pytest.approx(1 - found.availability.outage_s / lessons_s, abs=1e-6)
    assert found.reduction.amount == (Decimal(22000) * found.availability.outage_s / lessons_s).quantize(
        Decimal("0.01")
    )
    slow = Computer(2)
    both = judged(facts([*reports, *month(slow, [[40.0] * 6] * 2)], computer, slow, terms=(lines.terms(**priced),)))
    assert both.reduction == found.reduction  # two days of slow tests are too little to say anything
    slow = Computer(2)
    days = [one for one in month(slow, [[40.0] * 6] * 21) if one.received_at.day not in (3, 4, 7)]
    worse = judged(facts([*reports, *days], computer, slow, terms=(lines.terms(**priced),)))
    assert worse.reduction is not None
    assert worse.reduction.kept == 0.5
    always = judged(facts(reports, computer, terms=(lines.terms(**priced, hours="always"),)))
    assert always.reduction is not None
    assert always.reduction.kept == pytest.approx(1 - 3 * 10 / 720, abs=1e-6)


def test_days_without_any_line_count():
    """Booted each morning and heard of days later: its clock is believed between two that were right."""
    computer = Computer()
    before = computer.reports(datetime(2026, 9, 2, 4, 5, tzinfo=UTC), sessions.cable(), sessions.throughput())
    signs = []
    for day in (3, 4, 7):
        computer.boot = f"boot of {day}"
        signs += rows(computer, (day,))
    back = datetime(2026, 9, 8, 4, 5, tzinfo=UTC)
    computer.boot = "boot of 8"
    after = computer.reports(back, sessions.cable(), sessions.throughput())
    found = judged(facts([before, *brought(signs, back), after], computer))
    assert found.availability is not None
    assert (found.availability.days_in_a_row, found.state) == (3, "breach")
    # What came in is later than it was made: nothing has to follow. But something has to come before.
    assert judged(facts([before, *brought(signs, back)], computer)).state == "breach"
    assert judged(facts([*brought(signs, back), after], computer)).state == "insufficient"


@pytest.mark.parametrize("order", [(4, 3, 7), (3, 7, 4)])
def test_a_clock_that_goes_back_proves_no_outage(order):
    """Where a clock does not grow with the numbers of the reports, or runs ahead, nobody knows when these were made."""
    computer = Computer()
    before = computer.reports(datetime(2026, 9, 2, 4, 5, tzinfo=UTC), sessions.cable(), sessions.throughput())
    signs = []
    for day in order:
        computer.boot = f"boot of {day}"
        signs += rows(computer, (day,))
    back = datetime(2026, 9, 8, 4, 5, tzinfo=UTC)
    found = judged(facts([before, *brought(signs, back)], computer))
    assert found.availability is not None
    assert (found.availability.outages, found.availability.days_in_a_row) == (0, 0)
    ahead = Computer(2)
    before = ahead.reports(datetime(2026, 9, 2, 4, 5, tzinfo=UTC), sessions.cable(), sessions.throughput())
    ahead.boot = "another"
    signs = rows(ahead, (3, 4, 7))
    early = brought(signs, datetime(2026, 9, 5, tzinfo=UTC))
    found = judged(facts([before, *early], ahead))
    assert found.availability is not None
    assert found.availability.days_in_a_row == 0


def test_tests_keep_the_strict_clock():
    """Between two believed clocks a test of an unproven one still says nothing."""
    computer = Computer()
    first, last = (datetime(2026, 9, day, 4, 5, tzinfo=UTC) for day in (2, 8))
    before = computer.reports(first, sessions.cable(), sessions.throughput())
    computer.boot = "another"
    slow = computer.reports(last - timedelta(days=1), sessions.cable(), sessions.throughput(10e6))
    found = judged(facts([before, *brought([slow], last)], computer))
    assert found.excluded == {"clock": 1}


def test_days_down_over_the_months_edge():
    """Wednesday, Thursday and then Friday the first: counted once, where the third day falls."""
    computer = Computer()
    september = judged(facts(rows(computer, (29, 30)), computer))
    assert september.availability is not None
    assert (september.availability.days_in_a_row, september.availability.days_at_end) == (2, 2)
    assert (september.state, verdict.past_of(september).days_down) == ("insufficient", 2)
    october = rows(computer, (1,), month=10)
    carried = {"month": "2026-10", "past": (verdict.past_of(september),)}
    third = judged(facts(october, computer, **carried))
    assert third.availability is not None
    assert (third.availability.days_in_a_row, third.availability.days_at_end, third.state) == (3, 0, "breach")
    assert judged(facts(october, computer, month="2026-10")).state == "insufficient"
    older = {"month": "2026-10", "past": (msgspec.structs.replace(carried["past"][0], month="2026-08"),)}
    assert judged(facts(october, computer, **older)).state == "insufficient"


def test_a_row_that_was_a_breach_already_is_none_again():
    """The third day fell in September: one more on the first of October does not make October a breach."""
    computer = Computer()
    past = verdict.past_of(judged(facts(rows(computer, (28, 29, 30)), computer)))
    assert (past.is_breach, past.days_down) == (True, 0)
    october = rows(computer, (1,), month=10)
    found = judged(facts(october, computer, month="2026-10", past=(past,)))
    assert found.availability is not None
    assert (found.availability.days_in_a_row, found.state) == (1, "insufficient")
    other = lines.terms(valid_from=date(2026, 10, 1), contract="A-2")
    new = judged(facts(october, computer, month="2026-10", past=(Past(month="2026-09", is_breach=False, days_down=2),)))
    assert new.state == "breach"
    late = lines.terms(valid_from=date(2026, 10, 2), contract="A-2")
    past = (Past(month="2026-09", is_breach=False, days_down=2),)
    assert judged(facts(october, computer, month="2026-10", terms=(other,), past=past)).state == "breach"
    assert judged(facts(october, computer, month="2026-10", terms=(late,), past=past)).state == "insufficient"


def test_three_working_days_in_a_row():
    """Down all day on Thursday, Friday and Monday is a breach; a weekend between is no pause."""
    computer = Computer()
    signs = rows(computer, (3, 4, 7))
    found = judged(facts(signs, computer))
    assert found.availability is not None
    assert (found.availability.days_in_a_row, found.state) == (3, "breach")
    assert judged(facts(signs[:24], computer)).state == "insufficient"


def test_both_halves_of_a_test():
    """A slow test counts where the server's record bears it out, whichever way the record came."""
    computer = Computer()
    carried, _ = twinned(computer, 60.0)
    assert judged(facts(carried, computer, servers=SIGNING)).state == "breach"
    other = Computer(2)
    bare, records = twinned(other, 60.0, carried=False)
    assert judged(facts(bare, other, servers=SIGNING, records=tuple(records))).state == "breach"
    alone = judged(facts(bare, other, servers=SIGNING))
    assert (alone.state, alone.excluded) == ("insufficient", {"no_record": 126})


def test_a_report_that_its_servers_record_contradicts():
    """A computer that says less than the server counted is not believed; nor where two records differ."""
    computer = Computer()
    reports, _ = twinned(computer, 60.0, scale=1.6)
    found = judged(facts(reports, computer, servers=SIGNING))
    assert (found.state, found.excluded) == (
        "insufficient",
        {"other_line": 126, "record_differs": 126, "unreported": 126},
    )
    other = Computer(2)
    honest, records = twinned(other, 60.0)
    begun = [day + timedelta(minutes=30 * slot, seconds=-10) for day in lines.school_days(21) for slot in range(6)]
    twice = tuple(
        recorded(sessions.throughput(60e6, started_at=at), number, scale=1.01) for number, at in enumerate(begun)
    )
    found = judged(facts(honest, other, servers=SIGNING, records=twice))
    assert found.excluded == {"record_differs": 126}
    assert records


def test_two_lines_in_one_school():
    """Of two lines each is judged by what surely went over it."""
    computer = Computer()
    reports, _ = twinned(computer, 60.0)
    near = (lines.terms(networks=("198.51.100.7/32",)),)
    assert judged(facts(reports, computer, servers=SIGNING, terms=near, has_other_line=True)).state == "breach"
    far = (lines.terms(networks=("203.0.113.0/24",)),)
    found = judged(facts(reports, computer, servers=SIGNING, terms=far, has_other_line=True))
    assert (found.state, found.excluded) == ("insufficient", {"other_line": 126})
    untold = judged(facts(month(Computer(2), [BAD] * 21), Computer(2), has_other_line=True))
    assert untold.excluded == {"other_line": 126}


def test_good_tests_that_a_school_keeps_back():
    """What only the server tells of proves that the line gave its level, and is counted; it opens no half hour."""
    computer, reports, records = withheld()
    alone = judged(facts(reports, computer, servers=SIGNING))
    assert (alone.state, {one.name: one.good for one in alone.parts}["download"]) == ("breach", 0)
    whole = judge(facts(reports, computer, servers=SIGNING, records=tuple(records)))
    found = {one.name: one for one in whole.verdict.parts}["download"]
    assert (found.judged, found.good) == (126, 70)
    assert (whole.verdict.kept_by_record, whole.verdict.excluded) == (70, {"unreported": 70})
    (download,) = (one for one in whole.asked if one.name == "download")
    kept = [one for one in download.outcomes if one.by_record]
    assert len(kept) == 70
    assert all(any(source.test_id for source in one.spoke) for one in kept)
    nothing = judged(facts((), computer, servers=SIGNING, records=tuple(records)))
    assert (nothing.state, {one.judged for one in nothing.parts}) == ("insufficient", {0})


@pytest.mark.parametrize(
    ("changes", "facts_changes", "kept"),
    [
        ({"scale": 0.7}, {}, 0),  # below the level
        ({"key": SigningKey(b"x" * 32)}, {}, 0),  # nobody registered it
        ({}, {"servers": (msgspec.structs.replace(SIGNING[0], place="inside"),)}, 0),
        ({}, {"terms": (lines.terms(networks=("198.51.100.0/29",)),)}, 70),
        ({}, {"terms": (lines.terms(networks=("203.0.113.0/29",)),)}, 0),
        ({}, {"terms": (lines.terms(networks=("198.51.100.0/29",)),), "has_other_line": True}, 70),
        ({}, {"has_other_line": True}, 0),
    ],
)
def test_which_records_prove_by_themselves(changes, facts_changes, kept):
    """Those of a registered server outside, at the level, that surely went over this line where there are two."""
    computer, reports, records = withheld(**changes)
    found = judged(facts(reports, computer, **{"servers": SIGNING, "records": tuple(records)} | facts_changes))
    assert found.kept_by_record == kept


@pytest.mark.parametrize(
    "lie",
    [
        {"test_id": f"{7:032x}"},  # it reports less than the server saw
        {"test_id": f"{7:032x}", "server": "wss://elsewhere.example"},
        {"test_id": f"{7:032x}", "started_at": lines.FIRST + timedelta(days=3)},
    ],
)
def test_a_report_that_lies_hides_no_good_test(lie):
    """Who tells something else of a good test than its server has not told of it."""
    computer = Computer()
    good = sessions.throughput(95e6, started_at=lines.FIRST, test_id=f"{7:032x}")
    bad = computer.reports(lines.FIRST, sessions.cable(), sessions.throughput(60e6, test_id=f"{8:032x}"))
    lying = computer.reports(
        lines.FIRST + timedelta(minutes=2),
        sessions.cable(),
        sessions.throughput(30e6, **{"started_at": lines.FIRST, "record": recorded(good, 7)} | lie),
    )
    both = recorded(sessions.throughput(60e6, started_at=lines.FIRST), 8)
    found = judged(facts((bad, lying), computer, servers=SIGNING, records=(both,)))
    assert (found.kept_by_record, found.excluded["unreported"]) == (1, 1)


@pytest.mark.parametrize("server", ["ws://[", "ws://a]b", "ws://[1:2]", "wss://\u2100.x", "ws://h:99999", ""])
def test_a_server_that_is_no_address(server):
    """Whatever a computer calls its server, it is one that nobody placed; its school is judged all the same."""
    computer = Computer()
    reports = month(computer, [BAD] * 21)
    at = reports[-1].received_at + timedelta(hours=1)
    odd = msgspec.structs.replace(sessions.throughput(started_at=at - timedelta(seconds=10)), server=server)
    found = judged(facts([*reports, computer.reports(at, sessions.cable(), odd)], computer))
    assert (found.state, found.excluded) == ("breach", {"server_unknown": 1})


def test_a_report_that_breaks_the_judge(monkeypatch):
    """One report that cannot be read after all is unreadable, and the others are judged."""
    computer = Computer()
    reports = month(computer, [BAD] * 21)
    at = reports[-1].received_at + timedelta(hours=1)
    odd = msgspec.structs.replace(sessions.throughput(started_at=at - timedelta(seconds=10)), server="wss://broken")
    real = heard.is_of_session

    def strict(test, session):
        if test.server == "wss://broken":
            raise OverflowError("date value out of range")
        return real(test, session)

    monkeypatch.setattr(heard, "is_of_session", strict)
    found = judged(facts([*reports, computer.reports(at, sessions.cable(), odd)], computer))
    assert (found.state, found.excluded) == ("breach", {"unreadable": 1})


def test_what_facts_have_no_room_for_is_counted():
    """It stands in the verdict by why; facts without anything of the kind are written as before."""
    computer = Computer()
    whole = facts(month(computer, [BAD] * 21), computer)
    assert b"left_out" not in canonical.encode(whole)
    found = judged(msgspec.structs.replace(whole, left_out={"left_out": 7, "too_many": 3}))
    assert found.excluded == {"left_out": 7, "too_many": 3}
    assert found.facts_sha256 != judged(whole).facts_sha256
    assert b"kept_unreported" not in canonical.encode(found)
