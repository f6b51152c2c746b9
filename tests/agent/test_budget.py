from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from agent import budget
from agent.contract import standards
from agent.contract.measurement import Failed, Latency, Skipped
from agent.contract.wire import Hours, Policy
from agent.outbox import Outbox
from tests.fakes.computer import direction, throughput

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
POLICY = Policy()
TARGET = standards.target_for(100)  # 20 down, 5 up


def month(outbox: Outbox, policy: Policy = POLICY, own: int | None = None, now: datetime = NOW) -> budget.Budget:
    """Return the month's budget."""
    return budget.of_month(outbox, policy, own, now)


def test_what_tests_take_is_counted_and_survives(outbox, state):
    """Bytes add up over the month and are still there for the next process."""
    budget.spend(outbox, POLICY, 1000, NOW)
    budget.spend(outbox, POLICY, 500, NOW + timedelta(days=1))
    again = Outbox(state, max_bytes=2**26, max_age_days=90)
    assert month(again) == budget.Budget(month="2026-11", spent_bytes=1500)


def test_two_processes_lose_no_byte(state, outbox):
    """A check by hand and the service count at the same moment, and both are counted."""
    with ThreadPoolExecutor(8) as pool:
        others = [Outbox(state, max_bytes=2**26, max_age_days=90) for _ in range(4)]
        list(pool.map(lambda number: budget.spend(others[number % 4], POLICY, 10, NOW), range(80)))
    assert month(outbox).spent_bytes == 800


def test_a_month_begins_where_the_school_is(outbox):
    """At 20:00 UTC on the last of November it is December in Almaty, and still November in Lima."""
    night = datetime(2026, 11, 30, 20, tzinfo=UTC)
    lima = Policy(hours=Hours(time_zone="America/Lima"))
    budget.spend(outbox, POLICY, 7, night)
    budget.spend(outbox, lima, 5, night)
    assert month(outbox, now=night) == budget.Budget(month="2026-12", spent_bytes=7)
    assert month(outbox, lima, now=night) == budget.Budget(month="2026-11", spent_bytes=5)


def test_a_clock_that_was_wrong_forgets_no_month(outbox):
    """A flat battery's January 2000, or a jump of years, neither empties nor fills the right month."""
    budget.spend(outbox, POLICY, 900, NOW)
    for year in (2000, 2060):
        budget.spend(outbox, POLICY, 1, NOW.replace(year=year))
    assert month(outbox).spent_bytes == 900
    for number in range(24):
        budget.spend(outbox, POLICY, 1, NOW + timedelta(days=31 * number))
    assert month(outbox, now=NOW + timedelta(days=31 * 23)).spent_bytes == 1
    assert len(budget._read(outbox.note(budget._NOTE))) == budget._KEPT_MONTHS


@pytest.mark.parametrize(
    ("own", "told", "limit"),
    [(None, None, None), (10, None, 10), (None, 20, 20), (10, 20, 10), (30, 20, 20), (0, 5, 0)],
)
def test_the_smaller_limit_counts(outbox, own, told, limit):
    """Settings and policy each may set a limit; zero is one too, and never less than nothing is left."""
    budget.spend(outbox, POLICY, 4, NOW)
    seen = month(outbox, Policy(monthly_bytes=told), own)
    assert (seen.limit_bytes, seen.left_bytes) == (limit, None if limit is None else max(0, limit - 4))


def test_a_used_up_budget_is_said_in_a_sentence(outbox):
    """How much it was, how much is gone, and what can be done."""
    assert budget.refusal(month(outbox), 10**12) is None
    budget.spend(outbox, POLICY, 495_000_000, NOW)
    seen = month(outbox, own=500_000_000)
    assert budget.refusal(seen, 5_000_000) is None
    assert budget.refusal(seen, 12_500_000) == (
        "the month's data budget of 500 MB is used up (495 MB of 500 MB; a test needs 12.5 MB); "
        "next month, or raise monthly_bytes"
    )
    assert budget.refusal(month(outbox, own=0), 0) is not None


def test_a_test_costs_what_went_over_the_line():
    """Both directions with their headers, and the echoes; what was skipped costs nothing."""
    made = throughput(
        0,
        0,
        download=direction(20e6, goodput_bps=19.3e6, bytes=9_650_000),
        upload=direction(5e6, goodput_bps=5e6, bytes=1_000_000),
        latency_protocol="udp-echo",
        echoes_sent=100,
        echoes_received=90,
    )
    assert budget.taken([made], TARGET) == 11_000_000 + 190 * 60
    tcp = throughput(0, 0, download=None, upload=None, latency_protocol="tcp", echoes_sent=9)
    assert budget.taken([tcp, Skipped(probe="msak", reason="none left")], TARGET) == 0
    echoes = Latency(server="s", sent=25, received=24, min_ms=1, median_ms=1, p95_ms=1, jitter_ms=0, loss_ratio=0.04)
    assert budget.taken([echoes], TARGET) == 49 * 60


def test_a_test_that_broke_off_counts_as_a_cheap_one():
    """What a broken test took is not known: it counts 4 seconds of the target, one that never began nothing."""
    assert budget.verdict_bytes(TARGET) == 12_500_000
    assert budget.taken([Failed(probe="msak", failure="stalled")], TARGET) == 12_500_000
    assert budget.taken([Failed(probe="msak", failure="connect_refused")], TARGET) == 0
    for probe in ("latency", "peer", "services", "lan", "wifi", "link"):
        assert budget.taken([Failed(probe=probe, failure="deadline")], TARGET) == 0


def test_the_price_of_a_long_test_is_learnt():
    """From a long test what it took; from a short one what 24 seconds at its rates would take."""
    assert budget.long_bytes(throughput(20e6, 5e6)) == 75_000_000
    measured = direction(20e6, goodput_bps=20e6, bytes=40_000_000)
    assert budget.long_bytes(throughput(0, 0, download=measured, upload=None, form="long")) == 40_000_000


@pytest.mark.parametrize(
    ("amount", "words"),
    [(0, "0 B"), (999, "999 B"), (12_500_000, "12.5 MB"), (5_000_000_000, "5 GB"), (999_999, "1000 kB")],
)
def test_amounts_are_short(amount, words):
    """Amounts for people are decimal, as operators sell them."""
    assert budget.volume(amount) == words


def test_what_the_settings_say_of_the_connection_is_believed():
    """An administrator knows better than the system; an interface that nobody calls metered is not."""
    assert budget.is_metered(told=True) is True
    assert budget.is_metered(told=False) is False
    assert budget.is_metered(None) in {True, False}
