import re
import signal
import sqlite3
import subprocess
import sys
import threading
import webbrowser
from datetime import UTC, datetime

import msgspec
import pytest

from agent import cli, identity, page, service, session
from agent.contract.wire import SchoolCard
from agent.page import Home, standing
from agent.page.checking import Checked, Trouble
from agent.page.server import Site, serving
from agent.page.words import LANGUAGES
from agent.session import Session
from tests.agent.page.conftest import JUDGES, Browser
from tests.fakes import computer, sessions

TIMEOUT_S = 60
HOSTILE = "<script>alert(1)</script>\"'&\u202e" + "ұ" * 200


def remember(station, *seen, trigger="scheduled"):
    """Keep a session of this computer as the service does."""
    made = Session(measurements=seen, session_s=1.0, server="s")
    return session.record(made, trigger, station.enrolled, "212", station.outbox)


def test_a_check_from_the_button_to_the_verdict(browser, station, collector):
    """A real measurement: live steps, a verdict, a report that was sent, a row of history; the stream ends."""
    assert "This computer has made no test yet" in browser.ask()[2]
    assert browser.press()[:2] == (303, "/?lang=en")
    running = browser.ask()[2]
    assert 'http-equiv="refresh"' in running  # what shows progress without the script
    assert 'id="begin"' not in running
    _, headers, events = browser.ask("/events?lang=en")
    assert headers["Content-Type"].startswith("text/event-stream")
    told = [msgspec.json.decode(line[6:]) for line in events.splitlines() if line.startswith('data: {"')]
    assert {"download", "upload"} <= {one["now"] for one in told}
    assert "Measuring the download speed" in {one["step"] for one in told}
    assert all(0 <= rate["filled"] <= 100 for one in told for rate in one["rates"].values())
    assert events.endswith("event: over\ndata: {}\n\n")
    outcome = browser.wait()
    assert isinstance(outcome, Checked)
    assert outcome.ending == "sent"
    assert collector.sequences(station.enrolled.identity.agent) == [1]
    # A person's own test: counted, and never refused for the data budget, as that of check.
    assert [one.trigger for one in station.outbox.recent(station.enrolled.identity.agent)] == ["manual"]
    text = browser.ask()[2]
    assert "Yes, the network is fit for lessons" in text
    assert "The result was sent to the collector." in text
    assert text.count('<th scope="row">') == 1
    assert "by hand" in text


def test_a_result_that_cannot_be_sent_is_kept(browser, station):
    """The collector is away: the verdict stands, and the page says that the report waits."""
    identity.save(
        station.state,
        msgspec.structs.replace(station.enrolled.identity, collector="http://127.0.0.1:1"),
        station.policy(),
    )
    browser.press()
    outcome = browser.wait()
    assert isinstance(outcome, Checked)
    assert outcome.ending == "kept"
    text = browser.ask()[2]
    assert "will be sent later" in text
    assert "Reports that wait to be sent</dt><dd>1" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_everything(browser, station, language):
    """With a failing session in the history no text of another language is left, but what is marked as English."""
    remember(station, sessions.radio(-81.0), computer.throughput(18e6, 2e6))
    _, headers, text = browser.ask(f"/?lang={language}")
    assert f'<html lang="{language}"' in text
    assert f"netready_page={language}" in headers["Set-Cookie"]
    body = re.sub(r'<(pre|span|a)[^>]* lang="en".*?</\1>', "", text.partition("<body>")[2], flags=re.DOTALL)
    shown = re.sub(r"<bdi>.*?</bdi>|<[^>]+>|netready-agent \S+|netready|Ctrl-C|Wi-Fi|Cat 5e|VPN|ITU", " ", body)
    english = re.findall("[a-zA-Z]{3,}", shown)
    assert (english == []) == (language != "en")


def test_the_cookie_keeps_the_language(browser):
    """Who chose Russian gets Russian, whatever the browser prefers."""
    assert '<html lang="ru"' in browser.ask(Cookie="netready_page=ru")[2]
    assert '<html lang="en"' in browser.ask(Cookie="netready_page=<x>; \x00bad")[2]


def test_the_newest_session_is_shown(browser, station):
    """Before anybody presses, the last test of the service is the verdict, with its reason and what to do."""
    remember(station, sessions.cable(), computer.throughput(98e6, 19e6))
    remember(station, sessions.radio(-81.0), computer.throughput(18e6, 6e6))
    text = browser.ask()[2]
    assert "No, the network is too slow for lessons" in text
    assert "Wi-Fi signal is too weak" in text
    assert text.count('<th scope="row">') == 2


def test_history_is_bounded(station, home):
    """However many tests there were, the page shows the last ones."""
    for _ in range(standing.KEPT + 6):
        remember(station, computer.throughput(98e6, 19e6))
    found = standing.gather(home, datetime.now(UTC))
    assert len(found.rows) == standing.KEPT


def test_a_record_that_cannot_be_read_costs_no_other(station, home, browser):
    """A damaged measurement is counted and said, the rest is shown."""
    remember(station, computer.throughput(98e6, 19e6))
    broken = remember(station, computer.throughput(98e6, 19e6))
    raw = msgspec.json.encode(msgspec.structs.replace(broken, measurements=(msgspec.Raw(b'{"kind":"throughput"}'),)))
    with sqlite3.connect(station.outbox.file) as connection:
        connection.execute("UPDATE recent SET payload = ? WHERE sequence = ?", (raw, broken.sequence))
    found = standing.gather(home, datetime.now(UTC))
    assert (len(found.rows), found.broken) == (1, 1)
    assert "Records that could not be read: 1." in browser.ask()[2]


@pytest.mark.parametrize("name", ["outbox.sqlite3", "identity.json", "policy.json", "key"])
def test_broken_files_leave_a_page(station, browser, name):
    """Whatever file is damaged, the page opens and says what it can."""
    remember(station, computer.throughput(98e6, 19e6))
    (station.state / name).write_bytes(b"\x00garbage" * 500)
    status, _, text = browser.ask()
    assert status == 200
    assert "<h1>" in text


def test_hostile_names_stay_text(station, browser, home):
    """A school's and a room's name with markup and right-to-left marks is shown as it is, and does nothing."""
    who = msgspec.structs.replace(
        station.enrolled.identity,
        school=SchoolCard(id="<i>1</i>", name=HOSTILE, region=HOSTILE),
        room='"><img src=x>',
    )
    identity.save(station.state, who, station.policy())
    text = browser.ask()[2]
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "<bdi>&lt;script&gt;" in text


def test_without_a_school_the_page_says_what_to_do(tmp_path, station):
    """No school, no server: no button, and the command that joins a school; a post begins nothing."""
    site = Site(Home(state=tmp_path / "empty", settings=station.settings, judges=JUDGES), pause_s=0.0)
    with serving(("127.0.0.1", 0), site) as server:
        browser = Browser(server)
        text = browser.ask()[2]
        assert "belongs to no school yet" in text
        assert "netready-agent enroll --collector URL --token TOKEN" in text
        assert 'id="begin"' not in text
        assert browser.press()[0] == 303
        assert site.checks.outcome is None
    assert not (tmp_path / "empty").exists()


def test_against_a_server_nothing_is_kept(tmp_path, station, reflector_url):
    """With --server any computer can be checked; the result is this process's own, and no file is written."""
    home = Home(state=tmp_path / "none", settings=station.settings, judges=JUDGES, server=reflector_url)
    with serving(("127.0.0.1", 0), Site(home, pause_s=0.0)) as server:
        browser = Browser(server)
        browser.press()
        outcome = browser.wait()
        assert isinstance(outcome, Checked)
        text = browser.ask()[2]
    assert "The result is sent nowhere" in text
    assert text.count('<th scope="row">') == 1
    assert not (tmp_path / "none").exists()


def test_a_fault_is_said(browser, site):
    """Where the check could not be done the page says so, with the program's own words marked as English."""
    site.checks._work = lambda _: Trouble(word="said", detail="the disk is full; <free some>")
    browser.press()
    browser.wait()
    text = browser.ask("/?lang=kk")[2]
    assert "Тексеру орындалмады" in text
    assert '<span lang="en"><bdi>the disk is full; &lt;free some&gt;</bdi></span>' in text


def test_the_page_while_the_service_tests(browser, home):
    """A planned test is running: the page says so, and a check that is begun waits for it."""
    with service.the_line(home.state):
        assert "A planned test is running on this computer" in browser.ask()[2]


def test_the_command_serves_and_ends(station, quick_config):
    """The real program: it names its address, answers, and SIGTERM ends it with 0."""
    program = subprocess.Popen(
        [
            *(sys.executable, "-m", "agent", "page", "--listen", "127.0.0.1:0"),
            *("--state", station.state, "--config", quick_config),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    guard = threading.Timer(TIMEOUT_S, program.kill)
    guard.start()
    try:
        line = program.stdout.readline()
        assert re.match(r"The page is at http://127\.0\.0\.1:\d+/ ", line)
        program.send_signal(signal.SIGTERM)
        assert program.wait(TIMEOUT_S) == 0
    finally:
        guard.cancel()
        program.kill()
        program.stdout.close()


def test_open_opens_the_browser(monkeypatch, station, capsys):
    """With --open the page's own address is handed to the browser, and to nobody without."""
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(page, "run", lambda address, _, ready: ready(f"http://{address[0]}:{address[1]}/"))
    for words in (["--open"], []):
        assert cli.main(["page", "--listen", "localhost:8899", "--state", str(station.state), *words]) == 0
    assert opened == ["http://127.0.0.1:8899/"]
    assert capsys.readouterr().out.count("The page is at http://127.0.0.1:8899/") == 2


def test_only_this_command_loads_the_page():
    """The resident agent and the other commands stay as small as they were."""
    code = "import sys, agent.cli, agent.service; print(any(one.startswith('agent.page') for one in sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, timeout=TIMEOUT_S).strip() == "False"
