import msgspec
import pytest

from agent import diagnosis
from agent.contract import standards
from agent.contract.causes import Contract
from agent.contract.failure import FAILURES
from agent.contract.measurement import Failed, Latency, Skipped
from agent.page import judging
from agent.page.gauge import filled
from agent.page.speech import Tongue
from agent.page.words import LANGUAGES
from tests.fakes import computer, sessions

TARGET = standards.target_for(640)
LATENCY = Latency(
    server="s", sent=25, received=24, min_ms=11, median_ms=612.3, p95_ms=814, jitter_ms=0.8, loss_ratio=0.04
)
SLOW = computer.throughput(18e6, 2e6)
FAST = computer.throughput(98e6, 19e6)


def tainted(*words):
    """Return a slow test that was spoiled so."""
    return msgspec.structs.replace(SLOW, tainted=words)


SESSIONS = {
    "fast": [sessions.cable(), FAST],
    "slow": [sessions.cable(), SLOW],
    "slow and far": [sessions.cable(), LATENCY, SLOW],
    "wifi": [sessions.radio(-81.0), SLOW],
    "wifi, fast": [sessions.radio(), FAST],
    "old cable": [sessions.cable(speed_bps=10e6, duplex="half"), computer.throughput(9e6, 9e6)],
    "cable of untold speed": [sessions.cable(speed_bps=None), SLOW],
    "loopback": [sessions.cable(medium="loopback", download_bps=9e9), FAST],
    "busy computer": [sessions.cable(download_bps=9e6), SLOW],
    "no link told": [tainted("link_limited")],
    "spoiled": [
        sessions.cable(),
        tainted("host_limited", "vpn", "proxy", "sleep", "network_changed", "server_limited", "cross_traffic"),
    ],
    "paced": [sessions.cable(), msgspec.structs.replace(FAST, download=computer.paced(33e6))],
    "one way": [sessions.cable(), msgspec.structs.replace(FAST, upload=None)],
    "close": [sessions.cable(), computer.throughput(30.4e6, 19e6)],
    "skipped": [Skipped(probe="wifi", reason="no Wi-Fi card")],
    "nothing": [],
    **{f"failed {one}": [Failed(probe="msak", failure=one, detail="<b>x")] for one in sorted(FAILURES)},
    "failed alike": [Failed(probe=one, failure="unreachable", detail="d") for one in ("latency", "msak")],
}


@pytest.mark.parametrize("name", SESSIONS)
def test_the_page_says_what_check_says(name):
    """The same verdict and the same things to fix in the same order, in English word for word."""
    seen = SESSIONS[name]
    finding = diagnosis.find(seen, TARGET)
    judged = judging.judge(seen, TARGET, Contract(), None)
    assert judged.outcome == finding.verdict.outcome
    tongue = Tongue(language="en")
    said = [tongue.sentence(one) for one in judging._fixes(seen, TARGET, judged.outcome)]
    assert len(said) == len(finding.fixes)
    for mine, theirs in zip(said, finding.fixes, strict=True):
        assert theirs.endswith(mine) or theirs.startswith(mine.rstrip("."))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SESSIONS)
def test_everything_can_be_said_in_every_language(name, language):
    """No gap stays open, no cause is without words, whatever was seen and whatever is agreed."""
    tongue = Tongue(language=language)
    for contract in (Contract(), Contract(download_bps=20e6, upload_bps=4e6), Contract(download_bps=100e6)):
        for target in (TARGET, standards.target_for(None)):
            judged = judging.judge(SESSIONS[name], target, contract, None)
            cause = (judged.cause,) if judged.cause is not None else ()
            texts = [tongue.sentence(one) for one in (*judged.reasons, *cause, *judged.fixes)]
            assert all(text and "{" not in text for text in texts)
            assert texts


def test_wifi_is_not_called_the_line():
    """A slow computer over a weak Wi-Fi: the cause is the Wi-Fi, and the operator is not named."""
    judged = judging.judge(SESSIONS["wifi"], TARGET, Contract(), None)
    english = Tongue(language="en")
    assert judged.cause is not None
    assert "Wi-Fi signal is too weak" in english.sentence(judged.cause)
    assert not any("operator" in english.sentence(one) for one in judged.fixes)


def test_too_close_and_maybe_faster_are_told_apart():
    """What a second test may decide, and what this test could not show."""
    english = Tongue(language="en")
    close = judging.judge([computer.throughput(30.4e6, 19e6)], TARGET, Contract(), None)
    spoiled = judging.judge([tainted("vpn")], TARGET, Contract(), None)
    assert close.outcome == spoiled.outcome == "UNDECIDED"
    assert "too close to call" in english.sentence(close.reasons[0])
    assert "may be faster" in english.sentence(spoiled.reasons[0])


def test_the_target_stands_at_the_top_of_the_gauge():
    """Half the arc at the target, more for more, never beyond the end."""
    assert filled(32e6, 32e6) == 50.0
    assert filled(None, 32e6) == 0.0
    rising = [filled(bps, 32e6) for bps in (0, 1e6, 31e6, 33e6, 1e9, 1e13)]
    assert rising == sorted(rising)
    assert rising[-1] <= 100
