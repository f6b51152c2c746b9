"""An interface's own traffic over some seconds, and what went wrong in it; only the readings ask the system."""

import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
from msgspec import Struct

from agent.host import ip_helper

_PROC = Path("/proc/net/dev")


class Tally(Struct, frozen=True, kw_only=True):
    """An interface's counters, both ways together where two are not named.

    ``groups`` are received packets to many: Windows counts broadcasts and multicasts, Linux multicasts only, and only
    in some drivers; null where it is not counted.
    """

    rx_bytes: int
    tx_bytes: int
    packets: int
    errors: int
    discards: int
    groups: int | None = None


class Traffic(Struct, frozen=True, kw_only=True):
    """An interface's own traffic over ``counted_s``, and what went wrong in it; null where that is not known."""

    download_bps: float
    upload_bps: float
    counted_s: float
    packets: int | None = None
    errors: int | None = None
    discards: int | None = None
    broadcasts_per_s: float | None = None


def count(interface: str, seconds: float) -> Traffic | None:
    """Count the interface's traffic for some seconds; None if it is gone or its counters were reset meanwhile."""
    before, began = tally(interface), time.monotonic()
    time.sleep(seconds)
    after, ended = tally(interface), time.monotonic()
    return None if before is None or after is None else passed(before, after, ended - began)


def tally(interface: str) -> Tally | None:
    """Read the interface's counters; None where it is not there."""
    told = psutil.net_io_counters(pernic=True, nowrap=False).get(interface)
    if told is None:
        return None
    return Tally(
        rx_bytes=told.bytes_recv,
        tx_bytes=told.bytes_sent,
        packets=told.packets_recv + told.packets_sent,
        errors=told.errin + told.errout,
        discards=told.dropin + told.dropout,
        groups=_groups(interface),
    )


def _groups(interface: str) -> int | None:
    """Ask how many packets to many the interface has received; None where it is not counted."""
    if sys.platform == "linux":
        with suppress(OSError):
            return decode_multicasts(_PROC.read_text(encoding="utf-8", errors="replace"), interface)
    row = ip_helper.fetch_row(interface)
    return None if row is None else row.rx_groups


def decode_multicasts(text: str, interface: str) -> int | None:
    """Read the column "multicast" of /proc/net/dev; None where the driver has never counted one."""
    for line in text.splitlines():
        name, _colon, numbers = line.partition(":")
        fields = numbers.split()
        if name.strip() == interface and len(fields) == 16 and fields[7].isdigit():
            return int(fields[7]) or None
    return None


def passed(before: Tally, after: Tally, seconds: float) -> Traffic | None:
    """Say what passed between two readings; what was reset meanwhile is null, all of it where the bytes were."""
    received, sent = after.rx_bytes - before.rx_bytes, after.tx_bytes - before.tx_bytes
    if received < 0 or sent < 0 or seconds <= 0:
        return None
    groups = None if before.groups is None or after.groups is None else after.groups - before.groups
    return Traffic(
        download_bps=round(8 * received / seconds),
        upload_bps=round(8 * sent / seconds),
        counted_s=round(seconds, 3),
        packets=_grown(after.packets - before.packets),
        errors=_grown(after.errors - before.errors),
        discards=_grown(after.discards - before.discards),
        broadcasts_per_s=None if groups is None or groups < 0 else round(groups / seconds, 1),
    )


def _grown(step: int) -> int | None:
    return step if step >= 0 else None
