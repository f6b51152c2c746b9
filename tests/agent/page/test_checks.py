import threading
from datetime import UTC, datetime

from agent import service
from agent.page import checking, measuring, standing
from agent.page.checking import Checks, Step, Trouble


class Script:
    """A check that says what it is told to, when it is told to."""

    def __init__(self, *steps, error=None):
        self.steps = steps
        self.error = error
        self.go_on = threading.Event()

    def __call__(self, tell):
        self.go_on.wait(10)
        for step in self.steps:
            tell(step)
        if self.error is not None:
            raise self.error
        return Trouble(word="said", detail="done")


def collected(checks):
    """Collect the steps of a check in a thread of their own."""
    seen = []
    thread = threading.Thread(target=lambda: seen.extend(checks.steps()))
    thread.start()
    return seen, thread


def test_steps_end_with_the_check():
    """Whoever watches hears the last step at least, and the stream ends; the rates of both directions stay."""
    script = Script(
        Step(name="download", share=0.5, rates={"download": 1e6}), Step(name="upload", share=1.0, rates={"upload": 2e6})
    )
    checks = Checks(script, 0.0)
    assert checks.begin()
    seen, thread = collected(checks)
    script.go_on.set()
    thread.join(10)
    assert not thread.is_alive()
    assert checks.step is None
    assert checks.outcome == Trouble(word="said", detail="done")
    later = [one for one in seen if one is not None and one.name == "upload"]
    assert all(one.rates == {"download": 1e6, "upload": 2e6} for one in later)


def test_steps_end_at_once_without_a_check():
    """A window that was open all night is told that nothing runs."""
    assert list(Checks(Script(), 0.0).steps()) == []


def test_a_fault_ends_the_check_too(monkeypatch):
    """A bug is never hidden, and nobody waits for ever: the page says that the check broke off."""
    risen = []
    monkeypatch.setattr(threading, "excepthook", lambda told: risen.append(told.exc_type))
    script = Script(error=ValueError("bug"))
    checks = Checks(script, 0.0)
    checks.begin()
    _, thread = collected(checks)
    script.go_on.set()
    thread.join(10)
    assert not thread.is_alive()
    assert checks.outcome == Trouble(word="left")
    assert risen == [ValueError]


def test_quiet_steps_beat():
    """While nothing changes, the stream says now and then that it lives."""
    script = Script()
    checks = Checks(script, 0.0)
    checks.begin()
    steps = checks.steps()
    assert next(steps) == Step()
    beat = checking.HEARTBEAT_S
    try:
        checking.HEARTBEAT_S = 0.05
        assert next(steps) is None
    finally:
        checking.HEARTBEAT_S = beat
        script.go_on.set()


def test_a_check_waits_for_the_service(home, monkeypatch):
    """Another test on this computer is never disturbed: the check waits, says so, and gives up with a word."""
    monkeypatch.setattr(measuring, "WAITS_S", 0.2)
    monkeypatch.setattr(measuring, "_LOOKS_EVERY_S", 0.05)
    told = []
    with service.the_line(home.state):
        assert measuring.check(home, told.append) == Trouble(word="busy")
        assert standing.gather(home, datetime.now(UTC)).is_busy
    assert {one.name for one in told} == {"waiting"}
    assert not measuring.is_busy(home.state)


def test_what_cannot_be_done_is_said(home):
    """Trouble with the state folder is a sentence on the page, not a broken page."""
    (home.state / "key").write_text("damaged")
    outcome = measuring.check(home, lambda _: None)
    assert isinstance(outcome, Trouble)
    assert "is damaged" in outcome.detail
