"""Thirty days of one computer in fast time, treated badly, against a real collector: nothing lost, nothing twice."""

import contextlib
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.benchmarks import fleet, page
from tests.benchmarks.kills import small_disk
from tests.fakes import hard_life
from tests.fakes.hard_life import Computer, Outcome
from tests.journey.place import Place

_DAYS, _OUTAGE_DAYS = 30, 7
_SEED = 30
_GROWTH_MIB = 2.0
_LEAST_MADE = 0.95
_SCHOOL = "0042"


class _Real:
    """A real collector on its own database."""

    def __init__(self, place: Place) -> None:
        self.url = place.address
        self._place = place
        self._collector = place.serve()
        place.import_school(_SCHOOL)

    def token(self) -> str:
        return self._place.collector("enrollment", "create", "--school", _SCHOOL).strip()

    def revoke(self, agent: str) -> None:
        self._place.collector("agents", "revoke", agent)

    def leave(self) -> None:
        self._collector.terminate()
        self._collector.wait(60)

    def come_back(self) -> None:
        self._collector = self._place.serve()

    def stored(self) -> Counter[tuple[str, int]]:
        with fleet.opened(self._place) as database, database.owning() as connection:
            return Counter(connection.execute("select agent_id, sequence from report").fetchall())


def run() -> None:
    """Print the figures."""
    reason = hard_life.unavailable()
    if reason is not None:
        print(f"month: not measured: {reason}")
        return
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="netready-bench-")))
        folder.chmod(0o755)
        (folder / "collector").mkdir(mode=0o755)
        (folder / "computer").mkdir(mode=0o755)
        place = Place(folder / "collector")
        stack.callback(place.stop)
        place.reflect()
        far_end = _Real(place)
        disk = stack.enter_context(small_disk(folder, "16m"))
        computer = stack.enter_context(Computer(folder / "computer", disk, far_end, _SEED))
        now = stack.enter_context(page.telling())
        outcome = hard_life.live(computer, far_end, _DAYS, _OUTAGE_DAYS, now.say)
    _show(outcome, time.monotonic() - began)


def _show(outcome: Outcome, took_s: float) -> None:
    memory, handles = outcome.growth()
    life_days = (outcome.looks[-1].age_s - outcome.looks[0].age_s) / hard_life.DAY_S
    blows = ", ".join(f"{count} {name}" for name, count in outcome.blows.items())
    summary = page.Summary(f"One computer for {outcome.days:.0f} days, in {took_s:.0f} s: {blows}")
    summary.told("reports said to be on disk; stored", f"{outcome.kept}; {outcome.stored}", "")
    summary.most("lost of those on disk", outcome.lost, 0, "")
    summary.most("stored twice", outcome.twice, 0, "")
    summary.most("refused", outcome.refused, 0, "")
    summary.most("numbers that no report has", outcome.gaps, 0, "")
    summary.most("still waiting at the end", outcome.waiting, 0, "")
    summary.told("kept under the revoked key", str(outcome.unwanted), "the collector takes none of that key")
    summary.least("light reports made of those due while on, with room on the disk", outcome.made_share, _LEAST_MADE)
    summary.most(f"memory grown in the longest life ({life_days:.1f} days awake)", memory / 2**20, _GROWTH_MIB, "MiB")
    summary.told(
        "memory, MiB, every six hours awake", " ".join(f"{look.rss / 2**20:.1f}" for look in outcome.looks), ""
    )
    summary.most("file handles more than at first", handles, 0, "")
    summary.most("files left behind", len(outcome.strays), 0, " ".join(outcome.strays))
    summary.show()
    assert not outcome.lost + outcome.twice + outcome.refused + outcome.gaps + outcome.waiting + handles
