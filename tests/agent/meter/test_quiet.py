from agent.host.counters import Counters
from agent.meter import quiet
from agent.meter.quiet import Quiet


class Script:
    """A link whose counters and clock a test sets."""

    def __init__(self, monkeypatch) -> None:
        self.now, self.total, self.there = 100.0, 0, True
        monkeypatch.setattr(quiet.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(quiet.counters, "reader", lambda _interface: self.read)

    def read(self) -> Counters | None:
        return Counters(self.total, 0, 0, 0) if self.there else None

    def passes(self, seconds: float, rate_bps: float) -> None:
        self.now += seconds
        self.total += int(rate_bps / 8 * seconds)


def test_a_link_with_little_traffic_is_quiet(monkeypatch):
    """Below 5 % of the link's speed the time counts from the first look on."""
    script = Script(monkeypatch)
    watch = Quiet("eth0", 1e9)
    for _ in range(10):
        script.passes(0.5, 40e6)
        watch.seconds()
    assert watch.seconds() == 5.0


def test_traffic_begins_the_wait_anew(monkeypatch):
    """Above 5 % it is not quiet, and what was seen is said with its figure."""
    script = Script(monkeypatch)
    watch = Quiet("wlan0", None)  # 100 Mbit/s are assumed
    script.passes(4.0, 1e6)
    assert watch.seconds() == 4.0
    script.passes(0.5, 8e6)
    assert watch.seconds() == 0.0
    assert "8.0 Mbit/s" in watch.words
    script.passes(1.0, 0)
    assert watch.seconds() == 1.0


def test_what_cannot_be_counted_does_not_hold_up_a_test(monkeypatch):
    """No interface, one that is gone, and counters that were reset are no reason to wait for ever."""
    assert Quiet(None, None).seconds() > 60
    script = Script(monkeypatch)
    script.total = 10**9
    watch = Quiet("eth0", 1e9)
    script.now, script.total = script.now + 1.0, 0
    assert watch.seconds() == 1.0
    script.now, script.there = script.now + 1.0, False
    watch.seconds()
    assert watch.seconds() > 60
