"""What others measure on the same line: iperf3, an ndt7-style test and speedtest-cli, each as its authors meant it."""

import shutil
import sys
from collections.abc import Callable

import msgspec
from msgspec import Struct

from tests.benchmarks import trial
from tests.benchmarks.trial import IP_PER_GOODPUT, Spent
from tests.lab.far_end import FarEnd

IPERF_S = 30
_PORT = "9100"
_OWN_TEST_S = 90  # speedtest-cli on a slow uplink ends its requests long after its ten seconds


class Reading(Struct, frozen=True, kw_only=True):
    """What a peer read, as IP-layer rates: goodput x 1500/1448; null where it failed."""

    download_bps: float | None = None
    upload_bps: float | None = None
    failure: str | None = None
    spent: Spent | None = None


class _Rates(Struct):
    """What the one-line programs print: bit/s of goodput."""

    download: float
    upload: float


class _Received(Struct):
    bits_per_second: float


class _End(Struct):
    sum_received: _Received


class _Iperf(Struct):
    end: _End


def iperf3(far: FarEnd) -> Reading:
    """Four connections for half a minute each way, counted at the receiver."""
    if shutil.which("iperf3") is None:
        return Reading(failure="iperf3 is not installed")
    down, up = _iperf(far, "-R"), _iperf(far)
    spent = down.plus(up)
    rates = [_goodput(one) for one in (down, up)]
    failure = down.failure or up.failure or (None if all(rates) else "its JSON says no rate")
    return Reading(download_bps=rates[0], upload_bps=rates[1], failure=failure, spent=spent)


def _iperf(far: FarEnd, *options: str) -> Spent:
    server = far.server.start("iperf3", "-s", "-1", "-p", _PORT, "--forceflush")
    try:
        server.stdout.readline()
        command = ("iperf3", "-c", far.address, "-p", _PORT, "-P", "4", "-t", str(IPERF_S), "-J", *options)
        return trial.spend(far, IPERF_S + 30, *command)
    finally:
        server.terminate()
        server.communicate(timeout=10)


def _goodput(spent: Spent) -> float | None:
    try:
        return msgspec.json.decode(spent.output, type=_Iperf).end.sum_received.bits_per_second * IP_PER_GOODPUT
    except msgspec.DecodeError:
        return None


def ndt7(far: FarEnd) -> Reading:
    """One connection, ten seconds each way, the mean since the start; upload as the server counted it."""
    return _one_line(far, 60, "-m", "tests.benchmarks.ndt7_style", far.address, str(far.port))


def speedtest_cli(far: FarEnd) -> Reading:
    """Run the program itself, with its own count of the upload."""
    place = f"{far.address}:{far.port}"
    return _one_line(far, _OWN_TEST_S, "-W", "ignore", "-m", "tests.benchmarks.speedtest_cli", place)


def _one_line(far: FarEnd, timeout_s: float, *arguments: str) -> Reading:
    spent = trial.spend(far, timeout_s, sys.executable, *arguments)
    if spent.failure is not None:
        return Reading(failure=spent.failure, spent=spent)
    rates = msgspec.json.decode(spent.output, type=_Rates)
    return Reading(download_bps=rates.download * IP_PER_GOODPUT, upload_bps=rates.upload * IP_PER_GOODPUT, spent=spent)


PEERS: dict[str, Callable[[FarEnd], Reading]] = {
    f"iperf3 -P 4 -t {IPERF_S}": iperf3,
    "ndt7-style, 10 s": ndt7,
    "speedtest-cli": speedtest_cli,
}
