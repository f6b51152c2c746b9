"""Everything on this computer, once: collector, far end, enrolment, a real measurement, its verdict and its rank."""

import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from agent.contract.errors import NetreadyError
from collector import periods, policy, rankings
from collector.demo.children import Children
from collector.demo.line import Line, line
from collector.settings import DatabaseSettings, PolicySettings
from collector.store.database import MINISTRY, open_database
from collector.table import print_ranking

PORT = 8080
SCHOOL = "DEMO-1"
_DOWNLOAD_BPS, _UPLOAD_BPS = 50e6, 10e6
_PUPILS = 640
_SESSIONS = 3  # as many tests as standards.toml wants before a school is judged

_console = Console()


def run(*, schools: int) -> int:
    """Show the whole way; stay until Ctrl-C unless NETREADY_DEMO_EXIT=1. Leaves no process and no file behind."""
    signal.signal(signal.SIGTERM, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="netready-demo-"))
    children = Children({"NETREADY_STATE": str(folder / "agent")}, folder / "log")
    try:
        with line(_DOWNLOAD_BPS, _UPLOAD_BPS) as shaped:
            try:
                _show(children, folder, shaped, schools)
            finally:
                _finish(children)
    except KeyboardInterrupt:
        _console.print("\nDemo ended.")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _finish(children: Children) -> None:
    # A second Ctrl-C must not leave anything running.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    children.stop()


def _show(children: Children, folder: Path, shaped: Line, schools: int) -> None:
    began = time.monotonic()
    _say_line(shaped)
    data = str(folder / "data")
    port = _free_port()
    agent, collector = _program("netready-agent"), _program("netready-collector")
    _step("A far end to measure against")
    said = children.start(
        [*shaped.prefix, *agent, "reflect", "--listen", f"{shaped.address}:0"], ready=b"listening", within_s=20
    )
    server = f"ws://{said.split()[1]}"
    _step("A collector with its own PostgreSQL")
    serve = [*collector, "serve", "--listen", f"127.0.0.1:{port}", "--data", data, "--server", server]
    address = children.start(serve, ready=b"listening", within_s=120).split()[1]
    _step(f"A synthetic country of {schools} schools, and this computer's school {SCHOOL}")
    children.run([*collector, "simulate", "--schools", str(schools), "--days", "14", "--data", data], within_s=150)
    registry = folder / "registry.csv"
    registry.write_text(_registry(), encoding="utf-8")
    children.run([*collector, "schools", "import", str(registry), "--data", data], within_s=60)
    _step("Enrolment: a token binds this computer's key to the school")
    token = children.run(
        [*collector, "enrollment", "create", "--school", SCHOOL, "--data", data], shown=False, within_s=60
    )
    children.run([*agent, "enroll", "--collector", address, "--token", token, "--room", "demo"], within_s=60)
    _step("A real measurement of this computer's line, judged at once")
    children.run([*agent, "check"], allowed=(0, 1, 4), within_s=120)
    _step(f"And {_SESSIONS - 1} more sessions, because one test is not enough to judge a school")
    for _ in range(_SESSIONS - 1):
        children.run([*agent, "run", "--once"], within_s=120)
    _step("What the ministry sees")
    _print_place(data)
    _console.print(f"[dim]The whole way took {time.monotonic() - began:.0f} seconds.[/dim]")
    if os.environ.get("NETREADY_DEMO_EXIT") == "1":
        return
    _console.print(f"\nPages and API: [bold]{address}/[/bold] (Ctrl-C ends the demo and removes everything)")
    while True:
        time.sleep(3600)


def _say_line(shaped: Line) -> None:
    if shaped.why_not is None:
        rates = f"{_DOWNLOAD_BPS / 1e6:.0f} Mbit/s down and {_UPLOAD_BPS / 1e6:.0f} up"
        _console.print(
            f"The line: shaped to {rates} (IP layer) between this system and a network namespace of its own."
        )
    else:
        _console.print(f"The line: loopback, so it has no limit of its own ({shaped.why_not}).")


def _step(sentence: str) -> None:
    _console.print(f"\n[bold]▸ {sentence}[/bold]")


def _program(name: str) -> list[str]:
    """Return how the command is run: the script beside this Python, so that the demo never runs another version."""
    script = Path(sys.executable).parent / name
    if not script.exists():
        raise NetreadyError(f"{name} is not installed beside {sys.executable}; install netready with pip")
    return [str(script)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", PORT))
            return PORT
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    _console.print(f"Port {PORT} is busy; the pages are on port {port} instead.")
    return port


def _registry() -> str:
    columns = (
        "school_id_govt,school_name,admin1,admin2,latitude,longitude,num_students,connectivity_type,operator,"
        "download_speed_contracted,upload_speed_contracted"
    )
    contract = f"{_DOWNLOAD_BPS / 1e6:.0f},{_UPLOAD_BPS / 1e6:.0f}"
    return f"{columns}\n{SCHOOL},This computer,KZ-71,Demo,51.13,71.43,{_PUPILS},fibre,Demo operator,{contract}\n"


def _print_place(data: str) -> None:
    """Print the top of the ranking and the rows around this computer."""
    zone = policy.zone_of(PolicySettings())
    window = rankings.Window(periods.quarter_of(datetime.now(UTC), zone))
    ranking = rankings.get("schools")
    with open_database(DatabaseSettings(data=data)) as database, database.reading(MINISTRY) as connection:
        rows = ranking.ranked(connection, window).rows
    place = next(index for index, row in enumerate(rows) if row.id == SCHOOL)
    shown = sorted({*range(min(5, len(rows))), *range(max(0, place - 2), min(len(rows), place + 3))})
    print_ranking(ranking, [rows[index] for index in shown], window.period.label, _console, mark=SCHOOL)
    here = rows[place]
    ranked = sum(row.rank is not None for row in rows)
    _console.print(f"This computer's school is number {here.rank} of {ranked} ranked; {len(rows)} schools in all.")
