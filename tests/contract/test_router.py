"""What echoes of the router show of the way to it: each direction for itself."""

import msgspec
import pytest

from agent.contract import rules, signs
from tests.fakes.sessions import CONTRACT, cable, router_echoes, throughput

RULES = rules.shipped_rules()
SLOW_DOWN, SLOW_UP, SLOW = (37e6, 19.6e6), (98e6, 7e6), (37e6, 7e6)


def path(rates: tuple[float, float], **changes: float | None) -> list[str | None]:
    """Return the directions in which a test with these rates and echoes shows a clean way."""
    echoes = msgspec.structs.replace(router_echoes(), **changes)
    [read] = signs.of_computer([[cable(), throughput(*rates, gateway=echoes)]], CONTRACT, RULES)
    return [figure.direction for figure in read.path]


@pytest.mark.parametrize("rates", [SLOW_DOWN, SLOW_UP, SLOW])
def test_both_directions_stand_on_their_own_echoes(rates: tuple[float, float]) -> None:
    """Where both were echoed while full, both are shown, each with its figure."""
    assert path(rates) == ["download", "upload"]


@pytest.mark.parametrize(
    ("rates", "missing", "shown"),
    [
        (SLOW_DOWN, "download", []),
        (SLOW_DOWN, "upload", ["download"]),
        (SLOW_UP, "upload", []),
        (SLOW_UP, "download", ["upload"]),
        (SLOW, "upload", []),
        (SLOW, "download", []),
    ],
)
def test_one_direction_does_not_speak_for_the_other(rates, missing: str, shown: list[str]) -> None:
    """Of a direction that came out slow and had no echoes of its own nobody knows that the way was clean."""
    assert path(rates, **{f"{missing}_ms": None, f"{missing}_p95_ms": None}) == shown
