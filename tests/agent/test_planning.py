from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from nacl.signing import SigningKey

from agent import budget, identity, schedule, session
from agent.contract import standards
from agent.contract.measurement import Failed, Skipped, Throughput
from agent.contract.peer import Peer
from agent.contract.services import Services
from agent.contract.wire import Hours, Inside, PlatformAsked, Policy, QuietHours, Receipt
from agent.host import power
from agent.planning import LAST_CAPACITY, LAST_LONG, Planner
from agent.settings import Agent, Settings
from tests.agent.conftest import report_maker
from tests.fakes.computer import direction, throughput

NIGHT = Policy(
    hours=Hours(start="08:00", end="18:00", time_zone="UTC"),
    quiet_hours=QuietHours(start="18:00", end="22:00"),
    target=standards.target_for(100),
)
EVENING = datetime(2026, 11, 23, 20, tzinfo=UTC)
MORNING = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
ASKED = ("purpose: str", "form: str", "target_download_bps: float", "target_upload_bps: float", "max_bytes: int | None")


@pytest.fixture
def planner(station):
    """Plan for a computer that joined this Monday, on a line that is not metered."""
    return msgspec.structs.replace(
        station.planner(),
        identity=msgspec.structs.replace(station.enrolled.identity, enrolled_at=MORNING),
        policy=NIGHT,
        settings=Settings(agent=Agent(metered=False)),
    )


def limited(planner: Planner, limit: int | None, **more: object) -> Planner:
    """Return the planner with a data budget."""
    return msgspec.structs.replace(planner, settings=Settings(agent=Agent(metered=False, monthly_bytes=limit, **more)))


def asked(plan):
    """Return what a plan asks."""
    return plan.question.purpose, plan.question.form, plan.question.max_bytes


def test_the_hours_decide_what_is_asked(planner):
    """In lessons whether the school's target is reached, in the evening how fast the line is."""
    lessons = planner.plan("scheduled", MORNING)
    assert asked(lessons) == ("verdict", "short", None)
    assert (lessons.question.target_download_bps, lessons.question.target_upload_bps) == (20e6, 5e6)
    assert asked(planner.plan("scheduled", EVENING)) == ("capacity", "long", None)


@pytest.mark.parametrize("trigger", ["once", "manual"])
def test_a_person_is_told_how_fast_the_line_is(planner, trigger):
    """Whatever the hour: capacity, in the short form."""
    assert asked(planner.plan(trigger, MORNING)) == ("capacity", "short", None)
    assert asked(planner.plan(trigger, EVENING)) == ("capacity", "short", None)


def test_where_the_number_of_pupils_is_unknown_the_floor_is_asked(planner):
    """A verdict needs a target; the least that any school needs is one."""
    unknown = msgspec.structs.replace(planner, policy=msgspec.structs.replace(NIGHT, target=None))
    question = unknown.plan("scheduled", MORNING).question
    assert (question.target_download_bps, question.target_upload_bps) == (20e6, 5e6)


def test_a_metered_connection_is_never_asked_for_its_capacity(planner):
    """Whoever asks and whatever the hour: only whether the target is reached."""
    metered = msgspec.structs.replace(planner, settings=Settings(agent=Agent(metered=True)))
    for trigger, moment in (("scheduled", EVENING), ("once", MORNING), ("manual", EVENING)):
        assert asked(metered.plan(trigger, moment)) == ("verdict", "short", None)


def test_a_person_may_ask_about_another_target(planner):
    """What check --pupils needs is what the test asks, so that a paced answer is one to that question."""
    question = planner.plan("manual", MORNING, standards.target_for(1000)).question
    assert (question.target_download_bps, question.target_upload_bps) == (50e6, 5e6)


def test_what_is_left_bounds_a_test(planner):
    """Both directions together stay within what is left, those of a capacity test within a quarter of it.

    A verdict is made whole or not at all: it limits itself.
    """
    rich = limited(planner, 10**9)
    assert asked(rich.plan("scheduled", MORNING)) == ("verdict", "short", None)
    assert asked(rich.plan("scheduled", EVENING)) == ("capacity", "short", 125_000_000)
    assert asked(rich.plan("once", MORNING)) == ("capacity", "short", 500_000_000)
    assert asked(rich.plan("manual", MORNING)) == ("capacity", "short", None)


def test_with_a_budget_a_short_test_comes_first(planner):
    """Once a short one has shown what a long one takes, the long one follows where the budget has room for it."""
    rich = limited(planner, 10**9)
    rich.remember([throughput(20e6, 5e6)], EVENING)
    tomorrow = EVENING + timedelta(days=1)
    assert asked(rich.plan("scheduled", tomorrow))[:2] == ("capacity", "long")
    assert asked(limited(planner, 250_000_000).plan("scheduled", tomorrow))[:2] == ("capacity", "short")


def test_a_used_up_budget_refuses_what_the_agent_does_by_itself(planner):
    """Less than a verdict test needs is left: refused, with the reason; a person is still told, and it is counted."""
    poor = limited(planner, 12_000_000)
    for trigger in ("scheduled", "once"):
        assert "the month's data budget of 12 MB is used up (0 B of 12 MB" in (
            poor.plan(trigger, EVENING).refusal or ""
        )
    for trigger in ("manual", "light"):
        assert poor.plan(trigger, EVENING).refusal is None
    assert limited(planner, 12_500_000).plan("scheduled", MORNING).refusal is None


def test_a_computer_whose_reports_nobody_takes_leaves_the_line_alone(planner):
    """Out of service or replaced by a newer key, it would only disturb lessons; a person's own test is made."""
    key = report_maker(SigningKey.generate())
    planner.outbox.append(planner.identity.agent, planner.identity.collector, key)
    waiting = planner.outbox.oldest(planner.identity.collector, 1)[0]
    planner.outbox.settle([(waiting, Receipt(answer="revoked", reason="agent_revoked", detail="it left; enrol it"))])
    for trigger in ("scheduled", "once", "ordered"):
        assert "takes no more reports of this computer: it left; enrol it" in (
            planner.plan(trigger, EVENING).refusal or ""
        )
    for trigger in ("manual", "light"):
        assert planner.plan(trigger, EVENING).refusal is None


def test_a_low_battery_puts_off_what_fills_the_line(planner, monkeypatch):
    """By itself it waits for its charger, and says so; what a person asks for is done."""
    monkeypatch.setattr(power, "battery", lambda: power.Battery(percent=12, is_plugged=False))
    told = planner.plan("scheduled", EVENING).refusal or ""
    assert told.startswith("this computer runs on its battery with 12 % left, and below 20 % a test waits")
    for trigger in ("manual", "light", "once", "ordered"):
        assert planner.plan(trigger, EVENING).refusal is None
    never = msgspec.structs.replace(planner, settings=Settings(agent=Agent(metered=False, least_battery_percent=0)))
    assert never.plan("scheduled", EVENING).refusal is None


def test_what_takes_no_data_is_told_the_same_whatever_the_budget(planner):
    """With the budget used up the looks at Wi-Fi and wiring go on, and know the school's networks and key."""
    inside = Inside(own_ssids_hex=("6d656b746570",), peer_key=bytes(32))
    poor = limited(planner, 12_000_000)
    poor = msgspec.structs.replace(poor, policy=msgspec.structs.replace(poor.policy, inside=inside))
    plan = poor.plan("scheduled", EVENING)
    assert plan.refusal is not None
    assert plan.handed["wifi"]["own_ssids_hex"] == ("6d656b746570",)
    assert plan.handed["lan"] == {"key": bytes(32)}
    assert plan.handed["peer"]["key"] == bytes(32).hex()
    assert plan.handed["services"]["max_bytes"] == 1


def test_a_used_up_budget_costs_only_what_takes_data(planner, add_probe):
    """Platforms' first bytes and tests inside the school go on; the speed test and the video lesson are skipped."""
    add_probe("engine", "raise AssertionError('it was run')", *ASKED)
    asked = (PlatformAsked(name="diary", url="http://127.0.0.1:1"),)
    inside = Inside(peer_key=bytes(32), platforms=asked)
    poor = limited(planner, 12_000_000, engine="engine")
    poor = msgspec.structs.replace(poor, policy=msgspec.structs.replace(poor.policy, inside=inside))
    told = poor.plan("scheduled", EVENING)
    plan = msgspec.structs.replace(told, probes={"peer": {"find_s": 0}}, servers=("ws://127.0.0.1:1",))
    seen = session.run(("engine", "services", "peer"), plan).measurements
    assert isinstance(seen[0], Skipped)
    assert isinstance(seen[1], Services)
    assert ([one.name for one in seen[1].services], seen[1].video) == (["diary"], None)
    assert isinstance(seen[2], Peer)
    poor.remember(seen, EVENING)
    assert poor.outbox.note("last video lesson") is None


def test_only_tests_that_came_out_are_remembered(planner):
    """A failed, skipped or verdict test leaves the capacity test due; a short one leaves the long one due."""
    planner.remember([Failed(probe="msak", failure="stalled"), Skipped(probe="msak", reason="x")], EVENING)
    planner.remember([throughput(20e6, 5e6, purpose="verdict", form="long")], EVENING)
    assert planner.outbox.note(LAST_CAPACITY) is None
    planner.remember([throughput(20e6, 5e6, form="short")], EVENING)
    assert planner.outbox.note(LAST_CAPACITY) is not None
    assert planner.outbox.note(LAST_LONG) is None
    assert asked(planner.plan("scheduled", EVENING))[:2] == ("capacity", "long")
    planner.remember([throughput(20e6, 5e6, form="long")], EVENING)
    assert asked(planner.plan("scheduled", EVENING + timedelta(days=1)))[:2] == ("capacity", "short")


def test_an_engine_of_one_form_is_not_asked_for_the_other_for_ever(planner, add_probe):
    """Where an engine has no long form, its weekly capacity test is enough; lessons are not asked day after day."""
    add_probe("plain", "raise ProbeUnavailable('x')", "purpose: str")
    plain = limited(planner, None, engine="plain")
    plain.remember([throughput(20e6, 5e6, form=None)], EVENING)
    assert asked(plain.plan("scheduled", EVENING + timedelta(days=1)))[:2] == ("capacity", "short")
    last = schedule.sessions(plain.identity.agent, EVENING.date() + timedelta(days=1), NIGHT)[-1]
    assert asked(plain.plan("scheduled", last))[:2] == ("verdict", "short")


def test_a_scheduled_session_without_a_budget_reports_why(station, add_probe):
    """The whole way: the engine is not run, the report says why, and nothing is counted but the echoes."""
    add_probe("engine", "raise AssertionError('it was run')", *ASKED)
    settings = Settings(probes=station.settings.probes, agent=Agent(engine="engine", monthly_bytes=1000))
    here = msgspec.structs.replace(station, settings=settings)
    _, made = here.measure(("latency", "engine"), "scheduled", lambda _: None)
    latency, refused = made.read_measurements()
    assert isinstance(refused, Skipped)
    assert "raise monthly_bytes" in refused.reason
    month = budget.of_month(here.outbox, here.policy(), 1000, datetime.now(UTC))
    assert month.spent_bytes == 60 * (latency.sent + latency.received)


def test_a_scheduled_session_asks_and_remembers(station, add_probe):
    """The whole way: what the hours ask reaches the engine, its bytes are counted, and the long test is noted."""
    measure = (
        "d = Direction(goodput_bps=1e6, ip_bps=1e6, bytes=1000, duration_s=1, connections=1, stop='time', "
        "counted_at='server'); "
        "return Throughput(engine='engine', server='s', purpose=self.purpose, form=self.form, download=d, upload=d)"
    )
    add_probe("engine", measure, *ASKED)
    here = msgspec.structs.replace(station, settings=Settings(agent=Agent(engine="engine", metered=False)))
    always = QuietHours(start="00:00", end="00:00", weekdays=(1, 2, 3, 4, 5, 6, 7))
    identity.save_policy(here.state, Policy(hours=Hours(weekdays=()), quiet_hours=always))
    first, second = (here.measure(("engine",), "scheduled", lambda _: None)[1].read_measurements()[0] for _ in range(2))
    assert isinstance(first, Throughput)
    assert (first.purpose, first.form) == ("capacity", "long")
    assert isinstance(second, Throughput)
    assert (second.purpose, second.form) == ("capacity", "short")
    month = budget.of_month(here.outbox, here.policy(), None, datetime.now(UTC))
    assert month.spent_bytes == 4000


def test_the_bytes_of_a_boost_test_are_the_price_of_the_next(planner):
    """What a long test really took decides whether the budget has room for another."""
    rich = limited(planner, 10**9)
    big = direction(20e6, goodput_bps=20e6, bytes=150_000_000)
    rich.remember([throughput(0, 0, download=big, upload=big, form="long")], EVENING)
    week_later = EVENING + timedelta(days=7)
    assert asked(rich.plan("scheduled", week_later))[:2] == ("capacity", "short")
