import io
import subprocess
import sys

import msgspec
import pytest
from rich.console import Console

from agent import check, diagnosis
from agent.contract import standards
from agent.contract.measurement import Failed, Latency, Link, Skipped
from agent.contract.report import Report
from agent.meter import progress
from agent.session import Session
from tests.agent.test_diagnosis import direction, throughput

LINK = Link(interface="eth0", medium="ethernet", speed_bps=1e9, duplex="full", download_bps=1e5, upload_bps=0.0)
LATENCY = Latency(server="s", sent=25, received=25, min_ms=11, median_ms=12.3, p95_ms=14, jitter_ms=0.8, loss_ratio=0)


def page(*seen, pupils=640, school="[red]№12[/red] мектеп", notes=()):
    """Return the page of a session that saw this."""
    target = standards.target_for(pupils)
    session = Session(measurements=seen, session_s=12.0, server="wss://test.example")
    return check.Page(school=school, session=session, target=target, finding=diagnosis.find(seen, target), notes=notes)


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
    assert "12.3 ms (95 % within 14.0 ms), jitter 0.8 ms, loss 0.0%" in text
    assert "cable (eth0), 1000 Mbit/s, full duplex" in text
    assert "School" in text


def test_a_paced_result_is_shown_as_at_least():
    """What the sender's pace bound is no speed of the line, and is not shown as one."""
    held = direction(48, paced_bps=48e6, ip_high_bps=None)
    text = shown(page(LINK, msgspec.structs.replace(throughput(48, 6.1), download=held)))
    assert "at least 47.5 Mbit/s  needs 32" in text


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


def test_text_from_outside_is_text():
    """A school's name in brackets is no markup."""
    assert "[red]№12[/red] мектеп" in shown(page(throughput(40, 10)))


def test_an_old_console_shows_the_same_in_its_letters():
    """A console without block characters gets plain ones, and nothing breaks."""
    text = shown(page(LINK, throughput(16, 10), school=None), encoding="cp866")
    assert "##########.........." in text


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
