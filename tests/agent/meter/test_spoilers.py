"""What spoiled a test, from what was seen beside it."""

import pytest

from agent.meter import spoilers
from agent.meter.echo import Echoes
from agent.meter.spoilers import Around


@pytest.mark.parametrize(
    ("handshakes_ms", "echoes_ms", "words"),
    [
        ((2.0, 3.0), [40.0, 41.0, 40.5], ("proxy",)),
        ((40.0, 41.0), [40.0, 41.0, 40.5], ()),
        ((31.0,), [38.0, 95.0, 99.0, 97.0], ()),
        ((31.0,), [], ()),
        ((), [40.0, 41.0, 40.5], ()),
        ((25.0, 90.0), [95.0, 97.0, 96.0], ()),
        ((25.0, 30.0), [75.0, 97.0, 126.0], ()),
    ],
    ids=[
        "answered nearby",
        "answered by the server",
        "echoes waited in a queue",
        "no echo came back",
        "no handshake",
        "one lucky handshake, and a queue that stays full",
        "two lucky handshakes, and a queue that comes and goes",
    ],
)
def test_a_proxy_is_nearer_than_the_quickest_echo(handshakes_ms, echoes_ms, words) -> None:
    """A handshake that found the queue of a full line empty, when most echoes did not, was answered by nobody else."""
    idle = Echoes(sent=10, lost=10 - len(echoes_ms), rtts_s=[one / 1000 for one in echoes_ms])
    assert spoilers.tainted(Around(handshakes_ms=handshakes_ms, idle=idle), []) == words
