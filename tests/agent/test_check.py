import io
import subprocess
import sys

import msgspec
import pytest
from rich.console import Console

from agent import check, diagnosis
from agent.contract import rules, standards
from agent.contract.lan import Echoes, Lan, Resolver
from agent.contract.measurement import Failed, Latency, Link, Skipped
from agent.contract.report import Report
from agent.contract.wifi import WifiConnection
from agent.meter import progress
from agent.session import Session
from tests.agent.test_diagnosis import direction, throughput

LINK = Link(interface="eth0", medium="ethernet", speed_bps=1e9, duplex="full", download_bps=1e5, upload_bps=0.0)
LATENCY = Latency(server="s", sent=25, received=25, min_ms=11, median_ms=12.3, p95_ms=14, jitter_ms=0.8, loss_ratio=0)


def page(*seen, pupils=640, school="[red]№12[/red] мектеп", is_metered=False):
    """Return the page of a session that saw this."""
    target = standards.target_for(pupils)
    session = Session(measurements=seen, session_s=12.0, server="wss://test.example")
    finding = diagnosis.find(seen, target)
    return check.Page(school=school, session=session, target=target, finding=finding, notes=(), is_metered=is_metered)


def measured(down, up, **more):
    """Return a throughput measurement in which this is different."""
    return msgspec.structs.replace(throughput(down, up), **more)


def shown(made, *, width=80, encoding="utf-8", terminal=False):
    """Return what a console of this kind shows."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="\n")
    check.show(Console(file=stream, width=width, force_terminal=terminal, legacy_windows=False), made)
    stream.flush()
    return raw.getvalue().decode(encoding)


def test_the_page_fits_eighty_columns():
    """Rates with their intervals, what is needed, latency and link: readable, no line too long but the verdict's."""
    text = shown(page(LINK, LATENCY, throughput(18.44, 6.1)))
    lines = text.splitlines()
    assert all(len(line) <= 80 for line in lines if not line.startswith("VERDICT"))
    assert "Download" in text
    assert "18.4 Mbit/s  (18.3 to 18.6), needs 32" in text
    assert "12.3 ms (95% within 14.0 ms), jitter 0.8 ms, loss 0.0%" in text
    assert "cable (eth0), 1000 Mbit/s, full duplex" in text
    assert "School" in text


def test_what_the_inside_answers_is_shown():
    """The router's and the name servers' answers and the signal stand in the panel; what nobody heard does not."""
    router = Echoes(protocol="icmp", sent=20, received=19, median_ms=0.42, p95_ms=2.0, loss_ratio=0.05)
    names = tuple(Resolver(address=f"192.168.1.{one}", asked=20, answered=20, median_ms=one) for one in (3.0, 41.0))
    radio = Link(interface="wlan0", medium="wifi", wifi=WifiConnection(source="nl80211", signal_dbm=-61.0))
    text = shown(page(radio, Lan(interface="wlan0", gateway_echoes=router, resolvers=names), throughput(18, 6)))
    told = " ".join(text.replace("│", "").split())
    assert "the router answers after 0.4 ms, 5% lost, name servers after 3 to 41 ms" in told
    assert "Wi-Fi (wlan0), signal -61 dBm" in text
    assert "Inside" not in shown(page(LINK, Lan(interface="lo"), throughput(18, 6)))


def test_a_paced_result_is_shown_as_at_least():
    """What the sender's pace bound is no speed of the line, and is not shown as one."""
    held = direction(48, paced_bps=48e6, ip_high_bps=None)
    text = shown(page(LINK, measured(48, 6.1, download=held)))
    assert "at least 47.5 Mbit/s  needs 32" in text


def test_without_an_upper_bound_the_panel_says_what_the_verdict_says():
    """Where nothing bounds a rate above, what is proven is shown; where nothing is proven, that it is rough."""
    open_above = msgspec.structs.replace(direction(92), ip_low_bps=31e6, ip_high_bps=None)
    unbounded = direction(9, ip_low_bps=None, ip_high_bps=None)
    text = shown(page(measured(0, 0, download=open_above, upload=unbounded)))
    assert "at least 31 Mbit/s  needs 32" in text
    assert "9 Mbit/s  (rough), needs 5" in text


def test_bounds_that_read_the_same_are_not_shown():
    """An interval narrower than what is written says nothing."""
    exact = msgspec.structs.replace(direction(4.81), ip_low_bps=4.79e6, ip_high_bps=4.83e6)
    assert "4.8 Mbit/s  needs 5" in shown(page(measured(40, 0, upload=exact)))


def test_a_row_with_everything_stays_one_line():
    """At eighty columns the longest words and an interval stand beside each other in line."""
    held = direction(48, paced_bps=48e6, ip_high_bps=None)
    text = shown(page(measured(0, 48.4, download=held)))
    assert "48.4 Mbit/s  (47.9 to 48.9), needs 5" in text


def test_what_a_short_test_cannot_see_is_said():
    """Also where the result is "at least": only a direction that was watched past a boost is left out."""
    held = direction(48, paced_bps=48e6, ip_high_bps=None, duration_s=1.3)
    watched = direction(10, burst_bps=30e6, sustained_bps=10e6)
    text = shown(page(measured(0, 0, download=held, upload=watched)))
    assert "Looked    for 1.3 s down: too short to see a later slowdown" in text
    assert "Boost     30 Mbit/s up at first, then 10" in text


def test_answers_under_load_and_what_is_only_suspected():
    """What a lesson feels while somebody downloads, and what may have spoilt the test without being proven."""
    loaded = measured(40, 10, rtt_idle_ms=0.42, rtt_upload_ms=231.7, suspected=("shared_line",))
    text = shown(page(loaded))
    assert "Answers   0.4 ms idle, 232 ms while uploading" in text
    assert "Perhaps   other computers were using the line at the same time" in text


def test_on_a_metered_connection_the_page_says_what_was_not_asked():
    """Why, and how a person can ask it; a person who asked for the capacity is told nothing."""
    asked_less = " ".join(shown(page(measured(40, 10, purpose="verdict"), is_metered=True)).split())
    assert "Metered This connection is paid for by volume: the test only asked" in asked_less
    assert "check --capacity" in asked_less
    assert "Metered" not in shown(page(throughput(40, 10), is_metered=True))
    assert "Metered" not in shown(page(measured(40, 10, purpose="verdict")))


def test_the_verdict_is_one_line_that_scripts_find():
    """The verdict stands alone on its line, whatever the width, with its reason."""
    lines = shown(page(LINK, throughput(18.4, 6.1)), width=40).splitlines()
    verdict = [line for line in lines if line.startswith("VERDICT: ")]
    reason = "download 18.4 Mbit/s is below the 32 Mbit/s needed; upload 6.1 Mbit/s reaches the 5 Mbit/s needed"
    assert verdict == [f"VERDICT: FAIL  {reason}"]


@pytest.mark.parametrize(("down", "outcome", "heading"), [(40, "PASS", "Worth knowing"), (12, "FAIL", "What to fix")])
def test_what_to_fix_follows(down, outcome, heading):
    """Findings are listed under a heading that fits the verdict."""
    half = msgspec.structs.replace(LINK, duplex="half")
    text = shown(page(half, throughput(down, 10)))
    assert f"VERDICT: {outcome}" in text
    assert heading in text
    assert "1. The cable link runs at half duplex" in text


def test_failures_are_shown_and_explained():
    """A failed probe shows its word and detail in the panel, and what to do below it."""
    text = shown(
        page(Failed(probe="msak", failure="connect_refused", detail="nothing listens"), Skipped(probe="x", reason="y"))
    )
    assert "failed, connect refused: nothing listens" in text
    assert "not possible here: y" in text
    assert "VERDICT: UNDECIDED  no speed could be measured (connect refused)" in text


def test_what_programs_say_inside_this_computer_is_no_traffic():
    """The line has nothing of it, so the link's row is silent about it; on a cable it is said."""
    busy = msgspec.structs.replace(LINK, download_bps=14e6)
    assert "busy with 14 Mbit/s of its own" in shown(page(busy), width=120)
    assert "busy" not in shown(page(msgspec.structs.replace(busy, interface="lo", medium="loopback")))


def test_text_from_outside_is_text():
    """A school's name in brackets is no markup."""
    assert "[red]№12[/red] мектеп" in shown(page(throughput(40, 10)))


def test_an_old_console_shows_the_same_in_its_letters():
    """A console without block characters gets plain ones, and nothing breaks."""
    text = shown(page(LINK, throughput(16, 10), school=None), encoding="cp866")
    assert "########........" in text


def test_progress_is_drawn_while_measuring():
    """On a terminal each step and the live rate are shown; what the probe tells is enough for that."""
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True)
    with check.live(console) as announce:
        announce("latency")
        announce("msak")
        progress.tell(progress.Progress(phase="download", share=0.5, ip_bps=18.4e6))
        announce("something new")
    assert "18.4 Mbit/s" in stream.getvalue() or "something new" in stream.getvalue()


def test_without_a_terminal_there_is_no_progress():
    """Logs and pipes stay clean."""
    stream = io.StringIO()
    with check.live(Console(file=stream, width=80)) as announce:
        announce("latency")
    assert stream.getvalue() == ""


def test_the_document_has_the_reports_keys_and_the_verdict():
    """``--json`` without enrolment has every key of a report, null where there is none, and the verdict beside them."""
    made = page(LINK, throughput(40, 10))
    told = msgspec.json.decode(msgspec.json.encode(check.document(made.session, None, made.finding, made.target)))
    assert set(Report.__struct_fields__) <= set(told)
    assert told["agent"] is None
    assert [one["kind"] for one in told["measurements"]] == ["link", "throughput"]
    assert told["verdict"]["outcome"] == "PASS"
    assert told["verdict"]["target"]["download_bps"] == 32_000_000


def test_only_check_loads_rich():
    """The resident agent stays small: the service's imports hold neither rich nor zeroconf nor httpx's command line."""
    code = (
        "import sys, agent.cli, agent.service; "
        "print({'rich', 'zeroconf', 'click', 'pygments', 'scapy', 'speedtest'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "set()\n"


def test_a_slow_result_says_why():
    """Below the verdict stands the cause in one sentence, how sure, and what is set up wrongly among what to fix."""
    weak = msgspec.structs.replace(
        LINK, medium="wifi", wifi=WifiConnection(source="test", signal_dbm=-80, security="open")
    )
    seen = (weak, throughput(12, 3))
    made = page(*seen)
    cause = diagnosis.diagnose([seen], None, rules.shipped_rules(), made.target)
    text = " ".join(shown(msgspec.structs.replace(made, diagnosis=cause)).split())
    assert "Why The Wi-Fi signal is too weak where this computer stands" in text
    assert "(not sure yet)" in text
    assert "The school's Wi-Fi is open to everybody" in text
    good = (LINK, throughput(40, 10))
    made = page(*good)
    cause = diagnosis.diagnose([good], None, rules.shipped_rules(), made.target)
    assert "Why" not in shown(msgspec.structs.replace(made, diagnosis=cause))
