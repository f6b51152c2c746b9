"""Whose fault a slow school is: each cause, what comes close, and the line last of all."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract import standards
from agent.contract.causes import INSIDE
from agent.contract.lan import Router
from agent.contract.measurement import Unknown
from agent.contract.rules import shipped_rules
from agent.contract.services import Services
from collector.diagnosis import ComputerSession, SchoolDiagnosis, diagnose_school
from tests.fakes.sessions import (
    CONTRACT,
    FIRST,
    SERVERS,
    at,
    cable,
    lan,
    peer,
    radio,
    router_echoes,
    scan,
    throughput,
    times,
)

RULES = shipped_rules()
SLOW = (37e6, 19.6e6)
GOOD = [cable(), throughput(), lan()]
SLOW_LINE = [cable(), throughput(*SLOW), lan()]


def computer(name: str, *measurements, count=4, days=2, late_s=0, room=None) -> list[ComputerSession]:
    """Return a computer's sessions, all the same; two computers are apart by ``late_s``."""
    return [
        ComputerSession(
            agent=name,
            room=room,
            started_at=moment + timedelta(seconds=late_s),
            measurements=at(moment + timedelta(seconds=late_s), *measurements),
        )
        for moment in times(count, days=days)
    ]


def judged(*computers, contract=CONTRACT, target=None) -> SchoolDiagnosis:
    """Diagnose a school of these computers, a minute apart from each other where they were not told otherwise."""
    facts = [
        msgspec.structs.replace(
            session,
            started_at=session.started_at + timedelta(minutes=number),
            measurements=[
                one
                if isinstance(one, Unknown)
                else msgspec.structs.replace(one, started_at=one.started_at + timedelta(minutes=number))
                for one in session.measurements
            ],
        )
        for number, sessions in enumerate(computers)
        for session in sessions
    ]
    return diagnose_school(facts, contract, target, RULES)


BUSY_ROUTER = lan(router=Router(counts=True, download_bps=60e6, upload_bps=1e5))
SCHOOLS = {
    "all good": ("HEALTHY", [GOOD, GOOD, [radio(), throughput(90e6)]]),
    "one on 10 Mbit/s": ("LAN_WIRED", [GOOD, GOOD, [cable(speed_bps=10e6), throughput(9.4e6, 9.4e6)]]),
    "one on 100 Mbit/s, full": (
        "LAN_WIRED",
        [GOOD, GOOD, [cable(speed_bps=100e6), throughput(71e6, tainted=("link_limited",))]],
    ),
    "half behind a bad segment that shows nothing else": ("LAN_WIRED", [GOOD, GOOD, SLOW_LINE, SLOW_LINE]),
    "half behind a bad segment": (
        "LAN_WIRED",
        [GOOD, GOOD, *2 * [[cable(), throughput(*SLOW, gateway=router_echoes(40.0))]]],
    ),
    "Wi-Fi with loss": (
        "WIFI_INTERFERENCE",
        [GOOD, *2 * [[radio(), throughput(*SLOW, gateway=router_echoes(received=170), loss_ratio=0.15)]]],
    ),
    "Wi-Fi with loss, none on cables": (
        "WIFI_INTERFERENCE",
        2 * [[radio(), throughput(*SLOW, gateway=router_echoes(received=170), loss_ratio=0.15)]],
    ),
    "weak signal": ("WIFI_COVERAGE", [GOOD, *2 * [[radio(-80), throughput(*SLOW)]]]),
    "an access point on a slow port": ("WIFI_CONFIG", [GOOD, [radio(receive_bps=800e6), throughput(*SLOW)]]),
    "slow computer": ("HOST", [GOOD, GOOD, [cable(), throughput(*SLOW, tainted=("host_limited",))]]),
    "slow line": ("ISP_LINE", [SLOW_LINE, SLOW_LINE]),
    "slow line, one witness": ("ISP_LINE", [SLOW_LINE, [radio(), throughput(36e6)]]),
    "slow line and a weak signal that still gets it": ("ISP_LINE", [SLOW_LINE, [radio(-80), throughput(36e6)]]),
    "slow line and a slow computer": ("ISP_LINE", [SLOW_LINE, [cable(), throughput(9e6, tainted=("host_limited",))]]),
    "smaller plan": ("LOWER_PLAN", [[cable(), throughput(20.1e6), lan()], [cable(), throughput(19.9e6), lan()]]),
    "full by the router's counters": ("LINE_SATURATED", 2 * [[cable(), throughput(*SLOW), BUSY_ROUTER]]),
    "full by what another computer moves": (
        "LINE_SATURATED",
        [[cable(), throughput(*SLOW)], [cable(download_bps=60e6), throughput(*SLOW)]],
    ),
    "slow line and a bad cable": ("MIXED", [SLOW_LINE, SLOW_LINE, [cable(duplex="half"), throughput(9e6, 5e6)]]),
    "slow line and weak signals": ("MIXED", [SLOW_LINE, [radio(-80), throughput(5e6, 2e6)]]),
    "two causes inside": ("MIXED", [GOOD, [cable(duplex="half"), throughput(*SLOW)], [radio(-80), throughput(*SLOW)]]),
    "only over Wi-Fi, and nothing shows why": ("INSUFFICIENT", 2 * [[radio(), throughput(*SLOW)]]),
    "the way inside is not seen": ("INSUFFICIENT", 2 * [[cable(), throughput(*SLOW, gateway=None), lan()]]),
    "the line is not shown idle": ("INSUFFICIENT", 2 * [[cable(), throughput(*SLOW, rtt_download_ms=None)]]),
}


@pytest.mark.parametrize(("cause", "measurements"), SCHOOLS.values(), ids=SCHOOLS)
def test_each_school_is_named(cause, measurements):
    """Four sessions of each computer on two days: the cause is named, with whose figures it rests on."""
    seen = judged(*(computer(f"{number:032x}", *one) for number, one in enumerate(measurements)))
    assert seen.cause == cause
    assert len(seen.sentence) > 40
    assert seen.rules_version == RULES.name
    assert cause == "INSUFFICIENT" or all(
        one.reference.agent or one.reference.kind == "sessions" for one in seen.evidence
    )


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        ([], "speed tests"),
        (computer("a", *SLOW_LINE, count=2), "speed tests"),
        (
            [one for number in range(4) for one in computer("a", *SLOW_LINE, count=1, late_s=60 * number)],
            "different hours",
        ),
        (computer("a", radio(), throughput(*SLOW)), "on a cable"),
        (computer("a", *SLOW_LINE, count=4, days=1), "another day"),
    ],
    ids=["nothing", "too few tests", "one hour only", "one computer on Wi-Fi", "one day and one server"],
)
def test_too_little_is_said_to_be_too_little(facts, missing):
    """Each thing that is missing is named, and nobody is blamed."""
    seen = judged(facts)
    assert seen.cause == "INSUFFICIENT"
    assert missing in seen.sentence
    assert any(missing in one for one in seen.missing)


def test_what_the_line_should_carry_has_to_be_known():
    """Without contract and target nothing can be judged; with the target alone the operator is not at fault."""
    facts = [computer("a", *SLOW_LINE), computer("b", *SLOW_LINE)]
    assert judged(*facts, contract=None).cause == "INSUFFICIENT"
    unknown = judged(*facts, contract=None, target=standards.target_for(2000))
    assert unknown.cause == "INSUFFICIENT"
    assert "contract" in unknown.sentence
    assert judged(*facts, contract=None, target=standards.target_for(300)).cause == "HEALTHY"
    assert judged(computer("a", *GOOD), target=standards.target_for(5000)).cause == "LOWER_PLAN"


def test_hosts_and_days_make_it_sure():
    """One witness on two days is medium, two are high; two servers on one day are enough to say it."""
    assert judged(computer("a", *SLOW_LINE)).confidence == "medium"
    assert judged(computer("a", *SLOW_LINE), computer("b", *SLOW_LINE)).confidence == "high"
    both = [
        one
        for number, server in enumerate(SERVERS)
        for one in computer("a", cable(), throughput(*SLOW, server=server), lan(), count=2, days=1, late_s=600 * number)
    ]
    assert (judged(both).cause, judged(both).confidence) == ("ISP_LINE", "medium")


def test_nights_are_good_and_peaks_are_bad():
    """An idle line that is slow at some hours only is slow beyond the router, and it is known to deliver at others."""
    facts = [
        *computer("a", cable(), throughput(*SLOW), lan(), count=4),
        *computer("a", *GOOD, count=4, late_s=12 * 3600),
    ]
    seen = judged(facts)
    assert seen.cause == "ISP_LINE"
    assert seen.counter_evidence


def test_who_was_not_there_at_the_peak_says_nothing_of_it():
    """A computer that measured only at good hours does not outweigh one that saw both; one that was there does."""
    peaks = computer("a", cable(), throughput(*SLOW), lan(), count=4)
    nights = computer("a", *GOOD, count=2, late_s=12 * 3600)
    only_nights = computer("b", *GOOD, count=2, late_s=12 * 3600)
    assert judged([*peaks, *nights], only_nights).cause == "ISP_LINE"
    assert judged([*peaks, *nights], computer("b", *GOOD, count=4)).cause != "ISP_LINE"
    assert judged(peaks, only_nights).cause != "ISP_LINE"  # never fast itself: that may be its own place


def test_two_tests_at_once_share_the_line():
    """Computers that measure at the same moment take the line from each other: that is the school's own traffic."""
    facts = [*computer("a", cable(), throughput(*SLOW)), *computer("b", cable(), throughput(*SLOW))]
    seen = diagnose_school(facts, CONTRACT, None, RULES)
    assert seen.cause == "LINE_SATURATED"
    assert any("at the same time" in one.figure for one in seen.evidence)


def test_slow_at_another_hour_is_no_comparison():
    """A good computer at night does not prove the cable of one that was slow at noon: that half is slow is said."""
    night = computer("b", *GOOD, count=2, late_s=12 * 3600)
    noon = computer("a", radio(), throughput(*SLOW))
    seen = judged(noon, night)
    assert (seen.cause, seen.slow_computers, seen.line_delivers) == ("INSUFFICIENT", 1, True)
    assert "at the hours" in seen.sentence


def test_one_of_many_that_nothing_explains_is_told_in_a_healthy_school():
    """Nobody says that all is well at a computer that is slow for no reason that is seen."""
    night = [computer(name, *GOOD, late_s=12 * 3600) for name in "bcde"]
    seen = judged(computer("a", radio(), throughput(*SLOW)), *night)
    assert (seen.cause, seen.slow_computers) == ("HEALTHY", 1)
    assert "1 of 5 did not" in seen.sentence


def test_lower_bounds_are_no_typical_speed():
    """A paced test at the best-placed computer says "at least": who gets less is still slow."""
    download = msgspec.structs.replace(throughput(20e6).download, paced_bps=20e6, ip_high_bps=None)
    paced = [cable(), msgspec.structs.replace(throughput(20e6), download=download), lan()]
    best = [*computer("a", *GOOD, count=1), *computer("a", *paced, count=4)]
    seen = judged(best, computer("b", radio(-80), throughput(40e6)))
    assert (seen.cause, seen.slow_computers) == ("WIFI_COVERAGE", 1)


def test_a_slow_server_blames_nobody():
    """Where the test server itself was the limit, the test says "at least" of the line and of the way inside."""
    tainted = [cable(), throughput(*SLOW, tainted=("server_limited",)), lan()]
    seen = judged(computer("a", *GOOD), computer("b", *tainted))
    assert (seen.cause, seen.slow_computers) == ("HEALTHY", 0)
    assert judged(computer("a", *tainted), computer("b", *tainted)).cause == "INSUFFICIENT"


def test_a_blamed_line_is_not_one_that_delivers():
    """A line that is too slow often enough to be the operator's fault does not prove the network inside bad."""
    often = [*computer("a", *GOOD, count=5), *computer("a", *SLOW_LINE, count=4, late_s=3600)]
    seen = judged(often, computer("b", radio(-80), throughput(5e6, 2e6)))
    assert seen.cause == "MIXED"
    assert not seen.not_organised


@pytest.mark.parametrize(("upload_bps", "cause"), [(19.6e6, "ISP_LINE"), (5e6, "LINE_SATURATED")])
def test_cameras_explain_a_short_upload_only(upload_bps, cause):
    """What the registered cameras may send is no reason for a slow download, and only may be one for the upload."""
    router = lan(router=None)
    slow = [cable(), throughput(37e6, upload_bps), router, Services(cameras_registered=3, cameras_upload_bps=12e6)]
    seen = judged(computer("a", *slow), computer("b", *slow))
    assert (seen.cause, seen.confidence == "low") == (cause, cause == "LINE_SATURATED")


def test_a_network_that_is_not_properly_organised():
    """The line delivers and in a third of the rooms or more it does not arrive, on two days: that is said."""
    rooms = [computer("a", *GOOD, room="1"), computer("b", *GOOD, room="2")]
    weak = [
        computer("c", radio(-80), throughput(*SLOW), room="3"),
        computer("d", radio(-80), throughput(*SLOW), room="4"),
    ]
    seen = judged(*rooms, *weak)
    assert (seen.cause, seen.confidence, seen.line_delivers) == ("WIFI_COVERAGE", "high", True)
    assert seen.not_organised
    assert (seen.rooms, seen.unfit_rooms) == (4, 2)
    assert "not properly organised" in seen.not_organised_sentence


@pytest.mark.parametrize(
    "computers",
    [
        [computer("a", *GOOD)]
        + [computer(name, *GOOD) for name in "bcd"]
        + [computer("e", radio(-80), throughput(*SLOW))],
        [computer("a", *GOOD, days=1), computer("b", radio(-80), throughput(*SLOW), days=1)],
        [computer("a", *SLOW_LINE), computer("b", radio(-80), throughput(5e6, 2e6))],
        [computer("a", radio(), throughput(90e6)), computer("b", radio(-80), throughput(*SLOW))],
        [computer("a", *GOOD), computer("b", cable(), throughput(*SLOW, tainted=("host_limited",)))],
        [computer("a", *GOOD, room="1"), computer("b", *GOOD, room="2")],
    ],
    ids=["too few rooms", "one day", "the line does not deliver", "the line is not shown", "old computers", "nothing"],
)
def test_what_is_not_badly_organised(computers):
    """The flag needs a line that is shown to deliver, enough rooms, and two days."""
    seen = judged(*computers)
    assert not seen.not_organised
    assert seen.not_organised_sentence is None


def test_two_routers_show_only_from_two_computers():
    """Computers of one network with different routers or address servers, on one day, show a second router."""
    other = cable(gateway="10.1.0.66", dhcp_server="10.1.0.66")
    seen = judged(computer("a", *GOOD), computer("b", other, throughput()))
    assert seen.cause == "HEALTHY"
    assert {one.defect for one in seen.defects} == {"rogue_dhcp", "second_gateway"}
    elsewhere = cable(address="10.2.0.9", gateway="10.2.0.1", dhcp_server="10.2.0.1")
    assert judged(computer("a", *GOOD), computer("b", elsewhere, throughput())).defects == ()
    nonsense = cable(address="not an address", gateway="nor this")
    assert judged(computer("a", *GOOD), computer("b", nonsense, throughput())).defects == ()


def test_a_computer_that_reaches_others_quickly_shows_the_way():
    """Without echoes of the router a test between two computers on cables shows the wiring clean."""
    shown = [cable(), throughput(*SLOW, gateway=None), lan(), peer()]
    assert judged(computer("a", *shown), computer("b", *shown)).cause == "ISP_LINE"


@pytest.mark.parametrize("rate", [7.7e6, 10.1e6, 12.7e6])
def test_a_steady_load_all_day_blames_nobody(rate):
    """Cameras that send all day, and a router that tells nothing: two computers see the same short upload, no proof."""
    sent = [cable(), throughput(98e6, rate)]
    seen = judged(*(computer(name, *sent, count=12, days=6) for name in "ab"))
    assert (seen.cause, seen.confidence) in {("INSUFFICIENT", "low"), ("LOWER_PLAN", "low")}
    assert any("cameras" in one and "UPnP" in one for one in seen.missing)
    assert seen.line_delivers is None
    assert judged(*(computer(name, *sent, lan(), count=12, days=6) for name in "ab")).cause != "INSUFFICIENT"


NOT_CLEAN = {
    "cables as fast as the line": ([cable(speed_bps=100e6), throughput(*SLOW), lan()], "faster than the line"),
    "cables of a speed that is hidden": ([cable(speed_bps=None), throughput(*SLOW), lan()], "does not tell"),
    "a medium that is not known": ([cable(medium=None), throughput(*SLOW), lan()], "on a cable"),
    "virtual machines": ([cable(medium="virtual"), throughput(*SLOW), lan()], "on a cable"),
    "only Wi-Fi": ([radio(), throughput(*SLOW), lan()], "on a cable"),
    "a mark of tomorrow": ([cable(), throughput(*SLOW, tainted=("new",)), lan()], "more tests"),
    "damaged cables that are fast enough": ([cable(errors=80), throughput(), lan()], "nothing at the computer"),
}


@pytest.mark.parametrize(("measurements", "missing"), NOT_CLEAN.values(), ids=NOT_CLEAN)
def test_without_a_clean_computer_nobody_is_blamed(measurements, missing):
    """However many computers and days: none of them may speak for the line, and what is missing is said."""
    seen = judged(*(computer(name, *measurements, count=12, days=6) for name in "abc"))
    assert (seen.cause, seen.line_delivers, seen.not_organised) == ("INSUFFICIENT", None, False)
    assert any(missing in one for one in seen.missing)
    assert missing in seen.sentence


def test_a_hidden_cable_beside_a_fast_computer_is_the_wiring():
    """A clean computer was fast at the same time; who proves its cable wide may speak for the line."""
    hidden = [cable(speed_bps=None), throughput(*SLOW), lan()]
    assert judged(computer("a", *GOOD), computer("b", *hidden)).cause == "LAN_WIRED"
    assert judged(computer("a", *hidden, peer()), computer("b", *hidden, peer())).cause == "ISP_LINE"


def test_a_line_that_mostly_delivers_is_never_surely_slow():
    """Many computers that agree make it no surer than medium where good tests are many; the sentence counts both."""
    days = [
        [
            *computer(name, cable(), throughput(*SLOW, server=SERVERS[number % 2]), lan(), count=4),
            *computer(name, *GOOD, count=8, days=4, late_s=12 * 3600),
        ]
        for number, name in enumerate("abc")
    ]
    seen = judged(*days)
    assert (seen.cause, seen.confidence) == ("ISP_LINE", "medium")
    assert "at some hours, in 4 of 12 tests" in seen.sentence
    assert "4 on a line that was shown idle" in seen.sentence
    assert [one.value for one in seen.counter_evidence if "got what was promised" in one.figure] == [8]


@pytest.mark.parametrize("signal", [-67.5, -68, -70])
def test_borderline_computers_are_no_badly_organised_network(signal):
    """Adapters differ by some dB: rooms that fail by so little do not count as rooms where nothing arrives."""
    rooms = [computer("a", *GOOD, room="1"), computer("b", *GOOD, room="2")]
    weak = [computer(name, radio(signal), throughput(*SLOW), room=name) for name in "cdef"]
    seen = judged(*rooms, *weak)
    assert (seen.cause, seen.not_organised, seen.unfit_rooms) == ("WIFI_COVERAGE", False, 0)
    clear = [computer(name, radio(-80), throughput(*SLOW), room=name) for name in "cd"]
    assert judged(*rooms, *weak[:2], *clear).unfit_rooms == 2


def test_a_borderline_day_is_no_second_day():
    """A room that clearly failed on one day and by a hair on the other failed on one."""
    rooms = [computer("a", *GOOD, room="1"), computer("b", *GOOD, room="2")]
    failing = [
        [
            *computer(name, radio(-80), throughput(*SLOW), room=name, count=4, days=1),
            *computer(name, radio(-69), throughput(*SLOW), room=name, count=4, days=1, late_s=24 * 3600),
        ]
        for name in "cd"
    ]
    assert not judged(*rooms, *failing).not_organised


def test_computers_of_low_confidence_are_no_badly_organised_network():
    """Slow now and then beside a fast computer names the cable, but unsurely: that is no badly organised school."""
    rooms = [computer("a", *GOOD, room="1"), computer("b", *GOOD, room="2")]
    slow = [computer(name, *SLOW_LINE, count=2, room=name) for name in "cd"]
    seen = judged(*rooms, *slow)
    assert (seen.cause, seen.slow_computers) == ("LAN_WIRED", 2)
    assert (seen.not_organised, seen.unfit_rooms) == (False, 0)
    often = [computer(name, *SLOW_LINE, count=4, room=name) for name in "cd"]
    assert judged(*rooms, *often).not_organised


def test_what_may_fill_the_line_is_not_said_to_fill_it():
    """Without the router's counters it is a guess, and nobody is cleared by it."""
    counted = judged(*(computer(name, cable(), throughput(*SLOW), BUSY_ROUTER) for name in "ab"))
    assert "traffic fills the line" in counted.sentence
    guessed = judged(*(computer(name, cable(), throughput(*SLOW, suspected=("shared_line",))) for name in "ab"))
    assert (counted.cause, guessed.cause) == ("LINE_SATURATED", "LINE_SATURATED")
    assert "may fill the line" in guessed.sentence
    assert "at fault" not in guessed.sentence


def test_a_smaller_plan_is_told_with_its_direction():
    """A plan for the upload is called one."""
    seen = judged(*(computer(name, cable(), throughput(98e6, 10.1e6), lan()) for name in "ab"))
    assert seen.cause == "LOWER_PLAN"
    assert "gives 10 Mbit/s upload all day" in seen.sentence
    down = judged(*(computer(name, cable(), throughput(20.1e6), lan()) for name in "ab"))
    assert "gives 20 Mbit/s download all day" in down.sentence
    small = msgspec.structs.replace(CONTRACT, upload_bps=4e6)
    seen = judged(computer("a", cable(), throughput(98e6, 3.9e6)), contract=small, target=standards.target_for(300))
    assert "contract of 4 Mbit/s upload promises" in seen.sentence


FAULTS = [
    [cable(duplex="half"), throughput(9e6, 3e6)],
    [cable(speed_bps=10e6), throughput(9e6, 3e6)],
    [cable(), throughput(9e6, 3e6, gateway=router_echoes(50.0))],
    [radio(-80), throughput(9e6, 3e6)],
    [radio(), throughput(9e6, 3e6, gateway=router_echoes(80.0))],
    [radio(retry_ratio=0.5), throughput(9e6, 3e6)],
    [cable(broadcasts_per_s=1e5), throughput(9e6, 3e6)],
]
ANY = [
    *FAULTS,
    GOOD,
    SLOW_LINE,
    [cable(), throughput(9e6, 3e6, tainted=("host_limited",))],
    [cable(), throughput(9e6, 3e6, suspected=("shared_line",))],
    [radio(), scan(), throughput(*SLOW)],
    [lan(dhcp_servers=("10.1.0.1", "10.1.0.2"))],
    [Unknown(kind="magic")],
    [],
]


@settings(deadline=None, max_examples=150)
@given(computers=st.lists(st.tuples(st.sampled_from(ANY), st.integers(0, 5), st.integers(1, 3)), max_size=6))
def test_any_school_has_a_diagnosis(computers):
    """Whatever was measured there is a verdict, and the line is named only where no cause inside stands."""
    facts = [
        one
        for number, (measurements, count, days) in enumerate(computers)
        for one in [
            ComputerSession(
                agent=f"{number:032x}",
                room=None,
                started_at=moment,
                measurements=[
                    m if isinstance(m, Unknown) else msgspec.structs.replace(m, started_at=moment) for m in measurements
                ],
            )
            for moment in times(count, days=days, first=FIRST + timedelta(minutes=number))
        ]
    ]
    seen = diagnose_school(facts, CONTRACT, standards.target_for(500), RULES)
    assert seen.sentence
    assert not (seen.not_organised and not seen.line_delivers)
    if seen.cause == "ISP_LINE":
        assert seen.confidence != "low"
        assert not any(measurements in FAULTS and count for measurements, count, _ in computers)
        assert seen.line_delivers is not None


@settings(deadline=None, max_examples=60)
@given(
    fault=st.sampled_from(FAULTS),
    clean=st.integers(0, 3),
    faulty=st.integers(1, 3),
    line=st.sampled_from([GOOD, SLOW_LINE]),
)
def test_a_cause_inside_is_never_the_operators(fault, clean, faulty, line):
    """However many clean computers say that the line is slow: one with a fault inside makes it two causes."""
    computers = [computer(f"{number:032x}", *line) for number in range(clean)]
    computers += [computer(f"{number + 50:032x}", *fault) for number in range(faulty)]
    seen = judged(*computers)
    assert seen.cause in INSIDE | ({"MIXED"} if line is SLOW_LINE and clean else {"INSUFFICIENT"})
