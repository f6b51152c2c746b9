import msgspec
import pytest

from agent.contract import standards
from agent.contract.failure import FAILURES
from agent.contract.measurement import Direction, Failed, Latency, Link, Skipped, Throughput
from agent.diagnosis import ADVICE, find, mbit

TARGET = standards.target_for(640)  # 32 down, 5 up


def direction(mbps: float, spread: float = 0.01, **more: object) -> Direction:
    """Return a direction with this rate and spread."""
    rate = mbps * 1e6
    made = Direction(
        goodput_bps=rate * 0.965,
        ip_bps=rate,
        ip_low_bps=rate * (1 - spread),
        ip_high_bps=rate * (1 + spread),
        bytes=round(rate * 0.965 * 5 / 8),
        duration_s=5,
        connections=4,
        stop="time",
        counted_at="receiver",
    )
    return msgspec.structs.replace(made, **more)


def throughput(down: float, up: float, *tainted: str, spread: float = 0.01) -> Throughput:
    """Return a throughput measurement."""
    return Throughput(
        engine="msak", server="s", download=direction(down, spread), upload=direction(up, spread), tainted=tainted
    )


def link(medium: str = "ethernet", speed: float | None = 1e9, **more: object) -> Link:
    """Return a link."""
    return Link(interface="eth0", medium=medium, speed_bps=speed, **more)  # type: ignore[arg-type]


def test_a_good_line_passes_with_nothing_to_fix():
    """Both directions above the target: PASS, and no advice."""
    seen = find([link(), throughput(40, 10)], TARGET)
    assert seen.verdict.outcome == "PASS"
    assert seen.fixes == ()
    assert seen.reason == (
        "download 40 Mbit/s reaches the 32 Mbit/s needed; upload 10 Mbit/s reaches the 5 Mbit/s needed"
    )


def test_a_slow_line_by_cable_is_the_lines_fault():
    """Nothing here explains it: the operator is named."""
    seen = find([link(), throughput(12, 10)], TARGET)
    assert seen.verdict.outcome == "FAIL"
    assert "download 12 Mbit/s is below the 32 Mbit/s needed" in seen.reason
    assert "show this to the operator" in seen.fixes[0]


def test_behind_a_cable_of_unknown_speed_the_line_is_not_blamed():
    """A cable that may run at 10 Mbit/s may be what is slow; one that carried more than that is fast enough."""
    seen = find([link(speed=None), throughput(9.2, 9.2)], TARGET)
    assert seen.verdict.outcome == "FAIL"
    assert "does not tell the speed of its cable" in seen.fixes[0]
    assert "show this to the operator" not in " ".join(seen.fixes)
    assert "show this to the operator" in find([link(speed=None), throughput(12, 10)], TARGET).fixes[0]


def test_over_wifi_the_line_is_not_blamed():
    """A slow result over Wi-Fi asks for a cable first."""
    seen = find([link("wifi", 72e6), throughput(12, 10)], TARGET)
    assert "over Wi-Fi" in seen.fixes[0]
    assert "before blaming the line" in seen.fixes[0]
    assert not any("operator" in fix for fix in seen.fixes)


@pytest.mark.parametrize(("speed", "measured"), [(10e6, 9.5), (100e6, 94)])
def test_a_slow_cable_link_is_named_instead_of_the_line(speed, measured):
    """A full 10 or 100 Mbit/s port proves nothing about the line: UNDECIDED, and the cable is named."""
    target = standards.target_for(4000)  # 200 down
    seen = find([link(speed=speed), throughput(measured, measured)], target)
    assert seen.verdict.outcome == "UNDECIDED"
    assert "the line may be faster than this test could show" in seen.reason
    assert f"runs at {mbit(speed)} Mbit/s only" in seen.fixes[0]
    assert not any("operator" in fix for fix in seen.fixes)


def test_a_slow_link_that_is_not_full_leaves_the_line_to_blame():
    """12 Mbit/s over a 100 Mbit/s cable is the line."""
    seen = find([link(speed=100e6), throughput(12, 10)], TARGET)
    assert seen.verdict.outcome == "FAIL"
    assert not any("cable link" in fix for fix in seen.fixes)


@pytest.mark.parametrize(
    ("taint", "words"),
    [
        ("link_limited", "network link was the limit"),
        ("host_limited", "too slow for the test"),
        ("server_limited", "test server was the limit"),
        ("vpn", "A VPN"),
        ("proxy", "A proxy"),
        ("sleep", "slept during the test"),
        ("network_changed", "changed its network"),
    ],
)
def test_what_the_meter_noticed_is_told(taint, words):
    """The meter's marks become advice, and a limit that is not the line's proves nothing about the line."""
    seen = find([throughput(12, 10, taint)], TARGET)
    assert words in seen.fixes[0]
    assert seen.verdict.outcome == "UNDECIDED"
    assert not any("operator" in fix for fix in seen.fixes)


def test_own_traffic_is_named_and_allowed_for():
    """What this computer itself used might have been the missing part: no FAIL, and it is told."""
    busy = msgspec.structs.replace(throughput(25, 10), download=direction(25, cross_traffic_bps=9e6))
    seen = find([link(), busy], TARGET)
    assert seen.verdict.outcome == "UNDECIDED"
    assert "using the network itself" in seen.fixes[0]
    before = find([link(download_bps=5e6, upload_bps=0.0), throughput(12, 10)], TARGET)
    assert "using the network itself" in before.fixes[0]


def test_half_duplex_is_named():
    """Half duplex is an error of the cable or its settings."""
    assert any("half duplex" in fix for fix in find([link(duplex="half"), throughput(40, 10)], TARGET).fixes)


def test_loss_and_delay_are_named():
    """What spoils video lessons is told even where the speed is right."""
    bad = Latency(server="s", sent=25, received=24, min_ms=600, median_ms=640, p95_ms=700, jitter_ms=5, loss_ratio=0.04)
    fixes = find([throughput(40, 10), bad], TARGET).fixes
    assert any("4% of the packets" in fix for fix in fixes)
    assert any("640 ms" in fix for fix in fixes)


def test_a_failed_test_is_undecided_and_explained():
    """Without a speed there is no verdict; the reason and the advice are in a teacher's words."""
    seen = find([link(), Failed(probe="msak", failure="dns_failed"), Skipped(probe="wifi", reason="no card")], TARGET)
    assert seen.verdict.outcome == "UNDECIDED"
    assert seen.reason == "no speed could be measured (dns failed)"
    assert "DNS server" in seen.fixes[0]
    assert seen.fixes[1] == "wifi could not run on this computer: no card"


def test_a_close_result_is_undecided():
    """An interval around the decision level is no verdict."""
    seen = find([link(), throughput(30.5, 10, spread=0.1)], TARGET)
    assert seen.verdict.outcome == "UNDECIDED"
    assert "too close to call" in seen.reason


def test_a_paced_result_proves_at_least():
    """Where the sender's pace was the limit the result says so."""
    paced = msgspec.structs.replace(throughput(40, 10), download=direction(40, paced_bps=40e6, ip_high_bps=None))
    seen = find([link(), paced], TARGET)
    assert seen.verdict.outcome == "PASS"
    assert "download at least 39.6 Mbit/s" in seen.reason


def test_a_paced_result_below_the_target_accuses_nobody():
    """A sender that held back proves nothing: UNDECIDED, and neither the line nor a 100 Mbit/s port is blamed."""
    held = direction(75, paced_bps=75e6, ip_high_bps=None)
    paced = msgspec.structs.replace(throughput(75, 10), download=held)
    seen = find([link(speed=100e6), paced], msgspec.structs.replace(TARGET, download_bps=90_000_000))
    assert seen.verdict.outcome == "UNDECIDED"
    assert "the line may be faster" in seen.reason
    assert seen.fixes == ()


def test_a_boost_is_not_what_is_judged():
    """A long test that found a boost is judged by what the line sustains: the rate and its interval are that."""
    boosted = direction(15, burst_bps=60e6, sustained_bps=15e6)
    seen = find([link(), msgspec.structs.replace(throughput(15, 10), download=boosted, form="long")], TARGET)
    assert seen.verdict.download == "FAIL"
    assert "download 15 Mbit/s is below" in seen.reason


def test_whatever_engine_failed_is_the_reason():
    """The failed speed test is told whichever probe made it; a failed echo is not taken for one."""
    seen = find([Failed(probe="latency", failure="no_answer"), Failed(probe="ndt7", failure="stalled")], TARGET)
    assert seen.reason == "no speed could be measured (stalled)"


def test_an_unknown_number_of_pupils_is_asked_for():
    """Above the floor, what the school needs depends on its size."""
    seen = find([link(), throughput(40, 10)], standards.target_for(None))
    assert seen.verdict.outcome == "UNDECIDED"
    assert "give --pupils" in seen.reason


def test_a_test_against_this_computer_says_so():
    """Loopback proves nothing about a line."""
    assert "says nothing about the line" in find([link("loopback", None), throughput(900, 900)], TARGET).fixes[0]


def test_every_failure_word_has_advice():
    """No failure leaves a teacher without a next step."""
    assert set(ADVICE) == FAILURES


@pytest.mark.parametrize(
    ("bps", "text"), [(0, "0"), (930e3, "0.93"), (18.44e6, "18.4"), (20e6, "20"), (250.4e6, "250"), (100e6, "100")]
)
def test_rates_are_short(bps, text):
    """Rates for people have three digits or fewer."""
    assert mbit(bps) == text


def test_the_tolerance_is_told_where_it_decides():
    """19.5 of 20 passes, and the sentence says why."""
    seen = find([link(), throughput(19.5, 10)], standards.target_for(100))
    assert "download 19.5 Mbit/s reaches the 20 Mbit/s needed less 5% tolerance" in seen.reason


def test_failures_of_one_kind_are_explained_once():
    """A dead server is one piece of advice, not one for each probe."""
    seen = find([Failed(probe=name, failure="connect_refused") for name in ("latency", "msak")], TARGET)
    assert len(seen.fixes) == 1
    assert seen.fixes[0].startswith("latency, msak: ")
