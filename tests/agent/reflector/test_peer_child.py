import time

import pytest

from agent.meter.errors import HeadError
from agent.reflector import peer_child
from agent.reflector.peer_child import Allowance
from agent.reflector.peer_order import Order


class Exchange:
    """As far as an allowance looks at one."""

    enough = None


def joined(allowance: Allowance) -> Exchange:
    exchange = Exchange()
    allowance.bound(lambda _exchange: None)(exchange)
    return exchange


def test_the_bytes_of_all_connections_count_together():
    """A visitor cannot have more by opening more connections."""
    allowance = Allowance(100, 60.0)
    first, second = joined(allowance), joined(allowance)
    assert not first.enough(60)
    assert not second.enough(39)
    assert second.enough(40)
    assert first.enough(60)


def test_a_direction_ends_in_time():
    """When its seconds are over nothing more is sent or taken, and no connection joins."""
    allowance = Allowance(100, 0.05)
    exchange = joined(allowance)
    time.sleep(0.06)
    assert exchange.enough(1)
    with pytest.raises(HeadError) as error:
        joined(allowance)
    assert error.value.status == 503


def test_connections_are_bounded():
    """A direction has as many connections as the meter can use, and no more."""
    allowance = Allowance(10**9, 60.0)
    for _ in range(peer_child._MOST_STREAMS):
        joined(allowance)
    with pytest.raises(HeadError):
        joined(allowance)


def test_everything_stands_behind_the_ticket():
    """No path can be guessed: each begins with the ticket."""
    order = Order(
        host="127.0.0.1", port=0, visitor="10.0.0.1", ticket="f" * 64, max_bytes=1, direction_s=1.0, seconds=1.0
    )
    paths = {path for _method, path in peer_child.routes(order)}
    assert len(paths) == 3
    assert all(path.startswith(f"/{'f' * 64}/") for path in paths)
