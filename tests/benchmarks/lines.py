"""The msak probe on lines of known rates, with iperf3 (4 connections, 10 s) beside it where it is installed."""

import json
import shutil
import subprocess
import sys

from rich.console import Console
from rich.table import Table

from agent.contract import measurement
from agent.contract.measurement import Throughput
from tests.lab import namespaces
from tests.lab.namespaces import SERVER_IP, Line

RATES_MBPS = ((8.0, 0.8), (20.0, 5.0), (50.0, 10.0), (100.0, 100.0), (300.0, 100.0))
_IPERF_S = 10
_SHARE = 1500 / 1448  # IPv4 and TCP with timestamps on an MTU of 1500


def run() -> None:
    """Print the table; without namespaces, print why not."""
    console = Console(width=110)
    reason = namespaces.unavailable()
    if reason is not None:
        console.print(f"shaped lines: not measured: {reason}")
        return
    table = Table("line, Mbit/s", "way", "true IP rate", "msak", "error", "MB", "s", "iperf3 -P4 10 s", "error", "MB")
    table.title, table.title_justify = "Shaped lines (tbf, 50 ms of queue)", "left"
    with Line() as line, console.status("measuring shaped lines"):
        reflector = line.server.start(sys.executable, "-m", "tests.lab.reflect", "::", "9000")
        reflector.stdout.readline()
        try:
            for download, upload in RATES_MBPS:
                _measure(line, download, upload, table)
        finally:
            reflector.stdin.close()
            reflector.wait(10)
    console.print(table)


def _measure(line: Line, download: float, upload: float, table: Table) -> None:
    line.shape(download * 1e6, upload * 1e6)
    command = (sys.executable, "-m", "tests.lab.measure", "msak", "40", f"server={SERVER_IP}:9000")
    result = measurement.decode(line.client.run(*command, timeout_s=60).encode())
    if not isinstance(result, Throughput) or result.download is None or result.upload is None:
        table.add_row(f"{download:g}/{upload:g}", "", "", str(result))
        return
    for way, rate, seen in (("down", download, result.download), ("up", upload, result.upload)):
        truth = namespaces.ip_rate(rate * 1e6)
        peer = _iperf(line, way)
        table.add_row(
            f"{download:g}/{upload:g}",
            way,
            f"{truth / 1e6:.2f}",
            f"{seen.ip_bps / 1e6:.2f}",
            f"{100 * (seen.ip_bps / truth - 1):+.1f} %",
            f"{seen.bytes / 1e6:.1f}",
            f"{seen.duration_s:.1f}",
            *(("not installed", "", "") if peer is None else _peer_cells(peer, truth)),
        )


def _peer_cells(peer: tuple[float, float], truth: float) -> tuple[str, str, str]:
    goodput, megabytes = peer
    ip_bps = goodput * _SHARE
    return f"{ip_bps / 1e6:.2f}", f"{100 * (ip_bps / truth - 1):+.1f} %", f"{megabytes:.1f}"


def _iperf(line: Line, way: str) -> tuple[float, float] | None:
    """Return iperf3's goodput in bit/s and its megabytes, counted at the receiver."""
    if shutil.which("iperf3") is None:
        return None
    server = line.server.start("iperf3", "-s", "-1", "-p", "9100", "--forceflush")
    try:
        server.stdout.readline()
        reverse = ["-R"] if way == "down" else []
        command = ("iperf3", "-c", SERVER_IP, "-p", "9100", "-P", "4", "-t", str(_IPERF_S), "-J", *reverse)
        end = json.loads(line.client.run(*command, timeout_s=_IPERF_S + 30))["end"]["sum_received"]
        return end["bits_per_second"], end["bytes"] / 1e6
    finally:
        server.terminate()
        server.communicate(timeout=10)
        assert server.poll() is not None, subprocess.SubprocessError("iperf3 does not end")
