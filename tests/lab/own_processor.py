"""A lab computer's own processor: what psutil says of it counts this computer's programs only.

All lab computers, the emulated line and whatever else runs here share one machine, and /proc/stat tells of them all. In
its place this tells what the programs of this network namespace used, of as many cores as there are; of other programs
than the measuring one also what they wanted and had to wait for (schedstat): they would have had it on a computer of
their own, while what the measuring one waits for is the lab's making.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

_PROC = Path("/proc")


@contextmanager
def told() -> Iterator[None]:
    """Let psutil in this process say it as long as this lasts."""
    of_the_machine = psutil.cpu_times
    psutil.cpu_times = _Counted(of_the_machine)  # type: ignore[assignment]  # of its overloads only this is used
    try:
        yield
    finally:
        psutil.cpu_times = of_the_machine


class _Counted:
    """Answers as psutil.cpu_times does: seconds since this was made."""

    def __init__(self, of_the_machine: Any) -> None:
        self._nothing = of_the_machine()._replace(**dict.fromkeys(of_the_machine()._fields, 0.0))
        self._began_s, self._cores = time.monotonic(), os.cpu_count() or 1
        self._known: dict[str, int] = {}
        self._wanted_ns = 0

    def __call__(self) -> Any:
        for task, now_ns in _tasks():
            self._wanted_ns += max(0, now_ns - self._known.get(task, 0))
            self._known[task] = now_ns
        total = (time.monotonic() - self._began_s) * self._cores
        busy = min(total, self._wanted_ns / 1e9)
        return self._nothing._replace(user=busy, idle=total - busy)


def _tasks() -> Iterator[tuple[str, int]]:
    """Return all threads of this namespace with the nanoseconds that they ran or waited to run."""
    mine = (_PROC / "self/ns/net").stat().st_ino
    for process in _PROC.iterdir():
        with suppress(OSError):  # it has just ended
            if process.name.isdecimal() and (process / "ns/net").stat().st_ino == mine:
                is_other = int(process.name) != os.getpid()
                for task in (process / "task").iterdir():
                    ran, waited, _ = (task / "schedstat").read_text(encoding="ascii").split()
                    yield task.name, int(ran) + (int(waited) if is_other else 0)
