"""Resident memory of ``netready-agent run``: idle after start, and idle again after a session."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from tests.journey.place import Place

LIMIT_MIB = 45
_IDLE_S = 45


def run() -> None:
    """Print the table."""
    console = Console(width=110)
    with tempfile.TemporaryDirectory(prefix="netready-bench-") as folder:
        Path(folder).chmod(0o755)
        place = Place(Path(folder))
        try:
            rows = _measure(place, console)
        finally:
            place.stop()
    table = Table("process", "RSS, MiB", "limit", title="Resident memory", title_justify="left")
    for name, mib, limit in rows:
        table.add_row(name, f"{mib:.1f}", limit)
    console.print(table)


def _measure(place: Place, console: Console) -> list[tuple[str, float, str]]:
    limit = f"at most {LIMIT_MIB}"
    reflector = place.reflect()
    collector = place.serve()
    place.join_a_school()
    rows = [("bare Python", _of_python("pass"), ""), ("Python with httpx alone", _of_python("import httpx"), "")]
    with console.status(f"the agent idles for {_IDLE_S} s"):
        agent = place.start("netready-agent", "run")
        time.sleep(_IDLE_S)
    rows.append(("netready-agent run, idle after start", _mib(agent), limit))
    rows.append(("netready-agent reflect, idle", _mib(reflector), ""))
    rows.append(("netready-collector serve, idle (without PostgreSQL)", _mib(collector), ""))
    return rows


def _mib(process: subprocess.Popen) -> float:
    return psutil.Process(process.pid).memory_info().rss / 2**20


def _of_python(statement: str) -> float:
    code = f"{statement}\nimport sys; print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        return _mib(process)
