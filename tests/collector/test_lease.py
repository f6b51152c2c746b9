import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import lease
from collector.lease import Enough, Granted, Group, Held, School, Server, Wait, Waiting, Wish

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
AGENTS = [f"{number:032x}" for number in range(1, 60)]
A, B, C, D = AGENTS[:4]


def wish(agent: str, **changes) -> Wish:
    """Return a usual wish; its lease is named after the agent."""
    return Wish(**({"agent": agent, "lease_id": f"lease of {agent}", "seconds": 60.0} | changes))


def waiting(agent: str, since_s: float, group: Group | None = None, due_s: float = 0.0) -> Waiting:
    """Return an agent that came some seconds before now and asks again some seconds after."""
    return Waiting(
        agent=agent,
        lease_id=f"lease of {agent}",
        since=NOW - timedelta(seconds=since_s),
        due_at=NOW + timedelta(seconds=due_s),
        seconds=60.0,
        group=group,
    )


def held(agent: str, mode="single", order_id=None, ago_s: float = 1.0) -> Held:
    """Return a lease that began a moment ago."""
    starts_at = NOW - timedelta(seconds=ago_s)
    return Held(
        agent=agent,
        lease_id=f"lease of {agent}",
        mode=mode,
        order_id=order_id,
        server="ws://one",
        reserved_bps=1e6,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(seconds=60),
    )


def answer(school: School, asked: Wish, servers=()):
    """Return the answer alone."""
    return lease.decide(school, servers, asked, NOW).answer


def test_a_free_line_is_given_at_once():
    """Whoever asks first has it, for as long as was asked."""
    decision = lease.decide(School(), (), wish(A), NOW)
    assert isinstance(decision.answer, Granted)
    assert decision.leases == (decision.answer.lease,)
    assert (decision.leases[0].starts_at, decision.leases[0].ends_at) == (NOW, NOW + timedelta(seconds=60))


def test_while_one_measures_the_others_wait():
    """A second wish waits in the queue and is told to ask again."""
    decision = lease.decide(School(held=(held(A),)), (), wish(B), NOW)
    assert isinstance(decision.answer, Wait)
    assert decision.waits is not None
    assert decision.waits.since == NOW
    assert decision.waits.due_at == NOW + timedelta(seconds=decision.answer.retry_s)


def test_asking_again_for_the_same_lease_gives_the_same():
    """A reply that was lost costs nothing: the lease is the one that was given, with its end."""
    assert answer(School(held=(held(A),)), wish(A)) == Granted(held(A))


def test_a_restarted_agent_does_not_get_a_second_lease():
    """With another id the same computer waits for the end of its first."""
    assert isinstance(answer(School(held=(held(A),)), wish(A, lease_id="another")), Wait)


def test_they_are_served_in_the_order_in_which_they_came():
    """Who came first goes first, whoever asks just now."""
    queue = School(waiting=(waiting(A, 30, due_s=5), waiting(B, 20)))
    assert answer(queue, wish(B)) == Wait(lease.USUAL_TEST_S / 2, 1, "turn")
    assert isinstance(answer(queue, wish(A)), Granted)


def test_the_best_placed_has_every_second_turn():
    """While it waits it goes first unless it had the last turn; then the order of coming counts."""
    queue = School(waiting=(waiting(A, 30, due_s=5), waiting(B, 20, due_s=5)), order=(B, A))
    assert isinstance(answer(queue, wish(B)), Granted)
    after = msgspec.structs.replace(queue, last=B)
    assert isinstance(answer(after, wish(B)), Wait)
    assert isinstance(answer(after, wish(A)), Granted)


def test_who_does_not_come_back_lets_others_go_first():
    """An agent that was due seconds ago and did not ask holds nobody up, and keeps its place for when it comes."""
    queue = School(waiting=(waiting(A, 60, due_s=-6), waiting(B, 20)))
    assert isinstance(answer(queue, wish(B)), Granted)
    assert isinstance(answer(queue, wish(A)), Granted)


def test_what_a_person_asked_for_comes_first():
    """A test now goes before the queue."""
    asked = Group("order", "single")
    queue = School(waiting=(waiting(A, 60, due_s=5),), order=(A,))
    assert isinstance(answer(queue, wish(B, group=asked)), Granted)


def test_a_slot_that_was_measured_enough_is_left_alone():
    """Computers that were measured today leave it at that; the best-placed, the others and ordered tests do not."""
    busy = School(in_slot=4, served=frozenset({A, B}), order=(B,))
    assert answer(busy, wish(A)) == Enough()
    for asked in (wish(B), wish(C), wish(A, group=Group("order", "single"))):
        assert isinstance(answer(busy, asked), Granted)
    assert isinstance(answer(msgspec.structs.replace(busy, in_slot=3), wish(A)), Granted)
    promised = msgspec.structs.replace(busy, waiting=(waiting(A, 30),))
    assert isinstance(answer(promised, wish(A)), Granted)


def test_a_pair_has_two_turns_in_a_row_the_cable_first():
    """It begins when both are there; the second goes before all others."""
    pair = Group("order", "pair", 2)
    alone = School(waiting=(waiting(C, 99, due_s=5),), order=(A, B))
    assert answer(alone, wish(B, group=pair)).reason == "others"
    both = msgspec.structs.replace(alone, waiting=(*alone.waiting, waiting(A, 9, pair, 5), waiting(B, 12, pair, 5)))
    assert isinstance(answer(both, wish(B, group=pair)), Wait)
    first = answer(both, wish(A, group=pair))
    assert first.lease.mode == "pair"
    after = msgspec.structs.replace(
        both, waiting=(alone.waiting[0], waiting(B, 12, pair, 5)), recent=(held(A, "pair", "order", 20),)
    )
    assert isinstance(answer(after, wish(C)), Wait)
    assert isinstance(answer(after, wish(B, group=pair)), Granted)


def test_a_joint_test_begins_together_each_with_its_share():
    """When all are there, all get a lease from the same moment on, in proportion to their ports."""
    joint = Group("order", "joint", 3)
    others = (waiting(A, 9, joint, 3), waiting(B, 8, joint, 3))
    school = School(waiting=others, order=(A, B, C), ports={A: 1e9, B: 1e8, C: 1e8})
    decision = lease.decide(school, (), wish(C, group=joint), NOW)
    assert [(one.agent, one.mode) for one in decision.leases] == [(A, "joint"), (B, "joint"), (C, "joint")]
    assert len({one.starts_at for one in decision.leases}) == 1
    assert decision.leases[0].starts_at == NOW + timedelta(seconds=lease.TOGETHER_IN_S)
    assert [round(one.share, 3) for one in decision.leases] == [0.833, 0.083, 0.083]
    assert answer(School(waiting=others[:1]), wish(C, group=joint)).reason == "others"


@pytest.mark.parametrize(
    ("server", "reserved", "room"),
    [
        (Server(url="a", tests=2, load_tests=1), 1e9, True),
        (Server(url="a", tests=2, load_tests=2), 1.0, False),
        (Server(url="a", capacity_bps=1e8, load_bps=6e7), 4e7, True),
        (Server(url="a", capacity_bps=1e8, load_bps=6e7), 5e7, False),
        (Server(url="a", capacity_bps=1e8), 1e9, True),
        (Server(url="a", capacity_bps=1e8, load_bps=1.0), 1e9, False),
    ],
)
def test_a_server_is_not_given_more_than_it_takes(server, reserved, room):
    """Simultaneous tests and, where known, bit/s; a line that is faster than a server has it alone."""
    got = answer(School(), wish(A, reserved_bps=reserved), [server])
    assert isinstance(got, Granted if room else Wait)
    free = answer(School(), wish(A, reserved_bps=reserved), [server, Server(url="b")])
    assert free.lease.server == ("a" if room else "b")


class Line:
    """A school's line in memory, driven as collector.turns drives the database."""

    def __init__(self, rng: random.Random, agents: list[str], servers: list[Server]) -> None:
        self.rng = rng
        self.agents = agents
        self.servers = servers
        self.now = NOW
        self.held: dict[str, Held] = {}
        self.past: list[Held] = []
        self.waiting: dict[str, Waiting] = {}
        self.last: str | None = None
        self.numbers = dict.fromkeys(agents, 0)
        self.groups: dict[str, Group] = {}
        self.best = agents[0]
        self.overtaken: dict[str, int] = {}
        self.bound: dict[str, int] = {}

    def school(self) -> School:
        self.held = {agent: one for agent, one in self.held.items() if one.ends_at > self.now}
        return School(
            held=tuple(self.held.values()),
            recent=tuple(one for one in self.past if self.now - one.starts_at < lease.PAIR_WITHIN),
            waiting=tuple(
                msgspec.structs.replace(one, group=self.groups.get(one.agent)) for one in self.waiting.values()
            ),
            last=self.last,
            order=tuple(self.agents),
            ports=dict.fromkeys(self.agents, 1e8),
        )

    def loads(self) -> list[Server]:
        return [
            msgspec.structs.replace(
                server,
                load_tests=sum(1 for one in self.held.values() if one.server == server.url),
                load_bps=sum(one.reserved_bps for one in self.held.values() if one.server == server.url),
            )
            for server in self.servers
        ]

    def ask(self, agent: str) -> None:
        asked = wish(
            agent,
            lease_id=f"{agent} {self.numbers[agent]}",
            reserved_bps=3e7,
            seconds=20.0,
            group=self.groups.get(agent),
        )
        school = self.school()
        is_new = agent not in self.waiting
        decision = lease.decide(school, self.loads(), asked, self.now)
        if decision.waits is not None:
            if is_new:
                plain = sum(1 for one in self.waiting.values() if one.group is None)
                self.overtaken[agent], self.bound[agent] = 0, 2 * (plain + 1)
            self.waiting[agent] = decision.waits
            assert decision.waits.due_at > self.now
        for one in decision.leases:
            self.waiting.pop(one.agent, None)
            self.groups.pop(one.agent, None)
            self.held[one.agent] = one
            self.past.append(one)
            self.overtaken.pop(one.agent, None)
        if decision.leases and decision.leases[0].order_id is None:
            self.last = decision.leases[0].agent
            for one in self.waiting.values():
                if one.group is None and one.due_at + lease.GRACE >= self.now:
                    self.overtaken[one.agent] += 1
        self.check()

    def release(self, agent: str) -> None:
        if self.held.pop(agent, None) is not None:
            self.numbers[agent] += 1

    def check(self) -> None:
        open_now = [one for one in self.held.values() if one.ends_at > self.now]
        orders = {(one.mode, one.order_id) for one in open_now}
        assert len(open_now) <= 1 or (len(orders) == 1 and open_now[0].mode == "joint")
        for server in self.loads():
            assert server.tests is None or server.load_tests <= server.tests
            assert server.capacity_bps is None or server.load_bps <= server.capacity_bps
        late = {agent: count for agent, count in self.overtaken.items() if count > self.bound[agent]}
        assert not late


@given(seed=st.integers(0, 2**32), count=st.integers(1, 12), tests=st.sampled_from([None, 1, 3]))
@settings(max_examples=120, deadline=None)
def test_whatever_happens_one_at_a_time_no_server_too_full_each_in_its_turn(seed, count, tests):
    """Agents come, wait, measure, die and are ordered at random, and the three promises hold at every step.

    Never two leases at a time but in a joint test; never more on a server than it takes; and whoever keeps asking is
    overtaken by no more turns than twice its place in the queue.
    """
    rng = random.Random(seed)  # noqa: S311 - a schedule, no secret
    line = Line(rng, AGENTS[:count], [Server(url="a", tests=tests, capacity_bps=1e8), Server(url="b", tests=tests)])
    silent: set[str] = set()
    for _ in range(150):
        line.now += timedelta(seconds=rng.choice([0.1, 1, 3, 20]))
        due = [one.agent for one in line.waiting.values() if one.due_at <= line.now and one.agent not in silent]
        for agent in sorted(due):
            line.ask(agent)
        agent = rng.choice(line.agents)
        match rng.choice(["ask", "ask", "release", "release", "die", "wake", "order", "joint"]):
            case "ask" if agent not in line.held and agent not in silent:
                line.ask(agent)
            case "release":
                line.release(rng.choice([*line.held, agent]))
            case "die":
                silent.add(agent)
            case "wake":
                silent.clear()
            case "order" if agent not in line.held and agent not in line.groups and agent not in line.waiting:
                line.groups[agent] = Group(f"order {line.now}", "single")
            case "joint" if count >= 3 and rng.random() < 0.2:
                members = [one for one in rng.sample(line.agents, 3) if one not in line.held]
                if len(members) == 3 and not any(one in line.groups or one in line.waiting for one in members):
                    line.groups |= dict.fromkeys(members, Group(f"joint {line.now}", "joint", 3))


@given(seed=st.integers(0, 2**32), count=st.integers(2, 50))
@settings(max_examples=40, deadline=None)
def test_all_that_ask_at_once_are_served_and_the_best_placed_most_often(seed, count):
    """A school whose computers all ask again and again: each is measured, none as often as the best-placed one."""
    rng = random.Random(seed)  # noqa: S311 - a schedule, no secret
    line = Line(rng, AGENTS[:count], [Server(url="a")])
    asking = {agent: NOW + timedelta(seconds=rng.random()) for agent in line.agents}
    served = dict.fromkeys(line.agents, 0)
    while sum(served.values()) < 3 * count + 3:
        agent = min(asking, key=asking.__getitem__)
        line.now = asking[agent]
        line.release(agent)
        line.ask(agent)
        served[agent] += agent in line.held
        asking[agent] = line.now + timedelta(seconds=5) if agent in line.held else line.waiting[agent].due_at
    assert min(served.values()) >= 1
    others = [times for agent, times in served.items() if agent != line.best]
    assert served[line.best] > max(others) or (count == 2 and served[line.best] >= max(others) - 1)
