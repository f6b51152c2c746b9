"""Fifty computers of one school that all ask for the line at once: who had it when, by the reflector's own record."""

import re
import secrets
import tempfile
import threading
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import httpx
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from agent import session
from agent.contract import signing, wire
from agent.contract.measurement import Throughput
from agent.session import Plan, Question
from tests.fakes.computer import Computer
from tests.journey.place import Place

_AGENTS, _MAX_BYTES, _MAX_S = 50, 300_000, 1.0
_LEASE_S, _WITHIN_S = 30.0, 300.0
_LINE = re.compile(r"test lease=([0-9a-f]{32}) path=(\S+) began=([0-9.]+) ended=([0-9.]+)")


class Served(Struct):
    """What became of one computer; ``ahead`` is how many go first by the answer to its first question."""

    lease: str
    asked_at: float = 0.0
    granted_at: float = 0.0
    ahead: int = 0
    questions: int = 0
    failure: str = ""


def run() -> None:
    """Print the table."""
    console = Console(width=110)
    with tempfile.TemporaryDirectory(prefix="netready-bench-") as folder:
        Path(folder).chmod(0o755)
        place = Place(Path(folder))
        try:
            place.reflect()
            place.serve()
            place.join_a_school()
            computers = _computers(place)
            with console.status(f"{_AGENTS} computers measure, one after the other"):
                began = time.perf_counter()
                served = _all_at_once(place, computers)
                took_s = time.perf_counter() - began
        finally:
            place.stop()
        record = _record((place.folder / "log").read_text(errors="replace"))
    console.print(_table(served, record, took_s))


def _table(served: list[Served], record: dict[str, tuple[float, float]], took_s: float) -> Table:
    done = [one for one in served if not one.failure]
    grants = sorted(one.granted_at for one in done)
    overtaken = {one.lease: sum(1 for at in grants if one.asked_at < at < one.granted_at) for one in done}
    beyond = [one for one in done if overtaken[one.lease] > 2 * (one.ahead + 1)]
    table = Table("", "", title=f"{_AGENTS} computers of one school ask at once", title_justify="left")
    table.add_row("measured under a lease", f"{len(done)} of {len(served)}")
    table.add_row("tests in the reflector's own record", str(len(record)))
    table.add_row("tests that overlapped another there (limit 0)", str(_overlaps(record)))
    table.add_row("most tests at a time there (limit 1)", str(_most_at_a_time(record)))
    table.add_row("computers overtaken more than their turn allows (limit 0)", str(len(beyond)))
    table.add_row("most leases given to others while one waited", str(max(overtaken.values(), default=0)))
    waits = sorted(one.granted_at - one.asked_at for one in done)
    table.add_row("wait: median, longest", f"{waits[len(waits) // 2]:.1f} s, {waits[-1]:.1f} s" if waits else "")
    table.add_row("questions a computer: mean", f"{sum(one.questions for one in served) / len(served):.1f}")
    table.add_row("all of it", f"{took_s:.1f} s")
    for one in served:
        if one.failure:
            table.add_row("not measured", one.failure)
    return table


def _computers(place: Place) -> list[Computer]:
    token = place.collector("enrollment", "create", "--school", "0042", "--uses", str(_AGENTS)).strip()
    computers = [Computer("0042", seed) for seed in range(1, _AGENTS + 1)]
    for computer in computers:
        httpx.post(place.address + wire.ENROLL_PATH, content=computer.enrollment(token)).raise_for_status()
    return computers


def _all_at_once(place: Place, computers: list[Computer]) -> list[Served]:
    start = threading.Barrier(len(computers))
    served = [Served(lease=secrets.token_hex(16)) for _ in computers]

    def one(computer: Computer, mine: Served) -> None:
        with httpx.Client(base_url=place.address, timeout=30) as client:
            start.wait(60)
            try:
                _measure_in_turn(place, client, computer, mine)
            except (httpx.HTTPError, LookupError) as error:
                mine.failure = str(error)

    threads = [threading.Thread(target=one, args=pair) for pair in zip(computers, served, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return served


def _measure_in_turn(place: Place, client: httpx.Client, computer: Computer, mine: Served) -> None:
    mine.asked_at = time.monotonic()
    reply = _ask(place, client, computer, mine)
    mine.ahead = reply.position or 0
    while reply.state == "wait" and time.monotonic() < mine.asked_at + _WITHIN_S:
        time.sleep(reply.retry_after_s)
        reply = _ask(place, client, computer, mine)
    if reply.state != "granted":
        raise LookupError(f"{reply.state}: {reply.detail}")
    mine.granted_at = time.monotonic()
    probes = {"msak": {"max_s": _MAX_S, "max_bytes": _MAX_BYTES}}
    plan = Plan(question=Question(purpose="capacity", lease=mine.lease), probes=probes)
    seen = session.measure("msak", plan, reply.server, 20.0)
    _post(client, wire.RELEASE_PATH, computer, wire.RELEASE_TYPE, wire.LeaseRelease(lease=mine.lease))
    if not isinstance(seen, Throughput):
        mine.failure = str(seen)


def _ask(place: Place, client: httpx.Client, computer: Computer, mine: Served) -> wire.LeaseReply:
    mine.questions += 1
    asked = wire.LeaseRequest(
        lease=mine.lease, trigger="scheduled", purpose="capacity", seconds=_LEASE_S, servers=(place.server,)
    )
    answer = _post(client, wire.LEASE_PATH, computer, wire.LEASE_TYPE, asked)
    return msgspec.json.decode(answer, type=wire.LeaseReply)


def _post(client: httpx.Client, path: str, computer: Computer, kind: str, payload: Struct) -> bytes:
    envelope = signing.sign(kind, msgspec.json.encode(payload), computer.key)
    return client.post(path, content=msgspec.json.encode(envelope)).raise_for_status().content


def _record(log: str) -> dict[str, tuple[float, float]]:
    """Return from when to when the line was filled under each lease, by what the reflector wrote down."""
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for lease, _, began, ended in _LINE.findall(log):
        spans[lease].append((float(began), float(ended)))
    return {lease: (min(one[0] for one in both), max(one[1] for one in both)) for lease, both in spans.items()}


def _overlaps(record: dict[str, tuple[float, float]]) -> int:
    spans = sorted(record.values())
    return sum(1 for one, other in pairwise(spans) if other[0] < one[1])


def _most_at_a_time(record: dict[str, tuple[float, float]]) -> int:
    changes = sorted([(began, 1) for began, _ in record.values()] + [(ended, -1) for _, ended in record.values()])
    most = running = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most
