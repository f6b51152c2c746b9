"""Every computer of the country sends one report within the same minute: nothing lost, nothing twice, nobody dies."""

import heapq
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from rich.console import Console
from rich.table import Table

from tests.benchmarks import fleet, load
from tests.fakes.computer import batch
from tests.journey.place import Place

_AGENTS, _SCHOOLS = 71_000, 7_098
_WITHIN_S, _LIMIT_S = 60.0, 180.0
_LINES = 4_500
_LOOKS = 8
_SPREAD = 0.25  # what agents add to a Retry-After: everybody else was told the same second


class _Herd:
    """Who has to send when, and what became of it."""

    def __init__(self, requests: list[bytes]) -> None:
        self._chance = random.Random(5)  # noqa: S311 - a plan that can be repeated
        self._requests = requests
        self._began = time.monotonic()
        self._due = [(self._began + self._chance.random() * _WITHIN_S, number) for number in range(len(requests))]
        heapq.heapify(self._due)
        self.answered: Counter[str] = Counter()
        self.left = len(requests)
        self.took_s: list[float] = []
        self.memory: list[int] = []

    def following(self, _line: int) -> tuple[int, bytes] | None:
        """Give the next computer whose time has come."""
        if not self._due or self._due[0][0] > time.monotonic():
            return None
        _, number = heapq.heappop(self._due)
        return number, self._requests[number]

    def answer(self, answer: load.Answer) -> None:
        """Note an answer; who got none, or was asked to come back, comes again as agents do."""
        if answer.status == 200:
            word = next(
                (one for one in ("stored", "duplicate") if b'"answer":"%b"' % one.encode() in answer.body), "refused"
            )
            self.answered[word] += 1
            self.left -= 1
            self.took_s.append(answer.took_s)
            return
        self.answered["503, come back later" if answer.status == 503 else f"status {answer.status}"] += 1
        pause_s = (answer.retry_after_s or 5.0) * (1 + _SPREAD * self._chance.random())
        heapq.heappush(self._due, (time.monotonic() + pause_s, answer.key))


def run() -> None:
    """Print the table."""
    console = Console(width=118)
    with tempfile.TemporaryDirectory(prefix="netready-bench-") as folder:
        Path(folder).chmod(0o755)
        place = Place(Path(folder))
        try:
            collector = psutil.Process(place.serve("--workers", "2").pid)
            with console.status(f"enrolling {_AGENTS} computers"):
                computers = fleet.enrolled(place, _AGENTS, _SCHOOLS)
                requests = [load.request(batch(fleet.report_of(one))) for one in computers]
            before = _memory(collector)
            with console.status("the herd"):
                herd, elapsed_s = _send(place, collector, requests)
            reports, distinct = _stored(place)
        finally:
            place.stop()
    table = Table(
        *("", ""),
        title=f"A herd: {_AGENTS} computers within {_WITHIN_S:.0f} s, {_LINES} connections, 2 processes",
        title_justify="left",
        show_header=False,
    )
    table.add_row("reports in the database, and different ones", f"{reports}, {distinct}")
    for word, count in herd.answered.most_common():
        table.add_row(f"answered: {word}", str(count))
    table.add_row("until all were stored", f"{elapsed_s:.0f} s (at most {_LIMIT_S:.0f} s)")
    table.add_row("an accepted request: p50, p99", _quantiles(herd.took_s))
    looks = ", ".join(map(str, herd.memory))
    table.add_row("the collector's memory: before; at each eighth of the way", f"{before}; {looks} MiB")
    console.print(table)
    assert (herd.left, reports, distinct) == (0, _AGENTS, _AGENTS), herd.left


def _send(place: Place, collector: psutil.Process, requests: list[bytes]) -> tuple[_Herd, float]:
    herd = _Herd(requests)
    parts = urlsplit(place.address)
    sender = load.Load((str(parts.hostname), int(parts.port or 0)), _LINES, herd.following, herd.answer)
    began = time.monotonic()

    def is_done() -> bool:
        if herd.left <= len(requests) * (_LOOKS - len(herd.memory)) // _LOOKS:
            herd.memory.append(_memory(collector))
        return not herd.left

    sender.run(is_done, began + 2 * _LIMIT_S)
    return herd, time.monotonic() - began


def _memory(collector: psutil.Process) -> int:
    """Return what the collector's processes hold for themselves, without the database's."""
    return sum(one.memory_info().rss for one in (collector, *collector.children(recursive=True))) >> 20


def _stored(place: Place) -> tuple[int, int]:
    with fleet.opened(place) as database, database.owning() as connection:
        row = connection.execute(
            "select count(*), count(distinct (school_id, agent_id, sequence)) from report"
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])


def _quantiles(took_s: list[float]) -> str:
    return ", ".join(f"{load.percentile(took_s, share):.2f} s" for share in (0.5, 0.99))
