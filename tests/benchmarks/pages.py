"""Pages over a filled country: how long the country's page and lists take, and how large each first view is."""

import gzip
import math
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from collector import rankings, simulate
from collector.settings import DatabaseSettings
from collector.store.database import open_database
from tests.benchmarks import country, page
from tests.journey.place import Place

COUNTRY_MS, LIST_MS = 200.0, 150.0
FIRST_VIEW_KB = 60.0
_ROUNDS = 40
_LANGUAGES = ("kk", "ru", "en")


class Asked:
    """How long an address took, in milliseconds, and how many bytes a browser loads for it."""

    def __init__(self, path: str, limit_ms: float) -> None:
        self.path = path
        self.limit_ms = limit_ms
        self.ms: list[float] = []
        self.bytes = 0

    def p95(self) -> float:
        """Return the time that nineteen of twenty answers did not exceed."""
        return sorted(self.ms)[math.ceil(0.95 * len(self.ms)) - 1]


def run(words: Sequence[str] = ()) -> None:
    """Print the tables; words are how many schools and how many school days.

    ``NETREADY_BENCH_DATA`` names a data folder that is filled already; it is served as it is.
    """
    numbers = [int(word) for word in words if word.isdecimal()]
    schools, school_days = [*numbers, *(country.SCHOOLS, country.DAYS)[len(numbers) :]][:2]
    filled = os.environ.get("NETREADY_BENCH_DATA")
    title = f"pages of {filled}" if filled else f"pages of {schools} schools, {school_days} school days"
    summary = page.Summary(title)
    with _place(filled) as place, page.telling() as now:
        if filled is None:
            plan = simulate.plan_until_yesterday(schools, school_days, 1, datetime.now(UTC))
            with open_database(DatabaseSettings(data=str(place.data)), make=True) as database:
                country._fill(database, plan, now)
                largest = max(simulate.sites(plan.schools, plan.seed)[:200], key=lambda one: one.school.pupils or 0)
                country._deliver(database, largest, plan)
                country._find(database, plan)
        now.say("the collector")
        place.serve()
        with httpx.Client(base_url=place.address, headers={"accept-encoding": "identity"}, timeout=60) as client:
            _measure(client, now, summary)
    summary.show()


@contextmanager
def _place(filled: str | None) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="netready-bench-") as folder:
        Path(folder).chmod(0o755)
        place = Place(Path(folder))
        if filled is not None:
            place.data = Path(filled)
        try:
            yield place
        finally:
            place.stop()


def _measure(client: httpx.Client, now: page.Now, summary: page.Summary) -> None:
    everything = _asked()
    for number in range(_ROUNDS + 1):
        now.say(f"round {number} of {_ROUNDS}")
        for one in everything:
            language = _LANGUAGES[number % len(_LANGUAGES)]
            began = time.perf_counter()
            answer = client.get(one.path, headers={"accept-language": language})
            took_ms = 1000 * (time.perf_counter() - began)
            answer.raise_for_status()
            if number:  # what connections and caches do the first time is not what people wait for
                one.ms.append(took_ms)
            if number < len(_LANGUAGES):
                one.bytes = max(one.bytes, _weight(client, answer.text))
    with page.table(
        "Pages as a browser asks for them", "page", "p50, ms", "p95, ms", "limit, ms", "first view, kB"
    ) as made:
        for one in everything:
            p95, size = one.p95(), one.bytes / 1000
            made.add_row(
                one.path,
                f"{sorted(one.ms)[len(one.ms) // 2]:.0f}",
                page.judged(f"{p95:.0f}", fine=p95 <= one.limit_ms),
                f"{one.limit_ms:.0f}",
                page.judged(f"{size:.1f}", fine=size <= FIRST_VIEW_KB),
            )
    lists = [one for one in everything if one.limit_ms == LIST_MS]
    summary.most("the country's page, p95", everything[0].p95(), COUNTRY_MS, "ms")
    summary.most("a list of 50, the slowest, p95", max(one.p95() for one in lists), LIST_MS, "ms")
    summary.most("the largest first view, gzipped", max(one.bytes for one in everything) / 1000, FIRST_VIEW_KB, "kB")


def _asked() -> list[Asked]:
    return [
        Asked("/country", COUNTRY_MS),
        Asked("/regions/KZ-61", COUNTRY_MS),
        Asked("/schools", LIST_MS),
        Asked("/schools?page=70", LIST_MS),
        Asked("/schools?order=rank&technology=fibre", LIST_MS),
        Asked("/schools?q=1&region=KZ-61", LIST_MS),
        *(Asked(f"/rankings/{name}", LIST_MS) for name in rankings.names()),
    ]


def _weight(client: httpx.Client, text: str) -> int:
    """Return how many bytes a first view is, gzipped: the page with its style, script and icon."""
    size = len(gzip.compress(text.encode()))
    for part in text.split('"'):
        if part.startswith("/static/"):
            size += len(gzip.compress(client.get(part).content))
    return size
