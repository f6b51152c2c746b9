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
_AFTER_A_SESSION = """
import os
from pathlib import Path
from agent import service, settings
here = service.station(Path(os.environ["NETREADY_STATE"]), settings.load(Path(os.environ["NETREADY_CONFIG"])))
resident = service.Service(here)
resident._meet_peers()
resident._full_session()
"""


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
    agent.terminate()
    agent.wait(30)
    with console.status("a whole session: line, LAN, platforms, video lesson, other computers"):
        rows.append(("netready-agent's service after a whole session", _of_python(_AFTER_A_SESSION, place), limit))
    rows.append(("netready-agent reflect, idle", _mib(reflector), ""))
    rows.append(("netready-collector serve, idle (without PostgreSQL)", _mib(collector), ""))
    return rows


def _mib(process: subprocess.Popen) -> float:
    return psutil.Process(process.pid).memory_info().rss / 2**20


def _of_python(statement: str, place: Place | None = None) -> float:
    code = f"{statement}\nimport sys; print('ready', flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = None if place is None else place.environment()
    with subprocess.Popen([sys.executable, "-c", code], env=environment, **pipes) as process:
        if process.stdout.readline() != b"ready\n":
            raise OSError("the session broke off")
        mib = _mib(process)
        process.stdin.close()
        return mib
