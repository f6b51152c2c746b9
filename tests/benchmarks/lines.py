"""Capacity on clean lines: our msak probe, and beside it what others measure there in the same run."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from rich.table import Table

from tests.benchmarks import page, places, trial
from tests.benchmarks.page import Summary, judged, percent
from tests.benchmarks.peers import PEERS, Reading
from tests.benchmarks.trial import WAYS, Spent
from tests.lab.far_end import FarEnd, Way
from tests.lab.lines import KnownLine

OURS = "netready msak"
MEDIAN, WORST_DOWNLOAD, WORST_UPLOAD, WORST_GEO = 0.01, 0.04, 0.03, 0.08
DATA_SHARE, TIME_SHARE = 0.35, 0.40
RSS_MIB = 32
FIXED_S = 10
_COLUMNS = ("line", "by", "down", "up", "MB down", "MB up", "of 2 x 10 s", "s", "of 20 s", "CPU s", "RSS MiB", "note")
_NOTE = """\
Errors are of the true IP rate (others' goodput x 1500/1448). MB: what the line let through in the whole run, echoes,
acknowledgements and handshakes included. s, CPU, RSS: the whole process from start to end; about 12 MiB is the least
that can show. Senders of netready and ndt7-style ask for BBR; the others' use what is usual on this system, {usual}."""
_USUAL = Path("/proc/sys/net/ipv4/tcp_congestion_control")


class Row(Struct):
    """What one program showed on one line; the shares are those of a test of ten seconds each way."""

    line: KnownLine
    by: str
    errors: tuple[float, float]
    data_share: float = math.nan
    time_share: float = math.nan
    rss_mib: float = math.nan

    @property
    def is_geo(self) -> bool:
        """Tell whether the looser limits hold."""
        return self.line.rtt_ms >= places.GEO_RTT_MS


def run(words: Sequence[str] = ()) -> None:
    """Print the tables; words choose lines by their names."""
    rows: list[Row] = []
    note = _NOTE.format(usual=_USUAL.read_text().strip())
    with page.table("Capacity on clean lines", *_COLUMNS, note=note) as made, page.telling() as now:
        for far in places.each(places.chosen(words), now):
            rows.append(_ours(far, made))
            for name, peer in PEERS.items():
                now.say(f"{far.line.name}: {name}")
                rows.append(_row(far, name, peer(far), made))
            made.add_section()
    summarise(rows)


def _ours(far: FarEnd, made: Table) -> Row:
    found = trial.ours(far)
    reading = Reading(
        download_bps=found.ip_bps("download"),
        upload_bps=found.ip_bps("upload"),
        failure=found.failure,
        spent=found.spent,
    )
    note = ""
    if found.seen is not None:
        both = [found.seen.download, found.seen.upload]
        note = ", ".join(f"{one.duration_s:.1f} s {one.connections} conn. {one.stop}" for one in both)
    return _row(far, OURS, reading, made, note)


def _row(far: FarEnd, name: str, reading: Reading, made: Table, note: str = "") -> Row:
    rates = {"download": reading.download_bps, "upload": reading.upload_bps}
    errors = tuple(trial.error(rates[way], far.truth(way)) for way in WAYS)
    row = Row(line=far.line, by=name, errors=errors)
    notes = [note, reading.failure and f"FAILED: {reading.failure[:200]}"]
    cells = ["-"] * 7
    if reading.spent is not None:
        row.data_share, row.time_share, row.rss_mib = *_shares(far, reading.spent), reading.spent.rss_mib
        cells = _cells(row, reading.spent)
        notes.append(reading.spent.distrust and f"emulator: {reading.spent.distrust}")
    made.add_row(far.line.name if name == OURS else "", name, *_error_cells(row), *cells, page.note(*notes))
    return row


def _shares(far: FarEnd, spent: Spent) -> tuple[float, float]:
    fixed = FIXED_S / 8 * sum(far.truth(way) for way in WAYS)
    return sum(spent.carried.values()) / fixed, spent.wall_s / (2 * FIXED_S)


def _cells(row: Row, spent: Spent) -> list[str]:
    return [
        *(f"{spent.carried[way] / 1e6:.2f}" for way in WAYS),
        percent(row.data_share, 0),
        f"{spent.wall_s:.1f}",
        percent(row.time_share, 0),
        f"{spent.cpu_s:.2f}",
        f"{spent.rss_mib:.0f}",
    ]


def _error_cells(row: Row) -> list[str]:
    cells = [percent(one, sign=True) for one in row.errors]
    if row.by != OURS:
        return cells
    return [
        judged(cell, fine=abs(one) <= _limit(row, way)) for cell, one, way in zip(cells, row.errors, WAYS, strict=True)
    ]


def _limit(row: Row, way: Way) -> float:
    if row.is_geo:
        return WORST_GEO
    return WORST_DOWNLOAD if way == "download" else WORST_UPLOAD


def summarise(rows: Sequence[Row]) -> None:
    """Print our figures beside their limits, and others' errors beside ours."""
    summary = Summary("Capacity on clean lines: what it must show")
    mine = [row for row in rows if row.by == OURS]
    near = [row for row in mine if not row.is_geo]
    far = [row for row in mine if row.is_geo]
    summary.most("median error, all lines, both ways", _median(mine), MEDIAN)
    summary.most("worst error, without GEO", _worst(near), WORST_DOWNLOAD)
    summary.most("worst error of an upload, without GEO", _worst(near, 1), WORST_UPLOAD)
    summary.most("worst error, GEO", _worst(far), WORST_GEO)
    summary.most(
        "worst share of the data of 2 x 10 s, without GEO", _most([row.data_share for row in near]), DATA_SHARE
    )
    summary.most(
        "worst share of the time of 2 x 10 s, without GEO", _most([row.time_share for row in near]), TIME_SHARE
    )
    summary.most("most resident memory", _most([row.rss_mib for row in mine]), RSS_MIB, "MiB")
    summary.show()
    with page.table("The same of others", "by", "median error", "worst", "worst up", "data", "time", "RSS MiB") as made:
        for name in (OURS, *PEERS):
            them = [row for row in rows if row.by == name]
            shares = (
                statistics.median([row.data_share for row in them]),
                statistics.median([row.time_share for row in them]),
            )
            figures = (_median(them), _worst(them), _worst(them, 1), *shares)
            made.add_row(name, *map(percent, figures), f"{_most([row.rss_mib for row in them]):.0f}")


def _errors(rows: Sequence[Row], *ways: int) -> list[float]:
    """Return the errors without signs; a failure is as wrong as can be."""
    return [math.inf if math.isnan(row.errors[way]) else abs(row.errors[way]) for row in rows for way in ways or (0, 1)]


def _median(rows: Sequence[Row]) -> float:
    return statistics.median(_errors(rows)) if rows else math.nan


def _worst(rows: Sequence[Row], *ways: int) -> float:
    return max(_errors(rows, *ways), default=math.nan)


def _most(figures: Sequence[float]) -> float:
    return max((one for one in figures if not math.isnan(one)), default=math.nan)
