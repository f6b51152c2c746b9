import pytest

from agent.contract.standards import shipped_standards
from collector import rankings, readiness, sla
from collector.rankings import schools as ranking_of_schools
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


def paced(download_at_least_bps, upload_at_least_bps, tests=5) -> ComputerFigures:
    """Return the figures of a computer whose tests were all paced."""
    proven = {"download_proven_bps": download_at_least_bps, "upload_proven_bps": upload_at_least_bps}
    open_end = {f"{name}_{kind}": value for name in ("download", "upload") for kind, value in OPEN.items()}
    return computer(None, None, tests=tests, **proven, **open_end)


def judged(*computers, **changes) -> readiness.Readiness:
    """Judge a school by these computers."""
    return readiness.judge(school(**changes), computers, shipped_standards())


@pytest.mark.parametrize(
    ("download_bps", "upload_bps", "meets"),
    [(19.0e6, 4.75e6, True), (18.9e6, 9e6, False), (90e6, 4.7e6, False), (25e6, 6e6, True)],
)
def test_the_decision_level_decides(download_bps, upload_bps, meets):
    """95 % of the target is reached, a little less is not, in either direction."""
    assert judged(computer(download_bps, upload_bps)).meets is meets


def test_the_best_placed_computer_speaks_for_the_line():
    """One slow classroom computer does not make a good line slow."""
    one = judged(computer(5e6, 2e6, agent_id="slow"), computer(30e6, 8e6, agent_id="good"))
    assert (one.meets, one.download_bps, one.computers, one.tests) == (True, 30e6, 2, 10)


def test_a_single_lucky_test_does_not_speak_for_the_school():
    """A computer with too few tests is not believed where another has enough."""
    one = judged(computer(90e6, 9e6, tests=1, agent_id="lucky"), computer(10e6, 6e6, agent_id="steady"))
    assert (one.meets, one.download_bps) == (False, 10e6)


def test_too_few_tests_are_neither_yes_nor_no():
    """Two tests are shown but not judged, and the reason says what is missing."""
    one = judged(computer(90e6, 9e6, tests=2))
    assert (one.meets, one.state, one.download_bps) == (None, "not enough data", 90e6)
    assert "2 of 3" in one.reason


def test_paced_tests_prove_meets_and_nothing_else():
    """A lower bound above the level is a yes; one below it is no evidence at all, and never a typical speed."""
    above = judged(paced(19.5e6, 5e6))
    assert (above.meets, above.download_bps, above.download_at_least_bps) == (True, None, 19.5e6)
    assert "how fast the line is they did not ask" in above.reason
    below = judged(paced(15e6, 5e6))
    assert (below.meets, below.state) == (None, "not enough data")
    assert "full test" in below.reason


def test_the_dips_of_a_paced_line_are_not_its_typical_speed():
    """Where most tests were held back by their pace and one was slow, the slow one alone is no typical speed."""
    dip = computer(15e6, 6e6, tests=3, download_bounded_tests=1, download_proven_bps=29e6, download_possible_bps=1e13)
    seen = judged(dip)
    assert (seen.meets, seen.download_bps, seen.download_at_least_bps) == (True, None, 29e6)
    assert (seen.upload_bps, seen.upload_at_least_bps) == (6e6, None)


def test_tests_that_prove_nothing_are_not_at_least_nothing():
    """A lower bound of zero is no figure: null, not an invented zero."""
    nothing = judged(paced(0.0, 0.0))
    assert (nothing.meets, nothing.download_at_least_bps, nothing.upload_at_least_bps) == (None, None, None)


def test_a_lucky_paced_test_does_not_turn_a_slow_school_into_a_good_one():
    """What half of all tests prove and leave possible decides, not the best of them."""
    mixed = computer(15e6, 6e6, download_proven_bps=15e6, download_possible_bps=16e6)
    assert judged(mixed).meets is False


def test_unknown_pupils_leave_yes_open_but_not_no():
    """Below 20 Mbit/s every school is below; above it nobody knows without the number of pupils."""
    assert judged(computer(10e6, 6e6), pupils=None).meets is False
    unknown = judged(computer(90e6, 9e6), pupils=None)
    assert (unknown.meets, unknown.target.download_bps) == (None, None)
    assert "pupils" in unknown.reason


def test_a_school_without_a_line_is_a_class_of_its_own():
    """Not connected is neither slow nor unknown."""
    assert judged(connected=False).state == "not connected"
    assert judged(connected=True).state == "not enough data"


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


def ranked(*seen: readiness.Readiness) -> list[rankings.Row]:
    """Rank schools that were judged so."""
    return rankings.numbered([ranking_of_schools._row(one) for one in seen], rankings.fitness)


def test_a_school_known_by_paced_tests_alone_is_ranked_by_what_they_prove():
    """It shows no typical speed, says "at least", and stands between faster and slower schools."""
    rows = ranked(
        judged(computer(25e6, 8e6), school_id="slower"),
        judged(paced(29e6, 7.2e6), school_id="paced"),
        judged(computer(90e6, 30e6), school_id="faster"),
    )
    assert [(row.rank, row.id, row.meets) for row in rows] == [
        (1, "faster", True),
        (2, "paced", True),
        (3, "slower", True),
    ]
    assert (rows[1].download_bps, rows[1].download_at_least_bps) == (None, 29e6)
    assert (rows[0].download_bps, rows[0].download_at_least_bps) == (90e6, None)


def test_a_groups_median_is_made_of_typical_speeds_only():
    """Lower bounds stay out of a region's figures, and stand for it only where nothing else is known."""
    paced_only, known = judged(paced(29e6, 7e6)), judged(computer(60e6, 8e6))
    mixed = rankings.group_row(rankings.GroupRow, "r", "R", [paced_only, known, paced_only])
    assert (mixed.download_bps, mixed.download_at_least_bps, mixed.meets) == (60e6, None, True)
    bound = rankings.group_row(rankings.GroupRow, "r", "R", [paced_only, paced_only])
    assert (bound.download_bps, bound.download_at_least_bps, bound.upload_at_least_bps) == (None, 29e6, 7e6)


def test_no_contract_no_accusation():
    """Without contract speeds in the registry nothing is below contract."""
    assert sla.judge_line(school(), [computer(1e6, 1e6)], 0.05) is None
