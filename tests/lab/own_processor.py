"""A lab computer's own processor: what psutil says of it counts this computer's programs only.

All lab computers, the emulated line and whatever else runs here share one machine, and /proc/stat tells of them all. In
its place this tells what the programs of this network namespace used, or wanted and had to wait for (schedstat), of as
many cores as there are.
"""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def told() -> Iterator[None]:
    """Let psutil in this process read it as long as this lasts."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for entry in _PROC.iterdir():
            if not entry.name.isdecimal() and entry.name != "stat":
                (folder / entry.name).symlink_to(entry)
        os.mkfifo(folder / "stat")  # whoever opens it is answered with the figures of that moment
        threading.Thread(target=_answer, args=(folder / "stat",), daemon=True).start()
        before, psutil.PROCFS_PATH = psutil.PROCFS_PATH, made
        try:
            yield
        finally:
            psutil.PROCFS_PATH = before


def _answer(fifo: Path) -> None:
    known: dict[str, int] = {}
    wanted_ns, began, cores = 0, time.monotonic(), os.cpu_count() or 1
    while fifo.exists():
        reader = os.open(fifo, os.O_WRONLY)  # waits for one
        for task, now_ns in _tasks():
            wanted_ns += max(0, now_ns - known.get(task, 0))
            known[task] = now_ns
        total = (time.monotonic() - began) * cores * _TICKS
        busy = min(total, wanted_ns / 1e9 * _TICKS)
        with suppress(BrokenPipeError):  # it was the one before, which has what it wanted
            os.write(reader, f"cpu {busy:.0f} 0 0 {total - busy:.0f} 0 0 0 0 0 0\n".encode())
        os.close(reader)


def _tasks() -> Iterator[tuple[str, int]]:
    """Return all threads of this namespace with the nanoseconds that they ran or waited to run."""
    mine = (_PROC / "self/ns/net").stat().st_ino
    for process in _PROC.iterdir():
        with suppress(OSError):  # it has just ended
            if process.name.isdecimal() and (process / "ns/net").stat().st_ino == mine:
                for task in (process / "task").iterdir():
                    ran, waited, _ = (task / "schedstat").read_text(encoding="ascii").split()
                    yield task.name, int(ran) + int(waited)
