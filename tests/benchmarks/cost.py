"""What a byte costs the measuring computer: processor per GB, plain and over TLS, and 940 Mbit/s on one core."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.benchmarks import page, places, trial
from tests.benchmarks.page import Summary, percent
from tests.benchmarks.trial import WAYS, Ours, Spent
from tests.fakes.certificates import Authority
from tests.lab.namespaces import ROOT

PLAIN_S_PER_GB, TLS_S_PER_GB, RSS_MIB, FAST_ERROR = 0.6, 2.0, 32, 0.04
_TEST_S = 3.0
_WITHIN_S = 60
_FAST = "940/940"
_COLUMNS = ("msak", "down Mbit/s", "up Mbit/s", "GB", "CPU s", "start-up", "CPU s/GB", "RSS MiB", "note")
_NOTE = "CPU s/GB: without the start-up, the processor time of the same program that has nothing to measure against."


def run(words: Sequence[str] = ()) -> None:
    """Print the tables; there are no lines to choose."""
    summary = Summary("Cost: what it must show")
    with page.table("Cost over loopback, and on one core", *_COLUMNS, note=_NOTE) as made, page.telling() as now:
        now.say("starting up and measuring nothing")
        start_up = min(_measure().cpu_s for _ in range(3))
        for name, limit, found in _loopback(now):
            per_gb, cells = _cells(name, found, start_up)
            made.add_row(*cells)
            summary.most(f"CPU, {name}", per_gb, limit, "s/GB")
            summary.most(f"resident memory, {name}", found.spent.rss_mib, RSS_MIB, "MiB")
        if places.unavailable() is None:
            for far in places.each(places.chosen([_FAST]), now):
                found = trial.ours(far, pinned=True)
                made.add_row(*_cells(f"{_FAST}, one core", found, start_up)[1])
                worst = max(abs(trial.error(found.ip_bps(way), far.truth(way))) for way in WAYS)
                summary.most(f"worst error of {_FAST} on one core", worst, FAST_ERROR)
    summary.show()


def _loopback(now: page.Now) -> Iterator[tuple[str, float, Ours]]:
    with tempfile.TemporaryDirectory(prefix="netready-bench-") as folder:
        authority = Authority(Path(folder))
        certificate, key = authority.issue()
        for name, limit, options, scheme, settings in (
            ("loopback, plain", PLAIN_S_PER_GB, (), "ws", ()),
            (
                "loopback, TLS",
                TLS_S_PER_GB,
                ("--tls-cert", certificate, "--tls-key", key),
                "wss",
                (f"ca_file={authority.file}",),
            ),
        ):
            now.say(name)
            with _reflector(*options) as place:
                spent = _measure(f"server={scheme}://{place}", f"max_s={_TEST_S}", *settings)
            yield name, limit, trial.told(spent)


@contextmanager
def _reflector(*options: str) -> Iterator[str]:
    command = (sys.executable, "-m", "agent", "reflect", "--listen", "127.0.0.1:0", *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process.stdout.readline().split()[1]
        finally:
            process.terminate()
            process.wait(10)


def _measure(*settings: str) -> Spent:
    probe = (sys.executable, "-m", "tests.lab.measure", "msak", str(_WITHIN_S), *settings)
    wrapper = (sys.executable, "-m", "tests.benchmarks.measured", str(_WITHIN_S))
    done = subprocess.run(
        [*wrapper, *probe], capture_output=True, text=True, cwd=ROOT, timeout=2 * _WITHIN_S, check=True
    )
    return msgspec.json.decode(done.stdout, type=Spent)


def _cells(name: str, found: Ours, start_up: float) -> tuple[float, list[str]]:
    spent = found.spent
    if found.seen is None:
        return float("nan"), [name, "failed", *[""] * 6, page.note(found.failure)]
    gigabytes = sum(getattr(found.seen, way).bytes for way in WAYS) / 1e9
    per_gb = (spent.cpu_s - start_up) / gigabytes
    busy = percent(spent.cpu_s / spent.wall_s, 0)
    return per_gb, [
        name,
        *(page.megabits(found.ip_bps(way)) for way in WAYS),
        f"{gigabytes:.2f}",
        f"{spent.cpu_s:.2f}",
        f"{start_up:.2f}",
        f"{per_gb:.2f}",
        f"{spent.rss_mib:.0f}",
        page.note(f"busy {busy} of the time", spent.distrust, ", ".join(found.seen.tainted)),
    ]
