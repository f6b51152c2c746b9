"""How many tests one reflector carries: its processor time for each Gbit/s, with and without TLS; bounded and short.

    python -m tests.benchmarks.reflector

prints one line of a table for each way. Client and server share this computer, so that what counts is not the speed but
what it cost the reflector's process, which is read from the system.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from agent.contract.measurement import Throughput
from agent.probes import librespeed, msak
from tests.fakes import reflectors

_MAX_BYTES, _MAX_S = 600_000_000, 4.0


@contextmanager
def reflector(*options: str) -> Iterator[tuple[psutil.Process, str]]:
    """Run the real command; give its process and its place."""
    command = [sys.executable, "-m", "agent", "reflect", "--listen", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield psutil.Process(process.pid), process.stdout.readline().split()[1]
        finally:
            process.terminate()


def measure(name: str, probe: msak.Probe | librespeed.Probe, process: psutil.Process) -> None:
    """Run one test and print what it cost."""
    before, began = process.cpu_times(), time.monotonic()
    seen = probe.measure(40)
    took, after = time.monotonic() - began, process.cpu_times()
    if not isinstance(seen, Throughput) or seen.download is None or seen.upload is None:
        raise SystemExit(f"{name}: {seen}")
    cpu_s = after.user + after.system - before.user - before.system
    moved = seen.download.bytes + seen.upload.bytes
    print(
        f"| {name} | {seen.download.ip_bps / 1e9:.2f} | {seen.upload.ip_bps / 1e9:.2f} | {moved / 1e6:.0f} |"
        f" {took:.1f} | {cpu_s:.2f} | {cpu_s / (moved * 8 / 1e9):.2f} | {process.memory_info().rss / 2**20:.0f} |",
        flush=True,
    )


def main() -> None:
    """Measure each way."""
    print("| way | download Gbit/s | upload Gbit/s | MB moved | took s | CPU s | CPU s per Gbit | RSS MiB |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        files = reflectors.certificate(Path(folder))
        bounds = {"max_bytes": _MAX_BYTES, "max_s": _MAX_S}
        with reflector() as (process, place):
            measure("MSAK", msak.Probe(server=f"ws://{place}", **bounds), process)
            measure("LibreSpeed", librespeed.Probe(server=f"http://{place}", **bounds), process)
        with reflector("--tls-cert", files[0], "--tls-key", files[1]) as (process, place):
            measure("MSAK, TLS", msak.Probe(server=f"wss://{place}", ca_file=files[0], **bounds), process)
            measure("LibreSpeed, TLS", librespeed.Probe(server=f"https://{place}", ca_file=files[0], **bounds), process)


if __name__ == "__main__":
    main()
