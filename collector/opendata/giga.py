"""Speed tests in the format of Giga Meter's measurements: one row a test, under the names of its table.

Known of that format (unicef/giga-meter-backend, ``measurements``; gigameter_docs, API reference): ``download`` and
``upload`` are kbit/s of the application's bytes (NDT7's mean client rate times 1000), ``latency`` whole ms, ``notes``
"daily" or "manual". Not known: the unit of ``data_*`` in its other readers (bytes here, as its app counts), and what it
does with tests that were disturbed; ours say so in ``annotation``.

Always empty: what tells of a person or a device (``browser_id``, ``ip_address``, ``device_hardware_id``,
``windows_username``, ``installed_path``, ``wifi_connections``, ``client_info``), what we do not ask (``device_type``),
and ``results``, the raw log of an NDT7 test, which ours are not. A rate of which only a lower bound is known is empty,
and a test with no other rate is left out: averages over there would take it for the line's speed.
"""

import csv
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import msgspec

from agent.contract.errors import SettingsError
from collector.export import safe_text
from collector.store.open_data import SingleTest

COLUMNS = (
    *("timestamp", "uuid", "browser_id", "school_id", "device_type", "notes", "client_info", "server_info"),
    *("annotation", "download", "upload", "latency", "results", "giga_id_school", "country_code", "ip_address"),
    *("app_version", "source", "created_at", "data_downloaded", "data_uploaded", "data_usage", "device_hardware_id"),
    *("windows_username", "installed_path", "wifi_connections"),
)
SOURCE = "netready"
_TESTS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:netready:speed-test")
_NOTES = {"scheduled": "daily", "once": "manual", "manual": "manual"}

Cell = str | int | float | None


def row(test: SingleTest, country: str) -> dict[str, Cell]:
    """Return a test under Giga's names, the filled ones only."""
    known = [count for count in (test.data_downloaded, test.data_uploaded) if count is not None]
    host = _host(test.server)
    return {
        "timestamp": _time(test.measured_at),
        "uuid": str(uuid.uuid5(_TESTS, f"{test.payload_sha256.hex()} {test.position}")),
        "school_id": test.school_id,
        "notes": _NOTES.get(test.trigger),
        "server_info": msgspec.json.encode({"FQDN": host}).decode() if host else None,
        "annotation": ",".join(test.tainted) or None,
        "download": _kbit(test.download_bps),
        "upload": _kbit(test.upload_bps),
        "latency": None if test.rtt_idle_ms is None else round(test.rtt_idle_ms),
        "giga_id_school": test.giga_id_school,
        "country_code": country,
        "app_version": test.software,
        "source": SOURCE,
        "created_at": _time(test.received_at),
        "data_downloaded": test.data_downloaded,
        "data_uploaded": test.data_uploaded,
        "data_usage": sum(known) if known else None,
    }


def write(tests: Iterable[SingleTest], country: str, file: Path) -> int:
    """Write tests as CSV, or as JSON Lines where the file is called so, and return how many; raises SettingsError."""
    as_lines = file.suffix.lower() in {".jsonl", ".ndjson"}
    beside = file.with_name(f".{file.name}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="") as out:
            count = (_write_lines if as_lines else _write_csv)((row(test, country) for test in tests), out)
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise SettingsError(f"cannot write {file}: {error.strerror or error}") from error
    return count


def _write_csv(rows: Iterable[dict[str, Cell]], out: IO[str]) -> int:
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    count = 0
    for cells in rows:
        writer.writerow({name: safe_text(cell) for name, cell in cells.items()})
        count += 1
    return count


def _write_lines(rows: Iterable[dict[str, Cell]], out: IO[str]) -> int:
    count = 0
    for cells in rows:
        out.write(msgspec.json.encode({name: cells.get(name) for name in COLUMNS}).decode() + "\n")
        count += 1
    return count


def _host(server: str) -> str | None:
    """Return a server's name; null where its computer called it something that is no address."""
    try:
        return urlsplit(server).hostname
    except ValueError:
        return None


def _kbit(bps: float | None) -> float | None:
    return None if bps is None else round(bps / 1_000, 2)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
