"""Days of one computer in fast time, treated badly; the month of it is a part of ``make bench``."""

from collections import Counter

import pytest

from tests.benchmarks.kills import small_disk
from tests.fakes import hard_life
from tests.fakes.collector import FakeCollector
from tests.fakes.hard_life import Computer

_GROWTH_BYTES = 4 * 2**20


class Fake:
    """A collector in this process that is sometimes away, and at times loses its answer after it has stored."""

    def __init__(self, collector: FakeCollector, server: str) -> None:
        self.url = collector.url
        self._collector = collector
        self._away = False
        self._asked = 0
        self._seen: Counter[tuple[str, int]] = Counter()
        self._handle = collector.handle
        collector.handle = self._answer  # type: ignore[method-assign]
        collector.policy = type(collector.policy)(servers=(server,))

    def _answer(self, *asked):
        if self._away:
            raise ConnectionAbortedError
        answer = self._handle(*asked)
        self._asked += 1
        if self._asked % 23 == 0:
            raise ConnectionAbortedError
        return answer

    def token(self) -> str:
        self._asked = 0
        return "token"

    def revoke(self, agent: str) -> None:
        self._collector.revoked.add(agent)

    def leave(self) -> None:
        self._away = True

    def come_back(self) -> None:
        self._away = False

    def stored(self) -> Counter[tuple[str, int]]:
        return Counter(self._collector.stored.keys())


@pytest.mark.skipif(hard_life.unavailable() is not None, reason=str(hard_life.unavailable()))
@pytest.mark.timeout(300)
def test_three_hard_days(tmp_path, collector, reflector_url):
    """Power cuts, sleep, wrong clocks, full disks, a new key, a collector away for a day: nothing lost, none twice."""
    far_end = Fake(collector, reflector_url)
    with small_disk(tmp_path, "8m") as disk, Computer(tmp_path, disk, far_end, seed=8) as computer:
        outcome = hard_life.live(computer, far_end, days=4, outage_days=1, say=lambda _: None)
    assert (outcome.lost, outcome.twice, outcome.gaps, outcome.refused, outcome.waiting) == (0, 0, 0, 0, 0), outcome
    assert outcome.made_share > 0.9, outcome
    assert outcome.kept > 150
    assert min(outcome.blows.values()) >= 1
    assert outcome.strays == (), outcome.strays
    memory, handles = outcome.growth()
    assert memory < _GROWTH_BYTES, outcome.looks
    assert handles == 0, outcome.looks
