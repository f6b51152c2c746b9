"""The ladder of sizes, against far ends of all kinds."""

from collections.abc import Callable

import pytest

from agent.host import icmp, path_mtu


class FarEnd:
    """A far end that carries packets up to a size; it answers so many at once, and one more each time."""

    def __init__(self, carries: int, burst: int = 99) -> None:
        self._carries, self._tokens, self.asked = carries, burst, 0

    def __call__(self, _address: str, sizes: list[int]) -> set[int]:
        self.asked += len(sizes)
        answered = [size for size in sizes if size <= self._carries][: self._tokens]
        self._tokens += 1 - len(answered)
        return set(answered)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int | None]:
    def find(*ends: Callable[..., set[int]]) -> int | None:
        monkeypatch.setattr(path_mtu, "_ways", lambda: ends)
        return path_mtu.find("192.0.2.1")

    return find


@pytest.mark.parametrize(
    ("carries", "size"),
    [(9000, 1500), (1500, 1500), (1499, 1492), (1492, 1492), (1433, 1430), (1280, 1280), (1279, 576), (100, None)],
)
def test_every_way(found, carries, size) -> None:
    """The highest rung that arrives is found, in few packets."""
    end = FarEnd(carries)
    assert found(end) == size
    assert end.asked <= 2 * 2 * 6


@pytest.mark.parametrize(("carries", "size"), [(1500, 1500), (1420, 1420), (1000, 576)])
@pytest.mark.parametrize("burst", [1, 2, 6])
def test_a_router_that_answers_few(found, carries, size, burst) -> None:
    """One that answers so many packets a second never makes the way look narrower than it is."""
    assert found(FarEnd(carries, burst)) == size


def test_the_next_way(found) -> None:
    """Where one way is refused, or silent, the next is asked."""

    def refuse(_address: str, _sizes: list[int]) -> set[int]:
        raise PermissionError(icmp.SETTING)

    assert found(refuse, FarEnd(1500)) == 1500
    assert found(FarEnd(0), FarEnd(1492)) == 1492
    assert found(refuse, FarEnd(0)) is None
    with pytest.raises(PermissionError, match="ping_group_range"):
        found(refuse)


def test_no_address() -> None:
    """What is no address has no size, and nothing raises."""
    assert path_mtu.find("no address") is None
