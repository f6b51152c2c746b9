"""Where one computer's bottleneck is: each cause, and what comes close to it and is none."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import diagnosis
from agent.contract import line, signs, standards
from agent.contract.causes import Contract, Diagnosis
from agent.contract.lan import Echoes, Resolver, Router
from agent.contract.measurement import Failed, Latency, Skipped, Unknown
from agent.contract.rules import shipped_rules
from agent.contract.services import Services
from agent.contract.wifi import Crowd
from tests.fakes.computer import direction
from tests.fakes.sessions import (
    CONTRACT,
    FIRST,
    SERVERS,
    access_point,
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
SLOW = (37e6, 19.6e6)  # no plan's speed
GOOD = (98e6, 19.6e6)
ALMATY = ZoneInfo("Asia/Almaty")


def diagnose(sessions, contract, rules, target=None) -> Diagnosis:
    """Diagnose a computer of a school in UTC, wherever this test runs."""
    return diagnosis.diagnose(sessions, contract, rules, target, UTC)


def judged(*measurements, count=4, days=2, contract=CONTRACT, target=None) -> Diagnosis:
    """Diagnose a computer that measured the same again and again."""
    return diagnose([at(moment, *measurements) for moment in times(count, days=days)], contract, RULES, target)


def by_servers(*measurements) -> list:
    """Return three tests on one day, one of them against a second server."""
    servers = (SERVERS[0], SERVERS[1], SERVERS[0])
    return [
        at(
            moment,
            *(msgspec.structs.replace(one, server=server) if hasattr(one, "engine") else one for one in measurements),
        )
        for moment, server in zip(times(3, days=1), servers, strict=True)
    ]


EACH_CAUSE = {
    "healthy": ("HEALTHY", [cable(), throughput(), lan()]),
    "healthy over Wi-Fi": ("HEALTHY", [radio(), throughput()]),
    "a weak signal that is fast enough": ("HEALTHY", [radio(-80), throughput()]),
    "busy but fast enough": ("HEALTHY", [cable(), throughput(tainted=("host_limited",), cpu_busy_ratio=1.0)]),
    "a full link that is fast enough": (
        "HEALTHY",
        [cable(speed_bps=100e6), throughput(94e6, tainted=("link_limited",))],
    ),
    "no speed test": ("INSUFFICIENT", [cable(), lan()]),
    "a failed speed test": ("INSUFFICIENT", [cable(), Failed(probe="msak", failure="connect_timeout")]),
    "only lower bounds": (
        "INSUFFICIENT",
        [cable(), throughput(download=direction(30e6, ip_high_bps=None, paced_bps=30e6), upload=None)],
    ),
    "slow processor": ("HOST", [cable(), throughput(*SLOW, tainted=("host_limited",))]),
    "busy processor": ("HOST", [cable(), throughput(*SLOW, cpu_busy_ratio=0.97)]),
    "VPN": ("HOST", [cable(), throughput(*SLOW, tainted=("vpn",))]),
    "proxy": ("HOST", [cable(), throughput(*SLOW, tainted=("proxy",))]),
    "own updates": (
        "HOST",
        [cable(), throughput(download=direction(37e6, cross_traffic_bps=40e6), tainted=("cross_traffic",))],
    ),
    "10 Mbit/s cable": ("LAN_WIRED", [cable(speed_bps=10e6), throughput(9.4e6, 9.4e6)]),
    "100 Mbit/s cable, full": (
        "LAN_WIRED",
        [cable(speed_bps=100e6), throughput(70e6, 19.6e6, tainted=("link_limited",))],
    ),
    "half duplex": ("LAN_WIRED", [cable(duplex="half"), throughput(*SLOW)]),
    "damaged packets": ("LAN_WIRED", [cable(errors=80), throughput(*SLOW)]),
    "a slow way to the router under load": ("LAN_WIRED", [cable(), throughput(*SLOW, gateway=router_echoes(40.0))]),
    "loss on the way to the router": (
        "LAN_WIRED",
        [cable(), throughput(*SLOW, gateway=router_echoes(received=180), loss_ratio=0.1)],
    ),
    "a slow other computer": ("LAN_WIRED", [cable(), throughput(*SLOW), peer(40e6, 40e6)]),
    "a loop of cables": ("LAN_WIRED", [cable(broadcasts_per_s=20_000.0), throughput(*SLOW)]),
    "a storm over Wi-Fi": ("LAN_WIRED", [radio(), throughput(*SLOW), lan(broadcasts_per_s=9_000.0)]),
    "weak signal": ("WIFI_COVERAGE", [radio(-79), throughput(*SLOW)]),
    "weak signal known from the scan": (
        "WIFI_COVERAGE",
        [radio(None), scan(access_point(signal_dbm=-80.0)), throughput(*SLOW)],
    ),
    "full channel": ("WIFI_INTERFERENCE", [radio(), scan(access_point(utilisation=0.8)), throughput(*SLOW)]),
    "frames sent again": ("WIFI_INTERFERENCE", [radio(retry_ratio=0.4), throughput(*SLOW)]),
    "late answers over the air": ("WIFI_INTERFERENCE", [radio(), throughput(*SLOW, gateway=router_echoes(60.0))]),
    "loss over the air": (
        "WIFI_INTERFERENCE",
        [radio(), throughput(*SLOW, gateway=router_echoes(received=180), loss_ratio=0.1)],
    ),
    "a crowded channel and no word of the way": (
        "WIFI_INTERFERENCE",
        [
            radio(),
            scan(foreign=(Crowd(channel=36, networks=5, strongest_dbm=-60.0),)),
            throughput(*SLOW, gateway=None),
        ],
    ),
    "2.4 GHz although there is 5": (
        "WIFI_CONFIG",
        [
            radio(frequency_mhz=2437, channel=6, width_mhz=20, generation="n", receive_bps=72e6, transmit_bps=72e6),
            scan(
                access_point(frequency_mhz=2437, channel=6),
                access_point(bssid="02:00:00:00:00:02", associated=False, signal_dbm=-60.0),
            ),
            throughput(*SLOW),
        ],
    ),
    "a radio rate that is used up": ("WIFI_CONFIG", [radio(receive_bps=54e6), throughput(*SLOW)]),
    "the router counts other traffic": (
        "LINE_SATURATED",
        [cable(), throughput(*SLOW), lan(router=Router(counts=True, download_bps=60e6, upload_bps=1e5))],
    ),
    "a shared line": ("LINE_SATURATED", [cable(), throughput(*SLOW, suspected=("shared_line",)), peer()]),
    "a queue before the test": (
        "LINE_SATURATED",
        [
            cable(),
            Latency(server="s", sent=25, received=25, min_ms=12, median_ms=80, p95_ms=90, jitter_ms=9, loss_ratio=0),
            throughput(*SLOW),
        ],
    ),
    "the upload that the cameras take": (
        "LINE_SATURATED",
        [cable(), throughput(98e6, 9e6), Services(cameras_registered=8, cameras_upload_bps=10e6)],
    ),
    "a smaller plan": ("LOWER_PLAN", [cable(), throughput(20.1e6, 19.6e6)]),
    "a slow line": ("ISP_LINE", [cable(), throughput(*SLOW), lan()]),
    "a slow upload": ("ISP_LINE", [cable(), throughput(98e6, 6.3e6), lan()]),
}


@pytest.mark.parametrize(("cause", "measurements"), EACH_CAUSE.values(), ids=EACH_CAUSE)
def test_each_cause_is_named(cause, measurements):
    """Four times the same on two days: the cause is named, with a sentence, figures and the rules' version."""
    seen = judged(*measurements)
    assert seen.cause == cause
    assert len(seen.sentence) > 30
    assert seen.rules_version == RULES.name
    assert seen.cause == "INSUFFICIENT" or seen.evidence
    assert all(one.reference.kind for one in seen.evidence)


@pytest.mark.parametrize(
    "name", [name for name, (cause, _) in EACH_CAUSE.items() if cause not in ("HEALTHY", "ISP_LINE")]
)
def test_a_cause_here_keeps_the_line_out(name):
    """Whatever explains a slow result at this computer, one session with it never blames the line."""
    for count, days in ((1, 1), (3, 1), (12, 6)):
        assert judged(*EACH_CAUSE[name][1], count=count, days=days).cause != "ISP_LINE"


@pytest.mark.parametrize(
    ("sessions", "confidence"),
    [
        ([at(FIRST, cable(), throughput(*SLOW), lan())], "low"),
        ([at(moment, cable(), throughput(*SLOW), lan()) for moment in times(4, days=1)], "low"),
        (by_servers(cable(), throughput(*SLOW), lan()), "medium"),
        ([at(moment, cable(), throughput(*SLOW), lan()) for moment in times(4)], "medium"),
        ([at(moment, cable(), throughput(*SLOW, gateway=None), lan()) for moment in times(4)], "low"),
        ([at(moment, cable(), throughput(*SLOW, gateway=None), lan(), peer()) for moment in times(4)], "medium"),
        ([at(moment, cable(), throughput(*SLOW)) for moment in times(4)], "medium"),
        ([at(moment, cable(), throughput(*SLOW, rtt_download_ms=13.0)) for moment in times(4)], "low"),
    ],
    ids=[
        "once",
        "on one day against one server",
        "against two servers",
        "on two days",
        "way inside not seen",
        "way inside shown by another computer",
        "idle by the test's own queue",
        "idle not shown",
    ],
)
def test_one_computer_blames_the_line_only_as_far_as_it_knows(sessions, confidence):
    """It is named only on a clean cable, an idle line, repeatedly, and on two days or against two servers."""
    seen = diagnose(sessions, CONTRACT, RULES)
    assert (seen.cause, seen.confidence) == ("INSUFFICIENT" if confidence == "low" else "ISP_LINE", confidence)
    assert bool(seen.missing) is (confidence == "low")
    assert ("To be sure" in seen.sentence) is (confidence == "low")


def test_two_days_and_two_servers_make_it_sure():
    """Everything that can be asked of one computer was there."""
    sessions = [
        at(moment, cable(), throughput(*SLOW, server=SERVERS[number % 2]), lan())
        for number, moment in enumerate(times(8))
    ]
    seen = diagnose(sessions, CONTRACT, RULES)
    assert (seen.cause, seen.confidence) == ("ISP_LINE", "high")


def test_over_wifi_the_line_is_never_named():
    """A slow Wi-Fi without a reason asks for a cable."""
    seen = judged(radio(), throughput(*SLOW))
    assert seen.cause == "INSUFFICIENT"
    assert "with a cable" in seen.sentence


def test_servers_that_disagree_do_not_blame_the_line():
    """One server is always slow and the other never: it may be the server."""
    sessions = [
        at(moment, cable(), throughput(*(SLOW if number % 2 else (98e6, 19.6e6)), server=SERVERS[number % 2]), lan())
        for number, moment in enumerate(times(8))
    ]
    seen = diagnose(sessions, CONTRACT, RULES)
    assert seen.cause == "INSUFFICIENT"
    assert any("another test server" in one for one in seen.missing)


def test_good_nights_and_bad_days_are_the_operators():
    """A line that is slow at some hours, idle all the while, is slow beyond the router."""
    sessions = [
        at(moment, cable(), throughput(*(SLOW if moment.hour < 8 else (98e6, 19.6e6))), lan()) for moment in times(8)
    ]
    seen = diagnose(sessions, CONTRACT, RULES)
    assert seen.cause == "ISP_LINE"
    assert seen.counter_evidence


def test_busy_hours_may_be_the_schools_own():
    """Video leaves no queue for a test to find: fast at other hours and without the router's counters, nobody knows."""
    sessions = [at(moment, cable(), throughput(*(SLOW if moment.hour < 8 else (98e6, 19.6e6)))) for moment in times(8)]
    seen = diagnose(sessions, CONTRACT, RULES)
    assert seen.cause == "INSUFFICIENT"
    assert any("router's counters" in one for one in seen.missing)


def test_a_plan_is_flat_all_day():
    """Near a plan's speed but now faster, now slower is a fault; one moment of it is no proof of a plan."""
    sessions = [
        at(moment, cable(), throughput(rate), lan())
        for moment, rate in zip(times(4), (18.1e6, 21.9e6, 18.2e6, 21.8e6), strict=True)
    ]
    assert diagnose(sessions, CONTRACT, RULES).cause == "ISP_LINE"
    once = diagnose([at(FIRST, cable(), throughput(20.1e6), lan())], CONTRACT, RULES)
    assert (once.cause, once.confidence) == ("LOWER_PLAN", "low")
    assert "20 Mbit/s" in once.sentence


def test_a_contract_that_is_too_small_is_a_plan():
    """The line keeps what is promised, and the school needs more."""
    target = standards.target_for(4000)
    seen = judged(cable(), throughput(), target=target)
    assert seen.cause == "LOWER_PLAN"
    assert "order a larger plan" in seen.sentence


def test_without_a_contract_the_operator_is_not_blamed():
    """Below what the school needs, with nothing here to explain it: what was promised has to be known first."""
    seen = judged(cable(), throughput(14e6, 3e6), lan(), contract=None, target=standards.target_for(300))
    assert seen.cause == "INSUFFICIENT"
    assert any("contract" in one for one in seen.missing)
    assert judged(cable(), throughput(), contract=None).cause == "INSUFFICIENT"


def test_two_causes_are_both_named():
    """Half of the slow sessions spoiled by one thing and half by another."""
    sessions = [
        at(moment, radio(-80), throughput(*SLOW)) if number % 2 else at(moment, cable(duplex="half"), throughput(*SLOW))
        for number, moment in enumerate(times(8))
    ]
    seen = diagnose(sessions, CONTRACT, RULES)
    assert seen.cause == "MIXED"
    assert "cables" in seen.sentence
    assert "Wi-Fi" in seen.sentence


def test_spoiled_tests_do_not_hide_a_slow_line():
    """Tests that an update spoiled are discarded; the clean ones still count."""
    spoiled = throughput(*SLOW, tainted=("host_limited",))
    sessions = [
        at(moment, cable(), spoiled if number == 0 else throughput(*SLOW), lan())
        for number, moment in enumerate(times(8))
    ]
    seen = diagnose(sessions, CONTRACT, RULES)
    assert seen.cause == "ISP_LINE"
    assert any("host_limited" in one.figure for one in seen.counter_evidence)


def test_few_dips_are_no_cause():
    """One slow test of eight is a dip."""
    sessions = [
        at(moment, cable(), throughput(*(SLOW if number == 3 else (98e6, 19.6e6))))
        for number, moment in enumerate(times(8))
    ]
    seen = diagnose(sessions, CONTRACT, RULES)
    assert (seen.cause, seen.confidence) == ("HEALTHY", "high")
    assert seen.counter_evidence


@pytest.mark.parametrize(("received", "is_lossy"), [(200, False), (196, False), (195, True), (170, True)])
def test_loss_inside_is_a_defect_where_nothing_is_slow(received, is_lossy):
    """A quick line over a way that loses packets is no good network: that stands beside the cause, chance does not."""
    lossy = throughput(gateway=router_echoes(received=received), loss_ratio=(200 - received) / 200)
    seen = judged(cable(), lossy, lan())
    assert seen.cause == "HEALTHY"
    assert ("lossy_way" in {one.defect for one in seen.defects}) is is_lossy


def test_counters_that_did_not_see_this_computer_are_not_believed():
    """A router that says its line is idle while this computer moved half of it proves no idle line."""
    moving = msgspec.structs.replace(cable(), download_bps=0.5 * CONTRACT.download_bps)
    assert judged(cable(), throughput(*SLOW), lan()).cause == "ISP_LINE"
    assert judged(moving, throughput(*SLOW), lan()).cause != "ISP_LINE"


def test_invented_computers_are_no_finding():
    """Anybody can announce computers that do not answer; only those that the collector names count."""
    silent = peer(failure="connect_timeout", download_bps=None, upload_bps=None)
    announced = msgspec.structs.replace(
        silent, peers=tuple(msgspec.structs.replace(one, found_by="mdns") for one in silent.peers)
    )
    assert "peers_unreachable" not in {one.defect for one in judged(radio(), announced).defects}


def test_a_router_that_answers_sparingly_is_no_loss():
    """Echoes that the router left unanswered while those from beyond came back were not lost on the way."""
    sparing = throughput(*SLOW, gateway=router_echoes(received=100), loss_ratio=0.0)
    assert judged(cable(), sparing, lan()).cause == "ISP_LINE"
    idle = Echoes(protocol="icmp", sent=100, received=60, median_ms=0.5, p95_ms=0.9, loss_ratio=0.4)
    beyond = Echoes(protocol="icmp", sent=100, received=100, median_ms=1.5, p95_ms=2.0, loss_ratio=0.0)
    assert judged(cable(), throughput(*SLOW), lan(gateway_echoes=idle, second_hop_echoes=beyond)).cause == "ISP_LINE"
    assert judged(cable(), throughput(*SLOW), lan(gateway_echoes=idle)).cause == "LAN_WIRED"


def test_a_borderline_signal_is_not_sure():
    """Adapters differ by some dB: -69 dBm is no proof, -80 is one."""
    assert judged(radio(-69), throughput(*SLOW)).confidence == "low"
    assert judged(radio(-80), throughput(*SLOW)).confidence == "high"


def test_a_look_at_the_wiring_holds_for_a_day_but_its_traffic_does_not():
    """What one session saw of the network counts for those after it, the router's counters only for its own."""
    first = at(
        FIRST,
        cable(),
        throughput(),
        lan(broadcasts_per_s=5e4, double_nat=True, router=Router(counts=True, download_bps=9e7)),
    )
    later = [at(moment, cable(), throughput(*SLOW)) for moment in times(4)[1:]]
    seen = diagnose([first, *later], CONTRACT, RULES)
    assert seen.cause == "ISP_LINE"
    assert {one.defect for one in seen.defects} == {"storm", "double_nat"}


@pytest.mark.parametrize(
    ("word", "measurements"),
    [
        ("rogue_dhcp", [cable(), lan(dhcp_servers=("10.1.0.1", "10.1.0.66"))]),
        ("address_conflict", [cable(), lan(conflicts=("ab" * 8,))]),
        ("double_nat", [cable(), lan(double_nat=True)]),
        (
            "slow_resolver",
            [cable(), lan(resolvers=(Resolver(address="10.1.0.1", asked=9, answered=9, median_ms=90.0),))],
        ),
        ("slow_resolver", [cable(), lan(resolvers=(Resolver(address="192.0.2.9", asked=9, answered=0),))]),
        (
            "lying_resolver",
            [cable(), lan(resolvers=(Resolver(address="10.1.0.1", asked=9, answered=9, invents=True),))],
        ),
        ("storm", [cable(broadcasts_per_s=5e3)]),
        ("open_wifi", [radio(security="open")]),
        ("open_wifi", [radio(), scan(access_point(security="open"))]),
        ("small_mtu", [cable(), lan(gateway_mtu_bytes=1400)]),
        (
            "peers_unreachable",
            [radio(), peer(found_by="collector", failure="connect_timeout", download_bps=None, upload_bps=None)],
        ),
    ],
)
def test_defects_add_to_any_verdict(word, measurements):
    """What is set up wrongly is said beside the verdict, once, and does not change it."""
    seen = judged(*measurements, throughput())
    assert seen.cause == "HEALTHY"
    assert [one.defect for one in seen.defects] == [word]
    assert len(seen.defects[0].sentence) > 30


def test_a_network_in_order_has_no_defects():
    """Nothing is said of what is right; a public name server may take its time."""
    outside = Resolver(address="8.8.8.8", asked=9, answered=9, median_ms=90.0, differs=("a.example",))
    assert judged(cable(), throughput(), lan(resolvers=(outside,)), peer()).defects == ()


def test_what_a_newer_agent_measured_is_passed_over():
    """Unknown kinds neither help nor harm."""
    assert judged(cable(), throughput(), Skipped(probe="wifi", reason="no card")).cause == "HEALTHY"
    unknown = [[*at(FIRST, cable(), throughput()), Unknown(kind="magic")]]
    assert diagnose(unknown, CONTRACT, RULES).cause == "HEALTHY"
    assert diagnose([], CONTRACT, RULES).cause == "INSUFFICIENT"
    assert diagnose([[]], None, RULES).cause == "INSUFFICIENT"


def test_a_line_that_mostly_delivers_is_never_surely_slow():
    """A third of the tests slow, idle, on all days and servers: at some hours, no surer than medium, the good told."""
    sessions = [
        at(moment, cable(), throughput(*(SLOW if number < 4 else GOOD), server=SERVERS[number % 2]), lan())
        for number, moment in enumerate(times(12))
    ]
    seen = diagnose(sessions, CONTRACT, RULES)
    assert (seen.cause, seen.confidence) == ("ISP_LINE", "medium")
    assert "at some hours, in 4 of 12 tests" in seen.sentence
    assert [one.value for one in seen.counter_evidence if one.figure == "tests that got what was promised"] == [8]
    always = [at(moment, cable(), throughput(*SLOW, server=SERVERS[n % 2]), lan()) for n, moment in enumerate(times(8))]
    seen = diagnose(always, CONTRACT, RULES)
    assert (seen.confidence, "in 8 of 8 tests" in seen.sentence, "some hours" in seen.sentence) == ("high", True, False)


def test_what_may_fill_the_line_is_not_said_to_fill_it():
    """Only the router's counters show the school's traffic; a queue before the test may be anybody's."""
    counted = judged(*EACH_CAUSE["the router counts other traffic"][1])
    assert "is full" in counted.sentence
    assert "Nobody is at fault" in counted.sentence
    for name in ("a shared line", "a queue before the test", "the upload that the cameras take"):
        seen = judged(*EACH_CAUSE[name][1])
        assert (seen.cause, seen.confidence) == ("LINE_SATURATED", "low")
        assert "may fill" in seen.sentence
        assert "at fault" not in seen.sentence
        assert seen.missing


def test_cameras_only_may_send():
    """Their number stands in a register: what they send nobody counted."""
    seen = judged(*EACH_CAUSE["the upload that the cameras take"][1])
    figure = next(one for one in seen.evidence if "cameras" in one.figure)
    assert (figure.figure, figure.direction) == ("what the school's cameras may send", "upload")
    assert "cameras" in " ".join(seen.missing)


def test_days_are_those_of_the_school():
    """One morning in Almaty lies on two days in UTC; it proves no second day."""
    first = datetime(2026, 11, 2, 3, tzinfo=ALMATY)
    sessions = [
        at((first + timedelta(hours=hours)).astimezone(UTC), cable(), throughput(*SLOW), lan()) for hours in range(4)
    ]
    there, in_utc = (diagnosis.diagnose(sessions, CONTRACT, RULES, zone=zone) for zone in (ALMATY, UTC))
    assert (there.cause, in_utc.cause) == ("INSUFFICIENT", "ISP_LINE")
    assert any("another day" in one for one in there.missing)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system has no time zone for a single process")
def test_without_a_zone_days_are_those_of_this_computer(monkeypatch):
    """A computer that no policy told of a school counts by its own clock."""
    first = datetime(2026, 11, 2, 3, tzinfo=ALMATY)
    sessions = [
        at((first + timedelta(hours=hours)).astimezone(UTC), cable(), throughput(*SLOW), lan()) for hours in range(4)
    ]
    try:
        monkeypatch.setenv("TZ", "Asia/Almaty")
        time.tzset()
        assert diagnosis.diagnose(sessions, CONTRACT, RULES).cause == "INSUFFICIENT"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ((20.1e6, 19.6e6), "20 Mbit/s download"),
        ((98e6, 10.1e6), "10 Mbit/s upload"),
        ((37e6, 10.1e6), "10 Mbit/s upload"),
    ],
)
def test_a_smaller_plan_is_told_with_its_direction(rates, words):
    """The sentence, the plan and the tests shown for it are all of the direction in which it is too small."""
    seen = judged(cable(), throughput(*rates), lan())
    assert (seen.cause, seen.confidence) == ("LOWER_PLAN", "medium")
    assert f"always gives {words}" in seen.sentence
    assert {one.direction for one in seen.evidence} == {words.split()[-1]}
    plan = next(one for one in seen.evidence if "plan" in one.figure)
    promised = CONTRACT.download_bps if plan.direction == "download" else CONTRACT.upload_bps
    assert (plan.value, plan.threshold) == (float(words.split()[0]) * 1e6, promised)


def test_a_contract_that_is_too_small_for_the_upload_says_so():
    """What is promised for the download is enough: the sentence does not speak of it."""
    small = Contract(download_bps=100e6, upload_bps=4e6)
    seen = judged(cable(), throughput(98e6, 3.9e6), contract=small, target=standards.target_for(300))
    assert seen.cause == "LOWER_PLAN"
    assert "contract of 4 Mbit/s upload promises" in seen.sentence


@pytest.mark.parametrize("rate", [7.7e6, 9e6, 10.1e6, 12.7e6])
@pytest.mark.parametrize("days", [1, 6])
def test_a_steady_load_on_the_upload_blames_nobody(rate, days):
    """Cameras that send all day leave no queue before a test: without the router's counters nobody knows of them."""
    sent = [cable(), throughput(98e6, rate)]
    seen = judged(*sent, count=12, days=days)
    assert (seen.cause, seen.confidence) in {("INSUFFICIENT", "low"), ("LOWER_PLAN", "low")}
    assert any("cameras" in one and "UPnP" in one for one in seen.missing)
    assert seen.cause == "INSUFFICIENT" or "used by cameras" in seen.sentence


def test_an_upload_that_is_full_slows_the_download():
    """Where cameras leave no room for acknowledgements, a slow download that fills a queue proves nothing."""
    full = [cable(), throughput(37e6, 1.3e6)]
    seen = judged(*full, count=12)
    assert seen.cause == "INSUFFICIENT"
    assert any("router's counters" in one for one in seen.missing)
    assert judged(*full, lan(), count=12).cause == "ISP_LINE"  # the router counted: nobody was there
    assert judged(cable(), throughput(37e6, 6.3e6), count=12).cause == "ISP_LINE"  # room enough


def test_a_cable_of_unknown_speed_is_no_witness():
    """Its system hides whether it runs at 10, 100 or 1000 Mbit/s: then the cable may be what is slow."""
    hidden = cable(speed_bps=None)
    seen = judged(hidden, throughput(*SLOW), lan(), count=12)
    assert (seen.cause, seen.confidence) == ("INSUFFICIENT", "low")
    assert any("its system does not tell" in one for one in seen.missing)
    assert "nothing tells which" in seen.sentence
    good = judged(hidden, throughput(*GOOD), lan())
    assert (good.cause, good.confidence) == ("HEALTHY", "high")  # who gets it all needs no proof of the cable


@pytest.mark.parametrize(
    ("contract", "rates", "more", "cause"),
    [
        ((100e6, 20e6), SLOW, [peer()], "ISP_LINE"),
        ((100e6, 20e6), SLOW, [peer(90e6, 90e6)], "LAN_WIRED"),
        ((100e6, 20e6), SLOW, [peer(medium_there="wifi")], "INSUFFICIENT"),
        ((50e6, 20e6), (31e6, 19.6e6), [], "ISP_LINE"),
        ((20e6, 5e6), (14e6, 4.9e6), [], "ISP_LINE"),
        ((20e6, 5e6), (9.4e6, 4.9e6), [], "INSUFFICIENT"),
        ((20e6, 5e6), (6e6, 4.9e6), [], "INSUFFICIENT"),
        ((300e6, 20e6), (130e6, 19.6e6), [], "ISP_LINE"),
        ((900e6, 20e6), (130e6, 19.6e6), [], "INSUFFICIENT"),
    ],
    ids=[
        "a quick computer inside",
        "a slow computer inside",
        "a computer on Wi-Fi",
        "more than 10, and 100 is enough",
        "more than 10 on a small line",
        "may be 10",
        "below 10",
        "more than 100",
        "1000 is not enough",
    ],
)
def test_a_cable_of_unknown_speed_may_speak_once_it_is_proven_wide(contract, rates, more, cause):
    """A quick test to another computer proves it, or a test that carried more than the next slower Ethernet does."""
    promised = Contract(download_bps=contract[0], upload_bps=contract[1])
    assert judged(cable(speed_bps=None), throughput(*rates), lan(), *more, contract=promised).cause == cause


def test_good_nights_over_a_cable_of_unknown_speed_hide_no_slow_days():
    """Slow tests that may not speak are not taken for good ones: neither the line nor the school is cleared."""
    sessions = [
        at(moment, cable(speed_bps=None), throughput(*(SLOW if moment.hour < 8 else GOOD)), lan())
        for moment in times(8)
    ]
    seen = diagnose(sessions, CONTRACT, RULES)
    assert seen.cause == "INSUFFICIENT"
    assert seen.counter_evidence
    assert any("its system does not tell" in one for one in seen.missing)


def test_judgements_do_not_depend_on_words():
    """Whatever figures are called: direction and mark are fields of their own, and old keys of the JSON stay."""
    seen = judged(cable(), throughput(*SLOW))
    assert {one.direction for one in seen.evidence if one.figure.startswith("rise")} == {"download", "upload"}
    renamed = [
        msgspec.structs.replace(one, beyond=tuple(msgspec.structs.replace(rise, figure="x") for rise in one.beyond))
        for one in signs.of_computer([at(m, cable(), throughput(*SLOW)) for m in times(4)], CONTRACT, RULES)
    ]
    assert line.judge(renamed, CONTRACT, RULES).is_firm
    own = judged(cable(), throughput(*SLOW, tainted=("vpn",)))
    assert "vpn" in {one.mark for one in own.evidence}
    assert "VPN" in own.sentence
    keys = {"figure", "value", "unit", "threshold", "reference", "overturned_by"}
    assert all(keys <= set(one) for one in msgspec.to_builtins(own)["evidence"])


# What lies inside, as one change to a session that would blame the line.
INSIDE = [
    [cable(duplex="half")],
    [cable(speed_bps=10e6)],
    [cable(errors=500)],
    [cable(medium="virtual")],
    [cable(medium=None)],
    [radio(-80)],
    [radio(-60)],
    [cable(), throughput(*SLOW, tainted=("host_limited",))],
    [cable(), throughput(*SLOW, tainted=("link_limited",))],
    [cable(), throughput(*SLOW, tainted=("server_limited",))],
    [cable(), throughput(*SLOW, tainted=("a_word_of_tomorrow",))],
    [cable(), throughput(*SLOW, gateway=router_echoes(30.0))],
    [cable(), peer(20e6, 20e6)],
    [cable(), lan(broadcasts_per_s=1e5)],
]
RATES = st.floats(1e5, 300e6)
TAINTS = st.lists(
    st.sampled_from(
        [
            "cross_traffic",
            "host_limited",
            "link_limited",
            "server_limited",
            "vpn",
            "proxy",
            "sleep",
            "network_changed",
            "new",
        ]
    ),
    max_size=3,
    unique=True,
)
TESTS = st.builds(
    throughput,
    RATES,
    RATES,
    tainted=TAINTS.map(tuple),
    suspected=st.sampled_from([(), ("shared_line",)]),
    server=st.sampled_from(SERVERS),
    rtt_idle_ms=st.none() | st.floats(0, 1e4),
    rtt_download_ms=st.none() | st.floats(0, 1e4),
    loss_ratio=st.none() | st.floats(0, 1),
    cpu_busy_ratio=st.none() | st.floats(0, 1),
    gateway=st.none() | st.builds(router_echoes, st.floats(0, 1e3), st.just(200), st.integers(0, 200)),
)
LINKS = st.builds(
    cable,
    medium=st.sampled_from([None, "ethernet", "wifi", "cellular", "loopback", "virtual"]),
    speed_bps=st.none() | st.floats(0, 1e11),
    duplex=st.sampled_from([None, "full", "half"]),
    packets=st.none() | st.integers(0, 10**9),
    errors=st.none() | st.integers(0, 10**6),
    broadcasts_per_s=st.none() | st.floats(0, 1e6),
) | st.builds(radio, st.none() | st.floats(-110, -10), retry_ratio=st.none() | st.floats(0, 1))
LANS = st.builds(
    lan,
    broadcasts_per_s=st.none() | st.floats(0, 1e6),
    router=st.none() | st.builds(Router, counts=st.booleans(), download_bps=st.none() | RATES),
    double_nat=st.none() | st.booleans(),
)
OTHERS = st.sampled_from(
    [
        scan(),
        peer(),
        Failed(probe="msak", failure="stalled"),
        Skipped(probe="wifi", reason="no card"),
        Unknown(kind="x"),
    ]
)
SESSIONS = st.lists(st.lists(TESTS | LINKS | LANS | OTHERS, max_size=6), max_size=8)
CONTRACTS = st.none() | st.builds(Contract, download_bps=st.none() | RATES, upload_bps=st.none() | RATES)


@settings(deadline=None, max_examples=300)
@given(sessions=SESSIONS, contract=CONTRACTS, spread=st.booleans())
def test_anything_that_was_measured_has_a_diagnosis(sessions, contract, spread):
    """No list of measurements ends in an exception, and the line is surely blamed only after repeats."""
    timed = [
        [one if isinstance(one, Unknown) else msgspec.structs.replace(one, started_at=moment) for one in session]
        for session, moment in zip(sessions, times(len(sessions)), strict=True)
    ]
    seen = diagnose(timed if spread else sessions, contract, RULES)
    assert seen.sentence
    if seen.cause == "ISP_LINE" and seen.confidence != "low":
        assert sum(any(hasattr(one, "engine") for one in session) for session in sessions) >= 3 or any(
            sum(hasattr(one, "engine") for one in session) > 1 for session in sessions
        )


@settings(deadline=None, max_examples=200)
@given(
    faults=st.lists(st.sampled_from(INSIDE), min_size=1, max_size=10),
    rate=st.floats(1e5, 79e6),
    count=st.integers(1, 4),
)
def test_the_line_is_never_blamed_where_every_session_has_a_cause_inside(faults, rate, count):
    """Host, link, half duplex, weak signal and the like: however often, in whatever order, not one names the line."""
    sessions = []
    for moment, fault in zip(times(len(faults) * count), faults * count, strict=True):
        test = throughput(rate, 19.6e6)
        has_test = any(hasattr(one, "engine") for one in fault)
        sessions.append(at(moment, *fault, *([] if has_test else [test])))
    assert diagnose(sessions, CONTRACT, RULES).cause != "ISP_LINE"


@settings(deadline=None, max_examples=100)
@given(fault=st.sampled_from([one for one in INSIDE if "tainted" not in str(one) or "link_limited" in str(one)][:3]))
def test_a_fault_inside_always_stands_beside_a_slow_line(fault):
    """Clean slow sessions do not outweigh a fault of the wiring: then two causes stand."""
    clean = [at(moment, cable(), throughput(*SLOW), lan()) for moment in times(12)]
    faulty = [at(times(13)[-1], *fault, throughput(*SLOW))]
    assert diagnose([*clean, *faulty], CONTRACT, RULES).cause in {"MIXED", "LAN_WIRED"}
