"""An hour of the resident agent in which nothing fills the line: its memory, and what it takes of one core.

It does what it does in every hour of lessons: a light test each quarter of an hour, with the child processes that this
takes, and reports that are sent. Full sessions are not idle; the policy here plans none.
"""

import contextlib
import tempfile
import time
from pathlib import Path

import psutil

from tests.benchmarks import fleet, page
from tests.benchmarks.memory import LIMIT_MIB
from tests.journey.place import Place

_HOUR_S = 3600.0
_LOOK_S = 5.0
_MOST_SHARE = 0.002
_POLICY = "[policy]\ncapacity_sessions_per_day = 0\nwifi_scans_per_day = 0\n"


def run() -> None:
    """Print the figures."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="netready-bench-")))
        folder.chmod(0o755)
        place = Place(folder)
        stack.callback(place.stop)
        (folder / "collector.toml").write_text(_POLICY)
        place.reflect()
        place.serve("--config", str(folder / "collector.toml"))
        place.join_a_school()
        (folder / "agent.toml").write_text("")  # as it is installed
        now = stack.enter_context(page.telling())
        process = psutil.Process(place.start("netready-agent", "run").pid)
        began, seen = time.monotonic(), []
        while (passed_s := time.monotonic() - began) < _HOUR_S:
            time.sleep(min(_LOOK_S, _HOUR_S - passed_s))
            seen.append(process.memory_info().rss / 2**20)
            now.say(f"an idle hour: {seen[-1]:.1f} MiB, {_cpu_s(process):.2f} s of one core")
        _show(seen, _cpu_s(process), place)


def _show(rss_mib: list[float], cpu_s: float, place: Place) -> None:
    summary = page.Summary("The resident agent in an hour without a full session")
    with fleet.opened(place) as database, database.owning() as connection:
        (reports,) = connection.execute("select count(*) from report").fetchone()
    summary.told("reports made and stored", str(reports), "a light test each quarter of an hour")
    summary.most("memory at its end", rss_mib[-1], LIMIT_MIB, "MiB")
    summary.most("memory at most", max(rss_mib), LIMIT_MIB, "MiB")
    summary.most("of one core, its child processes and its start with it", cpu_s / _HOUR_S, _MOST_SHARE)
    summary.show()


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)
