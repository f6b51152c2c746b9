"""Have one session of the agent here and print its measurements, a line each. The argument is the order as JSON."""

import sys

import msgspec
from msgspec import Struct

from agent import session
from agent.contract import measurement
from agent.session import Plan
from tests.lab import own_processor


class Order(Struct, frozen=True):
    """Which probes are run one after the other, the plan of the session, and deadlines of single probes."""

    probes: tuple[str, ...]
    plan: Plan
    deadlines_s: dict[str, float] = {}


if __name__ == "__main__":
    order = msgspec.json.decode(sys.argv[1], type=Order)
    with own_processor.told():
        for name in order.probes:
            one = session.measure(name, order.plan, order.plan.servers[0], order.deadlines_s.get(name))
            print(measurement.encode(one).decode())  # noqa: T201
