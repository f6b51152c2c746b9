"""Signed reports through HTTP into PostgreSQL, beside the bare cost of checking their signatures."""

import tempfile
import threading
import time
from pathlib import Path

import httpx
from nacl.signing import VerifyKey
from rich.console import Console
from rich.table import Table

from agent.contract import report, signing
from tests.fakes.computer import Computer, batch, throughput, wire_link
from tests.journey.place import Place

_BATCHES, _BATCH, _CLIENTS = 60, 20, 4


def run() -> None:
    """Print the table."""
    console = Console(width=110)
    with tempfile.TemporaryDirectory(prefix="netready-bench-") as folder:
        Path(folder).chmod(0o755)
        place = Place(Path(folder))
        try:
            place.serve()
            place.join_a_school()
            computers = _computers(place)
            with console.status("delivering reports"):
                rows = [_deliver(place, computers, _BATCH, _BATCHES), _deliver(place, computers, 1, _BATCHES * 3)]
        finally:
            place.stop()
    table = Table("reports a request", "reports/s", "requests/s", title="Ingest, 4 connections", title_justify="left")
    for size, rate in rows:
        table.add_row(str(size), f"{rate:.0f}", f"{rate / size:.0f}")
    table.add_row("bare Ed25519 check, one core", f"{_verify_rate():.0f}", "")
    console.print(table)


def _computers(place: Place) -> list[Computer]:
    token = place.collector("enrollment", "create", "--school", "0042", "--uses", str(_CLIENTS)).strip()
    computers = [Computer("0042", seed) for seed in range(1, _CLIENTS + 1)]
    for computer in computers:
        answer = httpx.post(place.address + "/api/v1/enroll", content=computer.enrollment(token))
        answer.raise_for_status()
    return computers


def _deliver(place: Place, computers: list[Computer], size: int, batches: int) -> tuple[int, float]:
    """Return reports a second when every computer delivers so many batches at once with the others."""
    bodies = [[batch(*[_report(one) for _ in range(size)]) for _ in range(batches)] for one in computers]
    failures: list[str] = []

    def send(mine: list[bytes]) -> None:
        with httpx.Client(base_url=place.address, timeout=60) as client:
            for body in mine:
                answers = client.post("/api/v1/reports", content=body).json()["items"]
                failures.extend(str(one) for one in answers if one["answer"] != "stored")

    threads = [threading.Thread(target=send, args=(mine,)) for mine in bodies]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed_s = time.perf_counter() - began
    assert not failures, failures[:3]
    return size, len(computers) * size * batches / elapsed_s


def _report(computer: Computer) -> bytes:
    return computer.report(wire_link(), throughput(30e6, 6e6))


def _verify_rate() -> float:
    computer = Computer("0042")
    envelope = signing.decode_envelope(_report(computer))
    message = signing.pae(report.PAYLOAD_TYPE, envelope.payload)
    key = VerifyKey(computer.public_key)
    began = time.perf_counter()
    for _ in range(2000):
        key.verify(message, envelope.signatures[0].sig)
    return 2000 / (time.perf_counter() - began)
