from collections import Counter
from datetime import UTC, date, datetime, time
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract import report, signing, standards
from agent.contract.measurement import Failed, Latency, Link, Throughput
from agent.contract.standards import Interval
from agent.contract.wire import Receipt
from collector import periods, readiness, rollup, simulate
from collector.errors import SimulationError
from collector.registry import regions
from collector.settings import PolicySettings

FRIDAY = date(2026, 11, 20)
ALMATY = ZoneInfo("Asia/Almaty")
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
CALENDARS = rollup.calendars_of(PolicySettings())


def plan(schools=30, days=3, seed=1):
    return simulate.Plan(schools=schools, days=days, seed=seed, last_day=FRIDAY)


def decoded(computer, of):
    return [report.decode(signing.decode_envelope(raw).payload) for raw in simulate.envelopes(computer, of)]


def exactly(bps):
    return Interval(value_bps=bps, low_bps=bps, high_bps=bps)


def typical_outcome(site, of):
    """Judge a school as readiness does: by the best computer's median of undisturbed tests."""
    best = [0.0, 0.0]
    for computer in simulate.computers(site, of):
        tests = [
            one
            for each in decoded(computer, of)
            for one in each.read_measurements()
            if isinstance(one, Throughput) and not one.tainted
        ]
        for index, name in enumerate(("download", "upload")):
            rates = [getattr(test, name).ip_bps for test in tests if not getattr(test, name).is_lower_bound]
            best[index] = max(best[index], median(rates) if rates else 0)
    return standards.judge(exactly(best[0]), exactly(best[1]), standards.target_for(site.school.pupils)).outcome


def line_outcome(site):
    """Judge what reaches a wired desk in a quiet hour."""
    down, up = site.line.reaches_desk_bps
    return standards.judge(exactly(down), exactly(up), standards.target_for(site.school.pupils)).outcome


@pytest.mark.parametrize("schools", [1000, 7098])
@pytest.mark.parametrize("seed", [1, 2])
def test_about_nine_in_a_hundred_schools_meet_the_target(schools, seed):
    """As in 2022, 7 to 11 % of the schools meet the ITU recommendation, judged by the standard itself."""
    outcomes = Counter(line_outcome(site) for site in simulate.sites(schools, seed))
    assert 0.07 <= outcomes["PASS"] / schools <= 0.11
    assert outcomes["UNDECIDED"] == 0


def test_the_reports_say_what_is_true_of_the_lines():
    """Ready schools measure as ready and the others do not: noise, Wi-Fi and congestion never turn a verdict."""
    of = plan(schools=300, days=5)
    for site in simulate.sites(of.schools, of.seed):
        expected = "PASS" if site.line.story == "ready" else "FAIL"
        assert typical_outcome(site, of) == expected, site


def test_the_country_has_the_known_proportions():
    """20 of 7,098 schools have no line, 664 are ready, all regions have schools, and villages have small ones."""
    country = simulate.sites(7098, 1)
    stories = Counter(site.line.story for site in country)
    assert (stories["no line"], stories["ready"]) == (20, 664)
    assert stories["inner network"] > 500
    assert {site.school.region_id for site in country} == {region.region_id for region in regions()}
    pupils = sorted(site.school.pupils for site in country)
    assert 150 <= pupils[len(pupils) // 2] <= 350
    assert 400 <= sum(pupils) / len(pupils) <= 550
    kinds = Counter(site.school.connectivity_type for site in country)
    assert set(kinds) == {"fibre", "satellite", "microwave", "adsl", "none"}
    assert 0.6 < kinds["fibre"] / 7098 < 0.8


def test_schools_without_a_line_are_not_connected_and_report_nothing():
    """From 200 schools on there is at least one, and it has neither contract nor computers that report."""
    cut_off = [site for site in simulate.sites(200, 3) if site.school.connected is False]
    assert len(cut_off) == 1
    (site,) = cut_off
    assert (site.school.connectivity_type, site.school.operator) == ("none", None)
    assert site.school.download_contracted_bps is None
    assert simulate.computers(site, plan(200)) == []


def test_a_good_line_with_a_bad_inner_network_fails():
    """The line carries what was bought; the school's own wiring does not."""
    for site in simulate.sites(500, 1):
        if site.line.story == "inner network":
            assert site.school.connectivity_type in {"fibre", "microwave"}
            assert site.line.download_bps > 0.95 * site.school.download_contracted_bps
            assert site.line.reaches_desk_bps[0] < 0.8 * site.line.download_bps


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 400), st.integers())
def test_any_country_is_whole_and_marked(schools, seed):
    """Whatever the size and seed: as many schools as asked for, each with its own id, and synthetic in every text."""
    country = simulate.country(schools, seed)
    assert len({school.school_id for school in country}) == len(country) == schools
    for school in country:
        assert school.synthetic
        assert school.school_id.startswith("SYN-")
        marked = (school.name, school.district, school.operator or simulate.MARK)
        assert all(simulate.MARK in text for text in marked)


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others():
    """A simulation can be run again anywhere and is the same to the last byte."""

    def first(seed):
        of = plan(seed=seed)
        site = simulate.sites(of.schools, of.seed)[0]
        return site.school, [list(simulate.envelopes(one, of)) for one in simulate.computers(site, of)]

    assert first(1) == first(1)
    assert first(1)[1] != first(2)[1]


def test_reports_are_signed_and_chained_like_an_agents():
    """Each envelope verifies with the computer's key; sequence, chain, school and agent are what ingest demands."""
    of = plan()
    for site in simulate.sites(of.schools, of.seed)[:10]:
        for computer in simulate.computers(site, of):
            previous = None
            for sequence, raw in enumerate(simulate.envelopes(computer, of), start=1):
                payload = signing.verify(signing.decode_envelope(raw), report.PAYLOAD_TYPE, computer.public_key)
                found = report.decode(payload)
                assert (found.sequence, found.previous) == (sequence, previous)
                assert (found.agent, found.school) == (computer.agent_id, site.school.school_id)
                previous = report.sha256_hex(payload)


def test_sessions_lie_on_school_days_in_order_and_not_all_in_one_minute():
    """Reports come from Mondays to Fridays, mostly in school hours, spread over the minutes, none in the future."""
    of = plan(days=7)
    site = next(site for site in simulate.sites(of.schools, of.seed) if site.school.connected)
    for computer in simulate.computers(site, of):
        created = [one.created_at.astimezone(ALMATY) for one in decoded(computer, of)]
        assert created == sorted(created)
        assert {moment.isoweekday() for moment in created} == {1, 2, 3, 4, 5}
        assert len({moment.date() for moment in created}) == 7
        assert max(created).date() == FRIDAY
        assert all(time(8) <= moment.time() <= time(21, 5) for moment in created)
        assert len({moment.minute for moment in created}) > 5


def test_measurements_are_those_of_the_probes():
    """Links, latencies and speeds with intervals; failures; paced tests as lower bounds; slower Wi-Fi computers."""
    of = plan(schools=60, days=10)
    wired, wireless, kinds = [], [], Counter()
    for site in simulate.sites(of.schools, of.seed):
        for computer in simulate.computers(site, of):
            for one in (one for each in decoded(computer, of) for one in each.read_measurements()):
                kinds[type(one)] += 1
                if isinstance(one, Throughput):
                    kinds["paced"] += one.download.is_lower_bound
                    kinds[one.purpose] += 1
                    assert one.engine == "simulated"
                    assert one.server == "synthetic"
                    assert one.download.ip_low_bps <= one.download.ip_bps <= (one.download.ip_high_bps or 1e12)
                    assert one.download.goodput_bps < one.download.ip_bps
                    if site.line.story == "ready" and one.purpose == "capacity":
                        (wireless if computer.wifi_bps else wired).append(one.download.ip_bps)
    assert min(kinds[kind] for kind in (Link, Latency, Throughput, Failed, "paced", "verdict", "capacity")) > 0
    assert kinds[Failed] < 0.05 * kinds[Throughput]
    assert median(wireless) < median(wired)


def test_lessons_are_asked_for_a_verdict_and_the_evening_for_the_capacity():
    """As real agents do it: paced tests in lessons but for a day's overdue last one, and a long form every week."""
    of = plan(schools=5, days=15)
    for site in simulate.sites(of.schools, of.seed):
        for computer in simulate.computers(site, of):
            tests = [
                one for each in decoded(computer, of) for one in each.read_measurements() if isinstance(one, Throughput)
            ]
            evening = [one for one in tests if one.started_at.astimezone(ALMATY).hour >= 18]
            assert {one.purpose for one in evening} == {"capacity"}
            in_lessons = [one.purpose for one in tests if one not in evening]
            assert in_lessons.count("verdict") > 20
            assert in_lessons.count("capacity") <= 3
            long = [one.started_at.date() for one in tests if one.form == "long"]
            assert 2 <= len(long) <= 3
            assert all(one.download.sustained_bps for one in tests if one.form == "long")


def test_an_answer_that_is_no_receipt_of_storage_ends_the_simulation():
    """A refused or missing answer is never counted as stored."""
    of = plan(schools=5)
    country = simulate.sites(of.schools, of.seed)
    refused = Receipt(answer="refused", reason="unknown_agent", detail="never enrolled")
    with pytest.raises(SimulationError, match="unknown_agent: never enrolled"):
        simulate.send(country, of, lambda _: None, lambda batch: [refused] * len(batch))
    with pytest.raises(SimulationError, match="0 answers came back"):
        simulate.send(country, of, lambda _: None, lambda _: [])


def test_a_simulation_is_stored_once_however_often_it_runs(database):
    """Through the real ingest into a real database; the second run finds everything there; readiness sees the truth."""
    steps = []
    of = simulate.plan_until_yesterday(40, 8, 1, NOW)
    first = simulate.run(database, of, NOW, CALENDARS, lambda done, total: steps.append((done, total)))
    assert first.schools == 40
    assert first.stored > 400
    assert first.duplicates == 0
    assert steps[-1] == (40, 40)
    again = simulate.run(database, of, NOW, CALENDARS)
    assert (again.stored, again.duplicates, again.agents) == (0, first.stored, first.agents)
    with database.owning() as connection:
        judged = readiness.of_period(connection, periods.parse("2026-Q4", ALMATY))
    truth = {site.school.school_id: site.line.story for site in simulate.sites(40, 1)}
    states = {"ready": "ready", "no line": "not connected"}
    wrong = {
        (one.school.school_id, one.state)
        for one in judged
        if one.state != states.get(truth[one.school.school_id], "not ready")
    }
    # Eight days of one computer may leave a school too close to the line to say.
    assert {state for _, state in wrong} <= {"not enough data"}
    assert len(wrong) <= 2
    assert all(one.school.synthetic for one in judged)
