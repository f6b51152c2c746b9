from datetime import UTC, datetime

import msgspec

from collector import ingest, sla
from collector.judging import running
from collector.settings import PolicySettings, Server, Settings
from collector.store import agreements
from collector.store.figures import ComputerFigures
from collector.store.schools import SchoolRecord
from tests.fakes import lines
from tests.fakes.lines import Computer


def school(**changes) -> SchoolRecord:
    """Return a school of 300 pupils: it needs 20/5, decided at 19/4.75."""
    return SchoolRecord(**({"school_id": "1", "name": "One", "region_id": "KZ-75", "pupils": 300} | changes))


def computer(download_bps, upload_bps, tests=5, agent_id="a", **changes) -> ComputerFigures:
    """Return the figures of a computer whose tests nothing paced."""
    values = {"school_id": "1", "agent_id": agent_id, "tests": tests}
    for name, bps in (("download", download_bps), ("upload", upload_bps)):
        values |= {f"{name}_{kind}": tests for kind in ("tests", "bounded_tests")}
        values |= {f"{name}_{kind}": bps for kind in ("bps", "proven_bps", "possible_bps")}
    return ComputerFigures(**(values | changes))


def says_below(computers, **contract) -> bool:
    """Tell whether a line is listed."""
    found = sla.measured(school(**contract), computers, 0.05)
    return found.download_below or found.upload_below


def test_a_line_below_contract_is_listed_with_what_speaks():
    """The best-placed computer's typical value is held against the contract, with the tolerance."""
    contract = {"download_contracted_bps": 100_000_000, "upload_contracted_bps": 10_000_000}
    assert not says_below([computer(95e6, 9.5e6)], **contract)
    breach = sla.measured(school(**contract), [computer(60e6, 9.9e6), computer(50e6, 9e6, agent_id="b")], 0.05)
    assert (breach.download_below, breach.upload_below, breach.download_bps, breach.enough_data) == (
        True,
        False,
        60e6,
        True,
    )


def test_paced_tests_speak_for_a_line_and_never_against_it():
    """Slow moments do not accuse a line that was mostly seen at the pace: the median leaves it open."""
    contract = {"download_contracted_bps": 100_000_000}
    mostly_paced = computer(60e6, 9e6, download_proven_bps=30e6, download_possible_bps=1e13)
    assert not says_below([mostly_paced], **contract)


def test_paced_tests_do_not_count_as_evidence():
    """Two slow tests beside two paced ones are two pieces of evidence, one too few."""
    contract = {"download_contracted_bps": 100_000_000}
    few = computer(60e6, 9e6, tests=4, download_bounded_tests=2)
    breach = sla.measured(school(**contract), [few], 0.05)
    assert (breach.tests, breach.enough_data) == (2, False)


def test_no_contract_no_accusation():
    """Without contract speeds in the registry nothing is below contract."""
    assert not says_below([computer(1e6, 1e6)])


def test_a_line_judged_in_breach_comes_first_and_says_so(client, database, add_school, enrolled, bearer):
    """A verdict alone accuses, the operator of then: its month is named. A slow line without one stands behind it."""
    for number, school_id in enumerate(("0101", "0202"), start=1):
        add_school(school_id, operator="Alpha", download_contracted_bps=100_000_000 if number == 2 else None)
        enrolled(school_id, number)
    with database.owning() as connection:
        agreements.keep_terms(connection, lines.terms(), "KZ-75")
    for number, school_id in enumerate(("0101", "0202"), start=1):
        for one in lines.month(Computer(number, school=school_id), [[12.3] * 6] * 21):
            with database.ingesting() as connection:
                ingest.accept(connection, [msgspec.json.encode(one.envelope)], one.received_at)
    told = PolicySettings(servers=(Server(url=lines.OUTSIDE, place="outside"),))
    running.run(database, Settings(policy=told), now=datetime(2026, 10, 5, tzinfo=UTC))

    def listed(period: str, role: str = "ministry", scope: str | None = None):
        asked = {"params": {"period": period}, "headers": bearer(role, scope)}
        found = client.get("/api/v1/sla/breaches", **asked).json()["items"]
        return [(one["id"], one["judged"], one["download_below"], len(one["evidence"])) for one in found]

    both = [("0101", ["2026-09"], False, 0), ("0202", [], True, 126)]
    assert listed("2026-Q3") == both
    assert listed("2026-Q4") == []
    assert listed("2026-09", "operator", "Alpha") == listed("2026-09")
    add_school("0303", operator="Beta")
    assert listed("2026-09", "operator", "Beta") == []
    add_school("0101", operator="Beta", download_contracted_bps=100_000_000)
    assert listed("2026-Q3") == both
    assert listed("2026-Q3", "operator", "Beta") == []
    for role, scope, name in (("ministry", None, "School 0101"), ("operator", "Alpha", None)):
        found = client.get("/api/v1/sla/breaches", params={"period": "2026-09"}, headers=bearer(role, scope))
        first = found.json()["items"][0]
        assert (first["operator"], first["name"], first["download_bps"]) == ("Alpha", name, None)
