from collector import sla
from collector.store.figures import ComputerFigures
from collector.store.schools import SchoolRecord


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


OPEN = {"possible_bps": 1e13, "bounded_tests": 0}


def test_a_line_below_contract_is_listed_with_what_speaks():
    """The best-placed computer's typical value is held against the contract, with the tolerance."""
    contract = {"download_contracted_bps": 100_000_000, "upload_contracted_bps": 10_000_000}
    assert sla.judge_line(school(**contract), [computer(95e6, 9.5e6)], 0.05) is None
    breach = sla.judge_line(school(**contract), [computer(60e6, 9.9e6), computer(50e6, 9e6, agent_id="b")], 0.05)
    assert breach is not None
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
    assert sla.judge_line(school(**contract), [mostly_paced], 0.05) is None


def test_paced_tests_do_not_count_as_evidence():
    """Two slow tests beside two paced ones are two pieces of evidence, one too few."""
    contract = {"download_contracted_bps": 100_000_000}
    few = computer(60e6, 9e6, tests=4, download_bounded_tests=2)
    breach = sla.judge_line(school(**contract), [few], 0.05)
    assert breach is not None
    assert (breach.tests, breach.enough_data) == (2, False)


def test_no_contract_no_accusation():
    """Without contract speeds in the registry nothing is below contract."""
    assert sla.judge_line(school(), [computer(1e6, 1e6)], 0.05) is None
