"""Signed reports through HTTP into PostgreSQL, beside the bare cost of checking their signatures and storing them."""

import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from nacl.signing import VerifyKey
from rich.console import Console
from rich.table import Table

from agent.contract import report, signing
from tests.benchmarks import fleet, load
from tests.fakes.computer import Computer, batch
from tests.journey.place import Place

_LINES, _SECONDS = 64, 8.0
_SCHOOLS, _COMPUTERS = 200, 640
_MOST_TO_CATCH_UP_S = 120.0
_COPIED = ("report", "measurement", "speed_test", "sighting")


def run() -> None:
    """Print the table."""
    console = Console(width=118)
    with tempfile.TemporaryDirectory(prefix="netready-bench-") as folder:
        Path(folder).chmod(0o755)
        place = Place(Path(folder))
        try:
            place.serve("--workers", "2")
            computers = fleet.enrolled(place, _COMPUTERS, _SCHOOLS)
            with console.status("delivering reports"):
                rows = []
                for size, wanted in ((20, 4_500), (1, 2_000)):
                    rows.append(_deliver(place, computers, size, wanted))
                    _until_caught_up(place)
            with console.status("storing the same rows bare"):
                copied = _copy_rate(place)
        finally:
            place.stop()
    verified = _verify_rate(computers[0])
    limit = 2 / (1 / verified + 1 / copied)  # a report has to be checked and stored, and there are two processors
    table = Table(
        *("reports a request", "reports/s", "requests/s", "p50 ms", "p99 ms", "of the limit"),
        title=f"Ingest, 2 processes, {_LINES} connections, {_COMPUTERS} computers of {_SCHOOLS} schools",
        title_justify="left",
    )
    for size, rate, took_s in rows:
        quantiles = (f"{1000 * load.percentile(took_s, share):.0f}" for share in (0.5, 0.99))
        table.add_row(str(size), f"{rate:.0f}", f"{rate / size:.0f}", *quantiles, f"{rate / limit:.0%}")
    table.add_section()
    table.add_row("bare Ed25519 check, one core", f"{verified:.0f}")
    table.add_row("bare COPY of the same rows", f"{copied:.0f}")
    table.add_row("the limit: both, on two cores", f"{limit:.0f}")
    console.print(table)


def _deliver(place: Place, computers: list[Computer], size: int, most_a_second: int) -> tuple[int, float, list[float]]:
    """Deliver for some seconds; return reports a second and how long each request took."""
    count = int(_SECONDS * most_a_second) // size
    senders = (computers[number % len(computers)] for number in range(count))
    requests = [load.request(batch(*[fleet.report_of(one) for _ in range(size)])) for one in senders]
    answers: list[load.Answer] = []
    # A computer's requests go over one connection, in their order, as its outbox sends them.
    queues = [iter(requests[number::_LINES]) for number in range(_LINES)]

    def following(line: int) -> tuple[int, bytes]:
        return line, next(queues[line])

    parts = urlsplit(place.address)
    sender = load.Load((str(parts.hostname), int(parts.port or 0)), _LINES, following, answers.append)
    began = time.perf_counter()
    sender.run(lambda: len(answers) == count, time.monotonic() + 10 * _SECONDS)
    elapsed_s = time.perf_counter() - began
    stored = sum(answer.body.count(b'"answer":"stored"') for answer in answers)
    refused = [one for one in answers if one.body.count(b'"answer":"stored"') != size]
    assert stored == count * size, (stored, count * size, refused[:2])
    return size, stored / elapsed_s, [answer.took_s for answer in answers]


def _until_caught_up(place: Place) -> None:
    """Wait until what was delivered has its place in the log and its days are added up: the next is no debtor of it."""
    with fleet.opened(place) as database:
        until = time.monotonic() + _MOST_TO_CATCH_UP_S
        while time.monotonic() < until:
            with database.owning() as connection:
                waiting = connection.execute(
                    "select exists (select from log_pending) or exists (select from dirty_day)"
                ).fetchone()
            if waiting == (False,):
                return
            time.sleep(0.5)
    raise TimeoutError(f"the collector's jobs did not catch up within {_MOST_TO_CATCH_UP_S:.0f} s")


def _copy_rate(place: Place) -> float:
    """Return reports a second when all their rows are copied into bare tables with the same keys, as the owner."""
    with fleet.opened(place) as database, database.owning() as connection:
        row = connection.execute("select count(*) from report").fetchone()
        assert row is not None
        contents = {}
        for table in _COPIED:
            connection.execute(f"create table bare_{table} (like {table} including all)")
            with connection.cursor().copy(f"copy (select * from {table}) to stdout (format binary)") as out:  # noqa: S608
                contents[table] = b"".join(bytes(part) for part in out)
        connection.commit()
        began = time.perf_counter()
        for table, content in contents.items():
            with connection.cursor().copy(f"copy bare_{table} from stdin (format binary)") as copy:
                copy.write(content)
        connection.commit()
        return int(row[0]) / (time.perf_counter() - began)


def _verify_rate(computer: Computer) -> float:
    envelope = signing.decode_envelope(fleet.report_of(computer))
    message = signing.pae(report.PAYLOAD_TYPE, envelope.payload)
    key = VerifyKey(computer.public_key)
    began = time.perf_counter()
    for _ in range(2000):
        key.verify(message, envelope.signatures[0].sig)
    return 2000 / (time.perf_counter() - began)
